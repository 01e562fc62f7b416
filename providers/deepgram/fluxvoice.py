"""Deepgram Flux TTS: a voice that takes text as it is written. A call is one of its turns.

SpeechStarted, sound, SpeechMetadata; a flush ends the turn's text. It gives no word times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta

from assistant.ports import SpeechChunk, SynthesizerAbilities
from providers import _remote
from providers._options import read
from providers._ws import Message, Socket
from providers.deepgram import aura

PATH = "/v2/speak"
VOICES = ("flux-kit-en", "flux-alexis-en", "flux-brooke-en", "flux-cole-en", "flux-jack-en")
ABILITIES = SynthesizerAbilities(word_times=False, streams_text=True, languages=("en",))


class Options(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = ""
    """The voice, which is a model of its own; ``voice`` wins."""
    voice: str = ""
    speed: Annotated[float, Meta(ge=0.25, le=4)] = 1.0
    """Deepgram takes 0.5 to 1.5; what lies outside is brought to the nearer end."""
    expressivity: Annotated[float, Meta(ge=-2, le=2)] | None = None
    rate: Literal[8000, 16000, 24000, 32000, 44100, 48000] = 24_000
    """Hz."""


def read_options(options: Mapping[str, Any], provider: str) -> Options:
    return read(Options, options, provider)


def query(chosen: Options, voice: str) -> dict[str, object]:
    speed = round(min(max(chosen.speed, 0.5), 1.5) / 0.05) * 0.05
    return {
        "model": voice,
        "encoding": "linear16",
        "sample_rate": chosen.rate,
        "speed": None if abs(speed - 1.0) < 0.01 else round(speed, 2),
        "expressivity": chosen.expressivity,
    }


def dialect(provider: str, secrets: tuple[str, ...]) -> Callable[[Socket], Dialect]:
    return lambda _: Dialect(provider, secrets)


class Dialect(aura.Dialect):
    """One turn. A cancelled one is ended with its connection, as with Aura."""

    def cancel(self) -> Sequence[Message]:
        return ({"type": "Interrupt"},)

    def read(self, message: Any) -> Iterable[SpeechChunk]:
        if isinstance(message, dict) and message.get("type") == "Flushed":
            return  # the text has all been taken; SpeechMetadata says that the sound has all been sent
        if isinstance(message, dict) and message.get("type") == "SpeechMetadata":
            self.done = True
            return
        yield from super().read(message)
