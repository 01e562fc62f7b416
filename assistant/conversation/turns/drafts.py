"""Answers begun behind a closed gate before the user has finished: when they pay, and what they may waste."""

from __future__ import annotations

from dataclasses import replace

from assistant.conversation import events as e
from assistant.conversation.endpoint import reads_complete
from assistant.conversation.transcript import contradicts, same_meaning
from assistant.conversation.turns.move import Move
from assistant.conversation.turns.phases import Endpointing, Hearing, Replying, Utterance
from assistant.conversation.turns.rules import TurnRules
from assistant.conversation.turns.stopping import only_stop
from assistant.conversation.turns.transcripts import reaches

SETTLED = 0.6
"""Seconds after which a partial that has not changed is believed, whatever is heard: a voice of a noise, a long breath.
Words come two to four a second."""
SETTLED_BY = 1.5
"""And so many times as long as this utterance's words have ever stayed the same: some recognisers tell news rarely."""
MINUTE = 60.0
"""Seconds for which it is remembered what was thrown away: what may be wasted is counted by the minute."""


def draft(move: Move, utterance: Utterance, kind: type[Hearing | Endpointing]) -> None:
    """Begin to answer behind a closed gate as soon as the words allow it; the pause is not waited for."""
    move.go(kind(drafted(move, utterance)))


def drafted(move: Move, utterance: Utterance) -> Utterance:
    """With the draft that its words are worth, and without the one that they contradict."""
    text = utterance.text
    if not text:
        return utterance
    if utterance.draft is not None and contradicts(utterance.draft, text):
        utterance = discard(move, utterance)
    if not may_draft(move, utterance) or not _worth_a_draft(move, utterance):
        return utterance
    if utterance.draft is not None:
        if same_meaning(utterance.draft, text):
            return utterance
        utterance = discard(move, utterance)
    move.emit("reply.drafted", utterance.turn)
    move.do(e.StartReply(utterance.turn, text, gate_open=False))
    return replace(utterance, draft=text, drafts=utterance.drafts + 1)


def remember_waste(move: Move, thrown_away: e.ThrownAway) -> None:
    """An answer of which nobody heard anything: `may_draft` counts it."""
    recent = tuple(each for each in move.talk.thrown_away if each.at > thrown_away.at - MINUTE)
    move.talk = replace(move.talk, thrown_away=(*recent, thrown_away))


def may_draft(move: Move, utterance: Utterance) -> bool:
    """Within what drafts may cost."""
    rules = move.rules
    if not rules.drafts or utterance.drafts >= rules.drafts_per_turn or only_stop(utterance):
        return False
    wasted = sum(each.tokens for each in move.talk.thrown_away if each.at > move.at - MINUTE)
    return wasted < rules.draft_tokens_per_minute


def _worth_a_draft(move: Move, utterance: Utterance) -> bool:
    """The words are known, or read as complete and are likely to be all of them."""
    heard, quiet = utterance.transcript, utterance.quiet_since
    if utterance.covered and quiet is not None:
        return True
    if heard is None or not utterance.fresh or not reads_complete(utterance.text, heard.language):
        return False
    if quiet is not None and reaches(heard, quiet):
        return True  # one that lags behind the voice lacks a word
    return move.at >= _unchanged_until(utterance)


def _unchanged_until(utterance: Utterance) -> float:
    return utterance.changed_at + max(SETTLED, SETTLED_BY * utterance.unchanged)


def settles_at(move: Move) -> float | None:
    """When words that do not change until then are worth a draft."""
    match move.talk.phase:
        case Hearing(utterance) | Endpointing(utterance):
            pass
        case Replying(text=None, utterance=Utterance() as utterance):
            pass
        case _:
            return None
    heard = utterance.transcript
    if heard is None or utterance.draft is not None or not utterance.fresh or not may_draft(move, utterance):
        return None
    return _unchanged_until(utterance) if reads_complete(utterance.text, heard.language) else None


def without_drafts(utterance: Utterance, rules: TurnRules) -> Utterance:
    """Its draft has failed, and no other is begun."""
    return replace(utterance, draft=None, drafts=rules.drafts_per_turn)


def discard(move: Move, utterance: Utterance) -> Utterance:
    """Without its draft, which nobody hears."""
    if utterance.draft is None:
        return utterance
    move.do(e.CancelReply(keep_heard=False))
    move.emit("reply.discarded", utterance.turn)
    return replace(utterance, draft=None)
