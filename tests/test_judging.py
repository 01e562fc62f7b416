"""Asking a detector in each silence: when, about what, and what becomes of its answers and its failures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import numpy as np
import pytest
from anyio.abc import TaskGroup

from assistant import judging
from assistant.conversation.events import EndJudged, Voice, VoicePaused, VoiceQuiet, VoiceResumed, VoiceStarted
from assistant.conversation.evidence import ASKED_AT
from assistant.judging import BEFORE, SEEN, Judge
from assistant.ports import CAPTURE_RATE, FRAME, Frame, ProviderError, ProviderUnavailable, Samples, TurnDetector

pytestmark = pytest.mark.anyio
SECONDS = FRAME / CAPTURE_RATE


class Detector:
    name = "told"

    def __init__(self, answer: Callable[[Samples], float] = lambda _: 0.7, pause: float = 0.0) -> None:
        self.answer = answer
        self.pause = pause
        self.asked: list[Samples] = []

    async def probability(self, samples: Samples) -> float:
        self.asked.append(samples)
        await anyio.sleep(self.pause)
        return self.answer(samples)


class Ears:
    """Frames whose samples are their own number, and a judge that hears them."""

    def __init__(self, detector: TurnDetector | Exception) -> None:
        @asynccontextmanager
        async def opened() -> AsyncIterator[TurnDetector]:
            if isinstance(detector, Exception):
                raise detector
            yield detector

        self.now = 0.0
        self.judged: list[EndJudged] = []
        self.troubles: list[str] = []
        self.judge = Judge(opened(), lambda: self.now, self.judged.append, self.troubles.append)
        self.number = 0

    def hear(self, frames: int, *voices: Voice) -> None:
        """The voices come with the first of the frames."""
        for _ in range(frames):
            frame = Frame(np.full(FRAME, self.number, np.float32), self.number * FRAME)
            self.number += 1
            self.now = frame.end
            self.judge.push(frame, voices)
            voices = ()

    async def rest(self) -> None:
        await anyio.wait_all_tasks_blocked()


async def heard(group: TaskGroup, detector: TurnDetector | Exception) -> Ears:
    ears = Ears(detector)
    group.start_soon(ears.judge.run)
    await ears.rest()
    return ears


async def test_it_is_asked_at_64_ms_of_silence_and_again_while_that_lasts() -> None:
    detector = Detector()
    async with anyio.create_task_group() as group:
        ears = await heard(group, detector)
        ears.hear(40, VoiceStarted(0.0))
        quiet = 40 * SECONDS
        asked_after = []
        for frame in range(40):
            ears.hear(1, *([VoiceQuiet(quiet)] if frame == 0 else [VoicePaused(quiet)] if frame == 3 else []))
            before = len(detector.asked)
            await ears.rest()
            if len(detector.asked) > before:
                asked_after.append(round(ears.now - quiet, 3))
        group.cancel_scope.cancel()
    assert len(asked_after) == len(ASKED_AT)
    assert all(at <= after < at + SECONDS for at, after in zip(ASKED_AT, asked_after, strict=True))
    assert [each.quiet_since for each in ears.judged] == [quiet] * len(ASKED_AT)
    assert {each.complete for each in ears.judged} == {0.7}


async def test_it_hears_the_utterance_from_a_little_before_and_at_most_eight_seconds() -> None:
    detector = Detector()
    async with anyio.create_task_group() as group:
        ears = await heard(group, detector)
        ears.hear(100)
        ears.hear(50, VoiceStarted(100 * SECONDS))
        ears.hear(3, VoiceQuiet(150 * SECONDS))
        await ears.rest()
        ears.hear(1, VoiceResumed(153 * SECONDS))
        ears.hear(400)
        ears.hear(3, VoiceQuiet(554 * SECONDS))
        await ears.rest()
        group.cancel_scope.cancel()
    short, long = detector.asked
    assert short[0] == pytest.approx(100 - BEFORE / SECONDS, abs=1)
    assert short[-1] == 151, "two frames of silence"
    assert len(long) == int(SEEN * CAPTURE_RATE) // FRAME * FRAME


async def test_an_answer_about_a_silence_that_is_over_is_nobodys_business() -> None:
    detector = Detector(pause=0.05)
    async with anyio.create_task_group() as group:
        ears = await heard(group, detector)
        ears.hear(40, VoiceStarted(0.0))
        ears.hear(3, VoiceQuiet(40 * SECONDS))
        await ears.rest()
        ears.hear(1, VoiceResumed(43 * SECONDS))
        await anyio.sleep(0.1)
        group.cancel_scope.cancel()
    assert len(detector.asked) == 1
    assert ears.judged == []


async def test_of_questions_that_wait_only_the_newest_is_asked() -> None:
    detector = Detector(pause=0.05)
    async with anyio.create_task_group() as group:
        ears = await heard(group, detector)
        ears.hear(40, VoiceStarted(0.0))
        ears.hear(3, VoiceQuiet(40 * SECONDS))
        await ears.rest()
        ears.hear(30)
        await anyio.sleep(0.3)
        group.cancel_scope.cancel()
    assert len(detector.asked) == 2
    assert len(detector.asked[1]) > len(detector.asked[0])


async def test_nothing_is_asked_while_nobody_listens() -> None:
    detector = Detector()
    async with anyio.create_task_group() as group:
        ears = await heard(group, detector)
        ears.hear(40, VoiceStarted(0.0))
        ears.hear(1, VoiceQuiet(40 * SECONDS))
        ears.judge.over()
        ears.hear(40)
        await ears.rest()
        group.cancel_scope.cancel()
    assert detector.asked == []


def fails(_: Samples) -> float:
    raise ProviderError("told: it broke", provider="told")


def breaks(_: Samples) -> float:
    raise RuntimeError("bad input shape")


@pytest.mark.parametrize(
    ("detector", "why"),
    [
        (Detector(fails), "told: it broke"),
        (Detector(breaks), "told broke: RuntimeError: bad input shape"),
        (ProviderUnavailable("no model"), "no model"),
        (OSError("half a file"), "the detector of turns' ends broke: OSError: half a file"),
    ],
    ids=["fails", "breaks", "cannot be had", "breaks while it is opened"],
)
async def test_trouble_is_told_once_and_the_conversation_goes_on(detector: Detector | Exception, why: str) -> None:
    async with anyio.create_task_group() as group:
        ears = await heard(group, detector)
        for start in range(0, 200, 50):
            ears.hear(40, VoiceStarted(start * SECONDS))
            ears.hear(10, VoiceQuiet((start + 40) * SECONDS))
            await ears.rest()
        group.cancel_scope.cancel()
    assert ears.troubles == [why]
    assert ears.judged == []


async def test_a_detector_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "STALLED", 0.05)
    async with anyio.create_task_group() as group:
        ears = await heard(group, Detector(pause=60.0))
        ears.hear(40, VoiceStarted(0.0))
        ears.hear(3, VoiceQuiet(40 * SECONDS))
        await anyio.sleep(0.3)
        group.cancel_scope.cancel()
    assert len(ears.troubles) == 1 and "did not answer" in ears.troubles[0]
