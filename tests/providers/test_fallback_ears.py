"""Chains of recognisers, on virtual time: a successor hears the utterance from its first frame, and answers once."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
import trio.testing

from assistant.ports import FRAME, ProviderError, Transcript
from providers._options import Timeouts
from providers.fallback import fallback_transcriber
from tests.providers.doubles import Ear, EarStream, Failures, frame

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


async def utterance(chain: Any, frames: int = 10, *, finishes: int = 1) -> list[Transcript]:
    finals = []
    async with chain.stream() as stream:
        for index in range(frames):
            stream.push(frame(index))
            await anyio.sleep(0.032)
        results = aiter(stream)
        for _ in range(finishes):
            stream.finish()
            finals.append(await anext(results))
    return finals


async def test_a_transcriber_that_is_well_is_all_that_is_heard() -> None:
    a, b = Ear("a"), Ear("b")
    async with fallback_transcriber([a, b], Failures()) as chain:
        finals = await utterance(chain, finishes=2)
    assert [(final.provider, final.text) for final in finals] == [("a", "10 frames")] * 2
    assert a.streams[0].closed is not None
    assert b.streams == []


async def test_the_successor_hears_the_utterance_from_its_first_frame() -> None:
    failures = Failures()
    a, b = Ear("a", fails_after=6), Ear("b")
    async with fallback_transcriber([a, b], failures) as chain:
        finals = await utterance(chain)
    assert [(final.provider, final.text) for final in finals] == [("b", "10 frames")]
    assert [heard.start for heard in b.streams[0].frames] == [index * FRAME for index in range(10)]
    assert failures.seen == [("stt", "a", "a went deaf", "b")]
    assert a.streams[0].closed is not None


async def test_a_finish_that_hangs_is_passed_on_to_the_successor() -> None:
    failures = Failures()
    async with fallback_transcriber([Ear("a", delay=1e9), Ear("b")], failures, Timeouts(first_byte=2.0)) as chain:
        began = anyio.current_time()
        finals = await utterance(chain)
        assert anyio.current_time() - began == pytest.approx(10 * 0.032 + 2.5 + 0.1)
    assert [final.provider for final in finals] == ["b"]
    assert failures.seen == [("stt", "a", "a gave no transcript for 2 s", "b")]


async def test_silence_before_the_pause_is_no_hang() -> None:
    async with fallback_transcriber([Ear("a"), Ear("b")], Failures(), Timeouts(first_byte=2.0)) as chain:
        finals = await utterance(chain, frames=500)
    assert [final.provider for final in finals] == ["a"]


async def test_one_that_hangs_up_early_is_followed_by_the_next() -> None:
    async with fallback_transcriber([Ear("a", ends_early=True), Ear("b")], Failures()) as chain:
        assert [final.provider for final in await utterance(chain)] == ["b"]


async def test_when_nobody_is_left_the_one_who_waits_is_told() -> None:
    failures = Failures()
    async with fallback_transcriber([Ear("a", fails_after=1), Ear("b", fails_after=3)], failures) as chain:
        with pytest.raises(ProviderError, match="b went deaf"):
            await utterance(chain)
    assert failures.path == [("a", "b"), ("b", None)]


@pytest.mark.parametrize("broken", ["push", "finish", "__aiter__"])
async def test_a_mistake_anywhere_in_a_transcriber_is_its_failure(broken: str) -> None:
    class Broken(EarStream):
        pass

    def bug(*_: object) -> None:
        raise TypeError(broken)

    setattr(Broken, broken, bug)
    failures = Failures()
    a, b = Ear("a", kind=Broken), Ear("b")
    async with fallback_transcriber([a, b], failures) as chain:
        finals = await utterance(chain)
    assert [(final.provider, final.text) for final in finals] == [("b", "10 frames")]
    assert failures.seen == [("stt", "a", f"a broke: TypeError: {broken}", "b")]
    assert a.streams[0].closed is not None


async def test_leaving_in_the_middle_cancels_what_is_under_way() -> None:
    a = Ear("a", delay=1e9)
    async with fallback_transcriber([a], Failures()) as chain:
        with anyio.move_on_after(1.0):
            await utterance(chain)
        assert a.streams[0].closed
