"""Cartesia Ink over the API for those who have an ear of their own: pieces of text, settled when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from assistant.conversation.events import Word
from assistant.ports import TranscriberAbilities
from providers._language import primary
from providers._live import Heard
from providers._ws import Message, Socket
from providers.cartesia import turns
from providers.cartesia.faults import failed

PATH = "/stt/websocket"
ABILITIES = TranscriberAbilities(partials=True, word_times=True)
ENGLISH = TranscriberAbilities(partials=True, word_times=True, languages=("en",))
FAREWELL: Sequence[Message] = ("close",)


def abilities(chosen: turns.Options) -> TranscriberAbilities:
    return ENGLISH if chosen.model.startswith(turns.MODEL) else ABILITIES


def query(chosen: turns.Options) -> dict[str, object]:
    return {
        "model": chosen.model,
        "encoding": "pcm_s16le",
        "sample_rate": turns.RATE,
        "language": primary(chosen.language),
        "keyterm": list(chosen.keyterms),
    }


def dialect(chosen: turns.Options, provider: str, secrets: tuple[str, ...]) -> Callable[[Socket], Dialect]:
    return lambda _: Dialect(provider, secrets, primary(chosen.language))


class Dialect:
    """One utterance."""

    def __init__(self, provider: str, secrets: tuple[str, ...], language: str | None) -> None:
        self._provider = provider
        self._secrets = secrets
        self._language = language
        self._settled = ""
        """Ink's own spaces are kept: a piece may begin inside a word."""
        self._words: list[Word] = []
        self._sent = 0.0
        self._asked: list[float] = []
        """Seconds that the finals cover which were asked for and have not come."""

    def hello(self) -> Sequence[Message]:
        return ()

    def sound(self, pcm: bytes) -> Message:
        self._sent += len(pcm) / 2 / turns.RATE
        return pcm

    def finish(self) -> Sequence[Message]:
        self._asked.append(self._sent)
        return ("finalize",)

    def read(self, message: Any) -> Iterable[Heard]:
        if not isinstance(message, dict):
            return
        match message.get("type"):
            case "transcript":
                yield self._transcript(message)
            case "flush_done":
                until = self._asked.pop(0) if self._asked else self._sent
                yield Heard(self._settled.strip(), True, until, tuple(self._words), self._language)
            case "error":
                raise failed(message, self._provider, self._secrets)

    def _transcript(self, message: Mapping[str, Any]) -> Heard:
        text = str(message.get("text") or "")
        words = [_word(word) for word in message.get("words") or ()]
        self._language = message.get("language") or self._language
        if message.get("is_final"):
            self._settled += text
            self._words += words
            text, words = "", []
        return Heard((self._settled + text).strip(), words=(*self._words, *words), language=self._language)


def _word(word: Mapping[str, Any]) -> Word:
    return Word(str(word.get("word") or "").strip(), float(word.get("start") or 0.0), float(word.get("end") or 0.0))
