"""Deepgram Aura-2: text in, a flush, sound out. It gives no word times, and speaks what it has been given when told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta

from assistant.ports import SpeechChunk, SynthesizerAbilities
from providers import _remote
from providers._errors import from_body
from providers._options import read
from providers._wav import PcmReader
from providers._ws import Message, Socket

PATH = "/v1/speak"
VOICE = "aura-2-thalia-en"
VOICES = ("aura-2-thalia-en", "aura-2-andromeda-en", "aura-2-apollo-en", "aura-2-arcas-en", "aura-2-helena-en")
ABILITIES = SynthesizerAbilities(word_times=False, streams_text=False)


class Options(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = ""
    """The voice, which is a model of its own; ``voice`` wins."""
    voice: str = ""
    speed: Annotated[float, Meta(ge=0.25, le=4)] = 1.0
    """Deepgram takes 0.7 to 1.5; what lies outside is brought to the nearer end."""
    rate: Literal[8000, 16000, 24000, 32000, 48000] = 24_000
    """Hz."""


def read_options(options: Mapping[str, Any], provider: str) -> Options:
    return read(Options, options, provider)


def query(chosen: Options, voice: str) -> dict[str, object]:
    speed = min(max(chosen.speed, 0.7), 1.5)
    return {
        "model": voice,
        "encoding": "linear16",
        "sample_rate": chosen.rate,
        "speed": None if speed == 1.0 else speed,
    }


def dialect(provider: str, secrets: tuple[str, ...]) -> Callable[[Socket], Dialect]:
    return lambda _: Dialect(provider, secrets)


class Dialect:
    """One call. A cancelled one is ended with its connection: nothing tells its late sound from the next call's."""

    reusable = False

    def __init__(self, provider: str, secrets: tuple[str, ...]) -> None:
        self.done = False
        self._provider = provider
        self._secrets = secrets
        self._pcm = PcmReader(0)

    def text(self, piece: str) -> Sequence[Message]:
        return ({"type": "Speak", "text": piece},)

    def end(self) -> Sequence[Message]:
        return ({"type": "Flush"},)

    def cancel(self) -> Sequence[Message]:
        return ({"type": "Clear"},)

    def read(self, message: Any) -> Iterable[SpeechChunk]:
        if isinstance(message, bytes):
            samples = self._pcm.feed(message)
            if len(samples):
                yield SpeechChunk(samples)
            return
        match message.get("type") if isinstance(message, dict) else None:
            case "Flushed":
                self.done = True
            case "Error":
                said = {"message": message.get("description"), "code": message.get("code")}
                raise from_body(said, self._provider, self._secrets)
