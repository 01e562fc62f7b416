"""The rules of the conversation: ``step(talk, happening, rules) -> (talk, actions, deadline)``.

They decide who speaks when. They are pure: no clock, no await, no I/O. The shell (`assistant.session`) feeds them what
happened, carries out the actions in their order and calls again with `DeadlinePassed` at the deadline that was returned
(audio-clock seconds; None: nothing to wait for). This file sends what happened to the state that the conversation is
in. What follows from it lies in ``turns/``:

- one file a state: ``hearing`` (Listening too), ``endpointing``, ``replying``, ``overlapping``; Idle does nothing;
- ``voice`` and ``transcripts``: what becomes known of an utterance; ``drafts``: answers begun before its end;
- ``answering``: the user has finished; ``ignoring``: there is nothing to answer; ``taking_back``: the user had not
  finished, or had said something else; ``corrections``: the same once the answer is heard;
- ``floor``: a voice over the reply holds it, takes the floor or gives it back (``overlap.py`` judges which);
- ``stopping``: a stop word was spotted in it;
- ``announcing`` and ``muting``;
- ``rules`` are the settings, ``phases`` the states, and a ``move`` is a step's outcome while it is put together.

See docs/architecture.md for the diagram of the states.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from assistant.conversation import events as e
from assistant.conversation.overlap import look_at
from assistant.conversation.turns.announcing import announce_if_free
from assistant.conversation.turns.corrections import correct
from assistant.conversation.turns.drafts import remember_waste, settles_at
from assistant.conversation.turns.endpointing import endpointing, ends_at
from assistant.conversation.turns.floor import evidence
from assistant.conversation.turns.hearing import hearing, listening
from assistant.conversation.turns.move import Move
from assistant.conversation.turns.muting import mute, unmute
from assistant.conversation.turns.overlapping import overlapping
from assistant.conversation.turns.phases import (
    FRAMES,
    Conversation,
    Endpointing,
    Hearing,
    Idle,
    Listening,
    Overlapping,
    Replying,
    turn_of,
)
from assistant.conversation.turns.replying import replying
from assistant.conversation.turns.rules import TurnRules

__all__ = [
    "FRAMES",
    "Conversation",
    "Endpointing",
    "Hearing",
    "Idle",
    "Listening",
    "Overlapping",
    "Replying",
    "TurnRules",
    "step",
    "turn_of",
]


def step(
    talk: Conversation, happening: e.Happening, rules: TurnRules
) -> tuple[Conversation, list[e.Action], float | None]:
    """What follows from ``happening``. You must carry out the actions in order, then arm one timer for the deadline."""
    move = Move(talk, happening.at, rules)
    if talk.left is not None:
        correct(move, talk.left, happening)
    match happening:
        case e.AnnouncementDue():
            move.talk = replace(move.talk, announcements=(*talk.announcements, happening))
        case e.ThrownAway():
            remember_waste(move, happening)
        case e.Mute():
            mute(move)
        case e.Unmute():
            unmute(move)
        case _:
            _to_its_state(move, happening)
    announce_if_free(move)
    return move.talk, move.actions, _deadline(move)


def _to_its_state(move: Move, happening: e.Happening) -> None:
    phase = move.talk.phase
    match phase:
        case Idle():
            pass
        case Listening():
            listening(move, happening)
        case Hearing():
            hearing(move, phase, happening)
        case Endpointing():
            endpointing(move, phase, happening)
        case Replying():
            replying(move, phase, happening)
        case Overlapping():
            overlapping(move, phase, happening)
        case _:
            assert_never(phase)


def _deadline(move: Move) -> float | None:
    """When time alone will change something."""
    left = move.talk.left
    deadlines = [_of_its_state(move), settles_at(move), None if left is None else left.until]
    return min((at for at in deadlines if at is not None), default=None)


def _of_its_state(move: Move) -> float | None:
    phase, rules = move.talk.phase, move.rules
    match phase:
        case Endpointing(utterance):
            return ends_at(utterance, rules, move.talk.habit)
        case Hearing(utterance):
            return utterance.since + rules.longest_utterance
        case Replying(text=None):
            return phase.waits_until
        case Overlapping():
            return look_at(evidence(phase), rules.overlaps)
        case _:
            return None
