"""Groq: open models, very fast, over OpenAI's older protocol. Speech comes back whole, one request an utterance.

API as of 2026-11 (the groq SDK 1.7). Thinking is as little as each model has, and what is thought stays there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from assistant.ports import CAPTURE_RATE, TranscriberAbilities
from providers import _http, _openai_hearing, _remote
from providers._batch import BatchTranscriber
from providers._card import Card, Cards
from providers._options import read
from providers.openai_compatible import chat, hearing
from providers.registry import Options

_WHO = "groq"
_BASE_URL = "https://api.groq.com/openai/v1"
_VARIABLE = "GROQ_API_KEY"


class ChatOptions(chat.ChatOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = "openai/gpt-oss-120b"
    effort: str = ""
    """none, low, medium, high ... Empty: the least that the model has."""


class HearingOptions(hearing.HearingOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = "whisper-large-v3-turbo"


def quickest(model: str) -> tuple[str, dict[str, Any]]:
    """The least effort, and the fields that keep thoughts out of the answer. Models that do not think reject both."""
    if "gpt-oss" in model:  # it cannot be stopped, and knows no reasoning_format
        return "low", {"include_reasoning": False}
    if model.startswith("qwen/"):
        return "none", {"reasoning_format": "hidden"}
    return "", {}


@asynccontextmanager
async def chat_model(options: Options) -> AsyncIterator[chat.Chat]:
    """Open chat completions. Raises ProviderUnavailable (no key, no package), ParleyError (bad option)."""
    chosen = read(ChatOptions, options, _WHO)
    effort, extra = quickest(chosen.model)
    chosen = msgspec.structs.replace(chosen, effort=chosen.effort or effort, extra=extra | chosen.extra)
    async with chat.opened(chosen, _WHO, *_where(chosen)) as opened:
        yield opened


@asynccontextmanager
async def transcriber(options: Options) -> AsyncIterator[BatchTranscriber]:
    """Open speech recognition. Raises ProviderUnavailable (no key, no package), ParleyError (bad option)."""
    chosen = read(HearingOptions, options, _WHO)
    async with _openai_hearing.opened(chosen, hearing.fields_of(chosen), _WHO, *_where(chosen)) as opened:
        yield opened


def _where(options: _remote.Options) -> tuple[str, str]:
    address = _http.address(options.base_url or _BASE_URL, _WHO, version="/openai/v1")
    return address, _remote.key(options, _VARIABLE, _WHO)


CARDS: Cards = {
    "stt": Card(
        TranscriberAbilities(generative=True),
        model=HearingOptions().model,
        key=_VARIABLE,
        package="openai",
        extra="openai",
        address=_BASE_URL,
        rates=(CAPTURE_RATE,),
        note="words = true asks for word times",
    ),
    "llm": Card(
        chat.Chat.abilities,
        model=ChatOptions().model,
        key=_VARIABLE,
        package="openai",
        extra="openai",
        address=_BASE_URL,
    ),
}
