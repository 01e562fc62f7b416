"""Google's Gemini through its own SDK: generateContent, streamed, with the least thinking that the model allows.

API as of 2026-11 (google-genai 3.6, v1beta). The key is GEMINI_API_KEY, which names this service alone, else
GOOGLE_API_KEY; the SDK by itself would take them the other way round. The SDK never retries unless it is told to.
"""

from __future__ import annotations

import importlib
import json
import logging
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, Literal

from assistant.ports import ChatAbilities, Delta, Message, ProviderError, TextDelta, Tool
from providers import _http, _remote
from providers._card import Card, Cards
from providers._errors import Rejected, answered, scrubbed
from providers._gemini_parts import Answer, contents, described
from providers._load import quietly
from providers._messages import Turn, turns
from providers._options import read
from providers.registry import Options, importable

_WHO = "gemini"
_BASE_URL = "https://generativelanguage.googleapis.com"
_VERSION = "v1beta"
"""The SDK's own default is "v1" since 3.0, which lacks the names that stand for the latest model."""
_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
_OPENING = Turn("user", "(The conversation begins.)")
"""The API wants a user to speak first; after a greeting of the assistant's own none has."""

Thinking = Literal["auto", "default", "minimal", "low", "medium", "high"]

LEAST: dict[str, Thinking] = {
    "gemini-3.1-flash-lite": "minimal",
    "gemini-3.5-flash": "minimal",
    "gemini-3.6-flash": "minimal",
    "gemini-3": "low",
    "gemini-4": "low",
}
"""The least thinking by the beginning of the model's name, as known on 2026-11-20; the longest that fits counts.
Older models know no levels: nothing is sent to those that are not here."""


