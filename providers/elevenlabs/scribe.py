"""ElevenLabs Scribe v2 Realtime: sound in JSON, partial transcripts, and committed ones when they are asked for.

The session commits by hand: Parley's own ear says where a pause is, and a second one on the server would only cut an
utterance in pieces. Each commit ends a segment; an utterance is all of its segments.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from assistant.conversation.events import Word
from assistant.ports import TranscriberAbilities
from providers import _remote
from providers._language import primary
from providers._live import Heard
from providers._options import read
from providers._ws import Message, Socket
from providers.elevenlabs import languages
from providers.elevenlabs.faults import failed, is_fault

MODEL = "scribe_v2_realtime"
PATH = "/v1/speech-to-text/realtime"
RATE = 16_000
CHUNK = 0.1
ABILITIES = TranscriberAbilities(partials=True, word_times=True)
"""Over 90 languages, says ElevenLabs."""
LEAST = 0.3
"""Seconds of sound without which a commit is ignored ("You need at least 0.3s of uncommitted audio")."""
EVERY = 5.0
"""Seconds between signs of life of an idle session."""
KEPT = 0.1
"""Seconds of silence in such a sign: there is no message for it."""


def chunk(pcm: bytes, *, commit: bool = False) -> Message:
    """16-bit PCM at 16 kHz as Scribe takes it."""
    return {
        "message_type": "input_audio_chunk",
        "audio_base_64": base64.b64encode(pcm).decode(),
        "commit": commit,
        "sample_rate": RATE,
    }


ALIVE = chunk(bytes(2 * round(KEPT * RATE)))


class Options(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = MODEL
    language: str = "auto"
    """A code; "auto": the language is found out."""
    include_timestamps: bool = True
    """Finals come with the times of their words and the language. Without, a final need not wait for either."""
    keyterms: tuple[str, ...] = ()
    """Names and terms to listen for: 50 at most, of 20 characters."""


def read_options(options: Mapping[str, Any], provider: str) -> Options:
    return read(Options, options, provider)


def abilities(chosen: Options) -> TranscriberAbilities:
    return ABILITIES if chosen.include_timestamps else TranscriberAbilities(partials=True)


def query(chosen: Options) -> dict[str, object]:
    return {
        "model_id": chosen.model,
        "audio_format": f"pcm_{RATE}",
        "commit_strategy": "manual",
        "language_code": primary(chosen.language),
        "include_timestamps": chosen.include_timestamps,
        "include_language_detection": True if chosen.include_timestamps and primary(chosen.language) is None else None,
        "keyterms": list(chosen.keyterms),
    }


def dialect(chosen: Options, provider: str, secrets: tuple[str, ...]) -> Callable[[Socket], Dialect]:
    known = primary(chosen.language)
    return lambda socket: Dialect(provider, secrets, socket.alive * KEPT, chosen.include_timestamps, known)


class Dialect:
    """One utterance."""

    def __init__(
        self, provider: str, secrets: tuple[str, ...], origin: float, timed: bool, language: str | None
    ) -> None:
        """``origin``: seconds of silence that the session had been sent before; its times count them."""
        self._provider = provider
        self._secrets = secrets
        self._timed = timed
        self._language = language
        self._settled: list[str] = []
        """The segments that are committed."""
        self._words: list[Word] = []
        self._uncommitted = 0.0
        """Seconds."""
        self._sent = 0.0
        self._shifts = [(0.0, origin)]
        """(second of the session, seconds by which it is late from there on): silence that is not of the utterance."""
        self._wanted: deque[float] = deque()
        """Seconds of the utterance that each commit covers which is not yet answered."""

    def hello(self) -> Sequence[Message]:
        return ()

    def sound(self, pcm: bytes) -> Message:
        seconds = len(pcm) / 2 / RATE
        self._sent += seconds
        self._uncommitted += seconds
        return chunk(pcm)

    def finish(self) -> Sequence[Message]:
        """A commit, with as much silence as it needs to be heeded."""
        lacking = max(0.0, LEAST - self._uncommitted)
        if lacking:
            late = self._shifts[-1][1]
            self._shifts.append((self._sent + late, late + lacking))
        self._uncommitted = 0.0
        self._wanted.append(self._sent)
        return (chunk(bytes(2 * round(lacking * RATE)), commit=True),)

    def read(self, message: Any) -> Iterable[Heard]:
        if not isinstance(message, dict):
            return
        match message.get("message_type"):
            case "partial_transcript":
                if text := str(message.get("text") or "").strip():
                    yield Heard(self._joined(text), words=tuple(self._words), language=self._language)
            case "committed_transcript" if not self._timed:
                yield self._committed(message)
            case "committed_transcript_with_timestamps" if self._timed:
                yield self._committed(message)
            case "commit_throttled":
                yield self._final()
            case kind if is_fault(kind) or message.get("error"):
                raise failed(kind, message.get("error") or message.get("message"), self._provider, self._secrets)

    def _committed(self, message: Mapping[str, Any]) -> Heard:
        if text := str(message.get("text") or "").strip():
            self._settled.append(text)
            self._words += self._timed_words(message.get("words") or ())
        self._language = languages.read(message.get("language_code")) or self._language
        return self._final()

    def _final(self) -> Heard:
        """It commits by itself too, after 90 s, and does not say which commit it is that comes."""
        if not self._wanted:
            self._uncommitted = 0.0  # how much it has left of what was sent is not told
        until = self._wanted.popleft() if self._wanted else self._sent
        return Heard(self._joined(), True, until, tuple(self._words), self._language)

    def _timed_words(self, words: Iterable[Mapping[str, Any]]) -> Iterable[Word]:
        for word in words:
            text = str(word.get("text") or "").strip()
            if text and word.get("type") in (None, "word"):
                yield Word(text, self._time(word.get("start")), self._time(word.get("end")))

    def _time(self, second: Any) -> float:
        """A second of the session -> of the utterance."""
        at = float(second or 0.0)
        late = next(late for since, late in reversed(self._shifts) if at >= since)
        return max(0.0, at - late)

    def _joined(self, interim: str = "") -> str:
        return " ".join([*self._settled, interim]).strip()
