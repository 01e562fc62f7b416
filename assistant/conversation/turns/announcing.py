"""Replies that answer nothing: announcements, and the apology."""

from __future__ import annotations

from dataclasses import replace

from assistant.conversation import events as e
from assistant.conversation.turns.move import Move
from assistant.conversation.turns.phases import Listening, Replying


def announce_if_free(move: Move) -> None:
    """The next announcement, once nobody speaks."""
    if isinstance(move.talk.phase, Listening) and move.talk.announcements:
        due, *rest = move.talk.announcements
        move.talk = replace(move.talk, announcements=tuple(rest))
        move.do(e.Say(None, due.text, due.kind))
        move.reply_begins(None, due.kind)
        move.go(Replying(due.kind, None, None, due.text))


def apologise(move: Move, turn: int | None, again: bool = False) -> None:
    """For a reply that failed. An apology that failed too (``again``) ends the turn."""
    if again:
        move.emit("warning", turn, message="the apology could not be spoken either: no voice works")
        move.end_turn(turn)
        move.rest()
        return
    move.do(e.Say(turn, move.rules.apology, "apology"))
    move.reply_begins(turn, "apology")
    move.go(Replying("apology", turn, None, move.rules.apology))
