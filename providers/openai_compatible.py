"""Any server that speaks OpenAI's older protocol: llama.cpp, Ollama, vLLM, LM Studio, speaches, Kokoro, Groq ...

All three stages over one ``base_url``: one without a path gets ``/v1`` (``http://127.0.0.1:8080``), one with a path is
used as it is (``https://api.groq.com/openai/v1``). The key is optional, and only the option ``api_key`` is ever sent:
the key that lies in OPENAI_API_KEY is OpenAI's, and no business of another server.

These servers differ, and what they get wrong is put up with: no role chunk, ``content: null``, no usage, no ``[DONE]``,
thoughts as ``reasoning``, ``reasoning_content`` or inline ``<think>``, an error inside HTTP 200, comments that keep the
connection alive, tool arguments as an object, tool calls without an id, a whole answer where a stream was asked for.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np

from assistant.audio.resample import Resampler
from assistant.ports import (
    CAPTURE_RATE,
    ChatAbilities,
    Delta,
    Message,
    ParleyError,
    ProviderError,
    SpeechChunk,
    SynthesizerAbilities,
    TextDelta,
    Tool,
    ToolCall,
    TranscriberAbilities,
    Usage,
)  # fmt: skip
from providers import _http, _model_list, _voice_list
from providers._batch import BatchTranscriber
from providers._card import Card, Cards, VoiceInfo
from providers._errors import Refusal, scrubbed
from providers._language import primary
from providers._messages import Turn, own, turns, without_tools
from providers._options import read
from providers._probe import NOT_CHAT
from providers._think import ThinkFilter
from providers._wav import PcmReader
from providers.openai import hearing, ready
from providers.registry import Options

log = logging.getLogger("parley")

_WHO = "openai-compatible"


def _address(options: _http.Options) -> str:
    if not options.base_url:
        raise ParleyError(f"{_WHO} needs a base_url in its options, such as http://127.0.0.1:11434/v1 (Ollama's)")
    return _http.address(options.base_url, _WHO)


# --- text -------------------------------------------------------------------------------------------------------------


class ChatOptions(_http.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    max_tokens: int = 400
    effort: str = ""
    """Sent as ``reasoning_effort`` ("none" stops Ollama's models from thinking). Empty: not sent; some reject it."""
    extra: dict[str, Any] = {}
    """More fields for the request's body, such as ``{reasoning_format = "hidden"}`` for Groq."""


class Chat:
    """`ChatModel` over ``POST /chat/completions``, streamed."""

    abilities = ChatAbilities(tools=True, usage=True)

    def __init__(self, vendor: _http.Vendor, options: ChatOptions, name: str = _WHO) -> None:
        self.name = name
        self._vendor = vendor
        self._options = options
        self._model = options.model
        self._unwanted: set[str] = set()
        """Fields of a request that this server does not want."""
        self._tells_usage = False

    async def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        call = _http.Call(self.name, self._vendor)
        self._model = self._model or await self._first_model(call)
        answer = _Answer(call)
        async with _http.Events(call, lambda: self._ask(messages, tools)) as events:
            if "json" in events.response.headers.get("content-type", ""):
                for delta in answer.whole(await events.body()):
                    yield delta
                return
            async for chunk in events:
                for delta in answer.chunk(chunk):
                    yield delta
            # A body with an announced end was ended by the server itself, whatever it forgot to say before.
            framed = {"transfer-encoding", "content-length"} & set(events.response.headers)
        for delta in answer.end(complete=bool(framed)):
            self._tells_usage = self._tells_usage or isinstance(delta, Usage)
            yield delta

    async def _ask(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Any:
        """Ask; and again without what this server turns out not to want, be it the counting or the tools."""
        unwanted = set(self._unwanted)
        while True:
            request = self._request(messages, tools, unwanted)
            try:
                answer = await self._vendor.client.chat.completions.create(**request)
                break
            except self._vendor.faults as error:
                objections = self._objected_to(error) & set(request)
                if not objections:
                    raise
                unwanted |= objections
        if "tools" in unwanted - self._unwanted:
            log.warning("%s takes no tools here, so %s answers without them", self.name, self._model)
        self._unwanted = unwanted
        return answer

    def _objected_to(self, error: Exception) -> set[str]:
        """Which fields it may be, of those that one can do without, that the server found wrong."""
        status = getattr(error, "status_code", None)
        if status in (400, 404, 422, 500, 501) and "tool" in str(error).lower():
            return {"tools"}
        return {"stream_options"} if status in (400, 422) and not self._tells_usage else set()

    def _request(self, messages: Sequence[Message], tools: Sequence[Tool], unwanted: set[str]) -> dict[str, Any]:
        system, rest = turns(without_tools(messages) if "tools" in unwanted else messages)
        request: dict[str, Any] = {
            "model": self._model,
            "messages": ([{"role": "system", "content": system}] if system else []) + _said(rest),
            "max_tokens": self._options.max_tokens,
            "stream": True,
        }
        if "stream_options" not in unwanted:
            request["stream_options"] = {"include_usage": True}
        if tools and "tools" not in unwanted:
            request["tools"] = [{"type": "function", "function": _described(tool)} for tool in tools]
        if self._options.effort:
            request["reasoning_effort"] = self._options.effort
        if self._options.extra:
            request["extra_body"] = self._options.extra
        return request

    async def _first_model(self, call: _http.Call) -> str:
        """None was chosen: the first the server lists that looks like a chat model. Asked for once."""
        listed = await call.step(lambda: self._vendor.client.models.list())
        names = [
            name for model in getattr(listed, "data", None) or () if isinstance(name := getattr(model, "id", None), str)
        ]
        chatting = [name for name in names if not any(word in name.lower() for word in NOT_CHAT)]
        if not (chatting or names):
            raise call.error("lists no model: load one there, or set model")
        return (chatting or names)[0]


def _described(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}


def _said(rest: Sequence[Turn]) -> list[dict[str, Any]]:
    """The turns as messages: a result is one of its own, of the role "tool"."""
    found: list[dict[str, Any]] = []
    for turn in rest:
        found += [{"role": "tool", "tool_call_id": result.id, "content": result.content} for result in turn.results]
        if turn.calls:
            calls = [_called(call) for call in turn.calls]
            found.append({"role": "assistant", "content": turn.text, "tool_calls": calls})
        elif turn.text:
            found.append({"role": turn.role, "content": turn.text})
    return found


def _called(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": json.dumps(dict(call.arguments), ensure_ascii=False)}
    return {"id": call.id, "type": "function", "function": function} | (own(call, _WHO) or {})


class _Answer:
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
            opaque = (_WHO, {"extra_content": tool.extra}) if tool.extra else None
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


def _chunks(*deltas: dict[str, Any]) -> bytes:
    def data(choice: dict[str, Any]) -> bytes:
        body = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
        return b"data: %s\n\n" % json.dumps(body).encode()

    return b"".join(data({"index": 0, "delta": delta, "finish_reason": None}) for delta in deltas) + b"data: [DONE]\n\n"


@asynccontextmanager
async def chat_model(options: Options) -> AsyncIterator[Chat]:
    """Open chat completions. Without ``model`` the server's first chat model is taken, when it is first needed.

    Raises ProviderUnavailable (no package), ParleyError (no base_url, bad option).
    """
    chosen = read(ChatOptions, options, _WHO)
    async with chatting(chosen, _WHO, _address(chosen), chosen.api_key) as opened:
        yield opened


@asynccontextmanager
async def chatting(options: ChatOptions, name: str, base_url: str, api_key: str) -> AsyncIterator[Chat]:
    """A chat model over ``base_url``. Raises ProviderUnavailable (no package)."""
    made = await ready(
        options,
        provider=name,
        base_url=base_url,
        api_key=api_key,
        rehearsal=(_chunks({"role": "assistant", "content": "Hi."}), "text/event-stream"),
        use=lambda vendor: Chat(vendor, msgspec.structs.replace(options, model="m")).reply(_http.GREETING),
    )
    async with made:
        yield Chat(made, options, name)


# --- hearing ----------------------------------------------------------------------------------------------------------


class HearingOptions(_http.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = ""
    """Empty: the first that the server lists and that hears, by its task or its name."""
    language: str = "auto"
    """A BCP 47 code. Its first part is sent: Whisper knows no regions, and servers reject what they do not know."""
    prompt: str = ""
    words: bool = False
    """Ask for the words' times (``verbose_json``). Groq and speaches have them; many servers do not."""


def fields_of(options: HearingOptions) -> dict[str, Any]:
    """The form's fields beside the file."""
    fields: dict[str, Any] = {"model": options.model, "response_format": "json"}
    if options.words:
        fields |= {"response_format": "verbose_json", "timestamp_granularities": ["word"]}
    fields |= {"language": language} if (language := primary(options.language)) else {}
    fields |= {"prompt": options.prompt} if options.prompt else {}
    return fields


async def _hearing_model(vendor: _http.Vendor) -> str:
    return _model_list.hearing(await _model_list.listed(vendor)).id


@asynccontextmanager
async def transcriber(options: Options) -> AsyncIterator[BatchTranscriber]:
    """Open speech recognition. Raises ProviderUnavailable (no package), ParleyError (no base_url, bad option)."""
    chosen = read(HearingOptions, options, _WHO)
    find = None if chosen.model else _hearing_model
    async with hearing(chosen, fields_of(chosen), _WHO, _address(chosen), chosen.api_key, find) as opened:
        yield opened


# --- speaking ---------------------------------------------------------------------------------------------------------


class SpeakingOptions(_http.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = ""
    """Empty: the first that the server lists and that speaks, by its task or its name."""
    voice: str = ""
    """Empty: the model's first, where the server tells, else the one that such models usually have."""
    speed: float = 1.0
    instructions: str = ""
    rate: int = 24_000
    """Hz of the server's PCM. The protocol says 24000; not every server keeps to it, and few tell."""


_VOICES = {"kokoro": "af_heart", "orpheus": "tara"}
"""By a part of the model's name, a voice that it has."""
_USUAL = "alloy"


class Voice:
    """`Synthesizer` over ``POST /audio/speech``: 16-bit PCM, played as it comes."""

    abilities = SynthesizerAbilities()

    def __init__(self, vendor: _http.Vendor, options: SpeakingOptions, name: str = _WHO) -> None:
        self.name = name
        self.rate = options.rate
        self._vendor = vendor
        self._options = options
        self._model = _model_list.Model(options.model) if options.model else None

    async def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        options = self._options
        call = _http.Call(self.name, self._vendor)
        if self._model is None:
            self._model = _model_list.speaking(await call.step(lambda: _model_list.listed(self._vendor)))
        model = self._model
        request: dict[str, Any] = {
            "model": model.id, "voice": options.voice or _usual(model), "input": text, "response_format": "pcm",
        }  # fmt: skip
        request |= {"speed": options.speed} if options.speed != 1.0 else {}
        request |= {"instructions": options.instructions} if options.instructions else {}
        speech = self._vendor.client.audio.speech.with_streaming_response
        pcm = PcmReader(model.rate or self.rate)
        resampler = Resampler(model.rate, self.rate) if model.rate not in (0, self.rate) else None
        sounded = False
        async with _http.Body(call, lambda: speech.create(**request)) as body:
            kind = body.response.headers.get("content-type", "")
            if "json" in kind:
                raise call.failed(_parsed(await body.all()))
            if kind.startswith("text/"):
                raise call.error(f"sent {scrubbed(kind)} where sound was asked for")
            if any(coded in kind for coded in ("mpeg", "mp3", "ogg", "opus", "flac", "aac")):
                raise call.error(f"sent {scrubbed(kind)} where 16-bit PCM was asked for")
            async for piece in body:
                call.content()
                try:
                    samples = pcm.feed(piece)
                except ValueError as error:
                    raise call.error(str(error)) from None
                if len(samples):
                    sounded = True
                    yield SpeechChunk(samples if resampler is None else resampler.push(samples))
        if not sounded:
            raise call.error("sent no sound")
        if resampler is not None:
            yield SpeechChunk(resampler.push(np.zeros(0, np.float32), last=True))


def _usual(model: _model_list.Model) -> str:
    """The voice to speak with, where none was chosen."""
    if model.voices:
        return model.voices[0]
    return next((voice for word, voice in _VOICES.items() if word in model.id.lower()), _USUAL)


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


@asynccontextmanager
async def synthesizer(options: Options) -> AsyncIterator[Voice]:
    """Open speech synthesis. Raises ProviderUnavailable (no package), ParleyError (no base_url, bad option)."""
    chosen = read(SpeakingOptions, options, _WHO)
    made = await ready(
        chosen,
        provider=_WHO,
        base_url=_address(chosen),
        api_key=chosen.api_key,
        rehearsal=(bytes(4800), "audio/pcm"),
        use=lambda vendor: Voice(vendor, msgspec.structs.replace(chosen, model="m")).speak("Hi."),
    )
    async with made:
        yield Voice(made, chosen)


async def voices(options: Options) -> Sequence[VoiceInfo]:
    """Those that the server lists; none where it does not. Raises ParleyError, ProviderUnavailable, ProviderError."""
    chosen = read(SpeakingOptions, options, _WHO)
    return await _voice_list.listed(chosen, provider=_WHO, base_url=_address(chosen))


_SPEACHES = "docker run -p 8000:8000 ghcr.io/speaches-ai/speaches:latest-cpu"
CARDS: Cards = {
    "stt": Card(
        TranscriberAbilities(generative=True),
        package="openai",
        extra="openai",
        rates=(CAPTURE_RATE,),
        note="takes the server's first model that hears; words = true asks for word times, which some servers have",
        server=_SPEACHES,
    ),
    "llm": Card(
        Chat.abilities,
        package="openai",
        extra="openai",
        note="Ollama, llama.cpp, LM Studio, vLLM and the like; takes the server's first model",
        server="ollama serve",
    ),
    "tts": Card(
        Voice.abilities,
        package="openai",
        extra="openai",
        rates=(SpeakingOptions().rate,),
        note="takes the server's first model that speaks, and its first voice",
        server=_SPEACHES,
    ),
}
