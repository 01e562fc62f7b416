"""A provider whose calls are counted: a wrapper for each stage, which changes nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any, Protocol, TypeVar

from assistant.ports import (
    CAPTURE_RATE,
    Adjustable,
    ChatModel,
    Delta,
    Frame,
    Message,
    SpeechChunk,
    Stage,
    StreamingSynthesizer,
    Synthesizer,
    Tool,
    Transcriber,
    TranscriberStream,
    Transcript,
    abilities_of,
)
from providers._calls import closing
from providers._counts import Answer, Count, Speech, Utterance

T = TypeVar("T")


class Till(Protocol):
    """Where a provider's calls are paid for."""

    def call(self, count: Count, *, open_ended: bool = False) -> AbstractContextManager[None]:
        """One call, from its beginning to its end, however that comes. ``open_ended``: it has no end of its own."""
        ...


def metered(provider: Any, stage: Stage, till: Till) -> Any:
    """A transcriber, chat model or synthesizer that is counted; nobody else can tell it from ``provider``."""
    match stage:
        case "stt":
            return _Transcriber(provider, till)
        case "llm":
            return _Chat(provider, till)
        case _:
            kinds = isinstance(provider, StreamingSynthesizer), isinstance(provider, Adjustable)
            return _VOICES[kinds](provider, till)


class _Around:
    """Whatever else a provider has, its wrapper has too."""

    def __init__(self, inner: Any, till: Till) -> None:
        self._inner = inner
        self._till = till
        self.name: str = inner.name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def _counted(
    items: AsyncIterator[T], take: Callable[[T], None], call: AbstractContextManager[None]
) -> AsyncIterator[T]:
    """``items`` as they come, and to ``take`` each; ``call`` lasts as long as they do."""
    with call:
        async with closing(items):
            async for item in items:
                take(item)
                yield item


# --- thinking ---------------------------------------------------------------------------------------------------------


class _Chat(_Around):
    def __init__(self, inner: ChatModel, till: Till) -> None:
        super().__init__(inner, till)
        self.abilities = abilities_of(inner)

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        deltas = self._inner.reply(messages, tools) if tools else self._inner.reply(messages)
        answer = Answer(messages, tools)
        return _counted(deltas, answer.take, self._till.call(answer))


# --- hearing ----------------------------------------------------------------------------------------------------------


class _Transcriber(_Around):
    def __init__(self, inner: Transcriber, till: Till) -> None:
        super().__init__(inner, till)
        self.abilities = inner.abilities

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[TranscriberStream]:
        utterance = Utterance()
        with self._till.call(utterance, open_ended=True):
            async with self._inner.stream() as inner:
                utterance.begun(inner)
                try:
                    yield _Stream(inner, utterance)
                finally:
                    utterance.over()


class _Stream:
    def __init__(self, inner: TranscriberStream, utterance: Utterance) -> None:
        self._inner = inner
        self._utterance = utterance

    def push(self, frame: Frame) -> None:
        self._utterance.seconds += len(frame.samples) / CAPTURE_RATE
        self._inner.push(frame)

    def finish(self) -> None:
        self._inner.finish()

    def __aiter__(self) -> AsyncIterator[Transcript]:
        return _Transcripts(aiter(self._inner), self._utterance)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Transcripts:
    """No generator: whoever iterates may be cancelled and go on."""

    def __init__(self, transcripts: AsyncIterator[Transcript], utterance: Utterance) -> None:
        self._transcripts = transcripts
        self._utterance = utterance

    def __aiter__(self) -> _Transcripts:
        return self

    async def __anext__(self) -> Transcript:
        transcript = await anext(self._transcripts)
        self._utterance.final = self._utterance.final or transcript.final
        return transcript


# --- speaking ---------------------------------------------------------------------------------------------------------


class _Voice(_Around):
    def __init__(self, inner: Synthesizer, till: Till) -> None:
        super().__init__(inner, till)
        self.rate = inner.rate
        self.abilities = inner.abilities

    def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        speech = Speech(self.rate)
        speech.characters = len(text)
        return _counted(self._inner.speak(text), speech.take, self._till.call(speech))


class _Streaming(_Voice):
    def stream(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
        speech = Speech(self.rate)
        return _counted(self._inner.stream(_Read(text, speech)), speech.take, self._till.call(speech))


class _Paced(_Voice):
    def set_speed(self, factor: float) -> None:
        self._inner.set_speed(factor)


class _StreamingPaced(_Streaming, _Paced):
    pass


_VOICES: dict[tuple[bool, bool], type[_Voice]] = {
    (False, False): _Voice,
    (True, False): _Streaming,
    (False, True): _Paced,
    (True, True): _StreamingPaced,
}
"""By whether it takes text that is being written, and whether its pace can be set: each has the methods of its kind."""


class _Read:
    """Text that is being written, on its way to a voice. No generator: a voice that is cancelled while it waits for the
    next piece must not end them for its successor."""

    def __init__(self, text: AsyncIterator[str], speech: Speech) -> None:
        self._text = text
        self._speech = speech

    def __aiter__(self) -> _Read:
        return self

    async def __anext__(self) -> str:
        piece = await anext(self._text)
        self._speech.characters += len(piece)
        return piece
