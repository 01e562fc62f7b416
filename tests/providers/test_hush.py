"""The network is spared the room's own noise, and misses nothing by it."""

from __future__ import annotations

import numpy as np

from assistant.ports import FRAME, Samples
from providers._hush import CALM, CATCH_UP, Hush


class Counting:
    """A network that calls anything loud speech, and remembers what it was asked about."""

    name = "counting"

    def __init__(self) -> None:
        self.asked: list[Samples] = []
        self.resets = 0

    def probability(self, samples: Samples) -> float:
        self.asked.append(samples)
        return 0.9 if np.abs(samples).max() > 0.1 else 0.02

    def reset(self) -> None:
        self.resets += 1


def noise(level: float, seed: int = 0) -> Samples:
    return (np.random.default_rng(seed).standard_normal(FRAME) * level).astype(np.float32)


def test_steady_noise_is_passed_over_after_a_second() -> None:
    network = Counting()
    hush = Hush(network)
    answers = [hush.probability(noise(0.001, seed)) for seed in range(200)]
    assert len(network.asked) == CALM
    assert set(answers) == {0.02}


def test_a_louder_frame_is_asked_about_at_once_after_the_newest_it_missed() -> None:
    network = Counting()
    hush = Hush(network)
    quiet = [noise(0.001, seed) for seed in range(100)]
    for frame in quiet:
        hush.probability(frame)
    loud = noise(0.2)
    assert hush.probability(loud) == 0.9
    assert [id(frame) for frame in network.asked[CALM:]] == [id(frame) for frame in [*quiet[-CATCH_UP:], loud]]


def test_after_speech_it_waits_for_calm_again() -> None:
    network = Counting()
    hush = Hush(network)
    for frame in [noise(0.001)] * 50 + [noise(0.2)] * 5:
        hush.probability(frame)
    asked = len(network.asked)
    for _ in range(CALM):
        hush.probability(noise(0.001))
    assert len(network.asked) == asked + CALM


def test_soft_speech_over_loud_noise_is_asked_about() -> None:
    network = Counting()
    hush = Hush(network)
    for seed in range(100):
        hush.probability(noise(0.02, seed))
    asked = len(network.asked)
    hush.probability(noise(0.02, 1) + noise(0.02, 2))  # as loud as the noise: 3 dB more
    assert len(network.asked) == asked + CATCH_UP + 1


def test_a_room_that_grows_louder_is_learned() -> None:
    network = Counting()
    hush = Hush(network)
    for seed in range(100):
        hush.probability(noise(0.001, seed))
    for seed in range(200):
        hush.probability(noise(0.01, seed))
    asked = len(network.asked)
    for seed in range(50):
        hush.probability(noise(0.01, seed))
    assert len(network.asked) == asked


def test_reset_reaches_the_network() -> None:
    network = Counting()
    Hush(network).reset()
    assert network.resets == 1
