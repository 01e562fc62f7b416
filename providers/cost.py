"""Counts what passes through a provider, and what that costs: a wrapper for each stage, and the meter that is told.

A wrapper stands directly around one provider, below everything that chooses between several, so that whoever is asked
is counted: the one that answers, the one that was slower, the one that was given up. It changes nothing else.

What a call used is what the vendor tells (`Usage`), else what was sent and came: sound, characters, and for tokens an
estimate from the characters, which is marked as one. A call that is cut off has used what it was asked and what had
come until then. A language model that refuses the call before it has said anything has used nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import fields, replace
from typing import Any, TypeVar

import anyio

from assistant.conversation.costs import Bill, Seller, Used
from assistant.ports import (
    CAPTURE_RATE,
    Adjustable,
    ChatModel,
    Delta,
    Frame,
    Message,
    ParleyError,
    SpeechChunk,
    StreamingSynthesizer,
    Synthesizer,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
    Transcriber,
    TranscriberStream,
    Transcript,
    Usage,
    abilities_of,
)  # fmt: skip
from providers import registry
from providers._calls import closing
from providers._prices import Overrides, Price, price_of
from providers._wrapping import Leaf

T = TypeVar("T")

OnUse = Callable[[Used], None]

CHARACTERS_A_TOKEN = 3.5
"""Of English, as Anthropic's glossary has it; OpenAI says 4. The smaller number errs on the dear side."""
FRAMING = 4
"""Tokens by which a message is longer than its text, about."""
READING = 60
"""Tokens of the instructions that a model which reads aloud is given with each text, about."""

_BILL: ContextVar[Bill] = ContextVar("bill")
_NOBODY = Bill()


class Meter:
    """Is told of every use, and tells it on. One for each session."""

    def __init__(self, overrides: Overrides | None = None) -> None:
        """``overrides``: the user's own prices."""
        self._overrides = overrides
        self._sink: OnUse | None = None
        self._early: list[Used] = []
        self.calls: set[Call] = set()
        """Those under way."""

    def report_to(self, sink: OnUse) -> None:
        """From now on; what was used before is told at once."""
        self._sink = sink
        early, self._early = self._early, []
        for used in early:
            sink(used)

    @contextmanager
    def billing(self, bill: Bill) -> Iterator[None]:
        """Calls that begin inside, in this task and those that it starts, are made for ``bill``."""
        token = _BILL.set(bill)
        try:
            yield
        finally:
            _BILL.reset(token)

    def settle(self, turn: int | None) -> None:
        """Tell what the calls under way have used so far: those for a turn, or (None) all of them."""
        for call in list(self.calls):
            if turn is None or call.bill.turn == turn:
                call.tell()

    def around(self, opened: AbstractAsyncContextManager[Any], leaf: Leaf) -> AbstractAsyncContextManager[Any]:
        """What ``opened`` yields, metered."""
        return self._metered(opened, Till(self, *sold(leaf, self._overrides)))

    @asynccontextmanager
    async def _metered(self, opened: AbstractAsyncContextManager[Any], till: Till) -> AsyncIterator[Any]:
        async with opened as provider:
            yield metered(provider, till)

    def tell(self, used: Used) -> None:
        if self._sink is None:
            self._early.append(used)
        else:
            self._sink(used)


def sold(leaf: Leaf, overrides: Overrides | None = None) -> tuple[Seller, Price]:
    """Whose price counts for a provider, and the price. ``overrides``: the user's own."""
    model = model_of(leaf)
    price = price_of(
        leaf.stage,
        leaf.name,
        model,
        base_url=str(leaf.options.get("base_url") or ""),
        language=str(leaf.options.get("language") or ""),
        names=(leaf.called,),
        overrides=overrides,
    )
    as_of = price.as_of.isoformat() if price.as_of else ""
    return Seller(leaf.stage, leaf.name, model, price.unpriced, as_of), price


def model_of(leaf: Leaf) -> str:
    """The model that it takes; "" where neither the config nor the provider says which."""
    try:
        card = registry.card(leaf.stage, leaf.name)
    except ParleyError:
        card = None  # told when it is opened
    voice = card is not None and card.model in card.voices and leaf.options.get("voice")  # a model for each voice
    return str(voice or leaf.options.get("model") or (card.model if card is not None else ""))


