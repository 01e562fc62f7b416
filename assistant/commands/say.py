"""``parley say``: text spoken with the configured voice."""

from __future__ import annotations

import argparse
from pathlib import Path

from assistant.commands.common import add_common, settings_from
from assistant.errors import ParleyError


class NoLoudspeaker(ParleyError):
    exit_code = 1


NO_LOUDSPEAKER = "this version does not play sound yet; write it to a file with -o FILE.wav, or to a player with -o -"


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "say", help="speak a text", description="Speak a text with the configured voice, as soon as it begins to come."
    )
    parser.add_argument("text", nargs="+", metavar="TEXT", help='what to say; "-" reads it from standard input')
    parser.add_argument(
        "-o", "--output", metavar="FILE", help='a .wav, .flac, .mp3 or .ogg file; "-" is WAV on standard output'
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there already")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from assistant import automatic, interruptible
    from assistant.files.speak import SoundFile, StandardOutput, speak, typed, written

    if args.output is None:
        raise NoLoudspeaker(NO_LOUDSPEAKER)
    loaded = settings_from(args)
    settings, _ = automatic.decide(loaded.settings, stages=("tts",))
    if args.output == "-":
        sink: SoundFile | StandardOutput = StandardOutput()
    else:
        sink = SoundFile(Path(args.output), overwrite=args.overwrite)
    text = typed() if args.text == ["-"] else written(" ".join(args.text))
    return interruptible.run(lambda: speak(text, settings, sink))
