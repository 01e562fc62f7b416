"""A chain of providers under one name: ``[providers.NAME] provider = "fallback"``, ``options = { of = ["a", "b"] }``.

It is what a stage's own ``fallback`` makes, wherever a single provider's name may stand. See `fallback`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from assistant.ports import (
    ChatAbilities,
    ChatModel,
    Stage,
    Synthesizer,
    SynthesizerAbilities,
    Transcriber,
    TranscriberAbilities,
)
from providers._card import Card, Cards
from providers._wrapping import Wrapper, Wraps, wrapper
from providers.fallback import fallback_chat, fallback_synthesizer, fallback_transcriber
from providers.registry import Options

NAME = "fallback"

WRAPS: Wraps = {"stt": ("of",), "llm": ("of",), "tts": ("of",)}
_NOTE = "the providers in `of`, one after the other as they fail"
CARDS: Cards = {
    "stt": Card(TranscriberAbilities(), note=_NOTE),
    "llm": Card(ChatAbilities(tools=True), note=_NOTE),
    "tts": Card(SynthesizerAbilities(), note=_NOTE),
}


class ChainOptions(Wrapper, frozen=True, forbid_unknown_fields=True, kw_only=True):
    of: tuple[str, ...] = ()
    """Whom to ask, first to last."""


def transcriber(options: Options) -> AbstractAsyncContextManager[Transcriber]:
    return _chain("stt", options, fallback_transcriber)


def chat_model(options: Options) -> AbstractAsyncContextManager[ChatModel]:
    return _chain("llm", options, fallback_chat)


def synthesizer(options: Options) -> AbstractAsyncContextManager[Synthesizer]:
    return _chain("tts", options, fallback_synthesizer)


def _chain(
    stage: Stage, options: Options, chained: Callable[..., AbstractAsyncContextManager[Any]]
) -> AbstractAsyncContextManager[Any]:
    settings, inner = wrapper(ChainOptions, options, NAME, WRAPS[stage])
    return chained([inner.lazy(name) for name in settings.of], inner.passed_on, settings.timeouts)
