"""Deepgram Nova-3: results stretch by stretch, final or interim; Finalize flushes what has been heard so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from assistant.conversation.events import Word
from assistant.ports import TranscriberAbilities
from providers import _remote
from providers._errors import from_body
from providers._language import tag
from providers._live import Heard
from providers._options import read
from providers._ws import Message, Socket

PATH = "/v1/listen"
CHUNK = 0.064
ABILITIES = TranscriberAbilities(partials=True, word_times=True, end_of_turn=False)
ALIVE = {"type": "KeepAlive"}
"""Nova hangs up after 10 s without sound or this."""
FAREWELL = {"type": "CloseStream"}
TAKES_BACK = False


class Options(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = "nova-3"
    language: str = "auto"
    """A code; "auto": several languages, told apart as they come ("multi")."""
    keyterms: tuple[str, ...] = ()
    """Names and terms to listen for."""
    smart_format: bool = True
    """Punctuation, numbers as figures."""


def read_options(options: Mapping[str, Any], provider: str) -> Options:
    return read(Options, options, provider)


def patience(chosen: Options) -> float:
    return 0.0


def query(chosen: Options) -> dict[str, object]:
    return {
        "model": chosen.model,
        "language": tag(chosen.language) or "multi",
        "encoding": "linear16",
        "sample_rate": 16_000,
        "channels": 1,
        "interim_results": True,
        "endpointing": False,  # Parley's own ear says where a pause is
        "smart_format": chosen.smart_format,
        "keyterm": list(chosen.keyterms),
    }


def dialect(provider: str, secrets: tuple[str, ...]) -> Callable[[Socket], Dialect]:
    return lambda socket: Dialect(provider, secrets)


class Dialect:
    """One utterance: the stretches that are settled, and the interim result of the one under way."""

    def __init__(self, provider: str, secrets: tuple[str, ...]) -> None:
        self._provider = provider
        self._secrets = secrets
        self._settled: list[str] = []
        self._words: list[Word] = []

    def hello(self) -> Sequence[Message]:
        return ()

    def sound(self, pcm: bytes) -> Message:
        return pcm

    def finish(self) -> Sequence[Message]:
        return ({"type": "Finalize"},)

    def read(self, message: Any) -> Iterable[Heard]:
        if not isinstance(message, dict):
            return
        match message.get("type"):
            case "Results":
                yield from self._results(message)
            case "Error":
                said = {"message": message.get("description"), "code": message.get("variant")}
                raise from_body(said, self._provider, self._secrets)

    def _results(self, result: Mapping[str, Any]) -> Iterable[Heard]:
        best = (result.get("channel") or {}).get("alternatives") or [{}]
        text = str(best[0].get("transcript") or "").strip()
        words = [_word(word) for word in best[0].get("words") or ()]
        languages = best[0].get("languages") or [None]
        until = float(result.get("start") or 0.0) + float(result.get("duration") or 0.0)
        if not result.get("is_final"):
            if text:
                yield Heard(self._joined(text), False, until, (*self._words, *words), languages[0])
            return
        if text:
            self._settled.append(text)
            self._words += words
        final = bool(result.get("from_finalize"))
        if final or text:
            yield Heard(self._joined(), final, None if final else until, tuple(self._words), languages[0])

    def _joined(self, interim: str = "") -> str:
        return " ".join([*self._settled, interim]).strip()


def _word(word: Mapping[str, Any]) -> Word:
    text = str(word.get("punctuated_word") or word.get("word") or "")
    return Word(text, float(word.get("start") or 0.0), float(word.get("end") or 0.0))
