"""Gemini's contents and parts: words, function calls with their signatures, and their responses, both ways."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from assistant.ports import Delta, ProviderError, Tool, ToolCall, ToolResult, Usage
from providers import _http
from providers._errors import Refusal, scrubbed
from providers._messages import Turn, own

_WHO = "gemini"
_UNSIGNED = b"skip_thought_signature_validator"
"""What the API takes in the place of the signature of a call that it did not make."""
_WITHHELD = {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "ESCALATION", "MODEL_ARMOR"}
"""Reasons to stop that are about what would have been said."""

# --- what goes out ----------------------------------------------------------------------------------------------------


def described(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters_json_schema": dict(tool.parameters)}


def contents(rest: Sequence[Turn]) -> list[dict[str, Any]]:
    """The turns. A call goes back as it came, with its id and its signature; another model's has neither."""
    found: list[dict[str, Any]] = []
    ids: dict[str, str | None] = {}
    for turn in rest:
        text = [{"text": turn.text}] if turn.text else []
        calls: list[dict[str, Any]] = []
        for call in turn.calls:
            kept = own(call, _WHO) or {}
            ids[call.id] = kept.get("id")
            part: dict[str, Any] = {"function_call": {"name": call.name, "args": dict(call.arguments)}}
            part["function_call"] |= {"id": kept["id"]} if kept.get("id") else {}
            if kept.get("signature"):
                part["thought_signature"] = base64.b64decode(kept["signature"])
            elif not calls and not kept:  # only the first of several has one
                part["thought_signature"] = _UNSIGNED
            calls.append(part)
        results = [{"function_response": _response(result, ids.get(result.id))} for result in turn.results]
        role = "model" if turn.role == "assistant" else "user"
        found.append({"role": role, "parts": [*results, *text, *calls]})
    return found


def _response(result: ToolResult, id: str | None) -> dict[str, Any]:
    answer = {"name": result.name, "response": {"error" if result.failed else "output": result.content}}
    return answer | ({"id": id} if id else {})


# --- what comes back --------------------------------------------------------------------------------------------------


class Answer:
    """The events of a reply -> what is said, then what is called and used."""

    def __init__(self, call: _http.Call) -> None:
        self._call = call
        self._calls: list[ToolCall] = []
        self._usage: Usage | None = None
        self._any = False
        self.finish: str | None = None
        """Why it ended; None: it has not."""

    def event(self, event: Any) -> list[str]:
        """What it says, thoughts left out."""
        if (usage := event.usage_metadata) is not None:
            self._usage = _used(usage)
        if (feedback := event.prompt_feedback) is not None and feedback.block_reason is not None:
            raise self._withheld("refused the request", feedback.block_reason)
        said: list[str] = []
        for candidate in (event.candidates or ())[:1]:
            for part in (candidate.content.parts if candidate.content is not None else None) or ():
                if part.function_call is not None:
                    self._call.content()
                    self._calls.append(self._called(part))
                elif part.text and not part.thought:
                    self._call.content()
                    said.append(part.text)
            if candidate.finish_reason is not None:
                self.finish = _word(candidate.finish_reason)
        self._any = self._any or bool(said)
        return said

    def end(self) -> list[Delta]:
        if self.finish is None:
            raise self._call.error("cut the reply short")
        if not (self._any or self._calls):
            raise self._silent(self.finish)
        return [*self._calls, *([self._usage] if self._usage is not None else [])]

    def _called(self, part: Any) -> ToolCall:
        call = part.function_call
        signature = base64.b64encode(part.thought_signature).decode() if part.thought_signature else None
        kept = {"id": call.id, "signature": signature}
        return ToolCall(call.id or f"call_{len(self._calls)}", call.name or "", call.args or {}, (_WHO, kept))

    def _silent(self, finish: str) -> ProviderError:
        if finish in _WITHHELD:
            return self._withheld("withheld its reply", finish)
        if finish == "MAX_TOKENS":
            return self._call.error("thought until max_tokens were used up and said nothing; raise max_tokens")
        if finish == "MALFORMED_FUNCTION_CALL":
            return self._call.error("called a tool with arguments that cannot be read (malformed)")
        return self._call.error("gave an empty reply" + ("" if finish == "STOP" else f" ({_plain(finish)})"))

    def _withheld(self, did: str, why: Any) -> Refusal:
        return Refusal(f"{self._call.provider} {did} ({_plain(_word(why))})", provider=self._call.provider)


def _used(usage: Any) -> Usage:
    cached = usage.cached_content_token_count or 0
    return Usage(
        input_tokens=max(0, (usage.prompt_token_count or 0) - cached),
        cached_tokens=cached,
        output_tokens=(usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
    )


def _word(value: Any) -> str:
    """An enum's value, as it came."""
    return str(getattr(value, "value", value))


def _plain(value: str) -> str:
    return scrubbed(value.lower().replace("_", " "))
