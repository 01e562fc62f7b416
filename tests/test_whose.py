"""The gate: what it asks, when, and what becomes of it when nobody can answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import numpy as np
import pytest

from assistant.conversation.events import SpeakerTold
from assistant.errors import ProviderError, ProviderUnavailable
from assistant.ports import FRAME, Frame, Samples, SpeakerId
from assistant.whose import AGAIN, ENOUGH, FIRST, WAIT, SpeakerGate

pytestmark = pytest.mark.anyio


class Loud:
    """The loud voice plainly is the enrolled one, (1, 0), the soft one plainly is not, and what is between may be."""

    name, model = "loud", "by level"
    chance, spread = 0.5, 0.05

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.error: Exception | None = None

    async def embedding(self, samples: Samples) -> np.ndarray:
        self.asked.append(len(samples))
        if self.error is not None:
            raise self.error
        level = np.abs(samples).mean()
        return np.array([1, 0] if level > 0.3 else [0.55, 0.835] if level > 0.1 else [0, 1], np.float32)


class Gate:
    """A gate, and all that it told."""

    def __init__(self, speaker: Loud | None, model: str = "by level", voice: tuple[float, ...] = (1.0, 0.0)) -> None:
        self.told: list[SpeakerTold] = []
        self.trouble: list[str] = []
        self._at = 0
        self.gate = SpeakerGate(
            self._opened(speaker),
            model,
            voice,
            lambda: self._at / 16_000,
            self.told.append,
            self.trouble.append,
            "anna",
        )

    @staticmethod
    @asynccontextmanager
    async def _opened(speaker: Loud | None) -> AsyncIterator[SpeakerId]:
        if speaker is None:
            raise ProviderUnavailable("there is no network")
        yield speaker

    async def hear(self, seconds: float, level: float = 0.5, probability: float = 0.9, turn: int = 2) -> None:
        """Frames, at whose end everything that can be answered has been."""
        for _ in range(round(seconds * 16_000 / FRAME)):
            self.gate.push(Frame(np.full(FRAME, level, np.float32), self._at), probability, turn)
            self._at += FRAME
            await anyio.wait_all_tasks_blocked()


@asynccontextmanager
async def running(gate: Gate) -> AsyncIterator[Gate]:
    async with anyio.create_task_group() as group:
        group.start_soon(gate.gate.run)
        await anyio.wait_all_tasks_blocked()
        yield gate
        group.cancel_scope.cancel()


@pytest.mark.parametrize(("level", "other"), [(0.5, False), (0.01, True)])
async def test_what_is_plain_is_told_after_half_a_second_of_speech(level: float, other: bool) -> None:
    async with running(Gate(Loud())) as gate:
        await gate.hear(FIRST - 0.1, level)
        await gate.hear(5.0, level, probability=0.1)
        assert gate.told == [], "silence is no speech"
        await gate.hear(0.15, level)
        assert [(one.turn, one.other) for one in gate.told[:1]] == [(2, other)]


async def test_what_is_not_plain_is_told_once_there_is_a_second_of_speech_and_again_later() -> None:
    speaker = Loud()
    async with running(Gate(speaker)) as gate:
        await gate.hear(ENOUGH - 0.1, level=0.2)
        assert gate.told == [] and len(speaker.asked) > 3
        await gate.hear(0.15, level=0.2)
        assert [(one.turn, one.other) for one in gate.told] == [(2, False)]
        await gate.hear(AGAIN + 0.05, level=0.01)
        await gate.hear(AGAIN, level=0.01)
        assert [one.other for one in gate.told] == [False, False, True], "of the newest second, half and half is theirs"
    assert max(speaker.asked) <= ENOUGH * 16_000 + FRAME


async def test_what_was_told_too_soon_is_put_right() -> None:
    async with running(Gate(Loud())) as gate:
        await gate.hear(FIRST + 0.1, level=0.01)
        await gate.hear(ENOUGH, level=0.5)
    assert (gate.told[0].other, gate.told[-1].other) == (True, False)


async def test_another_voice_is_told_as_such_before_the_floor_is_given_away() -> None:
    async with running(Gate(Loud())) as gate:
        await gate.hear(WAIT, level=0.01)
    assert gate.told[0].other and gate.told[0].at < WAIT


async def test_every_overlap_begins_anew() -> None:
    async with running(Gate(Loud())) as gate:
        await gate.hear(0.4, level=0.01, turn=2)
        await gate.hear(0.4, level=0.01, turn=3)
        assert gate.told == []
        gate.gate.over()
        await gate.hear(0.4, level=0.01, turn=3)
        assert gate.told == []


async def test_while_it_is_not_open_every_voice_may_be_theirs() -> None:
    gate = Gate(Loud())
    await gate.hear(2.0, level=0.01)
    assert [(one.turn, one.other) for one in gate.told] == [(2, False)]


@pytest.mark.parametrize(
    ("gate", "why"),
    [
        (Gate(None), "there is no network"),
        (Gate(Loud(), model="another"), "learned with another model"),
    ],
)
async def test_what_cannot_be_opened_is_told_once_and_lets_every_voice_in(gate: Gate, why: str) -> None:
    async with running(gate):
        await gate.hear(2.0, level=0.01)
    assert len(gate.trouble) == 1 and why in gate.trouble[0] and "every voice may interrupt" in gate.trouble[0]
    assert [one.other for one in gate.told] == [False]


@pytest.mark.parametrize(
    "error", [ProviderError("it broke", provider="loud"), RuntimeError("it broke")], ids=["fails", "breaks"]
)
async def test_one_that_fails_is_told_of_once_and_the_overlap_is_freed(error: Exception) -> None:
    speaker = Loud()
    speaker.error = error
    async with running(Gate(speaker)) as gate:
        await gate.hear(3.0, level=0.01)
        await gate.hear(3.0, level=0.01, turn=3)
    assert len(gate.trouble) == 1 and "it broke" in gate.trouble[0]
    assert [(one.turn, one.other) for one in gate.told] == [(2, False), (3, False)]
    assert len(speaker.asked) == 1


async def test_numbers_of_another_size_are_no_voice_to_compare_with() -> None:
    async with running(Gate(Loud(), voice=(1.0, 0.0, 0.0))) as gate:
        await gate.hear(2.0)
    assert len(gate.trouble) == 1 and [one.other for one in gate.told] == [False]
