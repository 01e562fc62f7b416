"""The user's voice begins an utterance, pauses and goes on."""

from __future__ import annotations

from dataclasses import replace

from assistant.conversation import events as e
from assistant.conversation.pauses import KEPT, counted
from assistant.conversation.turns.drafts import discard
from assistant.conversation.turns.move import Move
from assistant.conversation.turns.phases import Hearing, Utterance
from assistant.conversation.turns.transcripts import covers


def new_utterance(move: Move, at: float) -> None:
    """The user begins to speak."""
    utterance = Utterance(move.talk.turn + 1, at)
    move.talk = replace(move.talk, turn=utterance.turn)
    move.do(e.OpenUtterance(utterance.turn, at))
    move.emit("user.speech_started", utterance.turn, at)
    move.go(Hearing(utterance))


def fallen_quiet(utterance: Utterance, at: float) -> Utterance:
    """The voice ended at ``at``: a final that had already come may cover all of it."""
    complete = utterance.complete if at == utterance.quiet_since else ()
    utterance = replace(utterance, quiet_since=at, complete=complete)
    heard = utterance.transcript
    if heard is None or not utterance.fresh:
        return utterance
    return replace(utterance, covered=utterance.covered or (heard.final and covers(utterance, heard)))


def resume(move: Move, utterance: Utterance, at: float) -> None:
    """Voice again: whatever was drafted answered half a sentence."""
    move.go(Hearing(resumed(move, discard(move, utterance), at)))


def resumed(move: Move, utterance: Utterance, at: float) -> Utterance:
    """The voice came again at ``at``, after a pause that says how long this user's are."""
    pauses = utterance.pauses
    if utterance.quiet_since is not None and counted(at - utterance.quiet_since):
        pauses = (*pauses, at - utterance.quiet_since)[-KEPT:]
        move.talk = replace(move.talk, habit=move.talk.habit.with_pause(pauses[-1]))
    return replace(
        utterance,
        quiet_since=None,
        resumed_at=at,
        fresh=False,
        covered=False,
        draft=None,
        pauses=pauses,
        complete=(),
        stopped=None,
    )
