"""OpenAI through its own SDK: text by the Responses API, speech recognition by HTTP, one request an utterance. Live
models listen in `providers.openai_live`, and `providers.openai_reader` speaks.

API as of 2026-11 (openai 3.52): reasoning effort "none" is the fastest that gpt-6-luna has; nothing is stored.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np

from assistant.conversation.events import Sureness, Word
from assistant.ports import (
    CAPTURE_RATE,
    ChatAbilities,
    Delta,
    Message,
    ProviderError,
    Samples,
    TextDelta,
    Tool,
    TranscriberAbilities,
)  # fmt: skip
from providers import _http, openai_live
from providers._batch import BatchTranscriber, Heard
from providers._card import Card, Cards
from providers._errors import Refusal, scrubbed
from providers._language import tags
from providers._live import LiveTranscriber
from providers._load import quietly
from providers._messages import turns
from providers._openai_items import Answer, described, items
from providers._openai_realtime import RATE as LIVE_RATE
from providers._options import read
from providers._wav import wav
from providers.registry import Options, importable

_WHO = "openai"
_BASE_URL = "https://api.openai.com/v1"
_VARIABLE = "OPENAI_API_KEY"


def connect(options: _http.Options, *, provider: str, base_url: str, api_key: str) -> _http.Vendor:
    """An AsyncOpenAI client that never retries. Imports the SDK (0.4-0.6 s): call it in a worker thread.

    Without a key "none" is sent (the SDK insists on one, local servers take any). The environment's organisation and
    project are sent to nobody but OpenAI. Raises ProviderUnavailable when the package is missing.
    """
    sdk = importable("openai", provider=provider, extra="openai")
    with suppress(ImportError):
        # At every call the SDK looks for httpx among the loaded modules, and would take for whole what another thread
        # is just importing (google-genai and huggingface-hub do).
        importlib.import_module("httpx")
    return vendor(sdk, options, base_url, api_key, _http.client(options.timeouts))


def vendor(sdk: Any, options: _http.Options, base_url: str, api_key: str, http: Any) -> _http.Vendor:
    headers: dict[str, Any] = {}
    if base_url != _BASE_URL:
        headers |= {"OpenAI-Organization": sdk.Omit(), "OpenAI-Project": sdk.Omit()}
    client = sdk.AsyncOpenAI(
        api_key=api_key or "none", base_url=base_url, max_retries=0, http_client=http, default_headers=headers
    )
    return _http.Vendor(client, http, _http.faults(sdk.OpenAIError), options.timeouts, (api_key,))


async def ready(
    options: _http.Options,
    *,
    provider: str,
    base_url: str,
    api_key: str,
    rehearsal: tuple[bytes, str],
    use: Callable[[_http.Vendor], AsyncIterator[object]],
) -> _http.Vendor:
    """Load the SDK, walk ``use`` through the canned reply ``rehearsal`` (body, content type), and connect meanwhile."""
    made = await quietly(lambda: connect(options, provider=provider, base_url=base_url, api_key=api_key))

    async def replay(http: Any) -> None:
        async for _ in use(vendor(importlib.import_module("openai"), options, base_url, api_key, http)):
            pass

    await _http.warmed(
        lambda: _http.rehearse(replay, *rehearsal),
        request=lambda: made.http.head(f"{base_url}/models"),  # without the key: it only has to connect
        faults=made.faults,
    )
    return made


# --- text -------------------------------------------------------------------------------------------------------------


class ChatOptions(_http.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
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
    api_key = _http.key(chosen, _VARIABLE, _WHO)
    made = await ready(
        chosen,
        provider=_WHO,
        base_url=_http.address(chosen.base_url or _BASE_URL, _WHO),
        api_key=api_key,
        rehearsal=(_REHEARSAL, "text/event-stream"),
        use=lambda vendor: Chat(vendor, chosen).reply(_http.GREETING),
    )
    async with made:
        yield Chat(made, chosen)


# --- hearing ----------------------------------------------------------------------------------------------------------


class HearingOptions(_http.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = "gpt-transcribe"
    language: str = "auto"
    languages: tuple[str, ...] = ()
    """What may be spoken, as BCP 47 codes. Empty: ``language``, or any."""
    prompt: str = ""
    keywords: tuple[str, ...] = ()
    """Names and terms to listen for."""


class Recogniser:
    """`Decode` over ``POST /audio/transcriptions``: one WAV file up, one text back.

    ``fields`` are the form's fields beside the file. ``find`` finds the model, when it is first needed.
    """

    def __init__(
        self,
        vendor: _http.Vendor,
        name: str,
        fields: dict[str, Any],
        find: Callable[[_http.Vendor], Awaitable[str]] | None = None,
    ) -> None:
        self._vendor = vendor
        self._name = name
        self._fields = fields
        self._find = find

    async def __call__(self, samples: Samples, *, optional: bool) -> Heard:
        call = _http.Call(self._name, self._vendor)
        if (find := self._find) is not None:
            self._fields = {**self._fields, "model": await call.step(lambda: find(self._vendor))}
            self._find = None
        file = ("speech.wav", wav(samples, CAPTURE_RATE), "audio/wav")
        answer = await call.step(lambda: self._vendor.client.audio.transcriptions.create(file=file, **self._fields))
        if isinstance(answer, str):  # a server that answers in plain text, or in JSON that calls itself something else
            return Heard(_text_in(answer, call))
        text = getattr(answer, "text", None)
        if not isinstance(text, str):
            raise call.failed(getattr(answer, "error", None) or "no transcript in the answer")
        languages = getattr(answer, "languages", None) or [getattr(answer, "language", None)]
        language = getattr(languages[0], "code", languages[0])
        language = language if isinstance(language, str) else None
        words = tuple(
            Word(str(word.word).strip(), float(word.start), float(word.end))
            for word in getattr(answer, "words", None) or ()
        )
        return Heard(text.strip(), language, words, _sureness(getattr(answer, "segments", None) or ()))


def _sureness(segments: Sequence[Any]) -> Sureness | None:
    """Of servers that tell (Whisper's, with ``words``): the mean over the text, and the likeliest speech."""
    told = [
        (len(segment.text), float(segment.avg_logprob), float(segment.no_speech_prob))
        for segment in segments
        if None not in (getattr(segment, key, None) for key in ("text", "avg_logprob", "no_speech_prob"))
    ]
    length = sum(letters for letters, _, _ in told)
    if not length:
        return None
    return Sureness(sum(letters * sure for letters, sure, _ in told) / length, min(silent for _, _, silent in told))


def _text_in(answer: str, call: _http.Call) -> str:
    if not answer.lstrip().startswith(("{", "[", "<")):
        return answer.strip()
    try:
        body = json.loads(answer)
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("text"), str):
        return str(body["text"]).strip()
    if isinstance(body, dict) and "error" in body:
        raise call.failed(body)
    raise call.error("sent something that cannot be read (malformed)")


