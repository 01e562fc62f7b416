"""AssemblyAI's voices: text in, a flush, sound out, and word times behind it where it manages to tell them.

Requests on a connection are counted, 0, 1, 2, ...; a flush ends one, and a cancellation takes a number too.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
from msgspec import Meta

from assistant.ports import ParleyError, SpeechChunk, SpokenWord, SynthesizerAbilities
from providers import _remote
from providers._language import primary
from providers._options import read
from providers._wav import PcmReader
from providers._ws import Message, Socket
from providers.assemblyai.codes import told

log = logging.getLogger("parley")

MODEL = "assemblyai-tts-1"
VOICES = (
    "aai-jane", "aai-alba", "aai-anna", "aai-charles", "aai-eve", "aai-george", "aai-jean", "aai-mary", "aai-michael",
    "aai-paul", "aai-vera",
)  # fmt: skip
PATH = "/v1/ws"
LONGEST = 2000
"""Characters in one Generate."""
LANGUAGES = {
    "en": "english", "es": "spanish", "de": "german", "fr": "french", "it": "italian", "pt": "portuguese",
}  # fmt: skip
ABILITIES = SynthesizerAbilities(word_times=False, languages=tuple(LANGUAGES))
"""Word times are not promised: they come behind the sound, when it has all been sent, and sometimes not at all. What
comes in time is handed on; without it Parley guesses where the words are, as with any voice that tells nothing. Text
is not streamed to it: it waits for whole sentences itself, and a flush after each is quicker."""
ALIVE = {"type": "KeepAlive"}
EVERY = 45.0
"""Seconds. It hangs up after 120 without a message."""
IDLE = 900.0
"""Seconds for which a connection is kept for the next reply: characters are billed, not time."""
FAREWELL = ({"type": "Cancel"}, {"type": "Terminate"})
"""Terminate alone would have it speak, and bill, what has not been flushed."""
GRACE = 0.25
SHARE = 0.2
"""Word times are waited for so many seconds, or so much of the sound's length if that is less: while it plays."""


class Options(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = MODEL
    voice: str = VOICES[0]
    """One of AssemblyAI's, or the ID or name of one that was cloned for the account."""
    language: str = ""
    """A code such as "de". Empty: the voice's own."""
    speed: Annotated[float, Meta(ge=0.25, le=4)] = 1.0
    """AssemblyAI's voices speak at one speed; anything else is told and passed over."""
    rate: Literal[8000, 16000, 22050, 24000, 44100, 48000] = 24_000
    """Hz."""


def read_options(options: Mapping[str, Any], provider: str) -> Options:
    chosen = read(Options, options, provider)
    if chosen.speed != 1.0:
        log.warning("%s's voices speak at one speed: speed = %g is passed over", provider, chosen.speed)
    if primary(chosen.language) not in (None, *LANGUAGES):
        raise ParleyError(f"{provider}: its voices speak {', '.join(LANGUAGES)}, not {chosen.language}")
    return chosen


def query(chosen: Options) -> dict[str, object]:
    return {
        "voice_id": chosen.voice,
        "model_id": chosen.model,
        "language": LANGUAGES.get(primary(chosen.language) or ""),
        "sample_rate": chosen.rate,
        "encoding": "pcm_s16le",
        "word_boundaries": True,
    }


def dialect(provider: str, secrets: tuple[str, ...]) -> Callable[[Socket], Dialect]:
    counts: WeakKeyDictionary[Socket, int] = WeakKeyDictionary()
    return lambda socket: Dialect(provider, secrets, counts, socket)


class Dialect:
    """One request."""

    def __init__(
        self, provider: str, secrets: tuple[str, ...], counts: WeakKeyDictionary[Socket, int], socket: Socket
    ) -> None:
        """``counts``: of requests and cancellations on each connection so far."""
        self.done = False
        self.reusable = False
        """Something has come of it, so that both sides count alike."""
        self.grace: float | None = None
        self._provider = provider
        self._secrets = secrets
        self._counts = counts
        self._socket = socket
        self._number = counts.get(socket, 0)
        self._text = ""
        self._pcm = PcmReader(0)
        self._sent = False
        """All the sound has been."""
        self._worded = False

    def text(self, piece: str) -> Sequence[Message]:
        self._text += piece
        return [{"type": "Generate", "text": piece[at : at + LONGEST]} for at in range(0, len(piece), LONGEST)]

    def end(self) -> Sequence[Message]:
        self._count()
        return ({"type": "Flush"},)

    def cancel(self) -> Sequence[Message]:
        if self._sent:
            return ()
        self._count()
        return ({"type": "Cancel"},)

    def _count(self) -> None:
        self._counts[self._socket] = self._counts.get(self._socket, 0) + 1

    def read(self, message: Any) -> Iterable[SpeechChunk]:
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "Error":
            raise self._error(message)
        if kind is None or message.get("flush_id") != self._number:
            return  # Begin, Cancelled, or what still comes of an earlier request
        self.reusable = True
        match kind:
            case "Audio":
                samples = self._pcm.feed(base64.b64decode(str(message.get("audio") or ""), validate=True))
                if len(samples):
                    yield SpeechChunk(samples)
            case "FlushDone":
                seconds = float(message.get("audio_duration_ms") or 0) / 1000
                self._sent, self.grace = True, min(GRACE, SHARE * seconds)
                self.done = self._worded or not seconds
            case "WordBoundaries":
                words = _placed(message, self._text)
                self._worded, self.done = True, self._sent
                if words:
                    yield SpeechChunk(np.zeros(0, np.float32), words)

    def _error(self, error: Mapping[str, Any]) -> Exception:
        code, retryable, wait = (error.get(name) for name in ("error_code", "retryable", "retry_after_seconds"))
        reason = str(error.get("error") or error.get("error_type") or "")
        return told(
            self._provider,
            code if isinstance(code, int) else None,
            reason,
            self._secrets,
            lasting=not retryable if isinstance(retryable, bool) else None,
            retry_after=float(wait) if isinstance(wait, int | float) else None,
        )


def _placed(message: Mapping[str, Any], text: str) -> tuple[SpokenWord, ...]:
    """Its words in ``text``. Their times count from the session's first sound."""
    start = float(message.get("audio_start_ms") or 0)
    found: list[SpokenWord] = []
    at = 0
    for each in message.get("words") or ():
        word = str(each.get("word") or "")
        offset = text.find(word, at) if word else -1
        if offset >= 0:
            found.append(SpokenWord(max(0.0, float(each.get("start") or 0) - start) / 1000, offset, len(word)))
            at = offset + len(word)
    return tuple(found)
