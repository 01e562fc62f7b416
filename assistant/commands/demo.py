"""``parley demo``: a whole conversation on a bare machine, with a recorded user."""

from __future__ import annotations

import argparse
from pathlib import Path

ABOUT = (
    "A recorded user talks with the assistant, in real time and in a simulated room with echo: real voice activity "
    "detection, echo cancelling and speech recognition (PocketSphinx), offline skills and the espeak-ng voice. Nothing "
    "is downloaded."
)


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "demo", help="see and hear a conversation: no microphone, key or download needed", description=ABOUT
    )
    parser.add_argument("--record", metavar="DIR", type=Path, help="where to leave the recording")
    parser.add_argument("--json", action="store_true", help="write JSON events for programs")
    parser.add_argument("--verbose", action="store_true", help="show details, and a traceback when something fails")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from assistant.demo.show import show

    return show(args.record, json=args.json)
