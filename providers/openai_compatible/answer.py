"""What servers of OpenAI's older protocol answer, well behaved or not, -> deltas."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from assistant.ports import Delta, ProviderError, TextDelta, ToolCall, Usage
from providers import _http
from providers._errors import Refusal
from providers._think import ThinkFilter

KEPT_FOR = "openai-compatible"
"""What came with a call goes back to servers of this protocol alone, whichever of them is asked next."""


class Answer:
    """Chunks of chat completions, from well and badly behaved servers, -> deltas."""

    def __init__(self, call: _http.Call) -> None:
        self._call = call
        self._think = ThinkFilter()
        self._tools: dict[int, _Tool] = {}
        self._finish: str | None = None
        self._used: Any = None
        self._any = False

    def chunk(self, chunk: Any) -> list[Delta]:
        if error := getattr(chunk, "error", None) or _groqs(chunk):
            raise self._call.failed(error)
        if getattr(chunk, "object", None) == "error":  # older vLLM, and what took after it
            raise self._call.failed({"message": getattr(chunk, "message", ""), "code": getattr(chunk, "code", "")})
        self._used = getattr(chunk, "usage", None) or self._used  # of the whole answer, in the last chunk or in each
        for choice in (getattr(chunk, "choices", None) or ())[:1]:
            # Some servers stream ``message`` where ``delta`` belongs.
            delta = getattr(choice, "delta", None) or getattr(choice, "message", None)
            self._finish = getattr(choice, "finish_reason", None) or self._finish
            if delta is not None:
                self._collect(getattr(delta, "tool_calls", None) or ())
                if isinstance(text := getattr(delta, "content", None), str) and text:
                    return self._say(self._think.feed(text))
        return []

    def whole(self, body: bytes) -> list[Delta]:
        """The server answered in one piece, or with an error in a success's clothes."""
        try:
            parsed = json.loads(body)
        except ValueError:
            raise self._call.error("sent something that cannot be read (malformed)") from None
        if isinstance(parsed, dict) and parsed.get("error"):
            raise self._call.failed(parsed)
        chunk = json.loads(body, object_hook=lambda fields: SimpleNamespace(**fields))
        return self.chunk(chunk) + self.end(complete=True)

    def end(self, *, complete: bool) -> list[Delta]:
        """The stream is over; ``complete``: the server ended it."""
        if self._finish is None and not complete:
            raise self._call.error("cut the reply short")
        deltas = self._say(self._think.end())
        for index, tool in sorted(self._tools.items()):
            self._any = True
            arguments = _http.arguments(tool.arguments, self._call)
            opaque = (KEPT_FOR, {"extra_content": tool.extra}) if tool.extra else None
            deltas.append(ToolCall(tool.id or f"call_{index}", tool.name, arguments, opaque))
        if not self._any:
            raise self._silent()
        return deltas + _usage(self._used)

    def _say(self, text: str) -> list[Delta]:
        if not text:
            return []
        self._any = True
        self._call.content()
        return [TextDelta(text)]

    def _collect(self, calls: Sequence[Any]) -> None:
        """Tool calls come whole, or their arguments in fragments under one index."""
        for position, part in enumerate(calls):
            index = getattr(part, "index", None)
            tool = self._tools.setdefault(index if isinstance(index, int) else position, _Tool())
            tool.id = getattr(part, "id", None) or tool.id
            tool.extra = _plain(getattr(part, "extra_content", None)) or tool.extra
            function = getattr(part, "function", None)
            tool.name = getattr(function, "name", None) or tool.name
            given = getattr(function, "arguments", None)
            if isinstance(given, str) and isinstance(tool.arguments, str):
                tool.arguments += given
            elif given:
                tool.arguments = _plain(given)

    def _silent(self) -> ProviderError:
        if self._finish == "content_filter":
            return Refusal(f"{self._call.provider} withheld its reply (content filter)", provider=self._call.provider)
        if self._finish == "length":
            return self._call.error("thought until max_tokens were used up and said nothing; raise max_tokens")
        return self._call.error("gave an empty reply")


def _groqs(chunk: Any) -> Any:
    """Groq tells in a field of its own why it breaks off."""
    told = getattr(chunk, "x_groq", None)
    return told.get("error") if isinstance(told, dict) else None


class _Tool:
    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: Any = ""
        self.extra: Any = None
        """What Google's server wants back with the call: its signature."""


def _plain(value: Any) -> Any:
    """As it was in the JSON."""
    if isinstance(value, SimpleNamespace):
        return {name: _plain(inner) for name, inner in vars(value).items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _usage(used: Any) -> list[Delta]:
    """``prompt_tokens`` counts all of them, those read from a cache too. Not every server tells, or tells it all."""
    if used is None:
        return []
    details = getattr(used, "prompt_tokens_details", None)
    cached = _count(details, "cached_tokens")
    return [Usage(max(0, _count(used, "prompt_tokens") - cached), cached, 0, _count(used, "completion_tokens"))]


def _count(used: Any, name: str) -> int:
    count = getattr(used, name, None)
    return count if isinstance(count, int) else 0
