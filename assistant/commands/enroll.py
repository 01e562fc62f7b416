"""``parley enroll``: learn the user's voice."""

from __future__ import annotations

import argparse
from pathlib import Path

from assistant.commands.common import add_common, settings_from
from assistant.errors import ParleyError
from assistant.places import place

DEFAULT = "me"


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "enroll",
        help="learn a voice",
        description="Learn a voice from ten seconds of speech. Some numbers are kept, and no sound.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help=f"whose voice it is (default: {DEFAULT})")
    parser.add_argument(
        "--mic", metavar="DEVICE|FILE.wav", help="what is listened to (default: the default microphone)"
    )
    parser.add_argument(
        "--provider",
        default="voiceprint",
        metavar="NAME[:MODEL]",
        help="who tells voices apart: voiceprint (default), or onnx:FILE.onnx, or onnx:OWNER/REPOSITORY/FILE.onnx",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="show whose voices are known")
    what.add_argument("--forget", metavar="NAME", help="delete what is known of a voice")
    what.add_argument(
        "--check", metavar="FILE.wav", help="say whose voice is in a file; exit code 0 where it is NAME's, or anybody's"
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Raises ParleyError."""
    if args.name and (args.list or args.forget):
        raise ParleyError("--list and --forget take no other NAME; leave it out")
    if args.mic and (args.list or args.forget or args.check):
        raise ParleyError("--mic is for learning a voice; leave it out, or leave the other option out")

    from assistant import enrolling, interruptible

    if args.list:
        return enrolling.show(args.json)
    if args.forget:
        return enrolling.forget(args.forget, args.json)
    settings = settings_from(args).settings
    if args.check:
        file, names = Path(args.check), [args.name] if args.name else []
        return interruptible.run(lambda: enrolling.check(settings, file, names, args.json))
    microphone = place(args.mic or settings.audio.input, "--mic")
    plan = enrolling.Plan(settings, microphone, args.name or DEFAULT, args.provider, args.json)
    return interruptible.run(lambda: enrolling.enroll(plan))
