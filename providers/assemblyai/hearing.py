"""AssemblyAI's streaming recognition, v3: turns, with the model's own word on when the user has finished.

SpeechStarted, Turn*, and a Turn with ``end_of_turn``. Older models send that one twice, the second time better written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from msgspec import Meta

from assistant.conversation.events import Word
from assistant.ports import CAPTURE_RATE, TranscriberAbilities
from providers import _remote
from providers._language import primaries
from providers._live import Heard
from providers._options import read
from providers._ws import Message, Socket
from providers.assemblyai.codes import told

MODEL = "universal-3-6-pro"
PATH = "/v3/ws"
CHUNK = 0.1
LEAST = 0.05
"""Seconds of sound in a message: 0.05 to 1 is allowed, and anything else ends the session (3007)."""
FASTEST = 4.0
"""Times real time. AssemblyAI ends a session to which sound comes too fast (4029), and does not say what that is."""
QUIET = 0.1
"""Seconds of silence after which a turn may end at the earliest, unless ``min_turn_silence`` says otherwise."""
KNOWN = 0.5
"""How sure AssemblyAI must be of the language for it to be told."""
ABILITIES = TranscriberAbilities(partials=True, word_times=True, end_of_turn=True)
FAREWELL = {"type": "Terminate"}
"""Without it a session that is not closed properly may be billed for hours."""


class Options(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = MODEL
    language: str = "auto"
    languages: tuple[str, ...] = ()
    """What may be spoken, as codes such as "en". Empty: ``language``, or any."""
    keyterms: tuple[str, ...] = ()
    """Names and terms to listen for."""
    mode: Literal["", "min_latency", "balanced", "max_accuracy"] = ""
    """Empty: as AssemblyAI has it, which is "balanced"."""
    end_of_turn_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.4
    """How sure AssemblyAI must be that the turn is over to be believed."""
    min_turn_silence: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    """Milliseconds of silence after which a turn may end. None: as AssemblyAI has it (100)."""
    max_turn_silence: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    """Milliseconds of silence after which a turn ends in any case. None: as AssemblyAI has it (1000)."""
    force_after: float = 0.6
    """Seconds after a pause for which AssemblyAI's own end of turn is waited for; then it is told that the turn is
    over."""
    idle: float = 0.0
    """Seconds for which a connection is kept open for the next utterance, which saves it the time of connecting.
    AssemblyAI bills all the time for which one is open, silent or not: at 0.45 $ an hour, one that is always kept costs
    10.80 $ a day. 0: none is kept."""


def read_options(options: Mapping[str, Any], provider: str) -> Options:
    return read(Options, options, provider)


def query(chosen: Options) -> dict[str, object]:
    languages = primaries(chosen.languages, chosen.language)
    return {
        "sample_rate": CAPTURE_RATE,
        "encoding": "pcm_s16le",
        "speech_model": chosen.model,
        "format_turns": True,
        "language_detection": None if languages else True,
        "language_codes": _json(languages),
        "keyterms_prompt": _json(chosen.keyterms),
        "mode": chosen.mode,
        "min_turn_silence": chosen.min_turn_silence,
        "max_turn_silence": chosen.max_turn_silence,
    }


def _json(values: Sequence[str]) -> str | None:
    """Lists are JSON in AssemblyAI's addresses."""
    return json.dumps(list(values), ensure_ascii=False) if values else None


def dialect(chosen: Options, provider: str, secrets: tuple[str, ...]) -> Callable[[Socket], Dialect]:
    quiet = QUIET if chosen.min_turn_silence is None else chosen.min_turn_silence / 1000
    return lambda _: Dialect(provider, secrets, chosen.end_of_turn_confidence, quiet)


@dataclass(frozen=True, slots=True)
class _Turn:
    text: str
    words: tuple[Word, ...] = ()
    over: bool = False


class Dialect:
    """One utterance. AssemblyAI may end its turn where Parley hears one utterance go on: the next turn is added."""

    def __init__(self, provider: str, secrets: tuple[str, ...], sure: float, quiet: float) -> None:
        """``sure``: how confident it must be of an end of turn; ``quiet``: seconds of silence before one."""
        self._provider = provider
        self._secrets = secrets
        self._sure = sure
        self._quiet = quiet
        self._turns: dict[int, _Turn] = {}
        self._language: str | None = None
        self._speaking = False
        """A turn has begun, and is not over."""
        self._forced = False
        """It was told that the turn is over, and has not said so itself yet."""

    def hello(self) -> Sequence[Message]:
        return ()

    def sound(self, pcm: bytes) -> Message:
        return pcm

    def finish(self) -> Sequence[Message] | Heard:
        if not self._speaking:  # there is no turn to end, and it would not answer
            return self._heard(final=True, everything=True)
        self._forced = True
        return ({"type": "ForceEndpoint"},)

    def read(self, message: Any) -> Iterable[Heard]:
        if not isinstance(message, dict):
            return
        match message.get("type"):
            case "SpeechStarted":
                self._speaking = True
            case "Turn":
                yield from self._turn(message)
            case "Error":
                code = message.get("error_code")
                reason = str(message.get("error") or "")
                raise told(self._provider, code if isinstance(code, int) else None, reason, self._secrets)

    def _turn(self, turn: Mapping[str, Any]) -> Iterable[Heard]:
        order = int(turn.get("turn_order") or 0)
        before, now = self._turns.get(order, _Turn("")), _read(turn)
        if turn.get("language_code") and float(turn.get("language_confidence") or 1.0) >= KNOWN:
            self._language = str(turn["language_code"])
        if before.over:
            # The same turn once more, better written: whoever acts on the first corrects only what is kept.
            if now.text and now.text != before.text:
                self._turns[order] = replace(now, over=True)
                yield self._heard(final=not self._speaking)
            return
        self._speaking = not now.over
        if not (now.text or before.text) and not self._forced:
            return  # a turn of which nothing was understood, so far or at all
        self._turns[order] = now
        if not now.over:
            yield self._heard(final=False)
            return
        forced, self._forced = self._forced, False
        sure = float(turn.get("end_of_turn_confidence") or 0.0) >= self._sure
        # It heard what was sent before it was told; by itself it says only where the words end.
        yield self._heard(final=True, everything=forced, end_of_turn=sure and not forced)

    def _heard(self, *, final: bool, everything: bool = False, end_of_turn: bool = False) -> Heard:
        turns = [self._turns[order] for order in sorted(self._turns)]
        words = tuple(word for turn in turns for word in turn.words)
        until = None if everything or not words else words[-1].end + (self._quiet if final else 0.0)
        text = " ".join(turn.text for turn in turns if turn.text)
        return Heard(text, final, until, words, self._language, end_of_turn)


def _read(turn: Mapping[str, Any]) -> _Turn:
    words = tuple(
        Word(str(word.get("text") or ""), float(word.get("start") or 0) / 1000, float(word.get("end") or 0) / 1000)
        for word in turn.get("words") or ()
    )
    text, over = str(turn.get("transcript") or "").strip(), bool(turn.get("end_of_turn"))
    if not over and len(words) > len(text.split()):  # older models put only settled words into the transcript
        text = " ".join(word.text for word in words)
    return _Turn(text, words, over)
