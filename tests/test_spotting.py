"""Stop words over a reply: what the spotter gets to hear, what is told of it, and what becomes of one that fails."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import numpy as np
import pytest

from assistant.conversation.events import StopSpotted
from assistant.errors import ProviderError, ProviderUnavailable
from assistant.ports import FRAME, Frame, KeyphraseSpotter, Samples, Spotted
from assistant.spotting import CHANCES, StopWords
from providers import keyphrases
from providers.keyphrases import SphinxSpotter
from tests.recorded import recording

pytestmark = pytest.mark.anyio
PATIENCE = 20
"""Seconds within which everything must have come, on the slowest machine."""


class Loud:
    """A loud frame is a stop word; each stream keeps what it was given."""

    name, phrases = "loud", ("stop",)

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        self.open = 0
        self.fails = 0
        """So many streams cannot be opened."""

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[Stream]:
        if self.fails:
            self.fails -= 1
            raise ProviderError("its process ended", provider="loud")
        stream = Stream()
        self.streams.append(stream)
        self.open += 1
        try:
            yield stream
        finally:
            self.open -= 1


class Stream:
    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.error: Exception | None = None
        self._changed = anyio.Event()

    def push(self, frame: Frame) -> None:
        self.frames.append(frame)
        self.wake()

    def wake(self) -> None:
        self._changed.set()

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Spotted:
        while True:
            await self._changed.wait()
            self._changed = anyio.Event()
            if self.error is not None:
                raise self.error
            if self.frames[-1].samples[0] > 0.5:
                return Spotted("stop", self.frames[-1].at, self.frames[-1].end)


class Conversation:
    """A session's part, and all that it is told."""

    def __init__(self, spotter: KeyphraseSpotter | None) -> None:
        self.spotted: list[StopSpotted] = []
        self.trouble: list[str] = []
        self._at = 0
        self.words = StopWords(
            self._opened(spotter), lambda: self._at / 16_000, self.spotted.append, self.trouble.append
        )

    @staticmethod
    @asynccontextmanager
    async def _opened(spotter: KeyphraseSpotter | None) -> AsyncIterator[KeyphraseSpotter]:
        if spotter is None:
            raise ProviderUnavailable("there is no model")
        yield spotter

    def frame(self, level: float = 0.1) -> Frame:
        frame = Frame(np.full(FRAME, level, np.float32), self._at)
        self._at += FRAME
        return frame

    async def settled(self) -> None:
        await anyio.wait_all_tasks_blocked()

    async def hears(self, turn: int, sound: Samples) -> None:
        """An overlap, until a stop word is spotted in it."""
        self.words.begin(turn, [])
        known = len(self.spotted)
        with anyio.fail_after(PATIENCE):
            for at in range(0, len(sound) - FRAME + 1, FRAME):
                self.words.push(Frame(sound[at : at + FRAME], at))
                await anyio.sleep(0.005)
            while len(self.spotted) == known:  # noqa: ASYNC110 - another task's
                await anyio.sleep(0.01)
        self.words.over()

    async def hears_nothing(self, turn: int, spotter: SphinxSpotter, how: int) -> None:
        """An overlap in which the spotter's process is sent a signal, until that is noticed."""
        patience, spotter._engine.patience = spotter._engine.patience, 0.3  # to start takes longer
        self.words.begin(turn, [])
        await self.settled()
        known = self.words._failures
        assert spotter.pid is not None
        os.kill(spotter.pid, how)
        with anyio.fail_after(PATIENCE):
            while self.words._failures == known:
                self.words.push(self.frame(0.0))
                await anyio.sleep(0.01)
        spotter._engine.patience = patience
        self.words.over()
        await self.settled()


@asynccontextmanager
async def running(conversation: Conversation) -> AsyncIterator[Conversation]:
    async with anyio.create_task_group() as group:
        group.start_soon(conversation.words.run)
        await conversation.settled()
        yield conversation
        group.cancel_scope.cancel()


async def test_it_hears_each_overlap_from_a_little_before_its_voice_on() -> None:
    spotter = Loud()
    async with running(Conversation(spotter)) as talk:
        before = [talk.frame(), talk.frame()]
        talk.words.begin(2, before)
        talk.words.push(talk.frame())  # the stream is not open yet
        await talk.settled()
        talk.words.push(talk.frame(0.9))
        await talk.settled()
        assert [frame.start for frame in spotter.streams[0].frames] == [0, FRAME, 2 * FRAME, 3 * FRAME]
        assert talk.spotted == [StopSpotted(4 * FRAME / 16_000, 2, "stop", 4 * FRAME / 16_000)]


