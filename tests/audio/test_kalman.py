"""The adaptive filter: it learns a room's echo, keeps it while a user speaks, and learns another."""

from __future__ import annotations

import numpy as np

from assistant.audio.kalman import AdaptiveFilter
from assistant.ports import FRAME, Samples

RATE = 16_000
FRAMES = 4
"""Length of the filter: 0.13 s."""


def noise(seconds: float, seed: int) -> Samples:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE) // FRAME * FRAME)).astype(
        np.float32
    )


def response(seed: int = 1) -> Samples:
    """A room that rings for 0.1 s, of unit energy."""
    at = np.arange(FRAMES * FRAME - 200)
    rings = np.random.default_rng(seed).standard_normal(len(at)) * np.exp(-at / 300)
    return (rings / np.sqrt(np.sum(rings**2))).astype(np.float32)


def heard(far: Samples, seed: int = 1) -> Samples:
    echo: Samples = np.convolve(far, response(seed))[: len(far)].astype(np.float32)
    return echo


def left_by(filter_: AdaptiveFilter, far: Samples, near: Samples) -> Samples:
    """What remains of ``near``."""
    left = [
        near[at : at + FRAME] - filter_.push(far[at : at + FRAME], near[at : at + FRAME])[0]
        for at in range(0, len(far), FRAME)
    ]
    return np.concatenate(left)


def db(sound: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-15))


def test_an_echo_is_learned_within_a_second_or_two() -> None:
    far = noise(3.0, 1)
    near = heard(far)
    left = left_by(AdaptiveFilter(FRAMES), far, near)
    assert np.allclose(left[:FRAME], near[:FRAME]), "nothing is known at first"
    assert db(near[2 * RATE :]) - db(left[2 * RATE :]) > 20


def test_a_user_over_the_echo_is_left_whole_and_the_echo_not_forgotten_for_it() -> None:
    far, user = noise(6.0, 1), noise(6.0, 2)
    user[: 3 * RATE] = user[4 * RATE :] = 0.0
    near = heard(far) + user
    left = left_by(AdaptiveFilter(FRAMES), far, near)
    speaks, after = slice(3 * RATE, 4 * RATE), slice(4 * RATE + FRAME, 5 * RATE)
    assert abs(db(left[speaks]) - db(user[speaks])) < 1.0
    assert db(heard(far)[after]) - db(left[after]) > 15


def test_another_room_is_learned_too() -> None:
    far = noise(8.0, 1)
    half = len(far) // 2 // FRAME * FRAME
    near = np.concatenate((heard(far)[:half], heard(far, 7)[half:]))
    filter_ = AdaptiveFilter(FRAMES)
    filter_.agile = False
    left = left_by(filter_, far, near)
    moved = slice(half, half + RATE // 4)
    assert db(left[moved]) > db(near[moved]) - 3, "what it knows does not hold any more"
    assert db(near[-RATE:]) - db(left[-RATE:]) > 15


def test_what_is_forgotten_takes_nothing_off() -> None:
    far = noise(1.0, 1)
    filter_ = AdaptiveFilter(FRAMES)
    left_by(filter_, far, heard(far))
    filter_.forget()
    echo, fast = filter_.push(far[:FRAME], heard(far)[:FRAME])
    assert not echo.any() and not fast.any()


def test_after_a_rest_nothing_of_before_is_heard_any_more() -> None:
    far = noise(2.0, 1)
    filter_ = AdaptiveFilter(FRAMES)
    left_by(filter_, far, heard(far))
    filter_.rest()
    silence = np.zeros(FRAME, np.float32)
    echo, _ = filter_.push(silence, silence)
    assert not echo.any()
