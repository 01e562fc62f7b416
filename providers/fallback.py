"""A chain of providers that is a provider itself: when one fails the next goes on, and the sick one is rested.

Nothing that was said is repeated, and no call is tried twice on one provider. Before a reply or a sound has begun a
failure is invisible. After that only the caller knows how to go on, so it is told by `FailedMidway`; its next call goes
to the next provider, since the failed one rests. A transcriber's successor gets the utterance's sound from its start.

A stage of the config is such a chain: its provider and its ``fallback``. `chain` makes one of a provider's name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from anyio.abc import TaskGroup

from assistant.ports import (
    ChatAbilities,
    ChatModel,
    Delta,
    Message,
    SpeechChunk,
    Synthesizer,
    Tool,
    Transcriber,
    TranscriberStream,
    Transcript,
    abilities_of,
)
from providers._calls import Pieces, Within, asked, at_rate, audible, paced, relay, spoken, timed, visible, within
from providers._ear import Ear, EarStream
from providers._links import Attempts, Chain, Lazy, Link, OnFailure
from providers._options import Timeouts
from providers._tasks import owned_tasks

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
            yield _FallbackStream(tasks, self._chain.attempts(), self._timeouts)


class _FallbackStream(EarStream):
    """One utterance, heard by one after the other."""

    def __init__(self, tasks: TaskGroup, attempts: Attempts[Transcriber], timeouts: Timeouts) -> None:
        super().__init__(tasks, attempts, timeouts)
        self._begin(owed=0)

    def _begin(self, owed: int) -> None:
        """Let the next one listen, to all of it. ``owed``: finals that its predecessor has not given."""
        if (link := self._attempts.take()) is not None:
            ear = self._listen(link)
            if owed:
                ear.finish()

    def _heard(self, ear: Ear, transcript: Transcript) -> None:
        if transcript.final:
            self._attempts.succeeded(ear.link)
        self._transcripts.tell(transcript)

    def _failed(self, ear: Ear, error: Exception) -> None:
        self._ears.remove(ear)
        if self._attempts.failed(ear.link, error):
            self._begin(ear.owed)
        else:
            self._transcripts.tell(self._attempts.nobody())
