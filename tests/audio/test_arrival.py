"""How late an echo comes, found beside a conversation."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.audio.arrival import EVERY, LATEST, SAME, DelaySearch
from assistant.audio.room import synthetic
from assistant.ports import FRAME, Samples

RATE = 16_000


def noise(seconds: float, seed: int) -> Samples:
    sound: Samples = (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)
    return sound


def heard(far: Samples, delay: int) -> Samples:
    echo = np.concatenate((np.zeros(delay, np.float32), np.convolve(far, synthetic())))
    return echo[: len(far)].astype(np.float32)


def push(search: DelaySearch, far: Samples, near: Samples) -> None:
    sizes = (480, 640)  # as blocks of 160 come out of frames of 512
    at = number = 0
    while at < len(far):
        size = sizes[number % 2]
        search.push(far[at : at + size], near[at : at + size])
        at, number = at + size, number + 1


@pytest.mark.parametrize("delay", [0, 500, 3200, LATEST - 1000])
def test_the_first_arrival_is_found_while_a_user_speaks(delay: int) -> None:
    search, far = DelaySearch(), noise(6.0, 1)
    push(search, far, heard(far, delay) + noise(6.0, 2))
    assert search.found == pytest.approx(delay, abs=SAME)
    assert search.agreed >= 4


def test_nothing_is_found_where_there_is_no_echo_or_no_sound() -> None:
    search = DelaySearch()
    push(search, noise(5.0, 1), noise(5.0, 2))
    assert search.found is None
    push(search, np.zeros(5 * RATE, np.float32), noise(5.0, 3))
    assert search.found is None


def test_an_echo_that_moves_is_found_again_and_those_who_agree_are_counted_anew() -> None:
    search, far = DelaySearch(), noise(8.0, 1)
    half = len(far) // 2
    near = np.concatenate((heard(far, 960)[:half], heard(far, 1300)[half:]))
    push(search, far[:half], near[:half])
    assert search.found == pytest.approx(960, abs=SAME)
    before = search.agreed
    push(search, far[half:], near[half:])
    assert search.found == pytest.approx(1300, abs=SAME)
    assert 0 < search.agreed < before + (len(far) - half) // EVERY


def test_what_is_forgotten_is_not_found() -> None:
    search, far = DelaySearch(), noise(2.0, 1)
    push(search, far, heard(far, 100))
    search.forget()
    search.push(far[:FRAME], far[:FRAME])
    assert search.found is None and search.agreed == 0
