"""Cartesia Ink-2 by turns: recognition with the model's own word on when the user has finished.

turn.start, turn.update*, (turn.eager_end, turn.resume)*, turn.end. Whatever text comes is settled: later events only
add to it. An eager end is told as a final, on which an answer may be drafted.

No message ends a turn. The one that makes Ink say all that it has heard is ``close``, after which it hangs up: what the
user says then goes over another connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta

from assistant.ports import ParleyError, TranscriberAbilities
from providers import _remote
from providers._language import primary
from providers._live import Heard
from providers._options import read
from providers._ws import Message, Socket
from providers.cartesia.faults import failed

MODEL = "ink-2"
PATH = "/stt/turns/websocket"
RATE = 16_000
CHUNK = 0.1
"""Seconds of sound in a message, as Cartesia advises."""
ABILITIES = TranscriberAbilities(partials=True, end_of_turn=True, languages=("en",))
FAREWELL: Sequence[Message] = ({"type": "close"},)


class Options(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = MODEL
    language: str = "auto"
    """Ink-2 hears English alone; ink-whisper takes a code."""
    turns: bool = True
    """Ink-2 says itself when the user has finished. False: Parley's own ear alone, over the API for that."""
    force_after: float = 0.6
    """Seconds after a pause for which Ink's own end of turn is waited for; then it is told to say what it has."""
    turn_start_threshold: Annotated[float, Meta(ge=0.5, le=0.9)] | None = None
    turn_eager_end_threshold: Annotated[float, Meta(ge=0.3, le=0.6)] | None = None
    turn_end_threshold: Annotated[float, Meta(ge=0.05, le=0.5)] | None = None
    """Of Ink's belief that the user is speaking. None: Cartesia's own, 0.8, 0.4 and 0.2."""
    turn_end_timeout_ms: Annotated[int, Meta(ge=640, le=11_200)] | None = None
    """None: Cartesia's own, 5600."""
    keyterms: tuple[str, ...] = ()
    """Names and terms to listen for: 100 at most, of 1200 characters together."""


def read_options(options: Mapping[str, Any], provider: str) -> Options:
    """Raises ParleyError."""
    chosen = read(Options, options, provider)
    code = primary(chosen.language)
    if chosen.model.startswith(MODEL) and code not in (None, "en"):
        raise ParleyError(f'{provider}: {chosen.model} hears English alone; for {code!r} set model = "ink-whisper"')
    return chosen


def query(chosen: Options) -> dict[str, object]:
    return {
        "model": chosen.model,
        "encoding": "pcm_s16le",
        "sample_rate": RATE,
        "turn_start_threshold": chosen.turn_start_threshold,
        "turn_eager_end_threshold": chosen.turn_eager_end_threshold,
        "turn_end_threshold": chosen.turn_end_threshold,
        "turn_end_timeout_ms": chosen.turn_end_timeout_ms,
        "keyterm": list(chosen.keyterms),
    }


def dialect(provider: str, secrets: tuple[str, ...]) -> Callable[[Socket], Dialect]:
    return lambda _: Dialect(provider, secrets)


class Dialect:
    """One utterance, of as many turns as Ink hears in it."""

    def __init__(self, provider: str, secrets: tuple[str, ...]) -> None:
        self._provider = provider
        self._secrets = secrets
        self._ended = ""
        """The turns that are over. Ink's own spaces are kept: it means them."""
        self._turn: str | None = None
        """The turn under way."""
        self._sent = 0.0
        """Seconds of sound."""
        self._fresh = 0.0
        """Of these, over the present connection."""
        self._wanted: float | None = None
        """Seconds that the final covers which was asked for by a goodbye."""
        self._given: str | None = None
        """The last final since then."""

    def hello(self) -> Sequence[Message]:
        self._fresh = 0.0
        return ()

    def sound(self, pcm: bytes) -> Message:
        seconds = len(pcm) / 2 / RATE
        self._sent += seconds
        self._fresh += seconds
        return pcm

    def finish(self) -> Sequence[Message] | Heard:
        if not self._fresh:  # there is nothing that Ink could say
            return Heard(self._text(), final=True, until=self._sent, language="en")
        self._wanted, self._given = self._sent, None
        return FAREWELL

    def parted(self) -> Iterable[Heard]:
        """Ink has said all."""
        wanted, self._wanted = self._wanted, None
        self._end(self._turn or "")
        if self._ended and not self._ended[-1].isspace():
            self._ended += " "  # another connection does not know that it goes on
        if wanted is not None and self._given != self._text():
            yield Heard(self._text(), final=True, until=wanted, language="en")

    def read(self, message: Any) -> Iterable[Heard]:
        if not isinstance(message, dict):
            return
        text = str(message.get("transcript") or "")
        match message.get("type"):
            case "turn.start" | "turn.update":
                self._turn = text or self._turn or ""
                yield self._heard()
            case "turn.eager_end":
                self._turn = text
                yield self._heard(final=True)
            case "turn.resume":
                yield self._heard()
            case "turn.end":
                self._end(text)
                # After a goodbye it ends what it has: that is not its own opinion.
                yield self._heard(final=True, end_of_turn=self._wanted is None)
            case "error":
                raise failed(message, self._provider, self._secrets)

    def _end(self, text: str) -> None:
        self._ended += text
        self._turn = None

    def _heard(self, *, final: bool = False, end_of_turn: bool = False) -> Heard:
        """Its events bear no times. By the time that one comes it covers nearly all that was sent."""
        text = self._text()
        if final:
            self._given = text
        return Heard(text, final, self._sent, (), "en", end_of_turn, firm=final and self._turn is None)

    def _text(self) -> str:
        return (self._ended + (self._turn or "")).strip()
