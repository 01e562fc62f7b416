"""One utterance's frames in, its transcripts out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import numpy as np
import pytest

from assistant.later import Later
from assistant.listen import Listener, PreRoll
from assistant.ports import FRAME, Frame, ProviderError, TranscriberAbilities, Transcript

pytestmark = pytest.mark.anyio


def frames(count: int, first: int = 0) -> list[Frame]:
    return [Frame(np.zeros(FRAME, np.float32), (first + number) * FRAME) for number in range(count)]


class CountingTranscriber:
    """Each finish gives a final that says how many frames came."""

    name = "counting"
    abilities = TranscriberAbilities()

    def __init__(self, finals: int = 99) -> None:
        self.finals = finals

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[CountingStream]:
        yield CountingStream(self.finals)


class CountingStream:
    def __init__(self, finals: int) -> None:
        self._finals = finals
        self._frames = 0
        self._send, self._receive = anyio.create_memory_object_stream[int](9)

    def push(self, frame: Frame) -> None:
        self._frames += 1

    def finish(self) -> None:
        self._send.send_nowait(self._frames)

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        with self._send, self._receive:
            for _ in range(self._finals):
                yield Transcript(str(await self._receive.receive()), True)


class Heard:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.failures: list[str] = []
        self.changed = anyio.Event()

    def transcript(self, transcript: Transcript) -> None:
        self.texts.append(transcript.text)
        self.changed.set()

    def failure(self, error: ProviderError) -> None:
        self.failures.append(str(error))
        self.changed.set()


@asynccontextmanager
async def opening(gate: anyio.Event, transcriber: CountingTranscriber) -> AsyncIterator[CountingTranscriber]:
    await gate.wait()
    yield transcriber


async def test_sound_from_before_the_transcriber_was_loaded_is_kept() -> None:
    loaded, heard = anyio.Event(), Heard()
    later = Later(opening(loaded, CountingTranscriber()))
    listener = Listener(later, heard.transcript, heard.failure)
    async with anyio.create_task_group() as group:
        group.start_soon(later.run)
        group.start_soon(listener.run)
        for frame in frames(5):
            listener.push(frame)
        listener.hurry()
        await anyio.wait_all_tasks_blocked()
        assert heard.texts == []
        loaded.set()
        await heard.changed.wait()
        assert heard.texts == ["5"]
        group.cancel_scope.cancel()


async def test_nothing_is_told_after_close() -> None:
    loaded, heard = anyio.Event(), Heard()
    loaded.set()
    later = Later(opening(loaded, CountingTranscriber()))
    listener = Listener(later, heard.transcript, heard.failure)
    async with anyio.create_task_group() as group:
        group.start_soon(later.run)
        group.start_soon(listener.run)
        await anyio.wait_all_tasks_blocked()
        listener.hurry()
        listener.close()
        await anyio.wait_all_tasks_blocked()
        assert heard.texts == heard.failures == []
        group.cancel_scope.cancel()


async def test_a_stream_that_ends_by_itself_is_a_failure() -> None:
    loaded, heard = anyio.Event(), Heard()
    loaded.set()
    later = Later(opening(loaded, CountingTranscriber(finals=0)))
    listener = Listener(later, heard.transcript, heard.failure)
    async with anyio.create_task_group() as group:
        group.start_soon(later.run)
        group.start_soon(listener.run)
        await heard.changed.wait()
        assert heard.failures == ["the transcription ended before the utterance"]
        group.cancel_scope.cancel()


def test_the_pre_roll_keeps_the_newest_seconds() -> None:
    pre_roll = PreRoll(1.0)
    for frame in frames(100):
        pre_roll.push(frame)
    kept = pre_roll.since(0.0)
    assert kept[-1].end == pytest.approx(3.2)
    assert kept[-1].end - kept[0].at == pytest.approx(1.0, abs=0.033)
    assert pre_roll.since(3.0)[0].at <= 3.0 < pre_roll.since(3.0)[0].end
    pre_roll.clear()
    assert pre_roll.since(0.0) == []
