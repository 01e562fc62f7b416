"""The wrapper that makes a batch recogniser stream, in virtual time, around recognisers of known speed."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import numpy as np
import pytest
import trio.testing

from assistant.conversation.events import Transcript, Word
from assistant.ports import CAPTURE_RATE, FRAME, Frame, ProviderError, Samples, TranscriberAbilities
from providers._batch import LONGEST, BatchStream, BatchTranscriber, Heard
from providers._worker import Dropped

pytestmark = pytest.mark.anyio
STEP = FRAME / CAPTURE_RATE


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


@dataclass
class Counter:
    """Hears how many voiced frames there are: "3 voiced". Takes ``seconds`` for it."""

    seconds: float = 0.1
    fails: Callable[[bool], Exception | None] = lambda optional: None
    calls: list[tuple[str, bool, float]] = field(default_factory=list)
    """What was heard, optional or not, when it was begun. Cancelled calls are not in it."""

    async def __call__(self, samples: Samples, *, optional: bool) -> Heard:
        began = anyio.current_time()
        await anyio.sleep(self.seconds)
        if error := self.fails(optional):
            raise error
        voiced = sum(bool(np.abs(frame).max() > 0.01) for frame in np.split(samples, len(samples) // FRAME))
        text = f"{voiced} voiced"
        self.calls.append((text, optional, began))
        return Heard(text, "en", (Word("voiced", 0.5, 0.75),))


@dataclass
class Received:
    at: float
    transcript: Transcript


class Utterance:
    """Pushes frames in real time while another task reads the transcripts."""

    def __init__(self, stream: BatchStream, start: int = 0) -> None:
        self.stream = stream
        self.received: list[Received] = []
        self._sample = start
        self._random = np.random.default_rng(7)

    async def say(self, seconds: float, level: float = 0.1) -> None:
        for _ in range(round(seconds / STEP)):
            await anyio.sleep(STEP)
            samples = self._random.normal(0, level, FRAME).astype(np.float32) if level else np.zeros(FRAME, np.float32)
            self.stream.push(Frame(samples, self._sample))
            self._sample += FRAME

    async def pause(self, seconds: float) -> None:
        await self.say(seconds, level=0)

    @property
    def now(self) -> float:
        return self._sample / CAPTURE_RATE

    @property
    def finals(self) -> list[str]:
        return [r.transcript.text for r in self.received if r.transcript.final]

    @property
    def partials(self) -> list[str]:
        return [r.transcript.text for r in self.received if not r.transcript.final]

    async def read(self) -> None:
        async for transcript in self.stream:
            self.received.append(Received(anyio.current_time(), transcript))


@asynccontextmanager
async def hearing(decode: Counter, *, partials: bool = True, start: int = 0) -> AsyncIterator[Utterance]:
    transcriber = BatchTranscriber(decode, name="counter", abilities=TranscriberAbilities(partials=partials))
    async with transcriber.stream() as stream, anyio.create_task_group() as group:
        utterance = Utterance(stream, start)
        group.start_soon(utterance.read)
        yield utterance
        await anyio.sleep(20)
        stream.close()


async def test_a_final_covers_all_that_was_said() -> None:
    async with hearing(Counter(), partials=False, start=3 * CAPTURE_RATE) as user:
        await user.say(0.64)
        await user.pause(0.096)
        user.stream.finish()
        asked = anyio.current_time()
        end = user.now
    [received] = user.received
    assert received.transcript == Transcript(
        text="20 voiced",
        final=True,
        until=end,
        language="en",
        provider="counter",
        words=(Word("voiced", 3.5, 3.75),),
    )
    assert received.at - asked == pytest.approx(0.1)


async def test_more_silence_is_not_decoded_again_and_more_words_are() -> None:
    decode = Counter()
    async with hearing(decode, partials=False) as user:
        await user.say(0.64)
        await user.pause(0.096)
        user.stream.finish()
        await user.pause(0.4)
        user.stream.finish()
        await user.pause(0.4)
        covered = user.now
        user.stream.finish()
        await user.say(0.32)
        user.stream.finish()
    assert user.finals == ["20 voiced", "20 voiced", "20 voiced", "30 voiced"]
    assert len(decode.calls) == 2
    assert user.received[2].transcript.until == covered


async def test_silence_is_told_from_soft_speech_in_noise() -> None:
    decode = Counter()
    async with hearing(decode, partials=False) as user:
        await user.say(0.48, level=0.002)
        await user.say(0.64)
        await user.say(0.2, level=0.002)
        user.stream.finish()
        await user.say(0.2, level=0.002)
        user.stream.finish()
        await anyio.sleep(1)
        assert len(decode.calls) == 1
        await user.say(0.2, level=0.02)  # 14 dB under the speech before
        user.stream.finish()
    assert len(decode.calls) == 2
    assert len(user.finals) == 3


async def test_two_requests_give_two_finals() -> None:
    async with hearing(Counter(), partials=False) as user:
        await user.say(0.64)
        user.stream.finish()
        user.stream.finish()
    assert user.finals == ["20 voiced", "20 voiced"]


async def test_no_sound_is_an_empty_final() -> None:
    async with hearing(Counter()) as user:
        user.stream.finish()
    assert user.finals == [""]
    assert user.received[0].transcript.until is None


async def test_partials_while_the_user_speaks() -> None:
    decode = Counter(seconds=0.1)
    async with hearing(decode) as user:
        await user.say(3.2)
        user.stream.finish()
    begun = [at for _, optional, at in decode.calls if optional]
    assert begun[0] >= 0.7
    assert len(begun) >= 3
    assert min(np.diff(begun)) >= 0.5
    assert user.partials == [text for text, optional, _ in decode.calls if optional]
    assert user.finals == ["100 voiced"]


async def test_a_partial_prefers_the_gap_between_words() -> None:
    decode = Counter(seconds=0.05)
    async with hearing(decode) as user:
        await user.say(0.832)
        gap = anyio.current_time()
        await user.pause(0.064)
        await user.say(0.64)
        user.stream.finish()
    first = next(at for _, optional, at in decode.calls if optional)
    assert gap < first <= gap + 2 * STEP


async def test_partials_take_less_than_their_share_of_the_time() -> None:
    decode = Counter(seconds=0.6)
    async with hearing(decode) as user:
        await user.say(12.8)
        user.stream.finish()
    begun = [at for _, optional, at in decode.calls if optional]
    assert len(begun) >= 3
    assert min(np.diff(begun)) >= 0.6 / 0.3


async def test_a_final_never_waits_behind_a_partial() -> None:
    decode = Counter(seconds=5.0)
    async with hearing(decode) as user:
        await user.say(1.6)
        await user.pause(0.096)
        user.stream.finish()
        asked = anyio.current_time()
    assert [optional for _, optional, _ in decode.calls] == [False], "the partial under way is abandoned"
    assert user.received[-1].at - asked == pytest.approx(5.0)


async def test_a_partial_that_has_heard_it_all_is_the_final() -> None:
    decode = Counter(seconds=0.2)
    async with hearing(decode) as user:
        await user.say(0.9)
        await user.pause(0.096)
        user.stream.finish()
        asked = anyio.current_time()
    assert len(decode.calls) == 1
    assert user.finals == ["28 voiced"]
    assert user.received[-1].at - asked < 0.2


async def test_a_failed_partial_is_no_failure_and_is_not_tried_again() -> None:
    decode = Counter(fails=lambda optional: ProviderError("busy") if optional else None)
    async with hearing(decode) as user:
        await user.say(3.2)
        user.stream.finish()
    assert (user.partials, user.finals) == ([], ["100 voiced"])


async def test_a_dropped_partial_is_tried_again() -> None:
    attempts: list[bool] = []

    def busy(optional: bool) -> Exception | None:
        attempts.append(optional)
        return Dropped() if len(attempts) == 1 else None

    async with hearing(Counter(fails=busy)) as user:
        await user.say(3.2)
        user.stream.finish()
    assert attempts.count(True) >= 2
    assert user.partials
    assert user.finals == ["100 voiced"]


async def test_a_failed_final_is_a_provider_error() -> None:
    transcriber = BatchTranscriber(
        Counter(fails=lambda optional: ProviderError("refused")), name="counter", abilities=TranscriberAbilities()
    )
    with pytest.raises(ProviderError, match="refused"):
        async with transcriber.stream() as stream:
            await Utterance(stream).say(0.64)
            stream.finish()
            async for _ in stream:
                pass


async def test_a_very_long_utterance_is_cut() -> None:
    async with hearing(Counter(), partials=False) as user:
        await user.say(70.4)
        user.stream.finish()
    [received] = user.received
    assert received.transcript.until == pytest.approx(LONGEST, abs=STEP)
    assert received.transcript.text == f"{math.ceil(LONGEST / STEP)} voiced"


async def test_leaving_ends_the_reading_and_what_is_under_way() -> None:
    decode = Counter(seconds=50)
    transcriber = BatchTranscriber(decode, name="counter", abilities=TranscriberAbilities())
    async with anyio.create_task_group() as group:
        async with transcriber.stream() as stream:
            user = Utterance(stream)
            group.start_soon(user.read)
            await user.say(0.64)
            stream.finish()
            await anyio.sleep(0.1)
        left = anyio.current_time()
    assert anyio.current_time() == left
    assert user.received == []
