"""Listening without answering: what it knows of ends, and what it learns of its user."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
import numpy as np
import pytest

from assistant.conversation.endpoint import EndpointRules
from assistant.conversation.pauses import Habit
from assistant.dictation import Dictation, Parts
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Notice, Samples, Transcriber

from .test_listen import CountingTranscriber

pytestmark = pytest.mark.anyio
SECONDS = FRAME / CAPTURE_RATE
Spans = Sequence[tuple[float, float]]


class Ears:
    """A microphone before which a hum sounds at ``spans``, and what takes a hum for a voice."""

    name = "told"
    underruns = overflows = 0
    input_over = False

    def __init__(self, spans: Spans, seconds: float) -> None:
        at = np.arange(int(seconds * CAPTURE_RATE)) / CAPTURE_RATE
        sounding = np.any([(start <= at) & (at < end) for start, end in spans], axis=0)
        room = np.random.default_rng(0).standard_normal(len(at)) * 1e-3
        self._sound = (room + 0.3 * sounding * np.sin(2 * np.pi * 150 * at)).astype(np.float32)
        self._now = 0.0

    def now(self) -> float:
        return self._now

    async def frames(self) -> AsyncIterator[Frame]:
        for start in range(0, len(self._sound) - FRAME, FRAME):
            self._now = (start + FRAME) / CAPTURE_RATE
            yield Frame(self._sound[start : start + FRAME], start)
            for _ in range(5):
                await anyio.lowlevel.checkpoint()

    def probability(self, samples: Samples) -> float:
        return 0.99 if np.abs(samples).max() > 0.1 else 0.01

    def reset(self) -> None:
        pass


class Finisher:
    name = "sure"

    def __init__(self, complete: float) -> None:
        self.complete = complete
        self.asked = 0

    async def probability(self, samples: Samples) -> float:
        self.asked += 1
        return self.complete


class Watching:
    def __init__(self) -> None:
        self.ended: list[float] = []
        """When each utterance was over."""

    def notice(self, notice: Notice) -> None:
        if notice.event == "user.speech_ended":
            self.ended.append(notice.t)


async def heard(
    spans: Spans, seconds: float, *, complete: float | None = None, habit: Habit | None = None
) -> tuple[list[float], list[Habit]]:
    """When each utterance was over, and the habits that were handed on."""
    ears, watching, learned = Ears(spans, seconds), Watching(), []
    transcriber: Transcriber = CountingTranscriber()  # type: ignore[assignment]

    @asynccontextmanager
    async def opened() -> AsyncIterator[Finisher]:
        yield Finisher(complete or 0.0)

    parts = Parts(
        duplex=ears,  # type: ignore[arg-type]
        vad=ears,
        transcriber=transcriber,
        observers=[watching],
        endpoint=EndpointRules("adaptive", patience=0.3),
        detector=None if complete is None else opened(),
        habit=habit or Habit(),
        habit_learned=learned.append,
    )
    with anyio.fail_after(30):
        assert await Dictation(parts).run() == "device_lost"
    return watching.ended, learned


async def test_pauses_after_which_the_user_went_on_are_learned() -> None:
    (end,), (habit,) = await heard([(1.0, 2.5), (2.9, 4.5)], 8.0)
    assert end > 4.5
    assert habit.count == 1
    assert habit.log_mean == pytest.approx(0.0, abs=0.2), "a pause of 0.4 s is a usual one"


async def test_without_a_pause_nothing_is_handed_on() -> None:
    assert (await heard([(1.0, 2.5)], 6.0))[1] == []


async def test_a_user_who_is_known_to_think_for_long_is_waited_for() -> None:
    slow = Habit(60.0, 1.0)
    (usual,), _ = await heard([(1.0, 2.5)], 8.0)
    (patient,), _ = await heard([(1.0, 2.5)], 8.0, habit=slow)
    assert patient > usual + 0.2


async def test_a_detector_that_is_sure_ends_sooner() -> None:
    (sure,), _ = await heard([(1.0, 2.5)], 8.0, complete=0.98)
    (doubtful,), _ = await heard([(1.0, 2.5)], 8.0, complete=0.02)
    assert sure < doubtful - 0.2
