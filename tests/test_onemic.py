"""A voice is learned from one microphone: one that goes, changes or gives nothing is told of, and not waited for."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.enrolment import Unfit
from assistant.onemic import DEAD, GONE, HARDLY, OneMicrophone
from assistant.ports import CAPTURE_RATE, FRAME, Frame

EACH = FRAME / CAPTURE_RATE


class Listened:
    def __init__(self) -> None:
        self.one = OneMicrophone()
        self.number = 0

    def hear(self, seconds: float, level: float = 0.01) -> None:
        for _ in range(round(seconds / EACH)):
            self.one.heard(Frame(np.full(FRAME, level, np.float32), self.number * FRAME))
            self.number += 1


def test_a_microphone_that_gives_nothing_is_not_waited_for() -> None:
    listened = Listened()
    listened.hear(DEAD - 0.1, level=0.0)
    with pytest.raises(Unfit, match="gives nothing, not even noise: it is muted"):
        listened.hear(0.2, level=0.0)


def test_one_that_gave_noise_once_may_fall_silent() -> None:
    listened = Listened()
    listened.hear(0.1)
    listened.hear(2 * DEAD, level=0.0)


def test_one_that_went_away_is_waited_for_a_little() -> None:
    listened = Listened()
    listened.hear(1.0)
    listened.one.changed("USB headset", None)
    listened.hear(GONE - 0.1, level=0.0)
    with pytest.raises(Unfit, match=r"went away \(USB headset\); connect it"):
        listened.hear(0.2, level=0.0)


def test_one_that_is_back_goes_on() -> None:
    listened = Listened()
    listened.hear(1.0)
    listened.one.changed("USB headset", None)
    listened.hear(1.0, level=0.0)
    listened.one.changed(None, "USB headset")
    listened.hear(2 * GONE)


def test_a_voice_is_not_learned_from_two_microphones() -> None:
    listened = Listened()
    listened.hear(1.0)
    listened.one.changed("USB headset", None)
    listened.one.changed(None, "Built-in")
    with pytest.raises(Unfit, match="changed from USB headset to Built-in meanwhile"):
        listened.hear(0.1)


def test_to_be_told_what_is_behind_the_default_is_no_change() -> None:
    listened = Listened()
    listened.one.changed("default", "default (Virtual_microphone)")
    listened.hear(1.0)


def test_that_hardly_anything_is_heard_is_said_once() -> None:
    one = OneMicrophone()
    assert not one.hardly_heard(HARDLY - 1, 0.0, 0.5)
    assert one.hardly_heard(HARDLY, 0.2, 0.5)
    assert not one.hardly_heard(HARDLY + 1, 0.2, 0.5)
    assert not OneMicrophone().hardly_heard(HARDLY, 2.0, 0.5)
