"""The microphone is muted: what is heard is ignored, and what is said goes on."""

from __future__ import annotations

from dataclasses import replace

from assistant.conversation.overlap import Verdict
from assistant.conversation.turns.floor import cut_off, give_back
from assistant.conversation.turns.ignoring import ignore
from assistant.conversation.turns.move import Move
from assistant.conversation.turns.phases import Endpointing, Hearing, Idle, Listening, Overlapping


def mute(move: Move) -> None:
    move.talk = replace(move.talk, muted=True)
    match move.talk.phase:
        case Hearing(utterance) | Endpointing(utterance):
            ignore(move, utterance, "empty")
        case Listening():
            move.go(Idle())
        case Overlapping() as phase if phase.hushed_at is not None:
            cut_off(move, phase, "stop")
            ignore(move, phase.utterance, "empty")
        case Overlapping() as phase:
            give_back(move, phase, Verdict("noise", "noise"))
        case _:
            pass


def unmute(move: Move) -> None:
    move.talk = replace(move.talk, muted=False)
    if isinstance(move.talk.phase, Idle):
        move.go(Listening())
