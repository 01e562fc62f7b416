"""`parley devices`: listed, or tried, for people and for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import anyio.to_thread

from assistant.audio import server
from assistant.audio.devices import Device, Direction, NoDevice, list_devices
from assistant.audio.doubles import EXPLAINED, grouped, kind_of
from assistant.audio.quiet import quiet
from assistant.audio.server import ServerState
from assistant.audio.soundcheck import Check, check, verdicts


async def show_list(*, as_json: bool) -> int:
    """Returns the exit code. Raises NoDevice."""
    devices, state = await anyio.to_thread.run_sync(_look, abandon_on_cancel=True)
    if as_json:
        _write_json(_listing(devices, state))
    else:
        _show(devices, state)
    return 0


async def try_out(microphone: str, speaker: str | None, *, as_json: bool) -> int:
    """Play a test sound and listen. ``speaker`` None: only listen. Returns the exit code. Raises NoDevice."""
    if not as_json:
        sys.stdout.write("Listening, then playing a test sound: some 5 s of quiet, please.\n")
        sys.stdout.flush()
    checked = await check(microphone, speaker)
    if as_json:
        _write_json({"test": _tested(checked)})
    else:
        _show_test(checked)
    return 0 if checked.works else 1


def _look() -> tuple[list[Device], ServerState | None]:
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


def _show(devices: Sequence[Device], state: ServerState | None) -> None:
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
                lines.append(f"    {mark} {device.name}{_behind(device, direction, state)}")
        lines.append("")
    lines.append("Try them with: parley devices --test")
    sys.stdout.write("\n".join(lines) + "\n")


def _behind(device: Device, direction: Direction, state: ServerState | None) -> str:
    leads_to = _leads_to(device, direction, state)
    if leads_to:
        return f"  (now: {leads_to})"
    if kind_of(device) == "older":
        return f"  ({device.interface})"
    return ""


def _leads_to(device: Device, direction: Direction, state: ServerState | None) -> str | None:
    """Where the sound server sends what is played to its own device."""
    if state is None or device.target or kind_of(device) not in ("default", "server"):
        return None
    return next((e.description for e in state.endpoints if e.direction == direction and e.default), None)


def _show_test(checked: Check) -> None:
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


def _listing(devices: Sequence[Device], state: ServerState | None) -> dict[str, Any]:
    def of(direction: Direction) -> list[dict[str, Any]]:
        return [
            {
                "name": device.name,
                "index": None if device.target else device.index,
                "interface": device.interface,
                "kind": kind_of(device),
                "default": device.is_default(direction),
                "leads_to": _leads_to(device, direction, state),
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
        "server": state.server if state is not None else None,
    }


def _tested(checked: Check) -> dict[str, Any]:
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
