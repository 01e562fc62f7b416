"""Listening and Hearing: somebody begins to speak, and speaks."""

from __future__ import annotations

from dataclasses import replace

from assistant.conversation import events as e
from assistant.conversation.turns.answering import commit
from assistant.conversation.turns.drafts import discard, draft, without_drafts
from assistant.conversation.turns.move import Move
from assistant.conversation.turns.phases import Endpointing, Hearing, Utterance
from assistant.conversation.turns.transcripts import with_transcript
from assistant.conversation.turns.voice import fallen_quiet, new_utterance, resume


def listening(move: Move, happening: e.Happening) -> None:
    if isinstance(happening, e.VoiceStarted):
        new_utterance(move, happening.at)


def hearing(move: Move, phase: Hearing, happening: e.Happening) -> None:
    utterance = phase.utterance
    match happening:
        case e.VoiceQuiet(at):
            draft(move, fallen_quiet(utterance, at), Hearing)
        case e.VoicePaused(at):
            utterance = fallen_quiet(utterance, at)
            move.do(e.HurryTranscript(utterance.turn))
            draft(move, utterance, Endpointing)
        case e.VoiceResumed(at):
            resume(move, utterance, at)
        case e.DeadlinePassed(at) if at >= utterance.since + move.rules.longest_utterance:
            move.do(e.HurryTranscript(utterance.turn))
            end = at if utterance.quiet_since is None else utterance.quiet_since
            commit(move, replace(utterance, quiet_since=end, cut=True))
        case _:
            hear_words(move, utterance, happening, Hearing)


def hear_words(move: Move, utterance: Utterance, happening: e.Happening, kind: type[Hearing | Endpointing]) -> None:
    match happening:
        case e.Transcribed(_, turn, transcript) if turn == utterance.turn:
            draft(move, with_transcript(move, utterance, transcript), kind)
        case e.TranscriptionFailed(_, turn) if turn == utterance.turn:
            move.go(kind(replace(utterance, failed=True)))
        case e.StopSpotted(_, turn) if turn == utterance.turn and utterance.over:
            move.go(kind(replace(discard(move, utterance), stopped=happening)))
        case e.EndJudged(_, quiet_since, complete) if quiet_since == utterance.quiet_since:
            move.go(kind(replace(utterance, complete=(*utterance.complete, complete))))
        case e.ReplyFailed():
            # The draft came to nothing. It is not tried again before the commit, which asks once more.
            move.emit("reply.discarded", utterance.turn)
            move.go(kind(without_drafts(utterance, move.rules)))
        case e.DeadlinePassed():
            draft(move, utterance, kind)
        case _:
            pass
