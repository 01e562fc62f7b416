"""Voices: found by the name that a user writes, sorted out by language, and heard in a sentence of theirs. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assistant.columns import Entry, Line, lines
from assistant.config.secrets import redact
from assistant.ports import ParleyError
from providers._card import VoiceInfo

SAMPLES: Mapping[str, str] = {
    "ar": "مرحبا. هكذا يبدو صوتي.",
    "cs": "Dobrý den. Takhle zní můj hlas.",
    "de": "Guten Tag. So klingt meine Stimme.",
    "en": "Hello. This is what I sound like.",
    "es": "Hola. Así suena mi voz.",
    "fr": "Bonjour. Voici comment je parle.",
    "hi": "नमस्ते। मेरी आवाज़ ऐसी है।",
    "it": "Buongiorno. Questa è la mia voce.",
    "ja": "こんにちは。これが私の声です。",
    "ko": "안녕하세요. 제 목소리는 이렇습니다.",
    "nl": "Goedendag. Zo klinkt mijn stem.",
    "pl": "Dzień dobry. Tak brzmi mój głos.",
    "pt": "Olá. É assim que soa a minha voz.",
    "ru": "Здравствуйте. Так звучит мой голос.",
    "sv": "God dag. Så här låter min röst.",
    "tr": "Merhaba. Sesim böyle.",
    "uk": "Добрий день. Так звучить мій голос.",
    "zh": "你好。这就是我的声音。",
}
"""What a voice says of itself, by language."""

_NEAR = 3
"""Names that are offered in place of a wrong one, at most."""
_ALIKE = 0.7
"""Of the letters of two names, so much of them in the same order (difflib's ratio)."""


@dataclass(frozen=True)
class Voices:
    provider: str
    """As the user calls it."""
    known: Sequence[VoiceInfo]
    complete: bool
    """The provider listed them itself; otherwise they are some that Parley knows of."""
    current: str = ""
    """The one in force, by its id; empty: the provider's own choice, or another one's voice."""

    def of_language(self, code: str) -> list[VoiceInfo]:
        """Those of a language, its regions or one of them ("pt", "pt-BR"), and those that do not tell theirs.

        Raises ParleyError where there is none.
        """
        wanted = _parts(code)
        found = [voice for voice in self.known if not voice.language or _parts(voice.language)[: len(wanted)] == wanted]
        if self.known and not found:
            languages = ", ".join(sorted({voice.language for voice in self.known}))
            raise ParleyError(f"{self.provider} has no voice for {code!r}; it has: {languages}")
        return found

    def called(self, wanted: str) -> VoiceInfo:
        """By its id, or by a name that only one of them has. Raises ParleyError, with the names that come near.

        A file is taken as it is, and so is a variant ("en-us+f3") of a voice; where no voice is known, any name.
        """
        if wanted.endswith(".onnx"):
            return VoiceInfo(str(Path(wanted).expanduser().absolute()))
        found = [voice for voice in self.known if voice.id == wanted] or self._by_word(wanted)
        base, plus, variant = wanted.partition("+")
        if not found and plus and variant:
            found = [replace(voice, id=f"{voice.id}+{variant}") for voice in self.known if voice.id == base]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(voice.id for voice in found)
            raise ParleyError(f"{self.provider} has {len(found)} voices called {wanted!r}; choose one of {ids}")
        if not self.known:
            return VoiceInfo(wanted)
        raise ParleyError(self._unknown(wanted))

    def _by_word(self, wanted: str) -> list[VoiceInfo]:
        word = wanted.casefold()
        return [voice for voice in self.known if word in (voice.id.casefold(), voice.name.casefold())]

    def _unknown(self, wanted: str) -> str:
        names = {name.casefold(): voice.id for voice in self.known for name in (voice.name, voice.id) if name}
        close = difflib.get_close_matches(wanted.casefold(), list(names), n=_NEAR, cutoff=_ALIKE)
        near = list(dict.fromkeys(names[name] for name in close))
        see = f"ee what there is with: parley voices {self.provider}"
        hint = f"; did you mean {' or '.join(near)}? S{see}" if near else f"; s{see}"
        own = "" if self.complete else "; one that is not known here can be written as voice under [tts]"
        return f"{self.provider} has no voice {wanted!r}{hint}{own}"


def table(voices: Voices, found: Sequence[VoiceInfo], width: int) -> Iterator[Line]:
    """For people: ``found``, some or all of the voices, within ``width`` letters."""
    if not found:
        yield f"{voices.provider} names no voices: there is nothing to choose", "plain"
        return
    entries = [
        Entry(
            (
                redact(voice.id),
                redact(_unless(voice.id, voice.language)),
                redact(_unless(voice.id, voice.name)),
                redact(voice.description),
            ),
            mark="*" if voice.id == voices.current else "",
        )
        for voice in found
    ]
    yield f"{len(found)} voice{'s' if len(found) > 1 else ''} of {voices.provider}", "heading"
    yield from lines(("VOICE", "LANGUAGE", "NAME", "DESCRIPTION"), entries, width)
    yield "", "plain"
    if not voices.complete:
        yield "These are known here; it may have more.", "plain"
    yield f"Hear one: parley voices {voices.provider} --play VOICE", "plain"
    yield f"Speak with it from now on: parley voices {voices.provider} --use VOICE", "plain"


def _unless(id: str, text: str) -> str:
    return "" if text == id else text


def document(voices: Voices, found: Sequence[VoiceInfo]) -> dict[str, Any]:
    """For programs (docs/providers.md has the fields)."""
    told = [
        {
            "id": voice.id,
            "name": voice.name or None,
            "language": voice.language or None,
            "description": voice.description or None,
            "in_use": voice.id == voices.current,
        }
        for voice in found
    ]
    document: dict[str, Any] = redact({"provider": voices.provider, "complete": voices.complete, "voices": told})
    return document


def sample(language: str) -> str:
    """A sentence in a language; in English where there is none."""
    return SAMPLES.get(_parts(language)[0], SAMPLES["en"])


def _parts(code: str) -> list[str]:
    return code.replace("_", "-").casefold().split("-")
