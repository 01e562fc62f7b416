"""``parley devices``: microphones and loudspeakers by name, and a test of them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from assistant.errors import ParleyError

if TYPE_CHECKING:
    from assistant.audio.devices import Device, Direction
    from assistant.audio.server import ServerState
    from assistant.audio.soundcheck import Check


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

    if not args.test and (args.mic or args.speaker):
        raise ParleyError("--mic and --speaker choose what is tested: add --test")
    return interruptible.run(lambda: _run(args))


async def _run(args: argparse.Namespace) -> int:
    import anyio.to_thread

    from assistant.audio.soundcheck import check

    if not args.test:
        devices, server = await anyio.to_thread.run_sync(_look, abandon_on_cancel=True)
        if args.json:
            _write_json(_listing(devices, server))
        else:
            _show(devices, server)
        return 0
    if not args.json:
        sys.stdout.write("Listening, then playing a test sound: some 5 s of quiet, please.\n")
        sys.stdout.flush()
    checked = await check(args.mic or "", None if args.speaker == "none" else args.speaker or "")
    if args.json:
        _write_json({"test": _tested(checked)})
    else:
        _show_test(checked)
    return 0 if checked.works else 1


def _look() -> tuple[list[Device], ServerState | None]:
    from assistant.audio import server
    from assistant.audio.devices import NoDevice, list_devices
    from assistant.audio.quiet import quiet

    with quiet():
        state = server.ask()
        devices = list_devices(state)
    if not devices:
        raise NoDevice(
            "this machine has no sound device; use files instead (--mic FILE.wav), or see a whole conversation "
            "without any: parley demo",
            exit_code=1,
        )
    return devices, state


# --- for people ---

_SIDES: tuple[tuple[Direction, str, str], ...] = (
    ("input", "Microphones", "--mic"),
    ("output", "Loudspeakers", "--speaker"),
)


def _show(devices: Sequence[Device], server: ServerState | None) -> None:
    from assistant.audio.doubles import EXPLAINED, grouped

    lines = []
    for direction, title, flag in _SIDES:
        able = [device for device in devices if device.has(direction)]
        if not able:
            lines += [f"{title}: none", ""]
            continue
        lines.append(f"{title} (choose one with {flag} NAME; * is the default)")
        for group in grouped(able):
            heading, explanation = EXPLAINED[group.kind]
            lines.append(f"  {heading}: {explanation}")
            for device in group.devices:
                mark = "*" if device.is_default(direction) else " "
                lines.append(f"    {mark} {device.name}{_behind(device, direction, server)}")
        lines.append("")
    lines.append("Try them with: parley devices --test")
    sys.stdout.write("\n".join(lines) + "\n")


def _behind(device: Device, direction: Direction, server: ServerState | None) -> str:
    from assistant.audio.doubles import kind_of

    leads_to = _leads_to(device, direction, server)
    if leads_to:
        return f"  (now: {leads_to})"
    if kind_of(device) == "older":
        return f"  ({device.interface})"
    return ""


def _leads_to(device: Device, direction: Direction, server: ServerState | None) -> str | None:
    """Where the sound server sends what is played to its own device."""
    from assistant.audio.doubles import kind_of

    if server is None or device.target or kind_of(device) not in ("default", "server"):
        return None
    return next((e.description for e in server.endpoints if e.direction == direction and e.default), None)


def _show_test(checked: Check) -> None:
    from assistant.audio.soundcheck import verdicts

    hearing, latencies = checked.hearing, checked.latencies
    lines = []
    if "input" in checked.names:
        lines.append(f"Microphone:  {checked.names['input']}{_ms(latencies.get('input'))}")
        lines.append(f"             noise {hearing.noise_dbfs:.0f} dBFS, loudest {hearing.peak:.0%} of full scale")
    if "output" in checked.names:
        lines.append(f"Loudspeaker: {checked.names['output']}{_ms(latencies.get('output'))}")
        if hearing.round_trip is not None and hearing.spread is not None:
            lines.append(
                f"             heard {hearing.heard} of {checked.bursts} times at {hearing.burst_dbfs:.0f} dBFS, "
                f"{hearing.round_trip * 1000:.0f} ms after it was played (within {hearing.spread * 1000:.0f} ms)"
            )
    lines += verdicts(checked)
    sys.stdout.write("\n".join(lines) + "\n")


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f", latency {seconds * 1000:.0f} ms"


# --- for programs ---


def _listing(devices: Sequence[Device], server: ServerState | None) -> dict[str, Any]:
    from assistant.audio.doubles import EXPLAINED, kind_of

    def of(direction: Direction) -> list[dict[str, Any]]:
        return [
            {
                "name": device.name,
                "index": None if device.target else device.index,
                "interface": device.interface,
                "kind": kind_of(device),
                "default": device.is_default(direction),
                "leads_to": _leads_to(device, direction, server),
                "channels": device.inputs if direction == "input" else device.outputs,
                "rate": round(device.rate),
            }
            for device in devices
            if device.has(direction)
        ]

    return {
        "microphones": of("input"),
        "loudspeakers": of("output"),
        "kinds": {kind: f"{title}: {explanation}" for kind, (title, explanation) in EXPLAINED.items()},
        "server": server.server if server is not None else None,
    }


def _tested(checked: Check) -> dict[str, Any]:
    from assistant.audio.soundcheck import verdicts

    hearing = checked.hearing
    return {
        "microphone": checked.names.get("input"),
        "loudspeaker": checked.names.get("output"),
        "works": checked.works,
        "noise_dbfs": round(hearing.noise_dbfs, 1),
        "peak": round(hearing.peak, 4),
        "bursts": checked.bursts,
        "heard": hearing.heard,
        "heard_dbfs": _rounded(hearing.burst_dbfs, 1),
        "round_trip_ms": _milliseconds(hearing.round_trip),
        "spread_ms": _milliseconds(hearing.spread),
        "later_than_foreseen_ms": _milliseconds(checked.off),
        "latency_ms": {direction: _milliseconds(seconds) for direction, seconds in checked.latencies.items()},
        "underruns": checked.underruns,
        "overflows": checked.overflows,
        "verdicts": verdicts(checked),
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _write_json(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
