"""Somebody over the echo, the echo itself, and an echo that has moved."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.audio.doubletalk import LAST, DoubleTalk
from assistant.ports import FRAME, Samples


def noise(seed: int, level: float = 0.05) -> Samples:
    sound: Samples = (level * np.random.default_rng(seed).standard_normal(FRAME)).astype(np.float32)
    return sound


def knowing(leaves: float = 0.05) -> DoubleTalk:
    """After 8 s of an echo of which a canceller leaves ``leaves`` (as amplitude)."""
    told = DoubleTalk()
    for number in range(250):
        echo = noise(number)
        told.push(echo + np.float32(leaves) * noise(1000 + number), echo)
    return told


def test_an_echo_is_known_once_little_of_it_is_left_most_of_the_time() -> None:
    assert not DoubleTalk().known
    assert knowing().known
    assert not knowing(leaves=0.5).known, "6 dB are not enough"


@pytest.mark.parametrize(("relative", "others"), [(1.0, 1.0), (0.7, 1.0), (0.4, 0.35), (0.1, 0.0)])
def test_what_is_left_of_a_known_echo_is_a_users_if_it_is_loud_enough(relative: float, others: float) -> None:
    told = knowing()
    for number in range(3):
        echo = noise(number)
        told.push(echo + np.float32(relative) * noise(2000 + number), echo)
        assert told.others == pytest.approx(others, abs=0.15)
        assert (told.possible == 0.0) is (others == 0.0)


def test_three_seconds_of_a_user_do_not_make_the_echo_unknown() -> None:
    told = knowing()
    for number in range(94):
        echo = noise(number)
        told.push(echo + noise(2000 + number), echo)
    assert told.known and told.others > 0.8


def test_an_echo_that_has_moved_is_nobody_and_not_known_any_more() -> None:
    told = knowing()
    for number in range(LAST):
        told.push(noise(2000 + number), noise(number))  # nothing of what is taken off is there
        assert told.others < 0.2 or number < LAST - 3
    assert not told.known and told.others == 0.0


def test_a_rest_that_goes_with_the_echo_is_of_the_echo() -> None:
    told = knowing()
    for number in range(LAST):
        echo = noise(number)
        told.push(np.float32(1.6) * echo, echo)  # the room makes more of these sounds than was known
    assert told.others < 0.2


def test_the_rooms_ringing_is_no_user() -> None:
    told = knowing()
    for number in range(8):  # the assistant has just stopped, and the room rings for longer than is known of it
        told.push(noise(2000 + number, 0.01 * 0.75**number), np.zeros(FRAME, np.float32))
        assert told.others == 0.0
    for number in range(8):
        told.push(noise(2000 + number), np.zeros(FRAME, np.float32))
    assert told.others == 1.0


def test_another_echo_is_not_known() -> None:
    told = knowing()
    told.forget()
    assert not told.known
