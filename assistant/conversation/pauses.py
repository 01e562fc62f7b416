"""How long this user pauses in the middle of what they say: learned from every pause after which they went on.

People differ here more than in anything else about turns: some never stop for half a second inside a sentence, others
think for a second at every comma. Kept as a mean of logarithms, for lengths of pauses are log-normal (Campione and
Véronis, *A Large-Scale Multilingual Study of Silent Pause Duration*, Speech Prosody 2002), with old pauses fading.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

__all__ = ["COUNTS", "KEPT", "LONGEST", "USUAL", "Habit", "believed", "cheapest", "counted"]

USUAL = 0.4
"""Seconds: the median of 68 labelled pauses of 0.2 s and more, most of them in read speech."""
COUNTS = 0.2
"""Seconds: a shorter pause is articulation, not thought (eot-bench)."""
LONGEST = 5.0
"""Seconds: after a longer one it is another utterance (eot-bench)."""
DOUBT = 12.0
"""So many pauses' weight has the belief that somebody is as usual."""
KEPT = 20
"""Pauses of one utterance that are remembered: more say nothing new."""
MEMORY = 60.0
"""So many pauses are remembered; with more, the old ones fade."""
CARRIED = 0.5
"""Of what is known of a user's pauses, this much is expected of the next utterance: people pause by what they say."""
DRIFT = 0.5
"""What the doubt about a speaker's mean adds to the deviation, at a belief of one pause."""
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Habit:
    """One user's pauses."""

    count: float = 0.0
    """Pauses behind it, at most MEMORY."""
    log_mean: float = 0.0
    """Mean of the logarithms of their seconds over USUAL."""

    def __post_init__(self) -> None:
        if not (0 <= self.count <= MEMORY and abs(self.log_mean) < 5):  # NaN too
            raise ValueError(f"there is no such habit: {self.count} pauses, {self.log_mean}")

    @property
    def typical(self) -> float:
        """Seconds of a pause of this user's; USUAL of somebody of whom nothing is known."""
        return USUAL * math.exp(self.log_mean * self.count / (self.count + DOUBT))

    def with_pause(self, seconds: float) -> Habit:
        """The user went on after ``seconds``."""
        if not counted(seconds):
            return self
        count = min(self.count + 1, MEMORY)
        return Habit(count, self.log_mean + (math.log(seconds / USUAL) - self.log_mean) / count)

    def since(self, before: Habit) -> Habit:
        """What was learned after ``before``, as a habit of its own. Nearly: of what has faded nothing is known."""
        count = self.count - before.count
        if count <= 0:
            return self
        mean = (self.log_mean * self.count - before.log_mean * before.count) / count
        return Habit(count, max(-4.0, min(mean, 4.0)))

    def joined(self, other: Habit) -> Habit:
        """Of both. What is more than MEMORY has faded."""
        count = self.count + other.count
        if not count:
            return self
        return Habit(min(count, MEMORY), (self.log_mean * self.count + other.log_mean * other.count) / count)


def counted(seconds: float) -> bool:
    """Is it a pause inside an utterance, by its length?"""
    return COUNTS <= seconds <= LONGEST


def believed(pauses: Sequence[float], habit: Habit, belief: float) -> tuple[float, float]:
    """Mean of the logarithms of the pauses that may come, and by how much the doubt about it widens their deviation.

    ``pauses``: those so far in this utterance; ``habit``: of this user, of which ``belief`` pauses' worth was known
    before.
    """
    known = math.log(USUAL) + CARRIED * math.log(habit.typical / USUAL)
    logs = [math.log(each) for each in pauses if counted(each)]
    weight = belief + len(logs)
    return (belief * known + sum(logs)) / weight, math.sqrt(1.0 + DRIFT / weight)


def cheapest(stake: float, mean: float, deviation: float, now: float) -> float:
    """Seconds of silence, ``now`` or later, at which it costs least to stop waiting; 0: at once.

    A pause that is still going on then is cut, which costs ``stake``; each second until then costs one. The logarithms
    of pauses are normal with ``mean`` and ``deviation``. Few pauses are very short, so the cost rises at first, falls
    while many end, and rises again: best is to stop at once, or where it is least after that, and never in between.
    """
    variance = deviation**2
    root = variance - 2.0 * (mean + math.log(deviation * math.sqrt(2.0 * math.pi) / stake))
    if root <= 0.0:  # it never falls
        return 0.0
    later = math.exp(mean - variance + deviation * math.sqrt(root))

    def cost(seconds: float) -> float:
        return stake * _NORMAL.cdf((mean - math.log(seconds)) / deviation) + seconds

    return later if later > now and (now <= 0.0 or cost(later) < cost(now)) else 0.0
