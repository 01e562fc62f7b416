"""Replying: from the commit to the last heard sample."""

from __future__ import annotations

import math
from dataclasses import replace

from assistant.conversation import events as e
from assistant.conversation.turns.announcing import apologise
from assistant.conversation.turns.answering import without_transcript
from assistant.conversation.turns.corrections import leave
from assistant.conversation.turns.drafts import discard, drafted, without_drafts
from assistant.conversation.turns.floor import begin_overlap
from assistant.conversation.turns.ignoring import ignore
from assistant.conversation.turns.move import Move
from assistant.conversation.turns.phases import Replying
from assistant.conversation.turns.stopping import only_stop
from assistant.conversation.turns.taking_back import understood_late, user_goes_on


def replying(move: Move, phase: Replying, happening: e.Happening) -> None:
    match happening:
        case e.VoiceStarted(at):
            if not phase.audible:
                user_goes_on(move, phase, at)
            elif not move.talk.muted and move.rules.barge_in != "off":
                begin_overlap(move, phase, at, at if happening.told is None else happening.told)
        case e.Interrupt() if phase.text is None and phase.utterance is not None:
            ignore(move, phase.utterance, "empty")
        case e.Interrupt():
            move.do(e.CancelReply(keep_heard=True))
            move.close(phase.utterance)
            move.end_turn(phase.turn)
            move.rest()
        case e.ReplyAudible(at):
            move.emit("reply.audible", phase.turn, at)
            leave(move, phase)
            move.go(replace(phase, audible=True, utterance=None))
        case e.ReplyFinished(at, text):
            move.emit("reply.finished", phase.turn, at, text=text)
            move.close(phase.utterance)
            move.end_turn(phase.turn)
            move.rest()
        case e.ReplyFailed() if phase.text is None and phase.utterance is not None:
            move.emit("reply.discarded", phase.turn)
            move.go(replace(phase, utterance=without_drafts(phase.utterance, move.rules)))
        case e.ReplyFailed():
            move.close(phase.utterance)
            apologise(move, phase.turn, again=phase.kind == "apology")
        case e.DeadlinePassed(at) if phase.waits_until is not None and at >= phase.waits_until:
            if phase.text is None and phase.utterance is not None:
                without_transcript(move, phase.utterance)
        case e.DeadlinePassed() if phase.text is None and phase.utterance is not None:
            move.go(replace(phase, utterance=drafted(move, phase.utterance)))
        case e.TranscriptionFailed(_, turn) if phase.utterance is not None and turn == phase.utterance.turn:
            if phase.text is None:
                without_transcript(move, phase.utterance)
            else:
                move.go(replace(phase, utterance=replace(phase.utterance, failed=True)))
        case e.StopSpotted(_, turn) if phase.utterance is not None and turn == phase.utterance.turn:
            stopped = replace(phase.utterance, stopped=happening)
            if phase.text is None and stopped.over and only_stop(stopped):
                until = min(move.at + move.rules.stop_doubted, phase.waits_until or math.inf)
                move.go(replace(phase, utterance=discard(move, stopped), waits_until=until))
        case e.Transcribed(_, turn, transcript) if phase.utterance is not None and turn == phase.utterance.turn:
            understood_late(move, phase, phase.utterance, transcript)
        case _:
            pass
