"""``parley talk``: the conversation."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from assistant.commands.common import add_common, positive, settings_from
from assistant.commands.rooms import add_room, surroundings_from
from assistant.errors import ParleyError
from assistant.places import Place, place
from assistant.surroundings import Surroundings


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("talk", help="hold a conversation", description="Hold a conversation.")
    add_common(parser)
    parser.add_argument(
        "--mic", metavar="DEVICE|FILE.wav", help="what the assistant hears (default: the default microphone)"
    )
    parser.add_argument(
        "--speaker",
        metavar="DEVICE|FILE.wav|none",
        help="where its voice goes; a file that is there is replaced "
        "(default: the default loudspeaker; none when --mic is a file)",
    )
    add_room(parser)
    parser.add_argument("--turns", type=positive, metavar="N", help="end after N replies")
    parser.add_argument("--max-seconds", type=_seconds, metavar="S", help="end after S seconds")
    parser.add_argument("--record", metavar="DIR", type=Path, help="keep the session: sound, events and config")
    parser.add_argument("--or-demo", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--measure", choices=("cpu", "stalls"), help=argparse.SUPPRESS)
    parser.add_argument("--load-behind", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0")
    return value


def run(args: argparse.Namespace) -> int:
    loaded = settings_from(args)
    microphone = place(args.mic or loaded.settings.audio.input, "--mic")
    speaker = _speaker(args.speaker or loaded.settings.audio.output, microphone)
    surroundings = _surroundings(args, speaker)
    if args.or_demo and microphone == speaker == "" and (why := _without_sound()):
        from assistant.demo.show import show

        print(f"parley: {why}; here is the demo instead", file=sys.stderr)  # noqa: T201
        return show()
    from assistant.conversing import Plan, hold
    from assistant.probe import Probe

    plan = Plan(
        settings=loaded.settings,
        microphone=microphone,
        speaker=speaker,
        turns=args.turns,
        max_seconds=args.max_seconds,
        record=args.record,
        json=args.json,
        probe=Probe(stalls=args.measure == "stalls") if args.measure else None,
        load_behind=args.load_behind,
        surroundings=surroundings,
    )
    return hold(plan)


def _speaker(name: str, microphone: Place) -> Place:
    """ "" is the default loudspeaker, unless a file is heard: that needs no sound hardware."""
    if name == "none" or (not name and isinstance(microphone, Path)):
        return None
    return place(name, "--speaker")


def _without_sound() -> str:
    """What is missing for a conversation with this machine's own devices; "" when it is all there."""
    from assistant.audio.devices import NoDevice, find, list_devices

    try:
        devices = list_devices()
        find(devices, "", "input")
        find(devices, "", "output")
    except NoDevice as missing:
        return missing.message if missing.exit_code == 1 else ""
    return ""


def _surroundings(args: argparse.Namespace, speaker: Place) -> Surroundings | None:
    """The room to simulate, if any."""
    surroundings = surroundings_from(args)
    if surroundings is not None and not isinstance(speaker, Path):
        raise ParleyError("--room simulates what a file would be heard like: write one with --speaker FILE.wav")
    return surroundings
