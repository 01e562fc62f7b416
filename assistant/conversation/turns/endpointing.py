"""Endpointing: the user has paused, and is waited for until the silence has been long enough."""

from __future__ import annotations

from assistant.conversation import events as e
from assistant.conversation.endpoint import wait
from assistant.conversation.pauses import Habit
from assistant.conversation.turns.answering import commit
from assistant.conversation.turns.hearing import hear_words
from assistant.conversation.turns.move import Move
from assistant.conversation.turns.phases import Endpointing, Utterance
from assistant.conversation.turns.rules import TurnRules
from assistant.conversation.turns.stopping import only_stop
from assistant.conversation.turns.voice import resume


def endpointing(move: Move, phase: Endpointing, happening: e.Happening) -> None:
    utterance = phase.utterance
    match happening:
        case e.VoiceResumed(at) | e.VoiceStarted(at):
            resume(move, utterance, at)
        case e.DeadlinePassed(at) if at >= ends_at(utterance, move.rules, move.talk.habit):
            commit(move, utterance)
        case _:
            hear_words(move, utterance, happening, Endpointing)


def ends_at(utterance: Utterance, rules: TurnRules, habit: Habit) -> float:
    """When it is over at the latest, if there is no voice until then."""
    return min(done_at(utterance, rules, habit), utterance.since + rules.longest_utterance)


def done_at(utterance: Utterance, rules: TurnRules, habit: Habit) -> float:
    """When the silence will have been long enough."""
    if only_stop(utterance) and utterance.quiet_since is not None:
        return utterance.quiet_since + rules.stopped
    heard = utterance.transcript
    waited = wait(
        rules.endpoint,
        utterance.text,
        final=utterance.covered,
        end_of_turn=heard is not None and heard.end_of_turn and utterance.covered,
        language=None if heard is None else heard.language,
        understood=heard is None or not heard.unintelligible,
        complete=utterance.complete,
        pauses=utterance.pauses,
        voice=None if utterance.quiet_since is None else utterance.quiet_since - utterance.since,
        habit=habit,
    )
    return (utterance.quiet_since if utterance.quiet_since is not None else utterance.since) + waited
