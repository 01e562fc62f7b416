"""Anthropic's messages as blocks: text, thoughts, tool calls and their results, both ways."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from assistant.ports import Delta, ProviderError, Tool, ToolCall, Usage
from providers import _http
from providers._messages import Turn, own

_WHO = "anthropic"


def described(tools: Sequence[Tool], rest: Sequence[Turn]) -> list[dict[str, Any]]:
    """The tools; without any, those that were called: the API wants to know every tool that the messages name."""
    if tools:
        return [
            {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
            for tool in tools
        ]
    called = dict.fromkeys(call.name for turn in rest for call in turn.calls)
    return [{"name": name, "input_schema": {"type": "object"}} for name in called]


def content(turn: Turn) -> str | list[dict[str, Any]]:
    """A turn of words as they are; with calls or results in it, as blocks."""
    if not (turn.calls or turn.results):
        return turn.text
    text: list[dict[str, Any]] = [{"type": "text", "text": turn.text}] if turn.text else []
    blocks: list[dict[str, Any]] = []
    for call in turn.calls:
        before, after = own(call, _WHO) or ((), ())
        blocks += [*before, *text, *after]
        blocks.append({"type": "tool_use", "id": _id(call.id), "name": call.name, "input": dict(call.arguments)})
        text = []
    for result in turn.results:
        block = {"type": "tool_result", "tool_use_id": _id(result.id), "content": result.content}
        blocks.append(block | ({"is_error": True} if result.failed else {}))
    return [*blocks, *text]


def _id(id: str) -> str:
    """Another vendor's ids may hold what this API refuses."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", id)


@dataclass
class _Block:
    """A block of a message that is being written, but for text."""

    kind: str
    whole: dict[str, Any]
    """As it is to be sent back."""
    json: list[str] = field(default_factory=list)
    """A tool call's arguments, in pieces."""


class Answer:
    """The events of a message, put together."""

    def __init__(self, call: _http.Call) -> None:
        self._call = call
        self._blocks: dict[int, _Block] = {}
        self._before: list[dict[str, Any]] = []
        """Thoughts that the next tool call wants back, from before the text ..."""
        self._after: list[dict[str, Any]] = []
        """... and from behind it, or all of them while there is none."""
        self._calls: list[tuple[_Block, tuple[str, Any] | None]] = []
        self._said = False
        self._used: dict[str, int] = {}
        self.stop = ""
        """The reason why it ended, and what more is told of that."""
        self.details: object = None
        self.over = False
        """The last event has come."""

    def take(self, event: Any) -> str:
        """The next event. Returns what is said with it."""
        match getattr(event, "type", None):
            case "message_start":
                self._count(getattr(event.message, "usage", None))
            case "content_block_start":
                self._begin(event.index, event.content_block)
            case "content_block_delta":
                return self._grow(event.index, event.delta)
            case "content_block_stop" if event.index in self._blocks:
                self._complete(self._blocks.pop(event.index))
            case "message_delta":
                self.stop = getattr(event.delta, "stop_reason", None) or self.stop
                self.details = getattr(event.delta, "stop_details", None)
                self._count(getattr(event, "usage", None))
            case "message_stop":
                self.over = True
        return ""

    @property
    def silent(self) -> bool:
        """Nothing was said or called."""
        return not (self._said or self._calls)

    def end(self) -> list[Delta]:
        """What is known only now: what is to be called, and what it all has used."""
        used = self._used
        usage = Usage(
            input_tokens=used.get("input_tokens", 0),
            cached_tokens=used.get("cache_read_input_tokens", 0),
            cache_write_tokens=used.get("cache_creation_input_tokens", 0),
            output_tokens=used.get("output_tokens", 0),
        )
        return [*map(self._called, self._calls), *([usage] if used else [])]

    def _called(self, made: tuple[_Block, tuple[str, Any] | None]) -> ToolCall:
        block, thoughts = made
        try:
            arguments = _http.arguments("".join(block.json), self._call)
        except ProviderError:
            if self.stop != "max_tokens":
                raise
            raise self._call.error("used up max_tokens in the middle of a tool call; raise max_tokens") from None
        return ToolCall(block.whole["id"], block.whole["name"], arguments, thoughts)

    def _begin(self, index: int, block: Any) -> None:
        match kind := getattr(block, "type", ""):
            case "tool_use":
                self._call.content()
                self._blocks[index] = _Block(kind, {"id": block.id, "name": block.name})
            case "thinking":
                whole = {"type": kind, "thinking": block.thinking, "signature": block.signature}
                self._blocks[index] = _Block(kind, whole)
            case "redacted_thinking":
                self._blocks[index] = _Block(kind, {"type": kind, "data": block.data})

    def _grow(self, index: int, delta: Any) -> str:
        block = self._blocks.get(index)
        match getattr(delta, "type", ""), block:
            case "text_delta", _ if delta.text:
                self._call.content()
                if not self._said:
                    self._before, self._after = self._after, []
                self._said = True
                return str(delta.text)
            case "input_json_delta", _Block("tool_use"):
                block.json.append(delta.partial_json)
            case "thinking_delta", _Block("thinking"):
                block.whole["thinking"] += delta.thinking
            case "signature_delta", _Block("thinking"):
                block.whole["signature"] = delta.signature
        return ""

    def _complete(self, block: _Block) -> None:
        if block.kind != "tool_use":
            self._after.append(block.whole)
            return
        thoughts = (tuple(self._before), tuple(self._after))
        self._calls.append((block, (_WHO, thoughts) if any(thoughts) else None))
        self._before, self._after = [], []

    def _count(self, usage: object) -> None:
        """Later counts hold the earlier ones."""
        for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"):
            if isinstance(count := getattr(usage, name, None), int):
                self._used[name] = count
