"""The flags that describe a simulated room."""

from __future__ import annotations

import argparse

from assistant.errors import ParleyError
from assistant.surroundings import Surroundings


def add_room(parser: argparse.ArgumentParser) -> None:
    """Add --room and what belongs to it."""
    parser.add_argument(
        "--room", metavar="FILE.wav|synthetic", help="let the microphone hear the loudspeaker in a room"
    )
    parser.add_argument("--echo-gain", type=float, metavar="DB", help="how loud it is heard there (-12)")
    parser.add_argument("--echo-delay", type=float, metavar="MS", help="how late (60)")
    parser.add_argument(
        "--echo-drift", type=float, metavar="PPM", help="how much faster the loudspeaker's clock is (0)"
    )
    parser.add_argument("--mic-noise", type=float, metavar="DBFS", help="the microphone's own noise (none)")


def surroundings_from(args: argparse.Namespace) -> Surroundings | None:
    """The room, if any. Raises ParleyError where one is described and none is named."""
    given = {
        "gain_db": args.echo_gain,
        "delay_ms": args.echo_delay,
        "drift_ppm": args.echo_drift,
        "noise_dbfs": args.mic_noise,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if args.room is None:
        if given:
            raise ParleyError("--echo-gain, --echo-delay, --echo-drift and --mic-noise describe a room: add --room")
        return None
    return Surroundings(args.room, **given)
