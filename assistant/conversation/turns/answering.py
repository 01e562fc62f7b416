"""The user has finished: the answer begins, if there is anything to answer and the words of it are there."""

from __future__ import annotations

from dataclasses import replace

from assistant.conversation import events as e
from assistant.conversation.endpoint import reads_complete
from assistant.conversation.interjections import meant
from assistant.conversation.transcript import same_meaning
from assistant.conversation.turns.announcing import apologise
from assistant.conversation.turns.drafts import discard, may_draft
from assistant.conversation.turns.ignoring import heeded, not_understood
from assistant.conversation.turns.move import Move
from assistant.conversation.turns.phases import Replying, Utterance
from assistant.conversation.turns.stopping import only_stop
from assistant.conversation.turns.transcripts import covers


def commit(move: Move, utterance: Utterance) -> None:
    """The user has finished."""
    end = utterance.quiet_since if utterance.quiet_since is not None else move.at
    move.emit("user.speech_ended", utterance.turn, end)
    waited = round((move.at - end) * 1000, 1)
    move.emit("turn.endpoint", utterance.turn, waited_ms=waited, policy=move.rules.endpoint.policy)
    if utterance.failed:
        without_transcript(move, utterance)
    elif utterance.covered or answerable(move, utterance):
        answer(move, utterance)
    else:
        rules = move.rules
        until = move.at + (rules.stop_doubted if only_stop(utterance) else rules.longest_transcription)
        move.go(Replying("answer", utterance.turn, utterance, None, waits_until=until))


def answerable(move: Move, utterance: Utterance) -> bool:
    """The user has finished, and a partial has all that was said: its answer may be heard before the final comes."""
    heard, text = utterance.transcript, utterance.text
    if heard is None or not text or utterance.cut or not utterance.fresh or heard.until is None:
        return False
    if not covers(utterance, heard) or not reads_complete(text, heard.language):
        return False
    begun = utterance.draft is not None and same_meaning(utterance.draft, text)
    return move.rules.drafts and (begun or may_draft(move, utterance))


def without_transcript(move: Move, utterance: Utterance) -> None:
    """No transcriber is left: answer what was understood before it failed, or apologise."""
    if utterance.text or only_stop(utterance):
        answer(move, utterance)
    else:
        move.close(discard(move, utterance))
        apologise(move, utterance.turn)


def answer(move: Move, utterance: Utterance) -> None:
    text = utterance.text
    if only_stop(utterance):
        heeded(move, utterance)
        return
    if not text:
        not_understood(move, utterance)
        return
    if (
        utterance.over
        and move.rules.barge_in == "words"
        and meant(text, None if utterance.transcript is None else utterance.transcript.language) == "stop"
    ):
        heeded(move, utterance)
        return
    move.talk = replace(move.talk, not_caught=0)
    if utterance.draft is not None and same_meaning(utterance.draft, text):
        move.do(e.OpenGate(utterance.turn))
        if text != utterance.draft:
            move.do(e.CorrectUser(utterance.turn, text))
    else:
        utterance = discard(move, utterance)
        move.do(e.StartReply(utterance.turn, text, gate_open=True))
    move.reply_begins(utterance.turn, "answer")
    move.go(Replying("answer", utterance.turn, replace(utterance, draft=None), text))
