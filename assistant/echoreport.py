"""What `parley doctor echo` has found, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assistant.audio.modes import Choice, SelfHeard
from assistant.config import Settings
from assistant.echotest import Outcome

OVERDRIVEN = 0.99
"""Amplitude at the microphone from which on it is taken to be cut off."""

# --- for people ---

DOES = {
    "headphones": "as with headphones: nothing has to be taken out, and you can interrupt.",
    "full": "full duplex: it listens while it speaks, and you can interrupt.",
    "duck": "ducking: you can interrupt; it then speaks more softly until it is clear that it was you.",
    "half": "half duplex: it does not listen while it speaks.",
}


def for_people(names: Mapping[str, str], outcome: Outcome, choice: Choice, settings: Settings) -> list[str]:
    """Lines. ``names``: of the devices, by direction; none in a simulated room."""
    measured = outcome.measured
    path, cancelled = measured.path, measured.cancelled
    lines = []
    if names:
        lines += [f"Microphone:   {names['input']}", f"Loudspeaker:  {names['output']}"]
    if path.heard:
        # By its own clock a device may play a little sooner than it says, which nobody need understand here.
        late = f"{_ms(outcome.round_trip)} after it is handed over" if names else f"{_ms(path.delay)} late"
        loss = path.return_loss or 0.0
        than = "softer" if loss >= 0 else "louder"
        lines.append(f"Echo:         {abs(loss):.0f} dB {than} than it is played, {late}")
    else:
        lines.append("Echo:         none was heard")
    lines.append(f"Other sound:  {path.noise_dbfs:.0f} dBFS at the microphone")
    if measured.erle is not None:
        lines.append(f"Cancelling:   takes {measured.erle:.0f} dB off it")
    elif cancelled is None:
        lines.append("Cancelling:   not possible: pip install 'parley-voice[echo]'")
    lines.append(f"In {measured.without.seconds:.0f} s of speech with nobody else there:")
    lines.append(f"  without cancelling it would have {_cut(measured.without)}")
    if cancelled is not None:
        lines.append(f"  with cancelling it would have {_cut(cancelled)}")
    lines.append(f"Chosen:       {DOES[choice.mode]}")
    lines.append(f"              {choice.why[0].upper()}{choice.why[1:]}{_cancelling(choice)}.")
    lines += _advice(outcome, choice, settings)
    return lines


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.0f} ms"


def _cut(heard: SelfHeard) -> str:
    return (
        f"interrupted itself {heard.interruptions} times and paused {heard.pauses} times "
        f"({heard.interruptions_a_minute:.1f} and {heard.pauses_a_minute:.1f} a minute)"
    )


def _cancelling(choice: Choice) -> str:
    if choice.mode == "headphones":
        return ""
    return "; echo cancelling is on" if choice.cancel else "; echo cancelling is off"


def _advice(outcome: Outcome, choice: Choice, settings: Settings) -> list[str]:
    said = []
    if outcome.loudest >= OVERDRIVEN:
        said.append("The microphone is overdriven: turn it or the loudspeaker down, and measure again.")
    if choice.mode in ("duck", "half") and outcome.measured.cancelled is not None:
        said.append("Softer, or farther from the microphone, the loudspeaker would do better; headphones do best.")
    if settings.audio.echo_cancel != "auto":
        said.append(
            f'The config says echo_cancel = "{settings.audio.echo_cancel}", which has the last word; "auto" uses what '
            "was measured."
        )
    return said


# --- for programs ---


def for_programs(names: Mapping[str, str], outcome: Outcome, choice: Choice) -> dict[str, Any]:
    measured = outcome.measured
    path = measured.path
    return {
        "microphone": names.get("input"),
        "loudspeaker": names.get("output"),
        "heard": path.heard,
        "delay_ms": _rounded(path.delay, 1000),
        "round_trip_ms": _rounded(outcome.round_trip, 1000) if names else None,
        "return_loss_db": _rounded(path.return_loss),
        "erle_db": _rounded(measured.erle),
        "noise_dbfs": _rounded(path.noise_dbfs),
        "overdriven": outcome.loudest >= OVERDRIVEN,
        "without_cancelling": _counted(measured.without),
        "with_cancelling": None if measured.cancelled is None else _counted(measured.cancelled),
        "mode": choice.mode,
        "echo_cancel": "on" if choice.cancel else "off",
        "why": choice.why,
    }


def _counted(heard: SelfHeard) -> dict[str, Any]:
    return {
        "seconds": round(heard.seconds, 1),
        "self_interruptions": heard.interruptions,
        "self_pauses": heard.pauses,
        "self_interruptions_a_minute": round(heard.interruptions_a_minute, 2),
        "self_pauses_a_minute": round(heard.pauses_a_minute, 2),
    }


def _rounded(value: float | None, times: float = 1.0) -> float | None:
    return None if value is None else round(times * value, 1)
