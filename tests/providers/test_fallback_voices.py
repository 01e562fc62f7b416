"""Chains of voices, on virtual time: nothing is said twice, and what is left of a text is said by the next one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import anyio
import numpy as np
import pytest
import trio.testing

from assistant.ports import FailedMidway, ProviderError, SpeechChunk, SpokenWord, Synthesizer, SynthesizerAbilities
from providers._options import Timeouts
from providers.fallback import fallback_synthesizer
from tests.providers.doubles import Failures

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


@dataclass
class Voice:
    name: str
    chunks: int = 3
    error: Exception | None = None
    rate: int = 24_000
    abilities: SynthesizerAbilities = SynthesizerAbilities(word_times=True)
    texts: list[str] = field(default_factory=list)

    async def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        self.texts.append(text)
        for index in range(self.chunks):
            tone = np.sin(np.arange(self.rate // 10) * 2 * np.pi * 440 / self.rate).astype(np.float32)
            yield SpeechChunk(tone, (SpokenWord(0.1 * index, 0, 3),))
        if self.error is not None:
            raise self.error

    async def stream(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
        async for piece in text:
            async for chunk in self.speak(piece):
                yield chunk


async def test_the_next_voice_says_the_same_text_at_the_chains_rate() -> None:
    failures = Failures()
    silent = Voice("a", chunks=0, error=ProviderError("a lost its voice"))
    other = Voice("b", rate=22_050)
    async with fallback_synthesizer([silent, other], failures) as chain:
        chunks = [chunk async for chunk in chain.speak("hello")]
    assert (chain.rate, other.texts, failures.path) == (24_000, ["hello"], [("a", "b")])
    sound = np.concatenate([chunk.samples for chunk in chunks])
    assert len(sound) == pytest.approx(0.3 * 24_000, abs=2)
    assert np.abs(np.fft.rfft(sound)).argmax() * 24_000 / len(sound) == pytest.approx(440, abs=5)
    assert [word.start for chunk in chunks for word in chunk.words] == [0.0, 0.1, 0.2]


@dataclass
class Paced(Voice):
    abilities: SynthesizerAbilities = SynthesizerAbilities(adjusts_speed=True)
    speeds: list[float] = field(default_factory=list)

    def set_speed(self, factor: float) -> None:
        self.speeds.append(factor)


async def test_whichever_voice_speaks_does_so_at_the_speed_that_was_set() -> None:
    first, fixed, last = Paced("a"), Voice("b"), Paced("c")
    async with fallback_synthesizer([first, fixed, last], Failures()) as chain:
        assert chain.abilities.adjusts_speed
        await voiced(chain)
        assert first.speeds == [], "it is left alone until somebody wants another"
        chain.set_speed(0.8)
        await voiced(chain)
        first.error, first.chunks = ProviderError("a lost its voice"), 0
        await voiced(chain)
        fixed.error, fixed.chunks = ProviderError("b lost its voice"), 0
        await voiced(chain)
    assert (set(first.speeds), set(last.speeds)) == ({0.8}, {0.8})
    assert len(fixed.texts) == 2, "one that cannot is no worse for it"


async def test_a_chain_whose_first_voice_has_one_speed_promises_no_other() -> None:
    async with fallback_synthesizer([Voice("a"), Paced("b")], Failures()) as chain:
        assert not chain.abilities.adjusts_speed


async def voiced(chain: Synthesizer) -> None:
    async for _ in chain.speak("hello"):
        pass


async def test_a_voice_that_breaks_off_is_told_midway() -> None:
    failures = Failures()
    async with fallback_synthesizer([Voice("a", error=ProviderError("a broke off")), Voice("b")], failures) as chain:
        with pytest.raises(FailedMidway):
            async for _ in chain.speak("hello"):
                pass
        assert len([chunk async for chunk in chain.speak("the rest")]) == 3
    assert failures.path == [("a", "b")]


@pytest.mark.parametrize("streams", [True, False])
async def test_streamed_text_is_read_again_for_the_next_voice(streams: bool) -> None:
    first = Voice("a", 0, ProviderError("a lost its voice"), abilities=SynthesizerAbilities(streams_text=True))
    second = Voice("b", abilities=SynthesizerAbilities(streams_text=streams))

    async def writing() -> AsyncIterator[str]:
        for piece in ("Hello ", "there, ", "you."):
            await anyio.sleep(30.0)  # slower than any voice may be: it is the text that is slow
            yield piece

    async with fallback_synthesizer([first, second], Failures()) as chain:
        assert [len(chunk.samples) async for chunk in chain.stream(writing())]  # type: ignore[attr-defined]
    assert second.texts == (["Hello ", "there, ", "you."] if streams else ["Hello there, you."])


STREAMING = SynthesizerAbilities(streams_text=True)


class Written:
    """Text that comes a piece every 30 s: slower than any voice may be."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = list(pieces)

    def __aiter__(self) -> Written:
        return self

    async def __anext__(self) -> str:
        await anyio.sleep(30.0)
        if not self.pieces:
            raise StopAsyncIteration
        return self.pieces.pop(0)


@pytest.mark.parametrize("reads", [0, 1, 99])
async def test_a_streaming_voice_that_hangs_is_a_failure_however_slow_the_text_is(reads: int) -> None:
    class Hanging(Voice):
        async def stream(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
            left = reads
            while left and await anext(text, None) is not None:
                left -= 1
            await anyio.sleep_forever()
            yield SpeechChunk(np.zeros(0, np.float32))

    failures, second = Failures(), Voice("b", abilities=STREAMING)
    chain = fallback_synthesizer([Hanging("a", abilities=STREAMING), second], failures, Timeouts(1.0, 2.0, 1.0))
    async with chain as voice:
        with anyio.fail_after(200):
            async for _ in voice.stream(Written("Hello ", "you.")):  # type: ignore[attr-defined]
                pass
    assert second.texts == ["Hello ", "you."]
    assert failures.seen == [("tts", "a", "a gave nothing for 2 s", "b")]


async def test_a_streaming_voice_that_breaks_while_it_waits_for_text_loses_none_of_it() -> None:
    class Cut(Voice):
        """Sends the text in a task of its own, as one with a socket does, and is cut off meanwhile."""

        async def stream(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
            async def send() -> None:
                async for _ in text:
                    pass

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(send)
                await anyio.sleep(45.0)
                raise ProviderError("a was cut off", provider="a")
            yield SpeechChunk(np.zeros(0, np.float32))

    failures, second = Failures(), Voice("b", abilities=STREAMING)
    async with fallback_synthesizer([Cut("a", abilities=STREAMING), second], failures) as voice:
        async for _ in voice.stream(Written("Hello ", "there, ", "you.")):  # type: ignore[attr-defined]
            pass
    assert second.texts == ["Hello ", "there, ", "you."]
    assert failures.seen == [("tts", "a", "a was cut off", "b")]
