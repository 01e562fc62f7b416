"""The gate between a reply's voice and the loudspeaker, on the loudspeaker's own timeline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from assistant.audio.playout import Playout, PlayoutSide
from assistant.audio.volume import Volume
from assistant.gate import Gate
from assistant.ports import Frame, Samples

RATE = 24_000


class Loudspeaker(PlayoutSide):
    """A Duplex with a loudspeaker alone, whose time is set by hand."""

    playback_rate = RATE
    overflows = 0
    input_over = True

    def __init__(self) -> None:
        self.at = 0.0
        self._playout = Playout(RATE)

    def now(self) -> float:
        return self.at

    def frames(self) -> AsyncIterator[Frame]:
        raise AssertionError("nobody listens here")

    def tap(self, sink: Callable[[Samples], None], *, early: bool = False) -> None:
        raise AssertionError("nobody records here")

    def samples(self, until: float) -> Samples:
        """What has left it by ``until``."""
        self.at = until
        return self._playout.take(until)

    def sound(self, until: float) -> float:
        """Seconds of sound that have left it by ``until``."""
        return float(np.count_nonzero(self.samples(until))) / RATE


def tone(seconds: float) -> Samples:
    return np.full(round(seconds * RATE), 0.3, np.float32)


def test_a_shut_gate_keeps_its_sound_until_it_opens() -> None:
    speaker = Loudspeaker()
    gate = Gate(speaker, is_open=False)
    gate.write(tone(0.5))
    speaker.at = 2.0
    assert gate.base is None
    gate.open()
    gate.write(tone(0.5))
    assert gate.started_at() == pytest.approx(2.0)
    assert speaker.sound(until=4.0) == pytest.approx(1.0)


def test_a_closed_gate_lets_nothing_through_whoever_still_holds_a_chunk() -> None:
    speaker = Loudspeaker()
    gate = Gate(speaker, is_open=True)
    gate.write(tone(2.0))
    speaker.at = 0.5
    assert gate.close() == pytest.approx(0.505, abs=0.001)  # the fade counts as heard
    gate.write(tone(1.0))
    gate.open()
    assert speaker.sound(until=5.0) == pytest.approx(0.505, abs=0.001)


def test_closing_a_draft_touches_nothing_that_is_being_heard() -> None:
    speaker = Loudspeaker()
    speaker.play(tone(1.0), first=True)
    draft = Gate(speaker, is_open=False)
    draft.write(tone(1.0))
    assert draft.close() == 0.0
    assert speaker.sound(until=3.0) == pytest.approx(1.0)


def test_what_was_heard_counts_from_the_replys_own_first_sample() -> None:
    speaker = Loudspeaker()
    speaker.play(tone(1.0), first=True)
    speaker.at = 1.5
    gate = Gate(speaker, is_open=True)
    gate.write(tone(1.0))
    speaker.at = 1.75
    assert gate.heard() == pytest.approx(0.25)
    assert gate.time_at(0.5) == pytest.approx(2.0)
    speaker.at = 9.0
    assert gate.heard() == pytest.approx(1.0)


def test_a_new_volume_is_that_of_what_is_handed_over_from_then_on() -> None:
    speaker, volume = Loudspeaker(), Volume()
    gate = Gate(speaker, is_open=False, volume=volume)
    gate.write(tone(1.0))
    volume.change(-6.0)  # what is kept is not played yet
    gate.open()
    gate.write(tone(1.0))
    volume.change(6.0)
    gate.write(tone(1.0))
    heard = speaker.samples(until=4.0)
    quiet = 0.3 * 10 ** (-6 / 20)
    assert heard[[RATE // 2, RATE * 3 // 2, RATE * 5 // 2]] == pytest.approx([quiet, quiet, 0.3], rel=1e-4)
    assert gate.written == 3 * RATE


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "a draft"])
def test_a_silence_that_is_meant_is_no_underrun(is_open: bool) -> None:
    """The draft is opened while what comes after the rest is still to be made."""
    speaker = Loudspeaker()
    gate = Gate(speaker, is_open=is_open)
    gate.write(tone(0.5))
    gate.rest()
    gate.open()
    speaker.sound(until=2.0)
    gate.write(tone(0.5))
    assert (speaker.sound(until=3.0), speaker.underruns) == (pytest.approx(0.5), 0)
    gate.write(tone(0.5))
    assert (speaker.sound(until=4.0), speaker.underruns) == (pytest.approx(0.5), 1), "one that is not meant"
