"""The policy that weighs everything: silence, words, the sound's own score, and how this user pauses.

It stops when waiting on would cost more than it saves. Before any silence has passed, the odds that it is the end are
those of a user who has paused so often, spoken for so long, whose words read so and whose voice sounds so: a sum of
log-odds. To wait keeps who has finished waiting; to stop cuts who only pauses, unless they have gone on by then. How
soon they do is known of people in general (a log-normal), and better with each pause of this user's (`pauses`). So
where an end is likely it stops at once, and else when most pauses are over; hardly ever in between, where most are not
(`pauses.cheapest`). What is missing adds nothing, so it works without a model and without words.

The weights are fitted to recordings by scripts/train_endpointing; what is said of words is set by hand. See
docs/measurements.md, "When has the user finished?".
"""

from __future__ import annotations

import math

from assistant.conversation.evidence import ASKED_AT, EndpointRules, Evidence
from assistant.conversation.pauses import USUAL, believed, cheapest, counted
from assistant.conversation.reading import Reads

__all__ = ["adaptive", "log_odds", "told"]

CUT = 3.0
"""Seconds: to cut a user off is as bad as to keep one who has finished waiting for so long; longer of those who take
their time, as their pauses are longer than USUAL."""
PATIENCE = 4.0
"""How much longer, as a logarithm, for each second of ``rules.patience``: where it waits that makes about a second."""
ANSWERED = 0.05
"""Seconds that a detector needs, about: with its answer to a longer silence, so much more has passed."""
BELIEVED = 3.0
"""Log-odds beyond which a score is not believed to know any better (0.05 and 0.95): Smart Turn's saturate ..."""
CHANGED = 2.0
"""... and beyond which its change during a silence says nothing more."""
MEDIUM = 2.0
"""Seconds of voice without a pause that say nothing. Who has said a lot in one go has said it; who stops early has more
to say."""
BRIEF = 1.0
"""Seconds of voice up to which an utterance without a pause may be an answer of one word."""
ANSWER = 0.25
"""Seconds to wait for more after such a one. Detectors hear a word out of the middle of a sentence in it. Its words may
come after that; if they say that it was no answer, the decision is taken back (`turn._understood_late`)."""
WORDS = {Reads.COMPLETE: 2.0, Reads.PROBABLY: 0.5, Reads.UNKNOWN: 0.0, Reads.NUMBER: -2.3, Reads.OPEN: -2.6}
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
    seconds = _cheapest(rules, evidence, reads) + lag
    if unfinished:
        return max(seconds, LEAST_OPEN + rules.patience)
    paused = any(counted(each) for each in evidence.pauses)
    if evidence.voice is not None and evidence.voice <= BRIEF and not paused:
        answer = rules.silence if reads is Reads.COMPLETE else ANSWER + max(0.0, rules.patience)
        return min(seconds, answer + lag)
    return seconds


def told(evidence: Evidence) -> tuple[float, float, float, float]:
    """What the weights ``pauses``, ``voice``, ``score`` and ``change`` are multiplied with."""
    paused = sum(counted(each) for each in evidence.pauses)
    spoken = score = change = 0.0
    if not paused and evidence.voice is not None:
        spoken = _within(1.0, math.log(max(evidence.voice, 0.1) / MEDIUM))
    if evidence.complete:
        score = log_odds(evidence.complete[0])
        change = log_odds(evidence.complete[-1]) - score
    return -math.log1p(paused), spoken, _within(BELIEVED, score), _within(CHANGED, change)


def _within(most: float, value: float) -> float:
    return max(-most, min(value, most))


def log_odds(probability: float) -> float:
    held = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(held / (1 - held))


def _cheapest(rules: EndpointRules, evidence: Evidence, reads: Reads | None) -> float:
    weights = rules.weights[bool(evidence.complete)]
    pauses, voice, score, change = told(evidence)
    if reads is Reads.COMPLETE:
        pauses *= CLOSED
    odds = weights.bias + weights.pauses * pauses + weights.voice * voice
    odds += weights.score * score + weights.change * change
    if reads is not None:
        odds += WORDS[reads]
    stake = CUT * math.exp(PATIENCE * rules.patience - odds)
    mean, wider = believed(evidence.pauses, evidence.habit, weights.belief)
    tempo = math.exp(mean) / USUAL  # who takes their time is waited for longer, never stopped sooner
    asked = ASKED_AT[min(len(evidence.complete), len(ASKED_AT)) - 1] + ANSWERED if evidence.complete else 0.0
    now = max(rules.silence, asked / tempo)
    return tempo * cheapest(stake, math.log(USUAL), weights.spread * wider, now)