class Till:
    """Where a provider's calls are paid for."""

    def __init__(self, meter: Meter, seller: Seller, price: Price) -> None:
        self.price = price
        self.seller = seller
        self.meter = meter

    @contextmanager
    def call(self, count: _Count, *, open_ended: bool = False) -> Iterator[None]:
        """One call, from its beginning to its end, however that comes. ``open_ended``: it has no end of its own."""
        call = Call(self, count)
        self.meter.calls.add(call)
        cut = True
        try:
            yield
            cut = open_ended
        except Exception:
            cut = open_ended
            count.failed()
            raise
        finally:
            self.meter.calls.discard(call)
            call.tell(cut=cut)


class _Count:
    """What one call has used."""

    def used(self, price: Price) -> tuple[Usage, bool]:
        """Until now, and whether it is an estimate."""
        raise NotImplementedError

    def failed(self) -> None:
        """The provider says that the call has failed."""

    @property
    def answered(self) -> bool:
        """It gave what it was asked for, although it is cut off now."""
        return False


class Call:
    """A call under way: what of its use has been told already."""

    def __init__(self, till: Till, count: _Count) -> None:
        self.bill = _BILL.get(_NOBODY)
        self._till = till
        self._count = count
        self._told = Usage()
        self._told_usd = 0.0

    def tell(self, *, cut: bool = False) -> None:
        """What came since it was last told. ``cut``: it was cut off, and to no purpose if its bill is not over."""
        price = self._till.price
        usage, estimated = self._count.used(price)
        units = {name: getattr(usage, name) - getattr(self._told, name) for name in _UNITS}
        units = {name: count for name, count in units.items() if count}
        if not units:
            return
        usd = price.usd(usage)
        self._till.meter.tell(
            Used(
                self._till.seller,
                self.bill,
                units,
                None if usd is None else usd - self._told_usd,
                estimated=estimated,
                wasted=cut and self.bill.turn is not None and not self.bill.over and not self._count.answered,
            )
        )
        self._told, self._told_usd = usage, usd or 0.0


_UNITS = tuple(field.name for field in fields(Usage))


def metered(provider: Any, till: Till) -> Any:
    """A transcriber, chat model or synthesizer that is counted; nobody else can tell it from ``provider``."""
    match till.seller.stage:
        case "stt":
            return _Transcriber(provider, till)
        case "llm":
            return _Chat(provider, till)
        case _:
            return _voice(provider, till)


class _Around:
    """Whatever else a provider has, its wrapper has too."""

    def __init__(self, inner: Any, till: Till) -> None:
        self._inner = inner
        self._till = till
        self.name: str = inner.name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


# --- thinking ---------------------------------------------------------------------------------------------------------


class _Chat(_Around):
    def __init__(self, inner: ChatModel, till: Till) -> None:
        super().__init__(inner, till)
        self.abilities = abilities_of(inner)

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        answer = self._inner.reply(messages, tools) if tools else self._inner.reply(messages)
        return self._counted(answer, _Answer(messages, tools))

    async def _counted(self, deltas: AsyncIterator[Delta], answer: _Answer) -> AsyncIterator[Delta]:
        with self._till.call(answer):
            async with closing(deltas):
                async for delta in deltas:
                    answer.take(delta)
                    yield delta


class _Answer(_Count):
    def __init__(self, messages: Sequence[Message], tools: Sequence[Tool]) -> None:
        self._messages = messages
        self._tools = tools
        self._characters = 0
        self._told: Usage | None = None
        self._nothing = False

    def take(self, delta: Delta) -> None:
        if isinstance(delta, TextDelta):
            self._characters += len(delta.text)
        elif isinstance(delta, ToolCall):
            self._characters += _size(delta)
        elif isinstance(delta, Usage):
            self._told = delta if self._told is None else _both(self._told, delta)

    def failed(self) -> None:
        self._nothing = not self._characters

    def used(self, price: Price) -> tuple[Usage, bool]:
        if self._told is not None:
            return self._told, False
        if self._nothing:
            return Usage(), False
        asked = sum(_size(part) for message in self._messages for part in message.parts)
        asked += sum(_size(tool) for tool in self._tools)
        prompt = _tokens(asked) + FRAMING * (len(self._messages) + len(self._tools))
        return Usage(input_tokens=prompt, output_tokens=_tokens(self._characters)), True


def _size(part: object) -> int:
    """Characters of a part of a message, or of a tool's description."""
    match part:
        case ToolCall():
            return len(part.name) + _length(part.arguments)
        case ToolResult():
            return len(part.content)
        case Tool():
            return len(part.name) + len(part.description) + _length(part.parameters)
        case _:
            return len(getattr(part, "text", ""))


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else len(str(value))


