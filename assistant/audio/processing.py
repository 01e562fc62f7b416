"""Which processing captured sound gets, and why: what "auto" means for echo cancelling and noise suppression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Choice = Literal["auto", "on", "off"]

AT_THE_EAR = ("headphone", "headset", "earbud", "earphone", "airpods")
"""In the name of an output that no microphone hears."""


@dataclass(frozen=True, slots=True)
class Processing:
    echo: bool
    noise: bool
    why: str
    """One clause for the user: why echo cancelling is on or off."""
    unprotected: bool = False
    """The assistant would hear itself, and nothing takes that out: it must not listen while it speaks."""


def choose_processing(
    echo_cancel: Choice, noise_suppression: Choice, *, room: bool, devices: bool, output: str, installed: bool
) -> Processing:
    """``room``: a room is simulated. ``devices``: microphone and loudspeaker are both real; ``output`` is the latter's
    name. ``installed``: the package that does it is there."""
    echo, why = _echo(echo_cancel, room=room, devices=devices, output=output)
    unprotected = False
    if echo and echo_cancel == "auto" and not installed:
        echo, why = False, "the package livekit is not installed: pip install 'parley-voice[echo]'"
        unprotected = True
    noise = noise_suppression == "on" or (noise_suppression == "auto" and echo)
    return Processing(echo, noise, why, unprotected)


def _echo(setting: Choice, *, room: bool, devices: bool, output: str) -> tuple[bool, str]:
    if setting != "auto":
        return setting == "on", f'echo_cancel = "{setting}"'
    if room:
        return True, "a room is simulated"
    if not devices:
        return False, "the microphone does not hear the loudspeaker"
    if any(word in output.lower() for word in AT_THE_EAR):
        return False, f"{output} is heard by nobody else"
    return True, "the loudspeaker is heard by the microphone"
