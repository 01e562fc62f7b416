"""``parley devices``: microphones and loudspeakers by name, and a test of them."""

from __future__ import annotations

import argparse

from assistant.errors import ParleyError


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "devices",
        help="list and test microphones and loudspeakers",
        description="List microphones and loudspeakers. --test plays a sound and listens to it.",
    )
    parser.add_argument("--test", action="store_true", help="play a test sound, listen, and say what was heard")
    parser.add_argument("--mic", metavar="NAME", help="the microphone to test (default: the system's)")
    parser.add_argument("--speaker", metavar="NAME|none", help="the loudspeaker to test (default: the system's)")
    parser.add_argument("--json", action="store_true", help="write JSON for programs")
    parser.add_argument("--verbose", action="store_true", help="show details, and a traceback when something fails")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Raises ParleyError where there is no device, or none that can be opened."""
    from assistant import interruptible
    from assistant.devicelist import show_list, try_out

    if not args.test and (args.mic or args.speaker):
        raise ParleyError("--mic and --speaker choose what is tested: add --test")
    if not args.test:
        return interruptible.run(lambda: show_list(as_json=args.json))
    speaker = None if args.speaker == "none" else args.speaker or ""
    return interruptible.run(lambda: try_out(args.mic or "", speaker, as_json=args.json))
