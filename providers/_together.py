"""What several providers under one name can all do: the abilities of a wrapper that may use any of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

from assistant.ports import (
    ChatAbilities,
    ChatModel,
    Synthesizer,
    SynthesizerAbilities,
    Transcriber,
    TranscriberAbilities,
    abilities_of,
)


def named(providers: Iterable[Synthesizer | Transcriber | ChatModel]) -> str:
    """A name for all of them: "anthropic+openai"."""
    return "+".join(dict.fromkeys(provider.name for provider in providers))


def chat_abilities(models: Sequence[ChatModel]) -> ChatAbilities:
    all_of = [abilities_of(model) for model in models]
    return ChatAbilities(tools=all(one.tools for one in all_of), usage=all(one.usage for one in all_of))


def voice_abilities(voices: Sequence[Synthesizer], *, streams_text: bool = True) -> SynthesizerAbilities:
    """``streams_text`` False: the wrapper wants whole texts."""
    all_of = [voice.abilities for voice in voices]
    return SynthesizerAbilities(
        word_times=all(one.word_times for one in all_of),
        streams_text=streams_text and all(one.streams_text for one in all_of),
        adjusts_speed=all(one.adjusts_speed for one in all_of),
        languages=languages(one.languages for one in all_of),
    )


def hearing_abilities(transcribers: Sequence[Transcriber]) -> TranscriberAbilities:
    all_of = [transcriber.abilities for transcriber in transcribers]
    return TranscriberAbilities(
        partials=all(one.partials for one in all_of),
        word_times=all(one.word_times for one in all_of),
        end_of_turn=all(one.end_of_turn for one in all_of),
        languages=languages(one.languages for one in all_of),
        generative=any(one.generative for one in all_of),
    )


def languages(sets: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The codes that all of them know; a bare "en" stands for every English. Empty: not known, or any.

    Where they have none in common there is nothing that could be said in codes, and the first one's are given.
    """
    known = [tuple(codes) for codes in sets if codes]
    return reduce(_common, known) if known else ()


def _common(some: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    pairs = ((_narrower(one, other) for other in others) for one in some)
    return tuple(dict.fromkeys(code for found in pairs for code in found if code)) or some


def _narrower(one: str, other: str) -> str:
    """Of "en" and "en-GB" the second; empty where neither holds the other."""
    for wide, narrow in ((one, other), (other, one)):
        if narrow.lower() == wide.lower() or narrow.lower().startswith(f"{wide.lower()}-"):
            return narrow
    return ""
