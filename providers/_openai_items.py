"""OpenAI's Responses as items: messages, thoughts, function calls and their outputs, both ways."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from assistant.ports import Delta, ProviderError, Tool, ToolCall, Usage
from providers import _http
from providers._messages import Turn, own

_WHO = "openai"


def described(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Not strict, which knows no optional parameters; what comes is checked before anything is called."""
    return [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.parameters),
            "strict": False,
        }
        for tool in tools
    ]


def items(rest: Sequence[Turn]) -> list[dict[str, Any]]:
    """The turns as a request's ``input``. Ids of the vendor's own are left out: nothing is stored there."""
    found: list[dict[str, Any]] = []
    for turn in rest:
        text: list[dict[str, Any]] = [{"role": turn.role, "content": turn.text}] if turn.text else []
        for call in turn.calls:
            before, after = own(call, _WHO) or ((), ())
            arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
            called = {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments}
            found += [*before, *text, *after, called]
            text = []
        found += [
            {"type": "function_call_output", "call_id": result.id, "output": result.content} for result in turn.results
        ]
        found += text
    return found


class Answer:
    """The items of a response, put together."""

    def __init__(self, call: _http.Call) -> None:
        self._call = call
        self._before: list[dict[str, Any]] = []
        """Thoughts that the next function call wants back, from before the text ..."""
        self._after: list[dict[str, Any]] = []
        """... and from behind it, or all of them while there is none."""
        self._calls: list[tuple[Any, tuple[str, Any] | None]] = []
        self._said = False

    @property
    def silent(self) -> bool:
        """Nothing was said or called."""
        return not (self._said or self._calls)

    def said(self) -> None:
        """Text has come."""
        self._call.content()
        if not self._said:
            self._before, self._after = self._after, []
        self._said = True

    def done(self, item: Any) -> None:
        """An item is complete."""
        match getattr(item, "type", ""):
            case "reasoning" if getattr(item, "encrypted_content", None):  # without it, it lies with the vendor only
                self._after.append(item.to_dict())
            case "function_call":
                self._call.content()
                thoughts = (tuple(self._before), tuple(self._after))
                self._calls.append((item, (_WHO, thoughts) if any(thoughts) else None))
                self._before, self._after = [], []

    def end(self, response: Any) -> list[Delta]:
        """What is known only now: what is to be called, and what it all has used."""
        cut = getattr(getattr(response, "incomplete_details", None), "reason", None) == "max_output_tokens"
        calls = [self._called(item, thoughts, cut) for item, thoughts in self._calls]
        return [*calls, *_usage(getattr(response, "usage", None))]

    def _called(self, item: Any, thoughts: tuple[str, Any] | None, cut: bool) -> ToolCall:
        try:
            arguments = _http.arguments(item.arguments, self._call)
        except ProviderError:
            if not cut:
                raise
            raise self._call.error("used up max_tokens in the middle of a tool call; raise max_tokens") from None
        return ToolCall(item.call_id, item.name, arguments, thoughts)


def _usage(used: Any) -> list[Usage]:
    """``input_tokens`` there counts all: those read from the cache, and those written to it."""
    if used is None:
        return []
    details = getattr(used, "input_tokens_details", None)
    cached, written = getattr(details, "cached_tokens", 0) or 0, getattr(details, "cache_write_tokens", 0) or 0
    fresh = max(0, (getattr(used, "input_tokens", 0) or 0) - cached - written)
    return [Usage(fresh, cached, written, getattr(used, "output_tokens", 0) or 0)]
