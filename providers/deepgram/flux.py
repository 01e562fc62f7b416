"""Deepgram Flux: recognition by turns, with the model's own word on when the user has finished.

StartOfTurn, Update*, (EagerEndOfTurn, TurnResumed)*, EndOfTurn. An eager end is told as a final: its transcript is the
one that EndOfTurn will have unless the user goes on, and an answer may be drafted on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta

from assistant.ports import TranscriberAbilities
from providers import _remote
from providers._errors import from_body
from providers._language import tag
from providers._live import Heard
from providers._options import read
from providers._ws import Message, Socket

MODEL = "flux-general-en"
PATH = "/v2/listen"
CHUNK = 0.08
"""Seconds of sound in a message, as Deepgram recommends for Flux."""
ABILITIES = TranscriberAbilities(partials=True, word_times=False, end_of_turn=True, languages=("en",))
ALIVE = bytes(2 * 1280)
"""80 ms of silence: Flux takes no KeepAlive, and hangs up after 10 s without sound. One each 4 s is billed as 2 %."""
FAREWELL = {"type": "CloseStream"}
TAKES_BACK = True
"""An eager end may turn out to be none."""


class Options(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = MODEL
    language: str = "auto"
    """A hint, for flux-general-multi."""
    eot_threshold: Annotated[float, Meta(ge=0.5, le=1.0)] = 0.7
    """How sure Flux must be that the turn is over."""
    eager_eot_threshold: Annotated[float, Meta(ge=0.3, le=0.9)] = 0.4
    """The same for an early word on it."""
    eot_timeout_ms: Annotated[int, Meta(ge=500, le=60_000)] = 5000
    keyterms: tuple[str, ...] = ()
    """Names and terms to listen for."""
    force_after: float = 0.6
    """Seconds after a pause for which Flux's own end of turn is waited for; then it is told that the turn is over."""


def read_options(options: Mapping[str, Any], provider: str) -> Options:
    return read(Options, options, provider)


def patience(chosen: Options) -> float:
    return chosen.force_after


def query(chosen: Options) -> dict[str, object]:
    return {
        "model": chosen.model,
        "encoding": "linear16",
        "sample_rate": 16_000,
        "eot_threshold": chosen.eot_threshold,
        "eager_eot_threshold": chosen.eager_eot_threshold,
        "eot_timeout_ms": chosen.eot_timeout_ms,
        "keyterm": list(chosen.keyterms),
        "language_hint": tag(chosen.language) if "multi" in chosen.model else None,
    }


def dialect(provider: str, secrets: tuple[str, ...]) -> Callable[[Socket], Dialect]:
    return lambda socket: Dialect(provider, secrets, socket.alive * CHUNK)


class Dialect:
    """One utterance. Flux may end its turn where Parley hears one utterance go on: the next turn is added to it."""

    def __init__(self, provider: str, secrets: tuple[str, ...], origin: float) -> None:
        """``origin``: seconds of silence that the connection had been sent before; Flux's times count them."""
        self._provider = provider
        self._secrets = secrets
        self._origin = origin
        self._ended: list[str] = []
        """Transcripts of the turns that are over."""
        self._turn: str | None = None
        """The transcript of the turn under way."""
        self._until = 0.0
        self._sent = 0.0
        self._silent_until = math.inf
        """Where the user paused while no turn was open: a final is owed as soon as Flux has listened so far."""

    def hello(self) -> Sequence[Message]:
        return ()

    def sound(self, pcm: bytes) -> Message:
        self._sent += len(pcm) / 32_000
        return pcm

    def finish(self) -> Sequence[Message] | Heard:
        if self._turn is not None:
            return ({"type": "ForceEndTurn"},)
        # There is no turn that could be ended. What it sends all the time tells how far it has listened.
        self._silent_until = self._sent
        return next(iter(self._settled()), ())

    def read(self, message: Any) -> Iterable[Heard]:
        if not isinstance(message, dict):
            return
        match message.get("type"):
            case "TurnInfo":
                yield from self._turn_info(message)
            case "Error":
                said = {"message": message.get("description"), "code": message.get("code")}
                raise from_body(said, self._provider, self._secrets)

    def _turn_info(self, info: Mapping[str, Any]) -> Iterable[Heard]:
        event, text = info.get("event"), str(info.get("transcript") or "").strip()
        self._until = max(0.0, float(info.get("audio_window_end") or 0.0) - self._origin)
        if event == "EndOfTurn":
            self._turn = None
            if text:
                self._ended.append(text)
            # "manual" is our own word that the turn is over, not Flux's.
            own = info.get("trigger") != "manual"
            yield self._heard(final=True, end_of_turn=own, firm=True, languages=info.get("languages"))
            return
        if self._turn is None and event != "StartOfTurn" and not text:
            yield from self._settled()
            return
        self._turn, self._silent_until = text, math.inf
        yield self._heard(final=event == "EagerEndOfTurn", languages=info.get("languages"))

    def _settled(self) -> Iterable[Heard]:
        """The final that is owed of a stretch in which nobody spoke."""
        if self._until >= self._silent_until - CHUNK:
            self._silent_until = math.inf
            yield self._heard(final=True)

    def _heard(self, *, final: bool, end_of_turn: bool = False, firm: bool = False, languages: Any = None) -> Heard:
        language = languages[0] if isinstance(languages, list) and languages else None
        return Heard(self._text(), final, self._until, (), language, end_of_turn, firm)

    def _text(self) -> str:
        return " ".join([*self._ended, self._turn or ""]).strip()
