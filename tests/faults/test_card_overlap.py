"""What `scripts/soak overlap-card` reads off two recordings, made here so that it is known what they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assistant.ports import CAPTURE_RATE, Samples
from scripts._soak import card_overlap
from scripts._soak.card_overlap import RATE
from scripts._soak.corpus import Sound

BEGINS, LAG = 1.0, 0.02
"""Seconds of the recording at which the session's clock is 0, and by which the microphone has all later."""
ALONE = 6.0


def event(name: str, at: float, **data: Any) -> dict[str, Any]:
    return {"event": name, "t": at, "at": at, **data}


def noise(seconds: float, seed: int, rate: int = RATE) -> Samples:
    return np.random.default_rng(seed).uniform(-0.1, 0.1, round(seconds * rate)).astype(np.float32)


def recordings(*silences: tuple[float, float]) -> tuple[Samples, Samples, Samples]:
    """Loudspeaker, microphone, and the one sound over it, at second 8 of the session. ``silences``: of the session."""
    loudspeaker = noise(14.0, 1)
    for start, end in [(-BEGINS, 0.0), *silences]:
        loudspeaker[round((BEGINS + start) * RATE) : round((BEGINS + end) * RATE)] = 0
    clip = noise(1.0, 2, CAPTURE_RATE)
    microphone = np.concatenate((np.zeros(round(LAG * RATE), np.float32), 0.5 * loudspeaker))
    user = card_overlap.soxr.resample(clip, CAPTURE_RATE, RATE)
    first = round((BEGINS + 8.0 + LAG) * RATE)
    microphone[first : first + len(user)] += user
    return loudspeaker, microphone.astype(np.float32), clip


def measured(
    kind: str, silences: list[tuple[float, float]], happened: list[dict[str, Any]]
) -> tuple[card_overlap.Found, card_overlap.Tally]:
    loudspeaker, microphone, clip = recordings(*silences)
    events = [event("reply.audible", 0.0), *happened, event("reply.finished", 12.9), event("session.ended", 13.0)]
    sound = Sound(kind, "made", clip)  # type: ignore[arg-type]
    found = card_overlap._measured(loudspeaker, microphone, events, [sound], [(ALONE, clip)], ALONE)
    (tally,) = found.tallies.values()
    return found, tally


def test_a_user_is_caught_at_the_first_sample_of_the_silence() -> None:
    cut = [event("reply.paused", 8.2), event("reply.interrupted", 8.6), event("reply.audible", 10.0)]
    found, tally = measured("barge-in", [(8.23, 10.0)], cut)
    assert (tally.sounds, tally.good, tally.cancelled) == (1, 1, 1)
    assert tally.waits == [pytest.approx(230, abs=3)]
    assert (found.late, found.alone.pauses, found.alone.interruptions) == (0, 0, 0)


def test_sound_after_a_cut_is_found() -> None:
    cut = [event("reply.paused", 8.2), event("reply.interrupted", 8.6), event("reply.audible", 10.0)]
    found, _ = measured("barge-in", [(8.23, 8.7), (8.71, 10.0)], cut)
    assert found.late == 1


@pytest.mark.parametrize(("until", "good"), [(9.4, 1), (9.8, 0)])
def test_a_murmur_is_resumed_when_the_sound_goes_on_within_half_a_second_of_its_end(until: float, good: int) -> None:
    held = [event("reply.paused", 8.2), event("reply.resumed", until)]
    _, tally = measured("murmur", [(8.2, until)], held)
    assert (tally.sounds, tally.held, tally.good) == (1, 1, good)


@pytest.mark.parametrize(("until", "pauses", "interruptions"), [(3.2, 1, 0), (3.4, 0, 1)])
def test_a_hold_with_nobody_there_is_a_self_pause_and_a_long_one_an_interruption(
    until: float, pauses: int, interruptions: int
) -> None:
    held = [event("reply.paused", 3.0), event("reply.resumed", until)]
    found, _ = measured("noise", [(3.0, until)], held)
    assert (found.alone.pauses, found.alone.interruptions) == (pauses, interruptions)


def test_sound_that_the_card_lost_is_no_hold() -> None:
    found, tally = measured("noise", [(3.0, 3.1), (8.3, 8.4)], [event("lost", 3.1, times=2)])
    assert (found.lost, found.alone.pauses, tally.held, tally.good) == (2, 0, 0, 1)
