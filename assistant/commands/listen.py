"""``parley listen``: a live transcript of what the microphone hears."""

from __future__ import annotations

import argparse

from assistant.commands.common import add_common, settings_from
from assistant.places import place


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "listen",
        help="write down what is said, as it is said",
        description="Write down what is said, as it is said. On a terminal the words grow in place.",
    )
    add_common(parser)
    parser.add_argument(
        "--mic",
        metavar="DEVICE|FILE.wav",
        help="what is listened to, in real time (default: the default microphone)",
    )
    parser.add_argument("--language", metavar="L", help='what is spoken, such as "en" or "pt-BR" (default: listen)')
    parser.add_argument("--max-seconds", type=_seconds, metavar="S", help="end after S seconds")
    parser.set_defaults(run=run)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def run(args: argparse.Namespace) -> int:
    from assistant import automatic, forewarn, interruptible
    from assistant.listening import Plan, listen

    loaded = settings_from(args, {"stt": {"language": args.language}})
    microphone = place(args.mic or loaded.settings.audio.input, "--mic")
    settings, why = automatic.decide(loaded.settings, stages=("stt",))
    retiring = forewarn.told(settings, ("stt",))
    plan = Plan(settings, microphone, args.max_seconds, args.json, why["stt"], retiring if args.json else ())
    return interruptible.run(lambda: listen(plan))
