"""A transcript of an utterance comes: what it covers, since when it says the same, and who is told of it."""

from __future__ import annotations

from dataclasses import replace

from assistant.conversation import events as e
from assistant.conversation.transcript import same_meaning
from assistant.conversation.turns.move import Move
from assistant.conversation.turns.phases import Utterance

COVERED = 0.15
"""Seconds by which a transcript may end before the last voiced sample and still cover the utterance: recognisers place
the end of the last word a little early."""


def with_transcript(move: Move, utterance: Utterance, transcript: e.Transcript, *, tell: bool = True) -> Utterance:
    """What is known of the utterance now that ``transcript`` has come, whether the observers are told of it or not."""
    if not transcript.final and transcript.text and not move.talk.partials:
        move.talk = replace(move.talk, partials=True)
    if utterance.covered and not transcript.final:
        return utterance  # a partial that the final has overtaken
    if tell:
        tell_transcript(move, utterance, transcript)
    fresh = transcript.until is None or transcript.until > utterance.resumed_at
    covered = transcript.final and fresh and covers(utterance, transcript)
    changed_at, unchanged, text = utterance.changed_at, utterance.unchanged, utterance.text
    if not utterance.fresh or text is None or not same_meaning(text, transcript.text):
        if utterance.fresh and text is not None:
            unchanged = max(unchanged, move.at - changed_at)
        changed_at = move.at
    return replace(
        utterance, transcript=transcript, fresh=fresh, covered=covered, changed_at=changed_at, unchanged=unchanged
    )


def covers(utterance: Utterance, transcript: e.Transcript) -> bool:
    """The transcript is about everything up to the last voiced sample."""
    quiet = utterance.quiet_since
    return utterance.cut or (quiet is not None and reaches(transcript, quiet))


def reaches(transcript: e.Transcript, quiet_since: float | None) -> bool:
    """It is about everything up to ``quiet_since``, as far as it says."""
    return transcript.until is None or quiet_since is None or transcript.until >= quiet_since - COVERED


def tell_transcript(move: Move, utterance: Utterance, transcript: e.Transcript) -> None:
    """The observers hear of it, unless it says what they have heard already."""
    before = utterance.transcript
    known = before is not None and before.text == transcript.text and (before.final or not transcript.final)
    if known and (utterance.fresh or not transcript.final):
        return
    if transcript.final:
        tell_final(move, utterance.turn, transcript)
    elif transcript.text:
        move.emit("user.transcript.partial", utterance.turn, transcript.until, text=transcript.text)


def tell_final(move: Move, turn: int, transcript: e.Transcript) -> None:
    move.emit(
        "user.transcript.final",
        turn,
        transcript.until,
        text=transcript.text,
        language=transcript.language,
        provider=transcript.provider,
    )
