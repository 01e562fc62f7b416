"""The loudspeaker's timeline, against a model that goes sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.audio.playout import Playout

RATE = 1000
FADE = 5


class Model:
    """One place after another: what sounds at each, and which position it was."""

    def __init__(self) -> None:
        self.out: list[float] = []
        self.place_of: dict[int, int] = {}
        self.queue: list[float] = []
        self.position = 0
        self.paused = False
        self.fading_out: list[float] = []
        self.fade_in_from: int | None = None
        self.ran_dry_at = 0
        self.underruns = 0
        self.first = True

    def advance(self, here: int) -> None:
        while len(self.out) < here:
            place, sound = len(self.out), 0.0
            if self.queue and (self.fading_out or not self.paused):
                sound = self.queue.pop(0)
                self.place_of[self.position] = place
                self.position += 1
                self.ran_dry_at = place + 1
                if self.fade_in_from is not None and place < self.fade_in_from + FADE:
                    sound *= (place - self.fade_in_from + 1) / (FADE + 1)
                if self.fading_out:
                    sound *= self.fading_out.pop(0)
            self.out.append(sound)

    def write(self, samples: list[float], first: bool) -> int:
        position = self.position + len(self.queue)
        self.first = self.first or first
        if samples:
            if not self.paused and not self.queue and len(self.out) > self.ran_dry_at and not self.first:
                self.underruns += 1
            if not self.paused and not self.queue:
                self.ran_dry_at = len(self.out)
            self.first = False
            self.queue += samples
        return position

    def pause(self) -> None:
        if not self.paused and not self.fading_out:
            self.fade_in_from = None
        self.paused = True

    def resume(self) -> None:
        if self.paused:
            self.paused = False
            start = len(self.out) + len(self.fading_out)
            self.ran_dry_at = max(self.ran_dry_at, start)
            if len(self.queue) > len(self.fading_out):
                self.fade_in_from = start

    def drop(self) -> int:
        if self.fading_out:
            self.queue = self.queue[: len(self.fading_out)]
        elif self.paused:
            self.queue = []
        else:
            self.queue = self.queue[:FADE]
            n = len(self.queue)
            self.fading_out = [1 - (i + 1) / (n + 1) for i in range(n)]
        self.paused = False
        self.first = True
        return self.position + len(self.queue)


STEPS = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from(["write", "write", "write", "first", "pause", "resume", "drop", "take", "nothing"]),
        st.integers(0, 30),
    ),
    max_size=40,
)


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_it_does_what_the_sample_by_sample_model_does(steps: list[tuple[int, str, int]]) -> None:
    playout, model = Playout(RATE), Model()
    taken: list[float] = []
    here, value = 0, 1.0
    for wait, what, count in steps:
        here += wait
        now = here / RATE
        model.advance(here)
        assert playout.heard(now) == model.position
        if what in ("write", "first"):
            samples = [value + i for i in range(count)]
            value += count
            array = np.array(samples, np.float32)
            assert playout.write(array, now, first=what == "first") == model.write(samples, what == "first")
        elif what == "drop":
            assert playout.drop(now) == model.drop()
        elif what == "take":
            taken += playout.take(now).tolist()
        elif what != "nothing":
            getattr(playout, what)(now)
            getattr(model, what)()
    here += 2000
    model.advance(here)
    taken += playout.take(here / RATE).tolist()
    assert taken == pytest.approx(model.out, rel=1e-5)
    assert playout.underruns == model.underruns
    assert playout.heard(here / RATE) == model.position
    for position, place in model.place_of.items():
        assert playout.time_of(position) == place / RATE


def test_sound_lands_at_the_moment_it_was_written_and_follows_on_what_is_queued() -> None:
    playout = Playout(RATE)
    assert playout.write(np.full(10, 0.5, np.float32), 0.1, first=True) == 0
    assert playout.write(np.full(10, 0.25, np.float32), 0.105, first=False) == 10
    sound = playout.take(0.2)
    assert np.flatnonzero(sound).tolist() == list(range(100, 120))
    assert sound[109] == 0.5 and sound[110] == 0.25
    assert playout.underruns == 0


def test_late_sound_is_late_and_an_underrun_inside_a_reply_only() -> None:
    playout = Playout(RATE)
    playout.write(np.ones(10, np.float32), 0.0, first=True)
    playout.write(np.ones(10, np.float32), 0.05, first=False)
    assert playout.underruns == 1
    playout.write(np.ones(10, np.float32), 0.5, first=True)
    assert playout.underruns == 1
    assert [playout.time_of(p) for p in (0, 9, 10, 20, 29, 30)] == [0.0, 0.009, 0.05, 0.5, 0.509, None]


def test_a_pause_holds_from_the_next_sample_and_goes_on_at_that_very_one() -> None:
    playout = Playout(RATE)
    playout.write(np.ones(100, np.float32), 0.0, first=True)
    playout.pause(0.03)
    assert playout.heard(0.5) == 30
    assert playout.time_of(30) is None
    playout.resume(1.0)
    assert playout.heard(1.01) == 40
    assert playout.time_of(30) == 1.0
    sound = playout.take(2.0)
    assert sound[29] == 1.0 and not sound[30:1000].any()
    assert 0 < sound[1000] < sound[1001] < sound[1004] < 1 and sound[1005] == 1.0
    assert playout.underruns == 0


def test_after_a_drop_only_a_fade_is_heard_and_the_next_reply_follows_it() -> None:
    playout = Playout(RATE)
    playout.write(np.ones(100, np.float32), 0.0, first=True)
    assert playout.drop(0.03) == 35
    assert playout.write(np.ones(10, np.float32), 0.03, first=True) == 35
    sound = playout.take(1.0)
    assert 1 > sound[30] > sound[34] > 0
    assert sound[35:45].tolist() == [1.0] * 10 and not sound[45:].any()


def test_a_drop_in_a_pause_is_silent_and_ends_the_pause() -> None:
    playout = Playout(RATE)
    playout.write(np.ones(100, np.float32), 0.0, first=True)
    playout.pause(0.03)
    assert playout.drop(0.05) == 30
    playout.write(np.ones(5, np.float32), 0.06, first=True)
    assert np.flatnonzero(playout.take(1.0)).tolist() == [*range(30), *range(60, 65)]


def test_an_empty_beginning_still_begins_the_reply() -> None:
    playout = Playout(RATE)
    playout.write(np.ones(5, np.float32), 0.0, first=True)
    playout.write(np.zeros(0, np.float32), 0.5, first=True)
    playout.write(np.ones(5, np.float32), 0.6, first=False)
    assert playout.underruns == 0


def test_real_rates_do_not_lose_a_sample_to_rounding() -> None:
    playout = Playout(24_000)
    lengths = {len(playout.take((frame + 1) * 512 / 16_000)) for frame in range(5000)}
    assert lengths == {768}


# --- ducking ---


def test_a_ducked_sound_plays_on_softly_and_comes_back_by_fades_in_its_own_time() -> None:
    playout = Playout(RATE)
    playout.write(np.ones(400, np.float32), 0.0, first=True)
    playout.duck(0.2, 0.1)
    playout.duck(1.0, 0.3)
    out = np.concatenate([playout.take(now) for now in (0.05, 0.15, 0.2, 0.4)])
    assert (out[:100] == 1.0).all() and np.allclose(out[110:300], 0.2) and (out[310:] == 1.0).all()
    assert np.abs(np.diff(out)).max() < 0.2, "no step to be heard"
    assert playout.heard(0.4) == 400, "the words go by"


def test_a_drop_ends_the_ducking() -> None:
    playout = Playout(RATE)
    playout.write(np.ones(400, np.float32), 0.0, first=True)
    playout.duck(0.2, 0.1)
    playout.drop(0.2)
    playout.write(np.ones(100, np.float32), 0.3, first=True)
    out = playout.take(0.4)
    assert np.abs(out[200 : 200 + FADE]).max() <= 0.3 and (out[300:400] == 1.0).all()