def _tokens(characters: float) -> int:
    return -int(-characters // CHARACTERS_A_TOKEN)


def _both(one: Usage, other: Usage) -> Usage:
    return Usage(**{name: getattr(one, name) + getattr(other, name) for name in _UNITS})


# --- hearing ----------------------------------------------------------------------------------------------------------


class _Transcriber(_Around):
    def __init__(self, inner: Transcriber, till: Till) -> None:
        super().__init__(inner, till)
        self.abilities = inner.abilities

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[TranscriberStream]:
        utterance = _Utterance()
        with self._till.call(utterance, open_ended=True):
            async with self._inner.stream() as inner:
                utterance.begun(inner)
                try:
                    yield _Stream(inner, utterance)
                finally:
                    utterance.over()


class _Utterance(_Count):
    def __init__(self) -> None:
        self.seconds = 0.0
        """Of sound."""
        self.final = False
        self._inner: TranscriberStream | None = None
        self._since = self._until = 0.0

    @property
    def answered(self) -> bool:
        return self.final

    def begun(self, inner: TranscriberStream) -> None:
        self._inner = inner
        self._since = anyio.current_time()

    def over(self) -> None:
        self._until = anyio.current_time()

    def used(self, price: Price) -> tuple[Usage, bool]:
        if self._inner is None:
            return Usage(), False
        match price.billed:
            case "open":
                return Usage(seconds=(self._until or anyio.current_time()) - self._since), False
            case "requests" if (requests := getattr(self._inner, "decoded", None)) is not None:
                return Usage(seconds=sum(max(seconds, price.least) for seconds in requests)), False
            case _:
                return Usage(seconds=self.seconds), False


class _Stream:
    def __init__(self, inner: TranscriberStream, utterance: _Utterance) -> None:
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

    def __init__(self, transcripts: AsyncIterator[Transcript], utterance: _Utterance) -> None:
        self._transcripts = transcripts
        self._utterance = utterance

    def __aiter__(self) -> _Transcripts:
        return self

    async def __anext__(self) -> Transcript:
        transcript = await anext(self._transcripts)
        self._utterance.final = self._utterance.final or transcript.final
        return transcript


# --- speaking ---------------------------------------------------------------------------------------------------------


def _voice(inner: Synthesizer, till: Till) -> _Voice:
    kinds = isinstance(inner, StreamingSynthesizer), isinstance(inner, Adjustable)
    return _VOICES[kinds](inner, till)


class _Voice(_Around):
    def __init__(self, inner: Synthesizer, till: Till) -> None:
        super().__init__(inner, till)
        self.rate = inner.rate
        self.abilities = inner.abilities

    def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        speech = _Speech(self.rate)
        speech.characters = len(text)
        return self._counted(self._inner.speak(text), speech)

    async def _counted(self, chunks: AsyncIterator[SpeechChunk], speech: _Speech) -> AsyncIterator[SpeechChunk]:
        with self._till.call(speech):
            async with closing(chunks):
                async for chunk in chunks:
                    speech.take(chunk)
                    yield chunk


class _Streaming(_Voice):
    def stream(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
        speech = _Speech(self.rate)
        return self._counted(self._inner.stream(_Read(text, speech)), speech)


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

    def __init__(self, text: AsyncIterator[str], speech: _Speech) -> None:
        self._text = text
        self._speech = speech

    def __aiter__(self) -> _Read:
        return self

    async def __anext__(self) -> str:
        piece = await anext(self._text)
        self._speech.characters += len(piece)
        return piece


class _Speech(_Count):
    def __init__(self, rate: int) -> None:
        self.characters = 0
        self._rate = rate
        self._samples = 0
        self._told: Usage | None = None

    def take(self, chunk: SpeechChunk) -> None:
        self._samples += len(chunk.samples)
        if chunk.usage is not None:
            self._told = chunk.usage if self._told is None else _both(self._told, chunk.usage)

    def used(self, price: Price) -> tuple[Usage, bool]:
        seconds = self._samples / self._rate
        if self._told is not None:
            return replace(
                self._told,
                characters=self._told.characters or self.characters,
                seconds=self._told.seconds or seconds,
            ), False
        if not price.by_tokens:
            return Usage(characters=self.characters, seconds=seconds), False
        return Usage(
            input_tokens=READING + _tokens(self.characters),
            audio_output_tokens=round(seconds * price.audio_tokens),
            characters=self.characters,
            seconds=seconds,
        ), True
