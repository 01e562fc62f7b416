"""Overlapping: all that happens while it is decided who has the floor."""

from __future__ import annotations

from dataclasses import replace

from assistant.conversation import events as e
from assistant.conversation.overlap import Verdict, goes_on
from assistant.conversation.turns.floor import decide, give_back, hold, take_floor
from assistant.conversation.turns.ignoring import ignore
from assistant.conversation.turns.move import Move
from assistant.conversation.turns.phases import FRAMES, Overlapping
from assistant.conversation.turns.replying import replying
from assistant.conversation.turns.transcripts import with_transcript
from assistant.conversation.turns.voice import fallen_quiet


def overlapping(move: Move, phase: Overlapping, happening: e.Happening) -> None:
    """Only reached while a judgement is open; the reply may meanwhile end by itself."""
    utterance = phase.utterance
    phase = replace(phase, now=max(phase.now, move.at))
    match happening:
        case e.ReplyFinished() | e.ReplyFailed() if phase.other:
            give_back(move, phase, Verdict("noise", "noise"))
            replying(move, phase.reply, happening)
            return
        case e.ReplyFinished(at, text):
            move.emit("reply.finished", phase.reply.turn, at, text=text)
            _outlasted(move, phase)
            return
        case e.ReplyFailed():  # whoever speaks is not apologised to in the middle of it
            _outlasted(move, phase)
            return
        case e.Interrupt():
            move.do(e.CancelReply(keep_heard=True))
            move.end_turn(phase.reply.turn)
            ignore(move, utterance, "empty")
            return
        case e.Sounded(_, sounding):
            phase = replace(phase, frames=(*phase.frames, sounding)[-FRAMES:])
            echo = not phase.held and utterance.quiet_since is None and phase.was == "echo"
            if echo and goes_on(phase.frames):
                phase = replace(hold(move, phase), held_at=phase.now)
        case e.SpeakerTold(_, turn, other) if turn == utterance.turn:
            phase = replace(phase, other=other)
        case e.StopSpotted(_, turn) if turn == utterance.turn:
            utterance = replace(utterance, stopped=happening)
        case e.VoiceQuiet(at):
            utterance = fallen_quiet(utterance, at)
        case e.VoicePaused(at):
            utterance = fallen_quiet(utterance, at)
            move.do(e.HurryTranscript(utterance.turn))
            phase = replace(phase, paused=True)
        case e.VoiceResumed(at) | e.VoiceStarted(at):
            utterance = replace(
                utterance, quiet_since=None, resumed_at=at, fresh=False, covered=False, complete=(), stopped=None
            )
            phase = replace(phase, paused=False)
            if not phase.held and not phase.other:
                phase = replace(hold(move, phase), held_at=phase.now)
        case e.Transcribed(_, turn, transcript) if turn == utterance.turn:
            utterance = with_transcript(move, utterance, transcript, tell=False)
        case e.TranscriptionFailed(_, turn) if turn == utterance.turn:
            utterance = replace(utterance, failed=True)
        case e.EndJudged(_, quiet_since, complete) if quiet_since == utterance.quiet_since:
            utterance = replace(utterance, complete=(*utterance.complete, complete))
        case _:
            pass
    decide(move, replace(phase, utterance=utterance))


def _outlasted(move: Move, phase: Overlapping) -> None:
    """The reply has ended while the user speaks over it."""
    move.end_turn(phase.reply.turn)
    move.emit("overlap.decided", phase.reply.turn, kind="floor" if phase.hushed_at is None else "stop")
    move.do(e.ResumePlayback())  # nothing is held any more, and the next reply must not be
    take_floor(move, phase)
