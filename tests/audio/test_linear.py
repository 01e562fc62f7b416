"""The linear canceller: it finds the echo, follows the clocks, and leaves a user whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assistant.audio.linear import LinearCanceller
from assistant.audio.room import Acoustics, Room, synthetic
from assistant.ports import FRAME, Frame, Samples
from tests.audio.test_echo import PER_FRAME, PLAYED, RATE, db, talk

ASSISTANT = ["slt-turn-off-the-lights-in-the-kitchen.wav", "slt-what-is-two-plus-two.wav", "slt-tell-me-a-joke.wav"]
PPM = 1e-6


class Held:
    """A room, a canceller, and what came of them."""

    def __init__(self, acoustics: Acoustics) -> None:
        self.room = Room(synthetic(), PLAYED, acoustics)
        self.canceller = LinearCanceller(PLAYED)
        self.number = 0
        self.sure = False

    def hear(self, played: Samples, mic: Samples | None = None) -> tuple[Samples, Samples]:
        """What the microphone heard, and what is left of it."""
        raw, left = [], []
        behind = np.zeros(43, np.float32)  # what is compared was played 2.7 ms before
        for at in range(len(played) // PER_FRAME):
            stretch = played[at * PER_FRAME : (at + 1) * PER_FRAME]
            spoken = np.zeros(FRAME, np.float32) if mic is None else mic[at * FRAME : (at + 1) * FRAME]
            self.room.played(stretch)
            self.canceller.played(stretch)
            frame = self.room.hear(Frame(spoken, self.number * FRAME))
            far = np.concatenate((behind, np.interp(np.arange(FRAME) * 1.5, np.arange(PER_FRAME), stretch)))
            behind = far[FRAME:].astype(np.float32)
            self.canceller.compare(far[:FRAME].astype(np.float32), frame.samples, sure=self.sure)
            echo = self.canceller.hear(frame)
            raw.append(frame.samples)
            left.append(frame.samples if echo is None else frame.samples - echo)
            self.number += 1
        return np.concatenate(raw), np.concatenate(left)


def talking(seconds: float) -> Samples:
    _, played = talk(ASSISTANT)
    return np.resize(played, round(seconds * PLAYED) // PER_FRAME * PER_FRAME).astype(np.float32)


@pytest.mark.parametrize(("gain", "delay", "drift"), [(-6.0, 0.03, 0.0), (-12.0, 0.2, 100.0), (-6.0, 0.06, -200.0)])
def test_the_echo_is_taken_out_and_the_clocks_are_known(gain: float, delay: float, drift: float) -> None:
    held = Held(Acoustics(gain, delay, drift, noise_dbfs=-65.0))
    raw, left = held.hear(talking(20.0))
    settled = slice(14 * RATE, None)
    assert db(raw[settled]) - db(left[settled]) > 18
    assert held.canceller.speed - 1 == pytest.approx(drift * PPM, abs=12 * PPM)


def test_of_a_user_as_loud_as_the_echo_nothing_is_taken() -> None:
    held = Held(Acoustics(-12.0, 0.06, 100.0, noise_dbfs=-65.0))
    held.hear(talking(14.0))
    user, _ = talk(["rms-what-is-your-name.wav"])
    user = user * np.float32(0.25)
    raw, left = held.hear(talking(len(user) / RATE), user)
    frames = [np.square(one[: len(user) // FRAME * FRAME]).reshape(-1, FRAME).sum(axis=1) for one in (user, left)]
    loud = frames[0] > 0.1 * frames[0].max()
    kept = 10 * np.log10(frames[1][loud] / frames[0][loud])
    assert kept.min() > -3, "no frame of the user is muted"
    assert np.median(kept) < 1.5, "and little else is left"


def test_an_echo_that_comes_at_another_time_is_found_there_unless_it_is_known_better() -> None:
    held = Held(Acoustics(-6.0, 0.06, noise_dbfs=-65.0))
    held.hear(talking(8.0))
    held.sure = True
    held.room.jump(0.1)
    raw, left = held.hear(talking(6.0))
    assert db(raw[-RATE:]) - db(left[-RATE:]) < 6, "it is outside of what is listened to only when looked for"
    held.sure = False
    held.hear(talking(6.0))
    raw, left = held.hear(talking(4.0))
    assert db(raw[-2 * RATE :]) - db(left[-2 * RATE :]) > 10


def test_what_was_forgotten_is_looked_for_anew() -> None:
    held = Held(Acoustics(-6.0, 0.06, noise_dbfs=-65.0))
    held.hear(talking(4.0))
    held.canceller.forget()
    assert held.canceller.hear(Frame(np.zeros(FRAME, np.float32), held.number * FRAME)) is None


def test_it_rests_while_nothing_is_played_keeps_little_and_the_time_goes_on() -> None:
    held: Any = Held(Acoustics(-6.0, 0.06, 100.0, noise_dbfs=-65.0))
    held.hear(talking(14.0))
    quiet = np.zeros(PER_FRAME, np.float32)
    for _ in range(30 * RATE // FRAME):
        held.room.played(quiet)
        held.canceller.played(quiet)
        held.canceller.rest(held.room.hear(Frame(np.zeros(FRAME, np.float32), held.number * FRAME)))
        held.number += 1
    assert held.canceller._played._length < 2 * PLAYED, "what can be echoed, and not half a minute"
    raw, left = held.hear(talking(2.0))
    later = slice(RATE // 4, None)
    assert db(raw[later]) - db(left[later]) > 10, "3 ms of drift later it is where it was"
