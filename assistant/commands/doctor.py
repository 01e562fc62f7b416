"""``parley doctor``: what stands in the way of a conversation, measured. Its first part: the echo."""

from __future__ import annotations

import argparse
from pathlib import Path

from assistant.commands.common import add_common, settings_from
from assistant.commands.rooms import add_room, surroundings_from
from assistant.errors import ParleyError
from assistant.places import place


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    doctor = commands.add_parser(
        "doctor", help="find out why it hears itself", description="Measure what stands in the way of a conversation."
    )
    parts = doctor.add_subparsers(metavar="PART", required=True)
    parser = parts.add_parser(
        "echo",
        help="how much of its own voice the microphone hears, and what to do about it",
        description="Play a short chirp and some speech, and measure how late and how loud the microphone hears them, "
        "how much echo cancelling takes out, and how often the assistant would interrupt itself. What it chooses is "
        "remembered for these two devices.",
    )
    parser.add_argument("--mic", metavar="DEVICE|FILE.wav", help="the microphone (default: the system's)")
    parser.add_argument("--speaker", metavar="DEVICE|FILE.wav", help="the loudspeaker (default: the system's)")
    add_room(parser)
    parser.add_argument("--seconds", type=_seconds, metavar="S", help="speech to listen to (12)")
    add_common(parser)
    parser.set_defaults(run=run_echo)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 5 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds from 5 to 3600")
    return value


def run_echo(args: argparse.Namespace) -> int:
    """Raises ParleyError where there is nothing to measure."""
    from assistant import interruptible
    from assistant.doctoring import Plan, measure_echo
    from assistant.echotest import SPEECH

    settings = settings_from(args).settings
    surroundings = surroundings_from(args)
    microphone = place(args.mic or settings.audio.input, "--mic")
    speaker = place(args.speaker or settings.audio.output, "--speaker")
    on_files = surroundings is not None or isinstance(microphone, Path) or isinstance(speaker, Path)
    if on_files and (args.mic and isinstance(microphone, str) or args.speaker and isinstance(speaker, str)):
        raise ParleyError(
            "an echo is measured between two devices, or in a simulated room with files in their place: "
            "name two devices, or two files and --room"
        )
    plan = Plan(settings, microphone, speaker, surroundings, on_files, args.seconds or SPEECH, args.json)
    return interruptible.run(lambda: measure_echo(plan))
