"""What "auto" means."""

from __future__ import annotations

import pytest

from assistant.audio.processing import Processing, Setting, choose_processing


def chosen(
    echo: Setting = "auto",
    noise: Setting = "auto",
    *,
    room: bool = False,
    devices: bool = False,
    output: str = "",
    installed: bool = True,
) -> Processing:
    return choose_processing(echo, noise, room=room, devices=devices, output=output, installed=installed)


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
