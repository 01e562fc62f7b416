"""What one call of a provider's has used, counted as it goes: what the vendor tells, else what was sent and came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import anyio

from assistant.ports import (
    Delta,
    Message,
    SpeechChunk,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
    TranscriberStream,
    Usage,
)
from providers._prices import READING, Price

CHARACTERS_A_TOKEN = 3.5
"""Of English, as Anthropic's glossary has it; OpenAI says 4. The smaller number errs on the dear side."""
FRAMING = 4
"""Tokens by which a message is longer than its text, about."""
UNITS = tuple(field.name for field in fields(Usage))


class Count:
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


class Answer(Count):
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


class Utterance(Count):
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


class Speech(Count):
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
    return Usage(**{name: getattr(one, name) + getattr(other, name) for name in UNITS})
