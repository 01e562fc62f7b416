"""A chain of providers that is a provider itself: when one fails the next goes on, and the sick one is rested.

Nothing that was said is repeated, and no call is tried twice on one provider. Before a reply or a sound has begun a
failure is invisible. After that only the caller knows how to go on, so it is told by `FailedMidway`; its next call goes
to the next provider, since the failed one rests. A transcriber's successor gets the utterance's sound from its start.

A stage of the config is such a chain: its provider and its ``fallback``. `chain` makes one of a provider's name.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel

from assistant.ports import (
    ChatAbilities,
    ChatModel,
    Delta,
    Frame,
    Message,
    ProviderError,
    SpeechChunk,
    Synthesizer,
    Tool,
    Transcriber,
    TranscriberStream,
    Transcript,
    abilities_of,
)
from providers._calls import (
    GRACE,
    Pieces,
    Within,
    asked,
    at_rate,
    audible,
    keeps_time,
    paced,
    relay,
    spoken,
    timed,
    visible,
    within,
)
from providers._links import Attempts, Chain, Lazy, Link, OnFailure
from providers._options import Timeouts
from providers._tasks import owned_tasks
from providers._transcripts import Transcripts

__all__ = ["Lazy", "OnFailure", "fallback_chat", "fallback_synthesizer", "fallback_transcriber"]

# --- thinking ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def fallback_chat(
    models: Sequence[ChatModel | Lazy[ChatModel]], on_failure: OnFailure, timeouts: Timeouts | None = None
) -> AsyncIterator[ChatModel]:
    """The models as one. The first that can be opened is opened now. Raises ProviderUnavailable when none can."""
    async with owned_tasks() as tasks:
        chain = Chain("llm", [Link(model, tasks) for model in models], on_failure)
        yield _FallbackChat(chain, await chain.open(), timeouts or Timeouts())


class _FallbackChat:
    keeps_time = True

    def __init__(self, chain: Chain[ChatModel], first: ChatModel, timeouts: Timeouts) -> None:
        self.name = first.name
        # A successor may have an ability that the first has not; it is asked for it only when its turn comes.
        self.abilities = ChatAbilities(tools=True, usage=abilities_of(first).usage)
        self._chain = chain
        self._timeouts = timeouts

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        """Each model is given the tools that it can take: none, where its abilities do not say so."""

        def ask(model: ChatModel, name: str) -> AsyncIterator[Delta]:
            return timed(model, asked(model, messages, tools), self._timeouts, name)

        return relay(self._chain.attempts(), ask, visible)


# --- speaking ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def fallback_synthesizer(
    voices: Sequence[Synthesizer | Lazy[Synthesizer]], on_failure: OnFailure, timeouts: Timeouts | None = None
) -> AsyncIterator[Synthesizer]:
    """The voices as one, at the rate and with the abilities of the first that can be opened; it is opened now.

    A successor at another rate is resampled. Raises ProviderUnavailable when none can be opened.
    """
    async with owned_tasks() as tasks:
        chain = Chain("tts", [Link(voice, tasks) for voice in voices], on_failure)
        yield _FallbackVoice(chain, await chain.open(), timeouts or Timeouts())


class _FallbackVoice:
    keeps_time = True

    def __init__(self, chain: Chain[Synthesizer], first: Synthesizer, timeouts: Timeouts) -> None:
        self.name = first.name
        self.rate = first.rate
        self.abilities = first.abilities
        self._chain = chain
        self._timeouts = timeouts
        self._speed: float | None = None

    def set_speed(self, factor: float) -> None:
        """Of whichever voice speaks next, where it can."""
        self._speed = factor

    def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        return self._spoken(lambda voice: voice.speak(text), within)

    def stream(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
        """A successor that takes no streamed text waits for the whole of it."""
        pieces = Pieces(text)
        return self._spoken(lambda voice: spoken(voice, pieces), pieces.within)

    def _spoken(
        self, sound: Callable[[Synthesizer], AsyncIterator[SpeechChunk]], within: Within
    ) -> AsyncIterator[SpeechChunk]:
        def ask(voice: Synthesizer, name: str) -> AsyncIterator[SpeechChunk]:
            paced(voice, self._speed)
            return at_rate(timed(voice, sound(voice), self._timeouts, name, within), voice.rate, self.rate)

        return relay(self._chain.attempts(), ask, audible)


# --- hearing ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def fallback_transcriber(
    transcribers: Sequence[Transcriber | Lazy[Transcriber]], on_failure: OnFailure, timeouts: Timeouts | None = None
) -> AsyncIterator[Transcriber]:
    """The transcribers as one, with the abilities of the first that can be opened; it is opened now.

    Raises ProviderUnavailable when none can be opened.
    """
    async with owned_tasks() as tasks:
        chain = Chain("stt", [Link(transcriber, tasks) for transcriber in transcribers], on_failure)
        yield _FallbackTranscriber(chain, await chain.open(), timeouts or Timeouts())


class _FallbackTranscriber:
    keeps_time = True

    def __init__(self, chain: Chain[Transcriber], first: Transcriber, timeouts: Timeouts) -> None:
        self.name = first.name
        self.abilities = first.abilities
        self._chain = chain
        self._timeouts = timeouts

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[TranscriberStream]:
        async with owned_tasks() as tasks:
            stream = _FallbackStream(self._chain.attempts(), self._timeouts)
            tasks.start_soon(stream.run)
            yield stream


class _FallbackStream:
    """One utterance. A task of its own holds the provider's stream, since the one who iterates may be another."""

    def __init__(self, attempts: Attempts[Transcriber], timeouts: Timeouts) -> None:
        self._attempts = attempts
        self._first_byte = timeouts.first_byte
        self._patience = math.inf
        """Seconds that the current one has for a final."""
        self._frames: list[Frame] = []
        self._owed = 0
        """Finals that were asked for and have not come."""
        self._current: TranscriberStream | None = None
        self._attempt = anyio.CancelScope()
        self._broken: Exception | None = None
        """What the current stream raised when it was handed something."""
        self._transcripts = Transcripts()

    def push(self, frame: Frame) -> None:
        self._frames.append(frame)
        self._with_current(lambda stream: stream.push(frame))

    def finish(self) -> None:
        self._owed += 1
        self._with_current(lambda stream: stream.finish())
        self._wind()

    def _with_current(self, act: Callable[[TranscriberStream], None]) -> None:
        if self._current is None:
            return
        try:
            act(self._current)
        except Exception as error:  # it is in the middle of the session's own work: let `run` take it up
            self._broken, self._current = error, None
            self._attempt.cancel()

    def __aiter__(self) -> _FallbackStream:
        return self

    async def __anext__(self) -> Transcript:
        return await self._transcripts.next()

    async def run(self) -> None:
        """Transcribe with one provider after the other, until the stream is closed."""
        for link in self._attempts:
            try:
                await self._hear_with(link)
                return
            except Exception as error:
                await anyio.lowlevel.checkpoint_if_cancelled()  # then it broke because the caller leaves
                self._attempts.failed(link, error)
            finally:
                self._current = None
        self._transcripts.tell(self._attempts.nobody())

    async def _hear_with(self, link: Link[Transcriber]) -> None:
        transcriber = await link.get()
        self._patience = math.inf if keeps_time(transcriber) else self._first_byte + GRACE
        failure: Exception = ProviderError(
            f"{link.name} gave no transcript for {self._first_byte:g} s", provider=link.name
        )
        self._broken = None
        with anyio.CancelScope() as self._attempt:
            async with transcriber.stream() as stream:
                try:
                    self._catch_up(stream)
                    await self._listen(link, stream)
                    # It hung up. That is early while something is owed, or will be.
                    failure = ProviderError(f"{link.name} ended before its transcript was final", provider=link.name)
                except Exception as error:
                    failure = error  # raised outside: a stream that owns tasks would wrap it in a group
        raise self._broken or failure

    async def _listen(self, link: Link[Transcriber], stream: TranscriberStream) -> None:
        async for transcript in stream:
            self._transcripts.tell(transcript)
            if transcript.final:
                self._attempts.succeeded(link)
                self._owed = max(0, self._owed - 1)
                self._attempt.deadline = math.inf
                self._wind()

    def _catch_up(self, stream: TranscriberStream) -> None:
        for frame in self._frames:
            stream.push(frame)
        self._current = stream
        if self._owed:
            self._owed = 1  # one final of the whole utterance is the answer to all who asked
            stream.finish()
            self._wind()

    def _wind(self) -> None:
        """While a final is owed the provider's time is running."""
        if self._owed and self._current is not None:
            self._attempt.deadline = min(self._attempt.deadline, anyio.current_time() + self._patience)
