"""The echo's delay and loudness: from chirps, and from what was said anyway."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.audio.echopath import LOUDNESS, chirp, of_chirps, of_speech
from assistant.audio.modes import EchoPath
from assistant.audio.room import Acoustics, Room, synthetic
from assistant.audio.selfcheck import Recorded
from assistant.echotest import CALMING, chirps_at, sequence, simulated, speech

RATE, PLAYED = 16_000, 24_000
NOBODY = np.zeros(0, np.float32)

ROOMS = [
    Acoustics(-6.0, 0.060, noise_dbfs=-65.0),
    Acoustics(-12.0, 0.010, noise_dbfs=-45.0),
    Acoustics(-24.0, 0.060, noise_dbfs=-65.0),
    Acoustics(-24.0, 0.200, 100.0, noise_dbfs=-55.0),
    Acoustics(-6.0, 0.200, -100.0, noise_dbfs=-65.0),
    Acoustics(6.0, 0.030),
    Acoustics(-40.0, 0.400, noise_dbfs=-65.0),
]


def recorded(acoustics: Acoustics, seconds: float = 5.0, microphone: np.ndarray = NOBODY) -> Recorded:
    return simulated(sequence(seconds), microphone, Room(synthetic(), PLAYED, acoustics))


def measured(run: Recorded) -> EchoPath:
    return of_chirps(run.near, run.far, chirps_at(), CALMING)


def spoken(run: Recorded) -> EchoPath | None:
    first = round(run.speech[0] * RATE)
    return of_speech([(run.far[first:], run.near[first:])])


def test_the_chirp_is_short_soft_and_fades() -> None:
    for rate in (RATE, PLAYED):
        sound = chirp(rate)
        assert sound.dtype == np.float32 and len(sound) == rate // 4
        assert np.abs(sound).max() <= LOUDNESS and np.abs(sound[[0, -1]]).max() < 0.01
    assert chirps_at()[-1] + 0.25 - chirps_at()[0] < 3.0


@pytest.mark.parametrize("acoustics", ROOMS, ids=str)
def test_chirps_tell_delay_and_loss(acoustics: Acoustics) -> None:
    path = measured(recorded(acoustics))
    assert path.heard and path.delay is not None and path.return_loss is not None
    assert path.delay == pytest.approx(acoustics.delay, abs=0.002)
    assert path.return_loss == pytest.approx(-acoustics.gain_db, abs=0.5)
    if acoustics.noise_dbfs is not None:
        assert path.noise_dbfs == pytest.approx(acoustics.noise_dbfs, abs=0.5)


def test_with_headphones_nothing_is_heard() -> None:
    for noise in (-65.0, -40.0):
        path = measured(recorded(Acoustics(-120.0, noise_dbfs=noise)))
        assert path == EchoPath(False, noise_dbfs=pytest.approx(noise, abs=0.5))
    silent = simulated(sequence(5.0), NOBODY, None)
    assert not measured(silent).heard


def test_somebody_who_speaks_meanwhile_is_no_echo_and_hides_none() -> None:
    somebody = speech(12.0)[::-1].copy()  # a voice with the rhythm and the spectrum of one, and of no words played
    assert not measured(recorded(Acoustics(-120.0), microphone=somebody)).heard
    path = measured(recorded(Acoustics(-6.0), microphone=somebody * np.float32(0.5)))
    assert path.delay == pytest.approx(0.060, abs=0.002)


@pytest.mark.parametrize("acoustics", [*ROOMS[:3], ROOMS[4]], ids=str)
def test_speech_tells_them_too_less_exactly(acoustics: Acoustics) -> None:
    path = spoken(recorded(acoustics, 8.0))
    assert path is not None and path.heard and path.delay is not None and path.return_loss is not None
    assert path.delay == pytest.approx(acoustics.delay, abs=0.010)
    assert path.return_loss == pytest.approx(-acoustics.gain_db, abs=3.0)


def test_speech_that_is_not_heard_is_told_so_and_too_little_of_it_tells_nothing() -> None:
    path = spoken(recorded(Acoustics(-120.0, noise_dbfs=-60.0), 8.0))
    assert path is not None and not path.heard and path.noise_dbfs == pytest.approx(-60.0, abs=1.0)
    short = speech(1.0)[: RATE + RATE // 2]
    assert of_speech([(short, short)]) is None
    assert of_speech([(np.zeros(9 * RATE, np.float32), np.zeros(9 * RATE, np.float32))]) is None
