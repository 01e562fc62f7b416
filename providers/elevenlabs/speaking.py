"""What ElevenLabs' two APIs for voices share: the options, and the sound and the word times in their messages."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta

from assistant.conversation.words import spans
from assistant.ports import SpeechChunk, SpokenWord
from providers import _remote
from providers._options import read
from providers._phrases import Phrases
from providers._placing import Placing
from providers._wav import PcmReader

Share = Annotated[float, Meta(ge=0, le=1)]

MODEL = "eleven_flash_v2_5"
VOICE = "JBFqnCBsd6RMkjVDRZzb"
"""George, one of the premade voices that every account has: the one of ElevenLabs' own examples."""


class Options(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = MODEL
    voice: str = VOICE
    """A voice's id: `parley voices elevenlabs` lists them."""
    language: str = "auto"
    """A code, for models that take one; "auto": as the text is."""
    speed: Annotated[float, Meta(ge=0.25, le=4)] = 1.0
    """ElevenLabs takes 0.7 to 1.2; what lies outside is brought to the nearer end. The v3 and v4 models take none."""
    stability: Share | None = None
    """Low: lively; high: even. None: as the voice is stored."""
    similarity_boost: Share | None = None
    """Not for the v3 and v4 models, nor is ``style``."""
    style: Share | None = None
    rate: Literal[8000, 16000, 22050, 24000, 32000, 44100, 48000] = 24_000
    """Hz. 44100 needs the Pro plan."""


def read_options(options: Mapping[str, Any], provider: str) -> Options:
    return read(Options, options, provider)


_numbers = itertools.count(1)


def context() -> str:
    """A name that no other call of this process has, on whatever connection."""
    return f"parley-{next(_numbers)}"


class Speech:
    """One call's text on its way out, and its sound and words on their way back."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._phrases = Phrases()
        self._placing = Placing()
        self._pcm = PcmReader(rate)
        self._samples = 0
        """Read so far."""

    def push(self, piece: str) -> list[str]:
        phrases = self._phrases.push(piece)
        self._placing.text = self._phrases.text
        return phrases

    def flush(self) -> list[str]:
        return self._phrases.flush()

    def read(self, audio: object, chars: object, starts: object) -> Iterable[SpeechChunk]:
        """A message's sound (base64), and its alignment: characters, and the milliseconds at which each begins in this
        very message's sound."""
        words = self._words(chars, starts)
        samples = self._pcm.feed(base64.b64decode(str(audio or ""), validate=True))
        self._samples += len(samples)
        if len(samples) or words:
            yield SpeechChunk(samples, words)

    def _words(self, chars: object, starts: object) -> tuple[SpokenWord, ...]:
        if not isinstance(chars, list) or not isinstance(starts, list) or len(chars) != len(starts):
            return ()
        text = "".join(map(str, chars))
        at = [start for char, start in zip(chars, starts, strict=True) for _ in str(char)]
        origin = self._samples / self._rate
        found = (self._placing.place(text[begin:end], origin + at[begin] / 1000) for begin, end in spans(text))
        return tuple(word for word in found if word is not None)


def settings(**given: float | None) -> dict[str, float] | None:
    """Those voice settings that were chosen; None for none."""
    return {name: value for name, value in given.items() if value is not None} or None


def spaced(phrases: Sequence[str]) -> list[str]:
    """What ElevenLabs is given ends with a space."""
    return [f"{phrase} " for phrase in phrases]


class Context:
    """One call, as a context of its own on whatever connection: what both kinds of WebSocket have in common."""

    def __init__(self, chosen: Options, provider: str, secrets: tuple[str, ...]) -> None:
        self.done = False
        self._chosen = chosen
        self._provider = provider
        self._secrets = secrets
        self._context = context()
        self._speech = Speech(chosen.rate)
        self._begun = False
