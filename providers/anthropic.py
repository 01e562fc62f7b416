"""Anthropic through its own SDK: the Messages API, streamed, with the least thinking that the model allows.

API as of 2026-11 (anthropic 2.11, version 2026-10-21): no temperature (rejected even at its default), no prefill, and
thinking on by default in the 5.5 models, so it is turned off wherever a model accepts that.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

from assistant.ports import ChatAbilities, Delta, Message, TextDelta, Tool
from providers import _http, _remote
from providers._anthropic_blocks import Answer, content, described
from providers._card import Card, Cards
from providers._errors import Refusal, scrubbed
from providers._load import quietly
from providers._messages import turns
from providers._options import read
from providers.registry import Options, importable

_WHO = "anthropic"
_BASE_URL = "https://api.anthropic.com"
_VARIABLE = "ANTHROPIC_API_KEY"
_VERSION = "2026-10-21"
_OPENING = {"role": "user", "content": "(The conversation begins.)"}
"""The API wants a user to speak first; after a greeting of the assistant's own none has."""

Thinking = Literal["auto", "disabled", "between_tools", "adaptive", "default"]


class ChatOptions(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = "claude-haiku-5-5"
    max_tokens: int = 400
    thinking: Thinking = "auto"
    """"auto": as little as the model allows. "default": nothing is sent, the model's own way."""
    effort: str = ""
    """low, medium, high ... Empty: "low" where thinking cannot be turned off."""


def fastest(model: str) -> dict[str, Any]:
    """The request fields for the lowest latency, as known on 2026-11-20; for when the API cannot be asked in time."""
    if model.startswith("claude-haiku"):
        return {"thinking": {"type": "disabled"}}
    if model.startswith("claude-sonnet-5-5"):
        return {"thinking": {"type": "between_tools"}}  # "disabled" is a 400 there
    if model.startswith(("claude-opus-5-5", "claude-fable")):
        return {"output_config": {"effort": "low"}}  # thinking is always on
    return {}  # older models do not think unless told to


def fastest_of(capabilities: object) -> dict[str, Any] | None:
    """The same from ``GET /v1/models/{id}``'s ``capabilities``. None when it does not say."""
    types = _at(capabilities, "thinking", "types")
    for kind in ("disabled", "between_tools"):
        if _at(types, kind, "supported") is True:
            return {"thinking": {"type": kind}}
    if not isinstance(types, dict):
        return None
    return {"output_config": {"effort": "low"}} if _at(capabilities, "effort", "supported") is True else {}


def _at(value: object, *path: str) -> object:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


class Chat:
    """`ChatModel` over ``POST /v1/messages``."""

    abilities = ChatAbilities(tools=True, usage=True)

    def __init__(self, vendor: _http.Vendor, options: ChatOptions, pace: dict[str, Any], name: str = _WHO) -> None:
        self.name = name
        self._vendor = vendor
        self._options = options
        self._pace = pace

    async def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        call = _http.Call(self.name, self._vendor)
        request = self._request(messages, tools)
        answer = Answer(call)
        async with _http.Events(call, lambda: self._vendor.client.messages.create(**request)) as events:
            async for event in events:
                if text := answer.take(event):
                    yield TextDelta(text)
                if answer.over:
                    await events.drain()
                    break
        if not answer.over:
            raise call.error("cut the reply short")
        for delta in answer.end():
            yield delta
        if answer.silent:
            raise _nothing_said(answer.stop, answer.details, call)

    def _request(self, messages: Sequence[Message], tools: Sequence[Tool]) -> dict[str, Any]:
        system, rest = turns(messages)
        said: list[dict[str, Any]] = [{"role": turn.role, "content": content(turn)} for turn in rest]
        if said and said[0]["role"] == "assistant":
            said.insert(0, _OPENING)
        request: dict[str, Any] = {
            "model": self._options.model,
            "max_tokens": self._options.max_tokens,
            "messages": said,
            # The end of the conversation so far: the next turn reads it from the cache.
            "cache_control": _CACHED,
            "stream": True,
            **self._pace,
        }
        if system:
            request["system"] = [{"type": "text", "text": system}]
        if known := described(tools, rest):
            request["tools"] = known
            request |= {} if tools else {"tool_choice": {"type": "none"}}
        # And what never changes (the tools come before the system text), for when the oldest turns are left out.
        if stable := request.get("system") or request.get("tools"):
            stable[-1]["cache_control"] = _CACHED
        return request


_CACHED = {"type": "ephemeral"}
"""For five minutes from its last use. What is too short for the model's cache is not kept, and nothing is said."""


def _nothing_said(stop: str, details: object, call: _http.Call) -> Exception:
    if stop == "refusal":
        category = getattr(details, "category", None)
        because = f" ({scrubbed(str(category))})" if category else ""
        return Refusal(f"{call.provider} refused to answer{because}", provider=call.provider)
    if stop == "max_tokens":
        return call.error("thought until max_tokens were used up and said nothing; raise max_tokens")
    return call.error("gave an empty reply")


def _pace(options: ChatOptions, found: dict[str, Any]) -> dict[str, Any]:
    """What was chosen, else what is fastest."""
    pace = dict(found)
    if options.thinking == "default":
        pace = {}
    elif options.thinking != "auto":
        pace = {"thinking": {"type": options.thinking}}
    if options.effort:
        pace["output_config"] = {"effort": options.effort}
    return pace


def _vendor(sdk: Any, options: ChatOptions, base_url: str, api_key: str, http: Any) -> _http.Vendor:
    client = sdk.AsyncAnthropic(api_key=api_key, base_url=base_url, max_retries=0, http_client=http)
    return _http.Vendor(client, http, _http.faults(sdk.AnthropicError), options.timeouts, (api_key,))


_REHEARSAL = _http.sse(
    {
        "type": "message_start",
        "message": {
            "id": "m", "type": "message", "role": "assistant", "content": [], "model": "m", "stop_reason": None,
            "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi."}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 2},
    },
    {"type": "unheard_of"},  # the SDK builds more at the first event it does not know (18 ms)
    {"type": "message_stop"},
)  # fmt: skip


