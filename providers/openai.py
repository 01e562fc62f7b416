"""OpenAI through its own SDK: text by the Responses API, speech recognition by HTTP, one request an utterance. Live
models listen in `providers.openai_live`, and `providers.openai_reader` speaks.

API as of 2026-11 (openai 3.52): reasoning effort "none" is the fastest that gpt-6-luna has; nothing is stored.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from assistant.ports import (
    CAPTURE_RATE,
    ChatAbilities,
    Delta,
    Message,
    ProviderError,
    TextDelta,
    Tool,
    TranscriberAbilities,
)  # fmt: skip
from providers import _http, _openai_client, _openai_hearing, _remote, openai_live
from providers._batch import BatchTranscriber
from providers._card import Card, Cards
from providers._errors import Refusal, scrubbed
from providers._language import tags
from providers._live import LiveTranscriber
from providers._messages import turns
from providers._openai_client import BASE_URL
from providers._openai_items import Answer, described, items
from providers._openai_realtime import RATE as LIVE_RATE
from providers._options import read
from providers.registry import Options

_WHO = "openai"
_VARIABLE = "OPENAI_API_KEY"


# --- text -------------------------------------------------------------------------------------------------------------


class ChatOptions(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = "gpt-6-luna"
    max_tokens: int = 400
    effort: str = "none"
    """Reasoning effort. Models that do not know "none" (gpt-6-astra, gpt-6.1-sol) want "low"."""


class Chat:
    """`ChatModel` over ``POST /responses``, streamed."""

    abilities = ChatAbilities(tools=True, usage=True)

    def __init__(self, vendor: _http.Vendor, options: ChatOptions, name: str = _WHO) -> None:
        self.name = name
        self._vendor = vendor
        self._options = options

    async def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        call = _http.Call(self.name, self._vendor)
        request = self._request(messages, tools)
        answer, response = Answer(call), None
        async with _http.Events(call, lambda: self._vendor.client.responses.create(**request)) as events:
            async for event in events:
                match getattr(event, "type", None):
                    case "response.output_text.delta" | "response.refusal.delta" if event.delta:
                        answer.said()
                        yield TextDelta(event.delta)
                    case "response.output_item.done":
                        answer.done(event.item)
                    case "response.failed":
                        raise call.failed(_plain(getattr(event.response, "error", None)))
                    case "error":
                        raise call.failed(_plain(event))
                    case "response.completed" | "response.incomplete":
                        response = event.response
                        await events.drain()
                        break
        if response is None:
            raise call.error("cut the reply short")
        for delta in answer.end(response):
            yield delta
        if answer.silent:
            raise _nothing_said(response, call)

    def _request(self, messages: Sequence[Message], tools: Sequence[Tool]) -> dict[str, Any]:
        options = self._options
        system, rest = turns(messages)
        request: dict[str, Any] = {
            "model": options.model,
            "input": items(rest),
            "max_output_tokens": options.max_tokens,
            "reasoning": {"effort": options.effort},
            "store": False,
            "stream": True,
        }
        if system:
            request["instructions"] = system
        if tools:
            request["tools"] = described(tools)
        return request


def _plain(event: object) -> dict[str, object]:
    return {"message": getattr(event, "message", None) or "", "code": getattr(event, "code", None) or ""}


def _nothing_said(response: object, call: _http.Call) -> ProviderError:
    reason = getattr(getattr(response, "incomplete_details", None), "reason", None)
    if reason == "content_filter":
        return Refusal(f"{call.provider} withheld its reply (content filter)", provider=call.provider)
    return call.error(f"gave an empty reply{f' ({scrubbed(str(reason))})' if reason else ''}")


_ITEM = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": []}
_RESPONSE = {"id": "r", "object": "response", "created_at": 0, "model": "m", "output": [], "status": "completed"}
_REHEARSAL = _http.sse(
    {"type": "response.created", "sequence_number": 0, "response": _RESPONSE},
    {"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": _ITEM},
    {
        "type": "response.output_text.delta", "sequence_number": 2, "output_index": 0, "content_index": 0,
        "item_id": "m", "delta": "Hi.", "logprobs": [],
    },
    {"type": "response.output_item.done", "sequence_number": 3, "output_index": 0, "item": _ITEM},
    {"type": "response.unheard_of", "sequence_number": 4},  # the SDK builds more at the first event it does not know
    {"type": "response.completed", "sequence_number": 5, "response": _RESPONSE},
)  # fmt: skip


@asynccontextmanager
async def chat_model(options: Options) -> AsyncIterator[Chat]:
    """Open the Responses API. Raises ProviderUnavailable (no key, no package), ParleyError (bad option)."""
    chosen = read(ChatOptions, options, _WHO)
    api_key = _remote.key(chosen, _VARIABLE, _WHO)
    async with _openai_client.opened(
        chosen,
        provider=_WHO,
        base_url=_http.address(chosen.base_url or BASE_URL, _WHO),
        api_key=api_key,
        rehearsal=(_REHEARSAL, "text/event-stream"),
        use=lambda vendor: Chat(vendor, chosen).reply(_http.GREETING),
    ) as made:
        yield Chat(made, chosen)


# --- hearing ----------------------------------------------------------------------------------------------------------


class HearingOptions(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = "gpt-transcribe"
    language: str = "auto"
    languages: tuple[str, ...] = ()
    """What may be spoken, as BCP 47 codes. Empty: ``language``, or any."""
    prompt: str = ""
    keywords: tuple[str, ...] = ()
    """Names and terms to listen for."""


@asynccontextmanager
async def transcriber(options: Options) -> AsyncIterator[BatchTranscriber | LiveTranscriber]:
    """Open speech recognition: by HTTP, or live for a model that is. Raises ProviderUnavailable (no key, no package),
    ParleyError (bad option)."""
    if options.get("model") in openai_live.MODELS:
        async with openai_live.transcriber(options) as live:
            yield live
        return
    chosen = read(HearingOptions, options, _WHO)
    api_key = _remote.key(chosen, _VARIABLE, _WHO)
    fields: dict[str, Any] = {"model": chosen.model, "response_format": "json"}
    fields |= {"languages": languages} if (languages := tags(chosen.languages, chosen.language)) else {}
    fields |= {"keywords": list(chosen.keywords)} if chosen.keywords else {}
    fields |= {"prompt": chosen.prompt} if chosen.prompt else {}
    async with _openai_hearing.opened(
        chosen, fields, _WHO, _http.address(chosen.base_url or BASE_URL, _WHO), api_key
    ) as opened:
        yield opened


CARDS: Cards = {
    "stt": Card(
        TranscriberAbilities(generative=True),
        model=HearingOptions().model,
        key=_VARIABLE,
        package="openai",
        extra="openai",
        address=BASE_URL,
        rates=(CAPTURE_RATE, LIVE_RATE),
        note=f"{' and '.join(openai_live.MODELS)} listen live, with partials",
    ),
    "llm": Card(
        Chat.abilities,
        model=ChatOptions().model,
        key=_VARIABLE,
        package="openai",
        extra="openai",
        address=BASE_URL,
    ),
}
