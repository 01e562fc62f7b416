"""What is measured on a frame tells a voice from a noise and a hum from a word."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from assistant.audio.features import sounding
from assistant.audio.frames import levels
from assistant.conversation.sounding import Sounding
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples

VOICE = Path(__file__).resolve().parent.parent / "data" / "speech" / "rms-what-is-your-name.wav"


def measured(sound: Samples) -> list[Sounding]:
    frames = [Frame(sound[at : at + FRAME], at) for at in range(0, len(sound) - FRAME + 1, FRAME)]
    return [sounding(frame, 0.9, levels(frame.samples), taken=2.0) for frame in frames]


def tone(hz: float, harmonics: int) -> Samples:
    time = np.arange(8 * FRAME) / CAPTURE_RATE
    return sum(0.1 / k * np.sin(2 * np.pi * hz * k * time) for k in range(1, harmonics + 1)).astype(np.float32)


@pytest.mark.parametrize("hz", [90, 140, 220, 380])
def test_the_pitch_of_a_periodic_sound_is_found(hz: float) -> None:
    for one in measured(tone(hz, 8)):
        assert one.voicing > 0.9
        assert any(abs(one.pitch * k - hz) < 0.06 * hz for k in (1, 2, 3)), one.pitch


def test_noise_is_flat_and_has_no_pitch() -> None:
    noise = (0.1 * np.random.default_rng(1).standard_normal(FRAME * 20)).astype(np.float32)
    for one in measured(noise):
        assert one.voicing < 0.5 and one.flatness > -6 and one.high > 0.3
        assert one.level == pytest.approx(-20, abs=1)


def test_a_hum_lies_low_and_a_voice_does_not() -> None:
    assert all(one.low > 0.95 for one in measured(tone(140, 2)))
    with wave.open(str(VOICE)) as file:
        voice = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / np.float32(32768)
    loud = [one for one in measured(voice) if one.level > -30]
    assert min(one.low for one in loud) < 0.7


def test_a_knock_rises_at_once() -> None:
    knock = np.zeros(FRAME * 2, np.float32)
    knock[FRAME + 200 : FRAME + 400] = 0.5
    assert measured(knock)[1].attack > 40 > 20 > measured(tone(140, 4))[2].attack


def test_silence_is_measured_too() -> None:
    for one in measured(np.zeros(FRAME * 2, np.float32)):
        assert one.voicing == 0.0 and one.level < -100 and np.isfinite(one.flatness) and one.taken == 2.0
