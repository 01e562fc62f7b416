"""Events -> one turn's stage times, as `turn.metrics` tells them.

A pure fold: it is handed every event in order and asked for a turn's figures once, when the turn ends. All stages count
from the turn's last voiced sample, wherever that finally lies: the user may pause, be drafted an answer and go on, so
nothing is subtracted before the end. What belonged to a reply that nobody heard is forgotten with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Figures = dict[str, float | int | bool | None]
"""The fields of `turn.metrics`."""


@dataclass(slots=True)
class _Reply:
    """The reply under way, drafted or committed. Arrival times in audio-clock seconds."""

    drafted: bool = False
    committed: bool = False
    transcript: float | None = None
    """The final that it was begun on; where it was begun on a partial, the first final that came after."""
    first_token: float | None = None
    first_sentence: float | None = None
    first_audio: float | None = None


@dataclass(slots=True)
class _Turn:
    speech_end: float | None = None
    transcript: float | None = None
    """The newest final; None again once a partial has overtaken it."""
    endpoint_ms: float | None = None
    reply: _Reply = field(default_factory=_Reply)
    audible: float | None = None
    """When it was heard. From then on every stage stands."""
    drafts: int = 0
    drafts_wasted: int = 0
    tokens_wasted: int = 0
    interrupted: bool = False


class Ledger:
    """Every turn that is open. Memory: one small record a turn, given up by `close`."""

    def __init__(self) -> None:
        self._turns: dict[int, _Turn] = {}
        self._closed = 0

    def take(self, event: str, t: float, at: float, turn: int | None, data: Mapping[str, object]) -> None:
        """The next event: emitted at ``t``, describing the moment ``at`` (audio-clock seconds)."""
        step = _STEPS.get(event)
        if step is None or turn is None:
            return  # an announcement has no stages
        if turn not in self._turns:
            if turn <= self._closed:
                return  # something that arrived after its turn was over
            self._turns[turn] = _Turn()
        step(self._turns[turn], t, at, data)

    def close(self, turn: int) -> Figures:
        """The turn is over: its figures, exactly the fields of `turn.metrics`, to 0.1 ms; None: it never happened."""
        self._closed = max(self._closed, turn)
        told = self._turns.pop(turn, None) or _Turn()
        reply = told.reply
        end = told.speech_end

        def after(moment: float | None) -> float | None:
            return None if moment is None or end is None else round((moment - end) * 1000, 1)

        return {
            "speech_end_at": None if end is None else round(end, 4),
            "endpoint_ms": None if told.endpoint_ms is None else round(told.endpoint_ms, 1),
            "transcript_ms": after(reply.transcript if reply.transcript is not None else told.transcript),
            "first_token_ms": after(reply.first_token),
            "first_sentence_ms": after(reply.first_sentence),
            "first_audio_ms": after(reply.first_audio),
            "audible_ms": after(told.audible),
            "latency_ms": after(told.audible),
            "drafts": told.drafts,
            "draft_used": reply.drafted and reply.committed,
            "interrupted": told.interrupted,
            "drafts_wasted": told.drafts_wasted,
            "tokens_wasted": told.tokens_wasted,
        }


# --- one function an event -------------------------------------------------------------------------------------------


def _speech_started(turn: _Turn, t: float, at: float, data: Mapping[str, object]) -> None:
    if turn.audible is None:
        turn.endpoint_ms = None  # the end that was believed in was none


def _speech_ended(turn: _Turn, t: float, at: float, data: Mapping[str, object]) -> None:
    if turn.audible is None:
        turn.speech_end = at


def _endpoint(turn: _Turn, t: float, at: float, data: Mapping[str, object]) -> None:
    waited = data.get("waited_ms")
    if turn.audible is None and isinstance(waited, int | float):
        turn.endpoint_ms = float(waited)


def _partial(turn: _Turn, t: float, at: float, data: Mapping[str, object]) -> None:
    turn.transcript = None


def _final(turn: _Turn, t: float, at: float, data: Mapping[str, object]) -> None:
    turn.transcript = t
    reply = turn.reply
    if turn.audible is None and (reply.drafted or reply.committed) and reply.transcript is None:
        reply.transcript = t


def _drafted(turn: _Turn, t: float, at: float, data: Mapping[str, object]) -> None:
    turn.drafts += 1
    if turn.audible is None:
        turn.reply = _Reply(drafted=True, transcript=turn.transcript)


def _discarded(turn: _Turn, t: float, at: float, data: Mapping[str, object]) -> None:
    turn.drafts_wasted += turn.reply.drafted
    if turn.audible is None:
        turn.reply = _Reply()


def _committed(turn: _Turn, t: float, at: float, data: Mapping[str, object]) -> None:
    if turn.audible is not None:
        return
    if turn.reply.drafted and not turn.reply.committed:
        turn.reply.committed = True
    else:  # no draft, or an apology for a reply that failed before it was heard
        turn.reply = _Reply(committed=True, transcript=turn.transcript)


def _first_token(turn: _Turn, t: float, at: float, data: Mapping[str, object]) -> None:
    if turn.audible is None and turn.reply.first_token is None:
        turn.reply.first_token = t


def _sentence(turn: _Turn, t: float, at: float, data: Mapping[str, object]) -> None:
    if turn.audible is None and turn.reply.first_sentence is None:
        turn.reply.first_sentence = t


def _provider_result(turn: _Turn, t: float, at: float, data: Mapping[str, object]) -> None:
    tokens = data.get("tokens")
    if data.get("what") == "thrown_away" and isinstance(tokens, int):
        turn.tokens_wasted += tokens
    sound = data.get("stage") == "tts" and data.get("what") == "audio" and data.get("seconds") != 0
    if sound and turn.audible is None and turn.reply.first_audio is None:
        turn.reply.first_audio = t


def _audible(turn: _Turn, t: float, at: float, data: Mapping[str, object]) -> None:
    if turn.audible is None:
        turn.audible = at


def _interrupted(turn: _Turn, t: float, at: float, data: Mapping[str, object]) -> None:
    turn.interrupted = True


_STEPS = {
    "user.speech_started": _speech_started,
    "user.speech_ended": _speech_ended,
    "user.transcript.partial": _partial,
    "user.transcript.final": _final,
    "user.transcript.revised": _final,
    "turn.endpoint": _endpoint,
    "reply.drafted": _drafted,
    "reply.discarded": _discarded,
    "reply.committed": _committed,
    "reply.first_token": _first_token,
    "reply.sentence": _sentence,
    "_": _provider_result,
    "reply.audible": _audible,
    "reply.interrupted": _interrupted,
}
