"""What is read off a waveform is where it was put."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.bench.waveform import STRETCH, Sounds

RATE = 24_000


def sounds(*stretches: tuple[float, float], length: float = 3.0, pieces: int = 1) -> Sounds:
    wave = np.zeros(round(length * RATE), np.float32)
    for start, end in stretches:
        wave[round(start * RATE) : round(end * RATE)] = 0.3
    found = Sounds(RATE)
    for piece in np.array_split(wave, pieces):
        found.add(piece)
    return found


@pytest.mark.parametrize("pieces", [1, 7, 333])
def test_stretches_are_found_wherever_the_wave_is_cut(pieces: int) -> None:
    found = sounds((0.5, 1.0), (1.5, 1.5042), pieces=pieces).found
    assert found == [(pytest.approx(0.5), pytest.approx(1.0)), (pytest.approx(1.5), pytest.approx(1.505))]


def test_a_short_hole_does_not_end_a_sound() -> None:
    assert len(sounds((0.5, 0.7), (0.71, 1.0)).found) == 1
    assert len(sounds((0.5, 0.7), (0.75, 1.0)).found) == 2


def test_first_and_last_sample_after_a_moment() -> None:
    found = sounds((0.5, 1.0), (1.5, 2.0))
    assert found.first_after(1.0) == pytest.approx(1.5, abs=STRETCH)
    assert found.first_after(2.1) is None
    assert found.stopped_after(0.8) == pytest.approx(1.0, abs=STRETCH)
    assert found.stopped_after(1.2) is None


def test_a_room_is_no_sound() -> None:
    found = Sounds(RATE)
    found.add((np.random.default_rng(0).standard_normal(RATE) * 10 ** (-66 / 20)).astype(np.float32))
    assert found.found == []
