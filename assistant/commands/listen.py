"""``parley listen``: a live transcript of what the microphone hears."""

from __future__ import annotations

import argparse
from pathlib import Path

from assistant.commands.common import add_common, settings_from
from assistant.errors import ParleyError


class NoMicrophone(ParleyError):
    exit_code = 1


NO_MICROPHONE = "there is no microphone: this version hears a recording, so give it one with --mic FILE.wav"


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "listen",
        help="write down what is said, as it is said",
        description="Write down what is said, as it is said. On a terminal the words grow in place.",
    )
    add_common(parser)
    parser.add_argument("--mic", metavar="FILE.wav", help="what is listened to, in real time")
    parser.add_argument("--language", metavar="L", help='what is spoken, such as "en" or "pt-BR" (default: listen)')
    parser.add_argument("--max-seconds", type=_seconds, metavar="S", help="end after S seconds")
    parser.set_defaults(run=run)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def run(args: argparse.Namespace) -> int:
    from assistant import automatic, interruptible
    from assistant.listening import Plan, listen

    loaded = settings_from(args, {"stt": {"language": args.language}})
    microphone = args.mic or loaded.settings.audio.input
    if not microphone:
        raise NoMicrophone(NO_MICROPHONE)
    if not microphone.lower().endswith(".wav"):
        raise ParleyError(f"--mic {microphone}: this version hears WAV files only; give a name that ends in .wav")
    settings, why = automatic.decide(loaded.settings, stages=("stt",))
    plan = Plan(settings, Path(microphone), max_seconds=args.max_seconds, json=args.json, why=why["stt"])
    return interruptible.run(lambda: listen(plan))