class ChatOptions(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = "gemini-3.5-flash-lite"
    max_tokens: int = 400
    """Thoughts count."""
    thinking: Thinking = "auto"
    """"auto": as little as the model allows. "default": nothing is sent, the model's own way."""


CARDS: Cards = {
    "llm": Card(
        ChatAbilities(tools=True, usage=True),
        model=ChatOptions().model,
        key=_VARIABLES[0],
        package="google.genai",
        extra="gemini",
        address=_BASE_URL,
        other_keys=_VARIABLES[1:],
    )
}


def least(model: str) -> Thinking:
    """The level of thinking for the lowest latency; "default" where none is known."""
    name = model.removeprefix("models/")
    return next((LEAST[start] for start in sorted(LEAST, key=len, reverse=True) if name.startswith(start)), "default")


class Chat:
    """`ChatModel` over ``POST /v1beta/models/{model}:streamGenerateContent?alt=sse``."""

    abilities = CARDS["llm"].abilities

    def __init__(self, vendor: _http.Vendor, options: ChatOptions, failure: type[Exception], name: str = _WHO) -> None:
        self.name = name
        self._vendor = vendor
        self._options = options
        self._failure = failure

    async def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        call = _http.Call(self.name, self._vendor)
        request = self._request(messages, tools)
        answer = Answer(call)
        async with _http.Events(call, lambda: self._open(request)) as events:
            async for event in events:
                for text in answer.event(event):
                    yield TextDelta(text)
                if answer.finish is not None:
                    await events.drain()
                    break
        for delta in answer.end():
            yield delta

    def _request(self, messages: Sequence[Message], tools: Sequence[Tool]) -> dict[str, Any]:
        system, rest = turns(messages)
        if rest and rest[0].role == "assistant":
            rest.insert(0, _OPENING)
        config: dict[str, Any] = {
            "max_output_tokens": self._options.max_tokens,
            "automatic_function_calling": {"disable": True},
            "automatic_continuation": False,
        }
        thinking = least(self._options.model) if self._options.thinking == "auto" else self._options.thinking
        if thinking != "default":
            config["thinking_config"] = {"thinking_level": thinking.upper()}
        if system:
            config["system_instruction"] = system
        if tools:
            config["tools"] = [{"function_declarations": [described(tool) for tool in tools]}]
        return {"model": self._options.model, "contents": contents(rest), "config": config}

    async def _open(self, request: dict[str, Any]) -> _Stream:
        """Ask, and wait for the first event: the SDK asks no sooner than that is wanted."""
        responses: list[Any] = []
        token = _responses.set(responses)
        try:
            chunks = await self._vendor.client.aio.models.generate_content_stream(**request)
            first = await self._translated(lambda: anext(chunks, _http.OVER))
        except BaseException:
            for response in responses:
                await _http.close(response)
            raise
        finally:
            _responses.reset(token)
        return _Stream(first, chunks, responses[-1], self._translated)

    async def _translated(self, wait: Callable[[], Awaitable[Any]]) -> Any:
        """Await it; the SDK's error becomes ours."""
        try:
            return await wait()
        except self._failure as error:
            failure = _told(error, self.name, self._vendor.secrets)
        raise failure


def _told(error: Any, provider: str, secrets: tuple[str, ...]) -> ProviderError:
    """The SDK's APIError. Google tells a wrong key by a reason, an empty purse by a phrase, and a pause in the body."""
    body = error.details if isinstance(error.details, dict) else {}
    inner = body.get("error", body)
    inner = inner if isinstance(inner, dict) else {}
    details = [each for each in inner.get("details") or () if isinstance(each, dict)]
    message = str(inner.get("message") or "")
    status = error.code if isinstance(error.code, int) else 0
    if any(each.get("reason") == "API_KEY_INVALID" for each in details):
        return Rejected(f"{provider} rejected the key ({status})", provider=provider)
    if status == 429 and "credits are depleted" in message:
        told = scrubbed(message, secrets)
        return Rejected(f"{provider} wants to be paid first ({status}): {told}", provider=provider)
    response = error.response
    if getattr(response, "status_code", 200) < 400:  # an error event in an answer that began well
        return ProviderError(f"{provider} sent an error: {scrubbed(message, secrets)}", provider=provider)
    headers = dict(response.headers)
    for each in details:
        delay = str(each.get("retryDelay", ""))
        if delay.endswith("s"):
            headers.setdefault("retry-after", delay[:-1])
    return answered(status, body, headers, provider, secrets)


class _Stream:
    """The SDK's generator of events, together with the HTTP response that it keeps to itself."""

    def __init__(self, first: Any, chunks: Any, response: Any, translated: Callable[..., Awaitable[Any]]) -> None:
        self._first = [first]
        self._chunks = chunks
        self._translated = translated
        self._response = response
        self.headers = response.headers
        self.extensions = response.extensions

    @property
    def response(self) -> _Stream:
        return self

    def __aiter__(self) -> _Stream:
        return self

    async def __anext__(self) -> Any:
        event = self._first.pop() if self._first else await self._translated(lambda: anext(self._chunks, _http.OVER))
        if event is _http.OVER:
            raise StopAsyncIteration
        return event

    async def aclose(self) -> None:
        await self._response.aclose()
        with suppress(Exception):  # a dozen generators, one in the other, that would otherwise wait for the collector
            async for _ in self._chunks:
                pass


# --- opening ----------------------------------------------------------------------------------------------------------

_responses: ContextVar[list[Any]] = ContextVar("responses")
"""Where the call that is being made wants its HTTP response put."""


async def _keep(response: Any) -> None:
    if (responses := _responses.get(None)) is not None:
        responses.append(response)


def _load(options: ChatOptions, base_url: str, api_key: str, http: Any) -> tuple[_http.Vendor, type[Exception]]:
    """The vendor, and the SDK's base class of errors. Imports for 1 s."""
    sdk = importable("google.genai", provider=_WHO, extra="gemini", package="google-genai")
    # What it says of reasons and levels that are newer than itself, and of two keys when it was given one.
    warnings.filterwarnings("ignore", ".* is not a valid ", module=r"google\.genai\.")
    logging.getLogger("google_genai._api_client").setLevel(logging.ERROR)
    http.event_hooks["response"].append(_keep)
    options_of_http = {"base_url": base_url, "api_version": _VERSION, "httpx_async_client": http}
    client = sdk.Client(api_key=api_key, vertexai=False, http_options=options_of_http)
    failure: type[Exception] = importlib.import_module("google.genai.errors").APIError
    return _http.Vendor(client, http, _http.faults(failure), options.timeouts, (api_key,)), failure


def _rehearsal() -> bytes:
    parts = [{"text": "Hi."}, {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2ln"}]
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": "STOP", "index": 0}
    body = {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 1}, "modelVersion": "m"}
    return b"data: %s\r\n\r\n" % json.dumps(body).encode()


@asynccontextmanager
async def chat_model(options: Options) -> AsyncIterator[Chat]:
    """Open the Gemini API. Raises ProviderUnavailable (no key, no package), ParleyError (bad option)."""
    chosen = read(ChatOptions, options, _WHO)
    api_key = _remote.key(chosen, _VARIABLES[0], _WHO, *_VARIABLES[1:])
    base_url = _http.address(chosen.base_url or _BASE_URL, _WHO, version="").removesuffix(f"/{_VERSION}")
    made, failure = await quietly(lambda: _load(chosen, base_url, api_key, _http.client(chosen.timeouts)))

    async def replay(http: Any) -> None:
        async for _ in Chat(_load(chosen, base_url, api_key, http)[0], chosen, failure).reply(_http.GREETING):
            pass

    async with made:
        await _http.warmed(
            lambda: _http.rehearse(replay, _rehearsal(), "text/event-stream"),
            request=lambda: made.http.head(f"{base_url}/{_VERSION}/models"),  # without the key: it only has to connect
            faults=made.faults,
        )
        yield Chat(made, chosen, failure)
