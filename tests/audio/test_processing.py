"""What "auto" means."""

from __future__ import annotations

import pytest

from assistant.audio.modes import Choice
from assistant.audio.processing import Processing, Setting, after_change, choose_processing


def chosen(
    echo: Setting = "auto",
    noise: Setting = "auto",
    *,
    room: bool = False,
    devices: bool = False,
    output: str = "",
    installed: bool = True,
    known: Choice | None = None,
) -> Processing:
    return choose_processing(echo, noise, room=room, devices=devices, output=output, installed=installed, known=known)


def test_a_room_and_a_loudspeaker_have_an_echo_and_files_have_none() -> None:
    assert chosen(room=True) == Processing(True, True, "a room is simulated")
    assert chosen(devices=True, output="Built-in Audio") == Processing(
        True, True, "the loudspeaker is heard by the microphone"
    )
    assert chosen() == Processing(False, False, "the microphone does not hear the loudspeaker")


@pytest.mark.parametrize("output", ["Bose Headphones", "USB Headset Mono", "Galaxy earbuds", "AirPods Pro"])
def test_what_is_worn_has_none(output: str) -> None:
    assert chosen(devices=True, output=output) == Processing(False, False, f"{output} is heard by nobody else")


@pytest.mark.parametrize("setting", ["on", "off"])
def test_the_user_has_the_last_word(setting: Setting) -> None:
    on = setting == "on"
    assert chosen(setting, devices=True, output="headset") == Processing(on, on, f'echo_cancel = "{setting}"')
    assert chosen(setting, installed=False).echo is on, "to ask for it without the package is an error when it is made"
    assert chosen("off", "on").noise and not chosen("on", "off").noise


def test_without_the_package_the_assistant_would_hear_itself() -> None:
    without = chosen(devices=True, installed=False)
    assert not without.echo and not without.noise and without.unprotected
    assert without.why == "the package livekit is not installed: pip install 'parley-voice[echo]'"
    assert not chosen(installed=False).unprotected, "no echo, no need"


FULL, DUCK = Choice("full", True, "the echo is taken out"), Choice("duck", True, "a little of the echo comes through")
HALF, EAR = (
    Choice("half", True, "too much"),
    Choice("headphones", False, "the microphone does not hear the loudspeaker"),
)


def test_what_was_measured_goes_before_what_is_guessed() -> None:
    assert chosen(devices=True, output="Built-in Audio", known=EAR) == Processing(
        False, False, "measured: the microphone does not hear the loudspeaker"
    )
    assert chosen(devices=True, output="Headset", known=FULL).echo, "a headset on the table"
    ducked, half = chosen(devices=True, known=DUCK), chosen(devices=True, known=HALF)
    assert ducked.echo and ducked.noise and ducked.duck and not ducked.unprotected and ducked.mode == "duck"
    assert half.echo and half.unprotected and half.mode == "half"
    assert chosen("off", devices=True, known=FULL) == chosen("off", devices=True), "the user has the last word"
    assert chosen(room=True, known=EAR) == chosen(room=True), "what was measured is another room"


@pytest.mark.parametrize(
    ("now", "wanted", "to"),
    [
        (chosen(devices=True), chosen(devices=True), None),
        (chosen(devices=True), chosen(devices=True, output="headset"), None),
        (chosen(devices=True, output="headset"), chosen(devices=True), "half"),
        (chosen(devices=True, known=EAR), chosen(devices=True, known=FULL), "half"),
        (chosen(devices=True), chosen(devices=True, known=DUCK), "duck"),
        (chosen(devices=True), chosen(devices=True, known=HALF), "half"),
        (chosen(devices=True, known=HALF), chosen(devices=True, known=DUCK), None),
        (chosen(devices=True, installed=False), chosen(devices=True, installed=False), None),
    ],
)
def test_a_device_that_changes_makes_it_safer_or_nothing(now: Processing, wanted: Processing, to: str | None) -> None:
    choice = after_change(now, wanted)
    assert (None if choice is None else choice.mode) == to
