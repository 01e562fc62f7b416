"""Who has the floor: a voice over the reply holds it, and what `overlap.judge` says of it is carried out."""

from __future__ import annotations

from dataclasses import replace

from assistant.conversation import events as e
from assistant.conversation.overlap import Evidence, OverlapKind, Reason, Verdict, judge
from assistant.conversation.turns.drafts import draft
from assistant.conversation.turns.ignoring import heeded, pass_over
from assistant.conversation.turns.move import Move
from assistant.conversation.turns.phases import Endpointing, Hearing, Overlapping, Replying, Utterance
from assistant.conversation.turns.transcripts import tell_transcript


def begin_overlap(move: Move, reply: Replying, at: float, told: float) -> None:
    """A voice over the reply, from ``at`` on: hold it, and listen."""
    utterance = Utterance(move.talk.turn + 1, at)
    move.talk = replace(move.talk, turn=utterance.turn)
    move.emit("overlap.started", reply.turn, at)
    phase = hold(move, Overlapping(reply, utterance, held_at=told, now=told, partials=move.talk.partials))
    move.do(e.OpenUtterance(utterance.turn, at))
    move.go(phase)
    decide(move, phase)


def hold(move: Move, phase: Overlapping) -> Overlapping:
    """The reply waits, or goes on softly."""
    if move.rules.overlap == "duck":
        move.do(e.DuckPlayback())
        move.emit("reply.paused", phase.reply.turn, ducked=True)
    else:
        move.do(e.PausePlayback())
        move.emit("reply.paused", phase.reply.turn)
    return replace(phase, held=True)


def _hush(move: Move, phase: Overlapping) -> None:
    """Not a sample more, be it soft or already as loud as before; but the reply may go on yet."""
    hushed = replace(phase, held=True, hushed_at=phase.now)
    if _judged(move, hushed) is not None:  # what else there is to know is known: it is over
        decide(move, hushed)
        return
    if not phase.held or move.rules.overlap == "duck":
        move.do(e.PausePlayback())
        move.emit("reply.paused", phase.reply.turn)
    move.go(hushed)


def evidence(phase: Overlapping) -> Evidence:
    """What `overlap.judge` is told."""
    utterance = phase.utterance
    heard = utterance.transcript
    return Evidence(
        at=phase.now,
        since=utterance.since,
        held_at=max(phase.held_at, utterance.resumed_at),
        held=phase.held,
        quiet_since=utterance.quiet_since,
        text=utterance.text,
        stale=utterance.quiet_since is not None and not utterance.fresh,
        final=utterance.covered,
        provisional=heard is not None and heard.provisional,
        understood=heard is None or not heard.unintelligible,
        failed=utterance.failed,
        partials=phase.partials,
        language=None if heard is None else heard.language,
        frames=phase.frames,
        spotted=None if utterance.stopped is None else utterance.stopped.phrase,
        hushed_at=phase.hushed_at,
        other_speaker=phase.other,
    )


def _judged(move: Move, phase: Overlapping) -> Verdict | None:
    return judge(move.rules.barge_in, evidence(phase), move.rules.overlaps)


def decide(move: Move, phase: Overlapping) -> None:
    """Carry out what is judged of it by now."""
    verdict = _judged(move, phase)
    if verdict is None:
        move.go(phase)
    elif verdict.kind == "floor":
        cut_off(move, phase, "floor")
        take_floor(move, phase)
    elif verdict.kind == "stop" and not verdict.sure and phase.hushed_at is None:
        _hush(move, phase)
    elif verdict.kind == "stop":
        cut_off(move, phase, "stop")
        if verdict.sure:
            _stopped(move, phase.utterance)
        else:
            take_floor(move, phase)  # what follows may be more than that; if nothing does, it is not answered
    elif verdict.sure:
        give_back(move, phase, verdict)
    else:
        _resume_reply(move, phase, verdict.reason)
        move.go(replace(phase, held=False, was=verdict.kind))


def cut_off(move: Move, phase: Overlapping, kind: OverlapKind) -> None:
    """The reply is over, for what was decided."""
    move.emit("overlap.decided", phase.reply.turn, kind=kind)
    move.do(e.CancelReply(keep_heard=True))
    move.end_turn(phase.reply.turn)


def take_floor(move: Move, phase: Overlapping) -> None:
    """What was said over the reply is the next utterance, from its first sample on."""
    utterance = replace(phase.utterance, over=True)
    move.emit("user.speech_started", utterance.turn, utterance.since)
    draft(move, _tell_withheld(move, utterance), Endpointing if phase.paused else Hearing)


def _tell_withheld(move: Move, utterance: Utterance) -> Utterance:
    """The observers hear of the transcript that was kept from them until now."""
    if utterance.transcript is not None:
        tell_transcript(move, replace(utterance, transcript=None), utterance.transcript)
    return utterance


def _stopped(move: Move, utterance: Utterance) -> None:
    """The user wanted silence, and has it: there is nothing to answer."""
    move.emit("user.speech_started", utterance.turn, utterance.since)
    utterance = _tell_withheld(move, utterance)
    move.emit("user.speech_ended", utterance.turn, utterance.quiet_since)
    heeded(move, utterance)


def give_back(move: Move, phase: Overlapping, verdict: Verdict) -> None:
    """It was nothing: the reply has the floor."""
    move.emit("overlap.decided", phase.reply.turn, kind=verdict.kind)
    _resume_reply(move, phase, verdict.reason)
    kind = verdict.kind
    if phase.other:
        pass_over(move, phase.utterance, "other_speaker")
    else:
        pass_over(move, phase.utterance, kind if kind == "noise" or kind == "echo" else "empty")
    move.go(phase.reply)


def _resume_reply(move: Move, phase: Overlapping, reason: Reason | None) -> None:
    if phase.held:
        move.do(e.ResumePlayback())
        move.emit("reply.resumed", phase.reply.turn, reason=reason)
