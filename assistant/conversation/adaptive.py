"""The policy that weighs everything: silence, words, the sound's own score, and how this user pauses.

It stops when it is sure enough. Before any silence has passed, the odds that it is the end are those of a user who
has paused so often, spoken for so long, whose words read so and whose voice sounds so: a sum of log-odds. Then every
moment of silence makes them better, for fewer and fewer pauses last as long. How long is known of people in general
(a log-normal), and better with each pause of this user's (`pauses.lasting`). What is missing adds nothing, so it works
without a model and without words.

The weights are fitted to recordings by scripts/train_endpointing; what is said of words is set by hand. See
docs/measurements.md, "When has the user finished?".
"""

from __future__ import annotations

import math

from assistant.conversation.evidence import EndpointRules, Evidence
from assistant.conversation.pauses import counted, lasting
from assistant.conversation.reading import Reads

__all__ = ["adaptive", "log_odds", "told"]

SURE = 2.5
"""Log-odds at which it is the end: 12 of 13 such silences are, as the recordings have it."""
PATIENCE = 5.0
"""Log-odds more for each second of ``rules.patience``: at usual lengths of pauses that makes a second of a wait."""
BELIEVED = 3.0
"""Log-odds beyond which a score is not believed to know any better (0.05 and 0.95): Smart Turn's saturate."""
MEDIUM = 2.0
"""Seconds of voice without a pause that say nothing. Who has said a lot in one go has said it; who stops early has more
to say."""
BRIEF = 1.0
"""Seconds of voice up to which an utterance without a pause may be an answer of one word."""
ANSWER = 0.25
"""Seconds to wait for more after such a one. Detectors hear a word out of the middle of a sentence in it. Its words may
come after that; if they say that it was no answer, the decision is taken back (`turn._understood_late`)."""
WORDS = {Reads.COMPLETE: 2.0, Reads.PROBABLY: 0.9, Reads.UNKNOWN: 0.0, Reads.NUMBER: -2.3, Reads.OPEN: -2.6}
"""Log-odds for what the words read as. Set by hand so that without pauses and scores it waits as long as ``text``,
save where they are open."""
CLOSED = 0.5
"""What is left of the number of pauses once the words close a sentence: they were in the middle of one."""
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
    seconds = _until_sure(rules, evidence, reads) + lag
    if unfinished:
        return max(seconds, LEAST_OPEN + rules.patience)
    paused = any(counted(each) for each in evidence.pauses)
    if evidence.voice is not None and evidence.voice <= BRIEF and not paused:
        answer = rules.silence if reads is Reads.COMPLETE else ANSWER + max(0.0, rules.patience)
        return min(seconds, answer + lag)
    return seconds


def told(evidence: Evidence) -> tuple[float, float, float]:
    """What the weights ``pauses``, ``voice`` and ``score`` are multiplied with."""
    paused = sum(counted(each) for each in evidence.pauses)
    spoken = 0.0
    if not paused and evidence.voice is not None:
        spoken = max(-1.0, min(math.log(max(evidence.voice, 0.1) / MEDIUM), 1.0))
    score = log_odds(min(evidence.complete)) if evidence.complete else 0.0
    return -math.log1p(paused), spoken, max(-BELIEVED, min(score, BELIEVED))


def log_odds(probability: float) -> float:
    held = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(held / (1 - held))


def _until_sure(rules: EndpointRules, evidence: Evidence, reads: Reads | None) -> float:
    weights = rules.weights[bool(evidence.complete)]
    pauses, voice, score = told(evidence)
    if reads is Reads.COMPLETE:
        pauses *= CLOSED
    odds = weights.bias + weights.pauses * pauses + weights.voice * voice + weights.score * score
    if reads is not None:
        odds += WORDS[reads]
    short = odds - SURE - PATIENCE * rules.patience
    return lasting(
        math.exp(min(short, 0.0)), evidence.pauses, evidence.habit, spread=weights.spread, belief=weights.belief
    )
