"""``parley say``: text spoken with the configured voice."""

from __future__ import annotations

import argparse
from pathlib import Path

from assistant.commands.common import add_common, settings_from
from assistant.places import Place, place


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "say", help="speak a text", description="Speak a text with the configured voice, as soon as it begins to come."
    )
    parser.add_argument("text", nargs="+", metavar="TEXT", help='what to say; "-" reads it from standard input')
    parser.add_argument(
        "-o", "--output", metavar="FILE", help='a .wav, .flac, .mp3 or .ogg file instead; "-" is WAV on standard output'
    )
    parser.add_argument(
        "--speaker", metavar="DEVICE|FILE.wav", help="where it is heard (default: the default loudspeaker)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there already")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from assistant import automatic, forewarn, interruptible
    from assistant.files.speak import InThread, Sink, SoundFile, StandardOutput, speak, typed, written

    loaded = settings_from(args)
    settings, _ = automatic.decide(loaded.settings, stages=("tts",))
    forewarn.told(settings, ("tts",))
    output: Place = args.output and Path(args.output)
    if output is None:
        output = place(args.speaker or settings.audio.output, "--speaker")
    sink: Sink
    if args.output == "-":
        sink = InThread(StandardOutput())
    elif isinstance(output, Path):
        sink = InThread(SoundFile(output, overwrite=args.overwrite))
    else:
        from assistant.files.aloud import Loudspeaker

        sink = Loudspeaker(output)
    text = typed() if args.text == ["-"] else written(" ".join(args.text))
    return interruptible.run(lambda: speak(text, settings, sink))
