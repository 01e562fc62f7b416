"""``parley talk``: the conversation."""

from __future__ import annotations

import argparse
from pathlib import Path

from assistant.commands.common import add_common, positive, settings_from
from assistant.errors import ParleyError
from assistant.surroundings import Surroundings

NO_DEVICES = (
    "there is no microphone: this version hears a recording, so give it one with --mic FILE.wav "
    "(and hear the answers with --speaker FILE.wav), or see a whole conversation with: parley demo"
)


class NoDevices(ParleyError):
    exit_code = 1


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("talk", help="hold a conversation", description="Hold a conversation.")
    add_common(parser)
    parser.add_argument("--mic", metavar="FILE.wav", help="what the assistant hears, in real time")
    parser.add_argument("--speaker", metavar="FILE.wav|none", default=None, help="where its voice goes (default: none)")
    parser.add_argument(
        "--room", metavar="FILE.wav|synthetic", help="let the microphone hear the loudspeaker in a room"
    )
    parser.add_argument("--echo-gain", type=float, metavar="DB", help="how loud it is heard there (-12)")
    parser.add_argument("--echo-delay", type=float, metavar="MS", help="how late (60)")
    parser.add_argument(
        "--echo-drift", type=float, metavar="PPM", help="how much faster the loudspeaker's clock is (0)"
    )
    parser.add_argument("--mic-noise", type=float, metavar="DBFS", help="the microphone's own noise (none)")
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
    microphone = args.mic or loaded.settings.audio.input
    speaker = args.speaker or loaded.settings.audio.output or "none"
    if not microphone:
        if args.or_demo:
            from assistant.demo.show import show

            return show()
        raise NoDevices(NO_DEVICES)
    from assistant.conversing import Plan, hold
    from assistant.probe import Probe

    plan = Plan(
        settings=loaded.settings,
        microphone=_wav(microphone, "--mic"),
        speaker=None if speaker == "none" else _wav(speaker, "--speaker"),
        turns=args.turns,
        max_seconds=args.max_seconds,
        record=args.record,
        json=args.json,
        probe=Probe(stalls=args.measure == "stalls") if args.measure else None,
        load_behind=args.load_behind,
        surroundings=_surroundings(args, speaker),
    )
    return hold(plan)


def _surroundings(args: argparse.Namespace, speaker: str) -> Surroundings | None:
    """The room to simulate, if any."""
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
    if speaker == "none":
        raise ParleyError("--room needs to hear what is played: give a loudspeaker with --speaker FILE.wav")

    return Surroundings(args.room, **given)


def _wav(name: str, flag: str) -> Path:
    if not name.lower().endswith(".wav"):
        raise ParleyError(f"{flag} {name}: this version plays and hears WAV files only; give a name that ends in .wav")
    return Path(name)