@asynccontextmanager
async def transcriber(options: Options) -> AsyncIterator[BatchTranscriber | LiveTranscriber]:
    """Open speech recognition: by HTTP, or live for a model that is. Raises ProviderUnavailable (no key, no package),
    ParleyError (bad option)."""
    if options.get("model") in openai_live.MODELS:
        async with openai_live.transcriber(options) as live:
            yield live
        return
    chosen = read(HearingOptions, options, _WHO)
    api_key = _http.key(chosen, _VARIABLE, _WHO)
    fields: dict[str, Any] = {"model": chosen.model, "response_format": "json"}
    fields |= {"languages": languages} if (languages := tags(chosen.languages, chosen.language)) else {}
    fields |= {"keywords": list(chosen.keywords)} if chosen.keywords else {}
    fields |= {"prompt": chosen.prompt} if chosen.prompt else {}
    async with hearing(chosen, fields, _WHO, _http.address(chosen.base_url or _BASE_URL, _WHO), api_key) as opened:
        yield opened


@asynccontextmanager
async def hearing(
    options: _http.Options,
    fields: dict[str, Any],
    provider: str,
    base_url: str,
    api_key: str,
    find: Callable[[_http.Vendor], Awaitable[str]] | None = None,
) -> AsyncIterator[BatchTranscriber]:
    """A transcriber over ``base_url``. It gives no partials: each would be a paid upload of everything said so far."""

    async def use(vendor: _http.Vendor) -> AsyncIterator[object]:
        yield await Recogniser(vendor, provider, fields)(np.zeros(1600, np.float32), optional=False)

    made = await ready(
        options,
        provider=provider,
        base_url=base_url,
        api_key=api_key,
        rehearsal=(b'{"text": "Hi."}', "application/json"),
        use=use,
    )
    async with made:
        abilities = TranscriberAbilities(word_times="timestamp_granularities" in fields, generative=True)
        yield BatchTranscriber(Recogniser(made, provider, fields, find), name=provider, abilities=abilities)


CARDS: Cards = {
    "stt": Card(
        TranscriberAbilities(generative=True),
        model=HearingOptions().model,
        key=_VARIABLE,
        package="openai",
        extra="openai",
        address=_BASE_URL,
        rates=(CAPTURE_RATE, LIVE_RATE),
        note=f"{' and '.join(openai_live.MODELS)} listen live, with partials",
    ),
    "llm": Card(
        Chat.abilities,
        model=ChatOptions().model,
        key=_VARIABLE,
        package="openai",
        extra="openai",
        address=_BASE_URL,
    ),
}
