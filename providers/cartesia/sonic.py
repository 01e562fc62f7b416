"""Cartesia Sonic: a call is a context on one connection, phrase after phrase, with the times of its words.

Some sound may still come of a context that was cancelled: its name tells it from the next call's, so the connection
outlives a cancellation.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta

from assistant.ports import SpeechChunk, SynthesizerAbilities
from providers import _remote
from providers._language import primary
from providers._options import read
from providers._phrases import Phrases
from providers._placing import Placing
from providers._wav import PcmReader
from providers._ws import Message, Socket
from providers.cartesia.faults import failed

PATH = "/tts/websocket"
MODEL = "sonic-3.5"
VOICE = "f786b574-daa5-4673-aa0c-cbe3e8534c02"
"""Katie, of those that Cartesia recommends for voice agents."""
VOICES = (
    VOICE,
    "228fca29-3a0a-435c-8728-5cb483251068",
    "6ccbfb76-1fc6-48f7-b71d-91ac6298247b",
    "c961b81c-a935-4c17-bfb3-ba2239de8c2f",
)
"""Katie, Kiefer, Tessa, Kyle."""
LANGUAGES = (
    "en", "fr", "de", "es", "pt", "zh", "ja", "hi", "it", "ko", "nl", "pl", "ru", "sv", "tr", "tl", "bg", "ro", "ar",
    "cs", "el", "fi", "hr", "ms", "sk", "da", "ta", "uk", "hu", "no", "vi", "bn", "th", "he", "ka", "id", "te", "gu",
    "kn", "ml", "mr", "pa", "or", "ur",
)  # fmt: skip
"""cartesia 4.2, types/supported_language."""
ABILITIES = SynthesizerAbilities(word_times=True, streams_text=True, languages=LANGUAGES)
IDLE = 240.0
"""Seconds for which an idle connection is kept: Cartesia closes it after 5 minutes, and nothing keeps it alive."""


class Options(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = MODEL
    voice: str = VOICE
    """A voice's id: `parley voices cartesia` lists them."""
    language: str = "auto"
    """A code; "auto": the voice's own."""
    speed: Annotated[float, Meta(ge=0.25, le=4)] = 1.0
    """Cartesia takes 0.6 to 1.5; what lies outside is brought to the nearer end."""
    volume: Annotated[float, Meta(ge=0.5, le=2)] | None = None
    emotion: str = ""
    rate: Literal[8000, 16000, 22050, 24000, 44100, 48000] = 24_000
    """Hz."""


def read_options(options: Mapping[str, Any], provider: str) -> Options:
    return read(Options, options, provider)


def dialect(chosen: Options, provider: str, secrets: tuple[str, ...]) -> Callable[[Socket], Dialect]:
    return lambda _: Dialect(chosen, provider, secrets)


_numbers = itertools.count(1)
_NONE = np.zeros(0, np.float32)


class Dialect:
    """One context."""

    reusable = True

    def __init__(self, chosen: Options, provider: str, secrets: tuple[str, ...]) -> None:
        self.done = False
        self._provider = provider
        self._secrets = secrets
        self._request = request(chosen, f"parley-{next(_numbers)}")
        self._phrases = Phrases()
        self._placing = Placing()
        self._pcm = PcmReader(chosen.rate)
        self._begun = False

    def text(self, piece: str) -> Sequence[Message]:
        phrases = self._phrases.push(piece)
        self._placing.text = self._phrases.text
        return [self._say(phrase) for phrase in phrases]

    def end(self) -> Sequence[Message]:
        last = [self._say(phrase) for phrase in self._phrases.flush()]
        if not self._begun:
            self.done = True
            return ()
        return [*last, {**self._request, "transcript": "", "continue": False}]

    def cancel(self) -> Sequence[Message]:
        return ({"context_id": self._request["context_id"], "cancel": True},) if self._begun else ()

    def read(self, message: Any) -> Iterable[SpeechChunk]:
        if not isinstance(message, dict) or message.get("context_id") not in (None, self._request["context_id"]):
            return
        match message.get("type"):
            case "chunk":
                samples = self._pcm.feed(base64.b64decode(str(message.get("data") or ""), validate=True))
                if len(samples):
                    yield SpeechChunk(samples)
            case "timestamps":
                told = message.get("word_timestamps") or {}
                found = (
                    self._placing.place(str(word), float(start))
                    for word, start in zip(told.get("words") or (), told.get("start") or (), strict=True)
                )
                if words := tuple(word for word in found if word is not None):
                    yield SpeechChunk(_NONE, words)
            case "done":
                self.done = True
            case "error":
                raise failed(message, self._provider, self._secrets)

    def _say(self, phrase: str) -> Message:
        """Cartesia joins what it is given as it is."""
        transcript = f" {phrase}" if self._begun else phrase
        self._begun = True
        return {**self._request, "transcript": transcript, "continue": True}


def request(chosen: Options, context: str) -> dict[str, Any]:
    """What every message of a call says alike."""
    speed = min(max(chosen.speed, 0.6), 1.5)
    manner = {
        "speed": None if speed == 1.0 else speed,
        "volume": chosen.volume,
        "emotion": chosen.emotion or None,
    }
    manner = {name: value for name, value in manner.items() if value is not None}
    language = primary(chosen.language)
    return {
        "context_id": context,
        "model_id": chosen.model,
        "voice": {"id": chosen.voice},
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": chosen.rate},
        "add_timestamps": True,
        "max_buffer_delay_ms": 0,  # what is sent are whole phrases: it need not gather them
        **({"language": language} if language else {}),
        **({"generation_config": manner} if manner else {}),
    }