@asynccontextmanager
async def chat_model(options: Options) -> AsyncIterator[Chat]:
    """Open the Messages API, and ask it once what the model can do (1 s at most; else by the table above).

    Raises ProviderUnavailable (no key, no package), ParleyError (bad option).
    """
    chosen = read(ChatOptions, options, _WHO)
    api_key = _remote.key(chosen, _VARIABLE, _WHO)
    base_url = _http.address(chosen.base_url or _BASE_URL, _WHO, version="").removesuffix("/v1")

    def load() -> _http.Vendor:
        sdk = importable("anthropic", provider=_WHO, extra="anthropic")
        return _vendor(sdk, chosen, base_url, api_key, _http.client(chosen.timeouts))

    made = await quietly(load)
    pace = fastest(chosen.model)

    async def ask() -> None:
        nonlocal pace
        # Not through the SDK: its first call imports for 50 ms, which the rehearsal is just doing in its thread.
        answer = await made.http.get(
            f"{base_url}/v1/models/{chosen.model}",
            headers={"authorization": f"Bearer {api_key}", "anthropic-version": _VERSION},
        )
        if answer.status_code == 200:
            found = fastest_of(_at(json.loads(answer.content), "capabilities"))
            pace = pace if found is None else found

    async def replay(http: Any) -> None:
        vendor = _vendor(importlib.import_module("anthropic"), chosen, base_url, api_key, http)
        async for _ in Chat(vendor, chosen, _pace(chosen, fastest(chosen.model))).reply(_http.GREETING):
            pass

    rehearsal = (_REHEARSAL, "text/event-stream")
    async with made:
        await _http.warmed(lambda: _http.rehearse(replay, *rehearsal), request=ask, faults=made.faults)
        yield Chat(made, chosen, _pace(chosen, pace))


CARDS: Cards = {
    "llm": Card(
        Chat.abilities,
        model=ChatOptions().model,
        key=_VARIABLE,
        package="anthropic",
        extra="anthropic",
        address=_BASE_URL,
    )
}
