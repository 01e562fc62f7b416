"""The policy that weighs everything: silence, words, the sound's own score, and how this user pauses.

It is one sum. Each piece of evidence moves the wait up or down by some hundredths of a second, as if by the logarithm
of its odds: where the lengths of pauses fall off exponentially, the silence after which an end has become as likely as
is wanted is linear in the log-odds that it is one. What is missing adds nothing, so it works without a model and
without words. The weights are few and round on purpose; see docs/measurements.md, "When has the user finished?".
"""

from __future__ import annotations

import math

from assistant.conversation.evidence import EndpointRules, Evidence
from assistant.conversation.pauses import USUAL, tried
from assistant.conversation.reading import Reads

__all__ = ["adaptive"]

BASE = (0.6, 0.65)
"""Seconds to wait for a user of whom nothing is known, when nothing else is known: without a detector's score, and with
one."""
HABIT = 0.5
"""Seconds more for a user whose pauses are e times as long as usual."""
AGAIN = (0.8, 0.6)
"""Seconds more for each unit of `pauses.tried`: the same two."""
CLOSED = 0.5
"""What of that is left once the words close a sentence: the pauses before were in the middle of one."""
SCORE = 0.1
"""Seconds less for each unit of the score's log-odds."""
SURE = 3.0
"""Log-odds beyond which a score is not believed to know any better (0.05 and 0.95): Smart Turn's saturate."""
BRIEF = 1.0
"""Seconds of voice up to which an utterance without a pause may be an answer of one word."""
ANSWER = 0.25
"""Seconds to wait for more after such a one. Detectors hear a word out of the middle of a sentence in it. Its words may
come after that; if they say that it was no answer, the decision is taken back (`turns/taking_back.py`)."""
WORDS = {Reads.COMPLETE: -0.4, Reads.PROBABLY: -0.2, Reads.UNKNOWN: 0.0, Reads.NUMBER: 0.5, Reads.OPEN: 0.7}
"""Seconds for what the words read as: without pauses and scores as long as ``text`` waits, save where they are open."""
LEAST_OPEN = 1.2
"""Seconds: at least, after words that something must follow, or a number that is being read out."""
LAGGING = 0.1
"""Seconds more while words that close a sentence are only a partial, which may lag behind the voice."""


def adaptive(rules: EndpointRules, evidence: Evidence) -> float:
    """Seconds of silence after which the user has finished."""
    if evidence.end_of_turn:
        return rules.silence
    reads = evidence.reads
    unfinished = reads in (Reads.OPEN, Reads.NUMBER)
    lag = 0.0 if evidence.final or reads is not Reads.COMPLETE else LAGGING
    short = evidence.voice is not None and evidence.voice <= BRIEF and not tried(evidence.pauses)
    if short and not unfinished:
        answer = rules.silence if reads is Reads.COMPLETE else ANSWER
        return answer + lag
    scored = bool(evidence.complete)
    seconds = BASE[scored] + rules.patience + HABIT * math.log(evidence.habit.typical / USUAL)
    seconds += AGAIN[scored] * tried(evidence.pauses) * (CLOSED if reads is Reads.COMPLETE else 1.0)
    if scored:
        seconds -= SCORE * _log_odds(min(evidence.complete))
    if reads is not None:
        seconds += WORDS[reads] + lag
    return max(seconds, LEAST_OPEN + rules.patience) if unfinished else seconds


def _log_odds(probability: float) -> float:
    held = min(max(probability, 1e-6), 1 - 1e-6)
    return max(-SURE, min(math.log(held / (1 - held)), SURE))
