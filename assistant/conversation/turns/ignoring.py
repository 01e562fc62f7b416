"""Utterances without an answer: nobody's words, none at all, or an order that has been carried out."""

from __future__ import annotations

from dataclasses import replace

from assistant.conversation import events as e
from assistant.conversation.invented import ignored
from assistant.conversation.turns.drafts import discard
from assistant.conversation.turns.move import Move
from assistant.conversation.turns.phases import Utterance


def ignore(move: Move, utterance: Utterance, reason: e.IgnoreReason) -> None:
    """It is passed over, and nobody speaks any more."""
    pass_over(move, utterance, reason)
    move.rest()


def pass_over(move: Move, utterance: Utterance, reason: e.IgnoreReason) -> None:
    """It is not answered, and the observers hear why."""
    move.close(discard(move, utterance))
    move.emit("user.ignored", utterance.turn, **ignored(utterance.transcript, reason))
    move.end_turn(utterance.turn)


def heeded(move: Move, utterance: Utterance) -> None:
    """The user wanted silence and has it. The history keeps what they said."""
    if not utterance.text and utterance.stopped is not None:  # the transcript is not waited for
        utterance = replace(utterance, transcript=e.Transcript(utterance.stopped.phrase, final=True))
    if utterance.text:
        move.do(e.KeepUser(utterance.turn, utterance.text))
    ignore(move, utterance, "empty")


def not_understood(move: Move, utterance: Utterance) -> None:
    """There are no words. Whoever did speak is asked to say it again, unless that was of no use before."""
    if utterance.transcript is None or not utterance.transcript.unintelligible:
        ignore(move, utterance, "empty")
        return
    rules, asked = move.rules, move.talk.not_caught
    end = utterance.quiet_since if utterance.quiet_since is not None else move.at
    if rules.not_caught and asked < rules.times_asking and end - utterance.since >= rules.worth_asking:
        again = e.AnnouncementDue(move.at, rules.not_caught)
        move.talk = replace(move.talk, not_caught=asked + 1, announcements=(again, *move.talk.announcements))
    ignore(move, utterance, "unintelligible")
