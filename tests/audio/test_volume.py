"""One gain over all that is played."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.audio.volume import KNEE, LEAST, MOST, RAMP, Volume


def sound(peak: float, count: int = 4800) -> np.ndarray:
    return (peak * np.sin(np.arange(count) * 2 * np.pi * 440 / 24_000)).astype(np.float32)


def settled(volume: Volume, samples: np.ndarray) -> np.ndarray:
    """What comes out when the gain is no longer on its way."""
    volume.applied(np.zeros(RAMP, np.float32))
    return volume.applied(samples)


def test_at_first_every_sample_is_as_it_came() -> None:
    samples = sound(1.0)
    assert Volume().applied(samples) is samples


@pytest.mark.parametrize("db", [-24.0, -6.0, 6.0])
def test_a_gain_is_the_gain_that_was_asked_for(db: float) -> None:
    volume = Volume()
    volume.change(db)
    louder = settled(volume, sound(0.2))
    assert louder.dtype == np.float32
    assert 20 * np.log10(np.abs(louder).max() / 0.2) == pytest.approx(db, abs=0.01)


def test_a_share_of_the_amplitude() -> None:
    volume = Volume()
    volume.set(0.5)
    assert np.abs(settled(volume, sound(0.8))).max() == pytest.approx(0.4, abs=0.001)
    volume.set(1.0)
    samples = sound(0.8)
    assert settled(volume, samples) is samples
    volume.set(0.0)
    assert volume.db == LEAST


def test_it_goes_no_further_than_its_limits() -> None:
    volume = Volume()
    for _ in range(9):
        volume.change(6.0)
    assert volume.db == MOST
    for _ in range(9):
        volume.change(-6.0)
    assert volume.db == LEAST
    volume.change(6.0)
    assert volume.db == LEAST + 6


def test_what_would_be_too_loud_is_bent_and_not_cut() -> None:
    volume = Volume()
    volume.change(6.0)
    loud = settled(volume, np.linspace(-1, 1, 2001, dtype=np.float32))
    assert np.abs(loud).max() < 1
    assert np.all(np.diff(loud) >= 0), "louder in is never quieter out"
    assert np.all(np.diff(loud)[np.abs(loud[1:]) < 0.97] > 0), "no flat top where it is not yet full"
    factor = 10 ** (6 / 20)
    small = np.abs(loud) < KNEE
    assert np.allclose(loud[small], np.linspace(-1, 1, 2001)[small] * factor, atol=1e-6)


def test_at_the_beginning_of_a_reply_there_is_no_way() -> None:
    volume = Volume()
    volume.change(-6.0)
    assert volume.applied(np.full(3, 0.5, np.float32), first=True) == pytest.approx(0.5 * 10 ** (-6 / 20))


def test_on_the_way_down_nothing_is_too_loud_either() -> None:
    volume = Volume()
    volume.change(6.0)
    settled(volume, sound(0.1))
    volume.change(-6.0)
    assert np.abs(volume.applied(np.full(1000, 0.95, np.float32))).max() < 1


@given(st.floats(-24, 6), st.floats(-24, 6), st.lists(st.integers(1, 300), min_size=1, max_size=20))
def test_a_change_makes_no_click_however_small_the_chunks(before: float, after: float, chunks: list[int]) -> None:
    volume = Volume()
    volume.change(before)
    first = settled(volume, np.full(10, 0.25, np.float32))
    volume.change(after - before)
    flat = [volume.applied(np.full(count, 0.25, np.float32)) for count in [*chunks, RAMP, 1]]
    steps = np.diff(np.concatenate([first, *flat]))
    assert np.abs(steps).max() <= 0.25 * 2 / RAMP + 1e-6
    assert flat[-1][0] == pytest.approx(0.25 * 10 ** (volume.db / 20), rel=1e-5)