async def test_nothing_is_listened_to_between_overlaps_and_the_next_begins_anew() -> None:
    spotter = Loud()
    async with running(Conversation(spotter)) as talk:
        talk.words.begin(2, [talk.frame()])
        await talk.settled()
        talk.words.over()
        await talk.settled()
        assert talk.words.turn is None and spotter.open == 0
        talk.words.push(talk.frame(0.9))
        await talk.settled()
        talk.words.begin(3, [talk.frame()])
        await talk.settled()
        assert [len(stream.frames) for stream in spotter.streams] == [1, 1] and talk.spotted == []
        talk.words.begin(4, [talk.frame(0.9)])
        await talk.settled()
        assert [one.turn for one in talk.spotted] == [4] and spotter.open == 1


async def test_an_overlap_before_it_is_open_is_heard_when_it_is() -> None:
    spotter = Loud()
    talk = Conversation(spotter)
    talk.words.begin(2, [talk.frame(), talk.frame(0.9)])
    async with running(talk):
        assert [one.turn for one in talk.spotted] == [2]


async def test_what_cannot_be_opened_is_told_once_and_never_waited_for() -> None:
    async with running(Conversation(None)) as talk:
        talk.words.begin(2, [talk.frame()])
        talk.words.push(talk.frame(0.9))
        await talk.settled()
    assert len(talk.trouble) == 1 and "there is no model" in talk.trouble[0] and talk.spotted == []


@pytest.mark.parametrize(
    "error", [ProviderError("it broke", provider="loud"), RuntimeError("it broke")], ids=["fails", "breaks"]
)
async def test_one_that_dies_is_told_of_once_and_listens_again_to_the_next_overlap(error: Exception) -> None:
    spotter = Loud()
    async with running(Conversation(spotter)) as talk:
        talk.words.begin(2, [talk.frame()])
        await talk.settled()
        spotter.streams[0].error = error
        spotter.streams[0].wake()
        await talk.settled()
        talk.words.push(talk.frame(0.9))
        talk.words.begin(3, [talk.frame(0.9)])
        await talk.settled()
    assert [one.turn for one in talk.spotted] == [3]
    assert len(talk.trouble) == 1 and "it broke" in talk.trouble[0]


async def test_one_that_does_not_even_take_the_sound_does_no_harm() -> None:
    spotter = Loud()
    async with running(Conversation(spotter)) as talk:
        talk.words.begin(2, [talk.frame()])
        await talk.settled()
        del spotter.streams[0].frames
        talk.words.push(talk.frame())
        talk.words.push(talk.frame())
        await talk.settled()
        assert spotter.open == 0
        talk.words.begin(3, [talk.frame(0.9)])
        await talk.settled()
    assert [one.turn for one in talk.spotted] == [3]
    assert len(talk.trouble) == 1 and "AttributeError" in talk.trouble[0]


async def test_one_that_dies_again_and_again_is_done_without() -> None:
    spotter = Loud()
    spotter.fails = 100
    async with running(Conversation(spotter)) as talk:
        for turn in range(2, 2 + CHANCES + 3):
            talk.words.begin(turn, [talk.frame(0.9)])
            await talk.settled()
    assert len(talk.trouble) == 2 and "transcript alone" in talk.trouble[-1]


async def test_one_that_cannot_be_opened_is_asked_once_more_for_the_same_overlap() -> None:
    """Its process has died since the last, say: nothing of this overlap is lost if there is another at once."""
    spotter = Loud()
    spotter.fails = 1
    async with running(Conversation(spotter)) as talk:
        talk.words.begin(2, [talk.frame(), talk.frame(0.9)])
        await talk.settled()
    assert [one.turn for one in talk.spotted] == [2] and len(talk.trouble) == 1


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_real_process_that_is_killed_or_hangs_is_told_of_once_and_started_again_a_few_times(how: int) -> None:
    """The session goes on, and does without in the end."""
    async with keyphrases.spotter({"phrases": ("stop",)}) as spotter:
        talk = Conversation(spotter)
        async with running(talk):
            for failure in range(1, CHANCES + 1):
                await talk.hears_nothing(2 * failure, spotter, how)
                assert talk.words._failures == failure and len(talk.trouble) == (1 if failure < CHANCES else 2)
                if failure < CHANCES:
                    await talk.hears(2 * failure + 1, recording("slt-stop"))
            assert "because its process" in talk.trouble[0] and "transcript alone" in talk.trouble[1]
            talk.words.begin(20, [talk.frame(0.9)])
            await talk.settled()
            assert spotter.pid is None
    assert [one.turn for one in talk.spotted] == [2 * failure + 1 for failure in range(1, CHANCES)]


async def test_sound_that_nobody_takes_is_not_kept_for_ever() -> None:
    """One that is opened slowly, and an overlap that goes on and on."""
    talk = Conversation(Loud())
    talk.words.begin(2, [])
    for _ in range(10_000):
        talk.words.push(talk.frame())
    assert len(talk.words._waiting) <= 100
