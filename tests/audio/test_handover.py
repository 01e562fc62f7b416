"""What a device is handed, against a model that goes sample by sample; and with a device of another thread."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.audio.handover import Handover

RATE = 1000
FADE = 5

STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "write", "first", "pause", "resume", "drop", "take"]), st.integers(1, 30)),
    max_size=60,
)


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_every_position_is_handed_over_once_and_none_behind_a_pause_or_drop(steps: list[tuple[str, int]]) -> None:
    handover = Handover(RATE, seconds=0.08)
    sound: dict[int, float] = {}
    value, place, accepted, reached, limit = 1.0, 0, 0, 0, None
    for what, count in steps:
        if what in ("write", "first"):
            samples = np.arange(value, value + count, dtype=np.float32)
            value += count
            assert handover.write(samples, first=what == "first") == accepted
            sound.update({accepted + i: float(sample) for i, sample in enumerate(samples)})
            accepted += count
        elif what == "pause":
            handover.pause()
            limit = limit if limit is not None else max(reached, handover._ending)
        elif what == "resume":
            handover.resume()
            limit = None
        elif what == "drop":
            end = handover.drop()
            assert reached <= end <= min(accepted, reached + FADE)
            accepted, limit = end, None
        else:
            handover.top_up()
            block = np.full(count, np.nan, np.float32)
            handover.take(block, place / RATE)
            assert not np.isnan(block).any()
            now_reached = handover.heard(place + count)
            assert reached <= now_reached <= (accepted if limit is None else limit)
            for position in range(reached, now_reached):
                at = handover.place_of(position)
                assert at is not None and place <= at < place + count
                assert abs(block[at - place]) <= sound[position] + 1e-3
            reached = now_reached
            place += count
    handover.resume()
    for _ in range(200):
        handover.top_up()
        handover.take(np.empty(20, np.float32), 0.0)
        place += 20
    assert handover.heard(place) == accepted


def test_sound_comes_out_as_it_went_in_with_fades_at_a_pause_and_a_drop() -> None:
    handover = Handover(RATE)
    block = np.empty(10, np.float32)
    handover.write(np.ones(100, np.float32), first=True)
    handover.take(block, 0.0)
    assert block.tolist() == [1.0] * 10
    handover.pause()
    handover.take(block, 0.01)
    assert block.tolist() == pytest.approx([5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0, 0, 0, 0, 0])
    assert handover.heard(20) == 10 and handover.place_of(10) is None
    handover.resume()
    handover.take(block, 0.02)
    assert block.tolist() == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1, 1, 1, 1])
    assert handover.place_of(10) == 20 and handover.heard(25) == 15
    assert handover.drop() == 25
    handover.take(block, 0.03)
    assert block.tolist() == pytest.approx([5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0, 0, 0, 0, 0])
    assert handover.heard(40) == 25


def test_only_sound_that_is_late_inside_a_reply_is_an_underrun() -> None:
    handover = Handover(RATE)
    block = np.empty(20, np.float32)
    handover.write(np.ones(10, np.float32), first=True)
    handover.take(block, 0.0)
    handover.write(np.ones(10, np.float32), first=False)
    assert handover.underruns == 1
    handover.take(block, 0.0)
    handover.write(np.ones(10, np.float32), first=True)
    assert handover.underruns == 1


def test_a_drop_is_exact_while_the_device_takes_in_another_thread() -> None:
    handover = Handover(RATE)
    over = threading.Event()

    def device() -> None:
        block = np.empty(7, np.float32)
        while not over.is_set():
            handover.take(block, 0.0)

    thread = threading.Thread(target=device)
    thread.start()
    try:
        for _ in range(300):
            position = handover.write(np.ones(2000, np.float32), first=True)
            handover.pause()
            handover.resume()
            end = handover.drop()
            assert position <= end <= position + 2000
    finally:
        over.set()
        thread.join()
    for _ in range(5):
        handover.take(np.empty(7, np.float32), 0.0)
    place, _ = handover.handed
    assert handover.heard(place) == end


# --- ducking ---


def taken(handover: Handover, place: int, count: int) -> np.ndarray:
    block = np.full(count, np.nan, np.float32)
    handover.take(block, place / RATE)
    return block


def test_a_ducked_sound_is_handed_over_softly_and_faded_within_a_block() -> None:
    handover = Handover(RATE)
    handover.write(np.ones(400, np.float32), first=True)
    assert (taken(handover, 0, 50) == 1.0).all()
    handover.duck(0.2)
    fading = taken(handover, 50, 50)
    assert (np.diff(fading) < 0).all() and np.isclose(fading[-1], 0.2)
    assert np.allclose(taken(handover, 100, 50), 0.2)
    handover.duck(1.0)
    rising = taken(handover, 150, 50)
    assert (np.diff(rising) > 0).all() and np.isclose(rising[-1], 1.0)
    assert (taken(handover, 200, 50) == 1.0).all()
    assert handover.heard(250) == 250


def test_a_drop_ends_the_ducking() -> None:
    handover = Handover(RATE)
    handover.write(np.ones(400, np.float32), first=True)
    handover.duck(0.2)
    taken(handover, 0, 50)
    handover.drop()
    handover.write(np.ones(100, np.float32), first=True)
    taken(handover, 50, 50)
    assert (taken(handover, 100, 30) == 1.0).all()
