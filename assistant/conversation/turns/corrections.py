"""The answer is heard: a better transcript of its question corrects the history and the screen, in bounded time."""

from __future__ import annotations

from dataclasses import replace

from assistant.conversation import events as e
from assistant.conversation.turns.move import Move
from assistant.conversation.turns.phases import Left, Replying
from assistant.conversation.turns.transcripts import reaches, tell_final


def leave(move: Move, phase: Replying) -> None:
    """The answer is heard: from here on its question can be corrected, and the answer cannot."""
    utterance = phase.utterance
    heard = None if utterance is None else utterance.transcript
    if utterance is None or utterance.failed or heard is None or phase.text is None:
        move.close(utterance)
        return
    if heard.final and not heard.provisional:
        move.close(utterance)
        return
    if move.talk.left is not None:
        move.do(e.CloseUtterance(move.talk.left.turn))
    move.do(e.LeaveUtterance(utterance.turn))
    until = move.at + move.rules.longest_correction
    left = Left(utterance.turn, phase.text, until, not heard.final, utterance.quiet_since)
    move.talk = replace(move.talk, left=left)


def correct(move: Move, left: Left, happening: e.Happening) -> None:
    """What happens to an utterance that was left."""
    awaited: Left | None = left
    match happening:
        case e.Transcribed(_, turn, transcript) if turn == left.turn and transcript.final:
            if left.partial and not reaches(transcript, left.quiet_since):
                return  # of an earlier part of it
            text = transcript.text.strip()
            if left.partial and text:
                tell_final(move, turn, transcript)
            elif text and text != left.text:
                move.emit("user.transcript.revised", turn, transcript.until, text=text, before=left.text)
            if text and text != left.text:
                move.do(e.CorrectUser(turn, text))
                left = replace(left, text=text)
            awaited = replace(left, partial=False) if transcript.provisional else None
        case e.TranscriptionFailed(_, turn) if turn == left.turn:
            awaited = None
        case e.DeadlinePassed(at) if at >= left.until:
            awaited = None
        case _:
            pass
    if awaited is None:
        move.do(e.CloseUtterance(left.turn))
    move.talk = replace(move.talk, left=awaited)
