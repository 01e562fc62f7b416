"""Committed, and nothing heard of the answer yet: late words, or a user who goes on, take the decision back."""

from __future__ import annotations

from dataclasses import replace

from assistant.conversation import events as e
from assistant.conversation.transcript import same_meaning
from assistant.conversation.turns.answering import answer, answerable
from assistant.conversation.turns.drafts import discard, draft, drafted
from assistant.conversation.turns.endpointing import done_at
from assistant.conversation.turns.ignoring import not_understood
from assistant.conversation.turns.move import Move
from assistant.conversation.turns.phases import Endpointing, Hearing, Replying, Utterance
from assistant.conversation.turns.transcripts import with_transcript
from assistant.conversation.turns.voice import new_utterance, resumed


def user_goes_on(move: Move, phase: Replying, at: float) -> None:
    """Nothing of the reply was heard yet, so it never was: the user continues the same utterance."""
    if phase.utterance is None:
        move.do(e.CancelReply(keep_heard=False))
        if phase.turn is None and phase.text is not None:
            again = e.AnnouncementDue(move.at, phase.text, phase.kind)
            move.talk = replace(move.talk, announcements=(again, *move.talk.announcements))
        else:
            move.emit("user.superseded", phase.turn, by_turn=move.talk.turn + 1)
            move.end_turn(phase.turn)
        new_utterance(move, at)
        return
    utterance = phase.utterance
    if phase.text is None:
        utterance = discard(move, utterance)
    else:
        move.do(e.CancelReply(keep_heard=False))
        move.emit("reply.discarded", utterance.turn)
    if utterance.cut:
        move.close(utterance)
        if utterance.text:
            move.do(e.KeepUser(utterance.turn, utterance.text))
        move.emit("user.superseded", utterance.turn, by_turn=utterance.turn + 1)
        move.end_turn(utterance.turn)
        new_utterance(move, at)
        return
    move.emit("user.speech_started", utterance.turn, at)
    move.go(Hearing(resumed(move, utterance, at)))


def understood_late(move: Move, phase: Replying, utterance: Utterance, transcript: e.Transcript) -> None:
    """A transcript after the commit, nothing heard yet."""
    before = phase.text
    if before is None:
        heard = with_transcript(move, utterance, transcript)
        told = heard.text or transcript.unintelligible  # half a request is none to a recogniser
        more = told and not heard.cut and done_at(heard, move.rules, move.talk.habit) > move.at
        if heard.covered and more:
            draft(move, heard, Endpointing)  # decided without the words, and the words say that more will come
        elif heard.covered or (answerable(move, heard) and not more):
            answer(move, heard)
        else:
            move.go(replace(phase, utterance=drafted(move, heard)))
        return
    if not transcript.final:
        return
    if utterance.transcript is not None and not utterance.transcript.final and not utterance.failed:
        _confirmed(move, phase, utterance, transcript)
        return
    heard, text = replace(utterance, transcript=transcript), transcript.text.strip()
    if not text:
        return
    if text == before:
        move.go(replace(phase, utterance=heard))
        return
    move.emit("user.transcript.revised", utterance.turn, transcript.until, text=text, before=before)
    _answer_instead(move, phase, heard, text)


def _confirmed(move: Move, phase: Replying, utterance: Utterance, transcript: e.Transcript) -> None:
    """The first final of what is answered already, on a partial that read as complete."""
    heard, text = with_transcript(move, utterance, transcript), transcript.text.strip()
    if not heard.covered:
        return  # of an earlier part of it
    more = text and done_at(heard, move.rules, move.talk.habit) > move.at
    if text and not more:
        _answer_instead(move, phase, heard, text)
        return
    move.do(e.CancelReply(keep_heard=False))
    move.emit("reply.discarded", utterance.turn)
    if more:
        draft(move, heard, Endpointing)
    else:
        not_understood(move, heard)


def _answer_instead(move: Move, phase: Replying, heard: Utterance, text: str) -> None:
    """The answer goes on if it answers ``text`` too; else it is begun again, for nothing of it was heard."""
    before = phase.text or ""
    if text == before:
        pass
    elif same_meaning(before, text):
        move.do(e.CorrectUser(heard.turn, text))
    else:
        move.do(e.CancelReply(keep_heard=False))
        move.emit("reply.discarded", heard.turn)
        move.do(e.StartReply(heard.turn, text, gate_open=True))
        move.reply_begins(heard.turn, "answer")
    move.go(replace(phase, utterance=heard, text=text))
