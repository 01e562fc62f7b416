"""Any server that speaks OpenAI's older protocol: llama.cpp, Ollama, vLLM, LM Studio, speaches, Kokoro, Groq ...

All three stages over one ``base_url``: one without a path gets ``/v1`` (``http://127.0.0.1:8080``), one with a path is
used as it is (``https://api.groq.com/openai/v1``). The key is optional, and only the option ``api_key`` is ever sent:
the key that lies in OPENAI_API_KEY is OpenAI's, and no business of another server.

These servers differ, and what they get wrong is put up with: no role chunk, ``content: null``, no usage, no ``[DONE]``,
thoughts as ``reasoning``, ``reasoning_content`` or inline ``<think>``, an error inside HTTP 200, comments that keep the
connection alive, tool arguments as an object, tool calls without an id, a whole answer where a stream was asked for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from assistant.ports import CAPTURE_RATE, ProviderUnavailable, TranscriberAbilities
from providers import _http, _openai_client, _openai_hearing, _remote, _voice_list
from providers._batch import BatchTranscriber
from providers._card import Card, Cards, VoiceInfo
from providers._options import read
from providers.openai_compatible import chat
from providers.openai_compatible.chat import Chat, ChatOptions
from providers.openai_compatible.hearing import HearingOptions, fields_of, listed_model
from providers.openai_compatible.speaking import SpeakingOptions, Voice
from providers.registry import Options

__all__ = ["ChatOptions", "HearingOptions", "SpeakingOptions", "chat_model", "synthesizer", "transcriber", "voices"]

_WHO = "openai-compatible"


_OLLAMA = "http://127.0.0.1:11434/v1 (Ollama's)"
_SPEACHES_AT = "http://127.0.0.1:8000/v1 (speaches')"


def _address(options: _remote.Options, stage: str, example: str = _SPEACHES_AT) -> str:
    """Raises ProviderUnavailable without one, so that a chain goes on to the next."""
    if not options.base_url:
        raise ProviderUnavailable(
            f"{_WHO} needs the address of a server: set base_url under [{stage}.options] in parley.toml, such as "
            f"{example}"
        )
    return _http.address(options.base_url, _WHO)


@asynccontextmanager
async def chat_model(options: Options) -> AsyncIterator[Chat]:
    """Open chat completions. Without ``model`` the server's first chat model is taken, when it is first needed.

    Raises ProviderUnavailable (no package, no base_url), ParleyError (bad option).
    """
    chosen = read(ChatOptions, options, _WHO)
    async with chat.opened(chosen, _WHO, _address(chosen, "llm", _OLLAMA), chosen.api_key) as opened:
        yield opened


@asynccontextmanager
async def transcriber(options: Options) -> AsyncIterator[BatchTranscriber]:
    """Open speech recognition. Raises ProviderUnavailable (no package, no base_url), ParleyError (bad option)."""
    chosen = read(HearingOptions, options, _WHO)
    find = None if chosen.model else listed_model
    async with _openai_hearing.opened(
        chosen, fields_of(chosen), _WHO, _address(chosen, "stt"), chosen.api_key, find
    ) as opened:
        yield opened


@asynccontextmanager
async def synthesizer(options: Options) -> AsyncIterator[Voice]:
    """Open speech synthesis. Raises ProviderUnavailable (no package, no base_url), ParleyError (bad option)."""
    chosen = read(SpeakingOptions, options, _WHO)
    async with _openai_client.opened(
        chosen,
        provider=_WHO,
        base_url=_address(chosen, "tts"),
        api_key=chosen.api_key,
        rehearsal=(bytes(4800), "audio/pcm"),
        use=lambda vendor: Voice(vendor, msgspec.structs.replace(chosen, model="m"), _WHO).speak("Hi."),
    ) as made:
        yield Voice(made, chosen, _WHO)


async def voices(options: Options) -> Sequence[VoiceInfo]:
    """Those that the server lists; none where it does not. Raises ParleyError, ProviderUnavailable, ProviderError."""
    chosen = read(SpeakingOptions, options, _WHO)
    return await _voice_list.listed(chosen, provider=_WHO, base_url=_address(chosen, "tts"))


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
