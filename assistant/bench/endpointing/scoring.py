"""Decisions -> figures, as LiveKit's eot-bench defines them. Pure.

A pause inside an utterance (``hold``) is cut when a decision falls into it. The latency is the time from the true end
of speech to the first decision that belongs to it: not before the end less EARLY, nor before the end of the last pause.
It is dead air, without any model's computing. One that never comes is CAP seconds late.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assistant.bench.endpointing.truth import Recording

EARLY = 0.25
"""Seconds before the labelled end at which a decision is one about the end: labels and voices are no sharper."""
CAP = 4.0
"""Seconds that a missed end counts."""
LATENCIES = (0.3, 0.6)
"""Seconds: budgets at which false cut-offs are reported."""
CUTS = (0.05, 0.10)
"""Shares of pauses: budgets at which the latency is reported."""
SPLITS = 20
"""Random halvings of the speakers; each is used both ways."""
HALVES = ("matched", "random")
"""How speakers are halved, the first of them usually: see `halves`."""
RESAMPLED = 2000
"""Times that the files are drawn anew for an interval."""

Sides = tuple[bool, ...]
"""For each recording, is it in?"""
Outcomes = Callable[[Sides], Callable[[int, int], "Outcome"]]
"""Recordings that may be learned from -> (setting, recording) -> what comes of it."""

Decisions = Mapping[str, Sequence[float]]
"""Path -> seconds of each decision, in order."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One recording under one setting."""

    cut: int
    holds: int
    latency: float | None
    """Seconds; infinite: missed; None: its end is not judged."""

    @property
    def capped(self) -> float:
        return CAP if self.latency is None else min(self.latency, CAP)


def outcome(recording: Recording, decisions: Sequence[float]) -> Outcome:
    times = sorted(decisions)
    cut = sum(any(start <= at < end for at in times) for start, end in recording.holds)
    latency = None
    if not recording.no_end:
        first = max([recording.end - EARLY, *(end for _, end in recording.holds)])
        latency = next((at - recording.end for at in times if at >= first), float("inf"))
    return Outcome(cut, len(recording.holds), latency)


@dataclass(frozen=True, slots=True)
class Score:
    """Many recordings under one setting."""

    cut: int
    holds: int
    latencies: tuple[float, ...]
    """Seconds, sorted; infinite where missed."""

    @property
    def cuts(self) -> float:
        """Share of the pauses that are cut."""
        return self.cut / self.holds if self.holds else 0.0

    @property
    def mean(self) -> float:
        return float(np.mean(np.minimum(self.latencies, CAP))) if self.latencies else 0.0

    @property
    def missed(self) -> int:
        return sum(each == float("inf") for each in self.latencies)

    @property
    def median(self) -> float:
        """Of the latencies; infinite where half of the ends are missed."""
        middle = self.latencies[(len(self.latencies) - 1) // 2 : len(self.latencies) // 2 + 1]
        return sum(middle) / len(middle) if middle else 0.0

    def quantile(self, share: float) -> float:
        """Of the latencies, linear between two of them; a missed end counts as in the mean."""
        return float(np.quantile(np.minimum(self.latencies, CAP), share)) if self.latencies else 0.0


def score(outcomes: Sequence[Outcome]) -> Score:
    return Score(
        sum(each.cut for each in outcomes),
        sum(each.holds for each in outcomes),
        tuple(sorted(each.latency for each in outcomes if each.latency is not None)),
    )


@dataclass(frozen=True, slots=True)
class Budget:
    kind: str
    """"latency": the fewest cuts at a mean latency of at most ``most``; "cuts": the least mean latency at a share."""
    most: float


BUDGETS = (*(Budget("latency", most) for most in LATENCIES), *(Budget("cuts", most) for most in CUTS))


def best(scores: Sequence[Score], budget: Budget, *, patient: bool = False) -> int | None:
    """Which of a policy's settings keeps the budget best; None where none does.

    ``patient``: of those that cut equally few at a latency, take the one that waits longest, not the one that waits
    least. For other speakers, who pause for longer than these, it is the better choice, and within the budget.
    """
    if budget.kind == "latency":
        sign = -1.0 if patient else 1.0
        fit = [(s.cuts, sign * s.mean, n) for n, s in enumerate(scores) if s.mean <= budget.most + 1e-9]
    else:
        fit = [(s.mean, s.cuts, n) for n, s in enumerate(scores) if s.cuts <= budget.most + 1e-9]
    return min(fit)[2] if fit else None


@dataclass(frozen=True, slots=True)
class Held:
    """What a budget's setting does to speakers on whom it was not chosen: means over all halvings."""

    cuts: float
    cuts_interval: tuple[float, float]
    """95 %, files drawn anew."""
    mean: float
    mean_interval: tuple[float, float]
    reached: bool
    """On every half some setting kept the budget; else the nearest stood in for it."""


def halves(recordings: Sequence[Recording], how: str = "matched") -> list[tuple[Sides, Sides]]:
    """SPLITS times: one half of the speakers, and the other. Empty with one speaker, of whom there is no other half.

    "matched": speakers are paired by how many pauses they have, and of each pair one is drawn. So the halves differ by
    at most the pauses of the one who has most; and two who read for long are never in the same half, where they would
    leave so few pauses to the other that 5 % of them is none. "random": each half is drawn from all speakers.
    """
    pauses: dict[str, int] = {}
    for each in recordings:
        pauses[each.speaker] = pauses.get(each.speaker, 0) + len(each.holds)
    if len(pauses) < 2:
        return []
    found = []
    for seed in range(SPLITS):
        half = _half(pauses, np.random.default_rng(seed), how)
        inside = tuple(each.speaker in half for each in recordings)
        found.append((inside, tuple(not there for there in inside)))
    return found


def _half(pauses: Mapping[str, int], draw: np.random.Generator, how: str) -> set[str]:
    speakers = [str(each) for each in draw.permutation(sorted(pauses))]
    if how == "random":
        return set(speakers[: len(speakers) // 2])
    speakers.sort(key=lambda speaker: -pauses[speaker])  # those with equally many stay as they were drawn
    return {speakers[pair + draw.integers(2)] for pair in range(0, len(speakers) - 1, 2)}


def held_out(halvings: Sequence[tuple[Sides, Sides]], settings: int, outcomes: Outcomes, budget: Budget) -> Held:
    """Choose one of so many ``settings`` on each half, and see what comes of it on the other. ``halvings``: some."""
    rows: list[list[Outcome]] = []
    reached = True
    for both in halvings:
        row: dict[int, Outcome] = {}
        for inside in both:
            look = outcomes(inside)
            mine = [n for n, there in enumerate(inside) if there]
            scores = [score([look(setting, n) for n in mine]) for setting in range(settings)]
            found = best(scores, budget, patient=True)
            reached = reached and found is not None
            chosen = found if found is not None else _nearest(scores, budget)
            row |= {n: look(chosen, n) for n, there in enumerate(inside) if not there}
        rows.append([row[n] for n in range(len(row))])
    return _pooled(rows, reached)


def _nearest(scores: Sequence[Score], budget: Budget) -> int:
    key: Callable[[int], Hashable] = lambda n: scores[n].mean if budget.kind == "latency" else scores[n].cuts  # noqa: E731
    return min(range(len(scores)), key=key)  # type: ignore[arg-type]


def _pooled(rows: Sequence[Sequence[Outcome]], reached: bool) -> Held:
    cut = np.array([[o.cut for o in row] for row in rows], float)
    holds = np.array([o.holds for o in rows[0]], float)
    judged = np.array([o.latency is not None for o in rows[0]], float)
    late = np.array([[o.capped for o in row] for row in rows], float) * judged

    def means(weights: NDArray[np.float64]) -> tuple[float, float]:
        cuts = (cut @ weights).mean() / max(1.0, holds @ weights)
        return float(cuts), float((late @ weights).mean() / max(1.0, judged @ weights))

    count = len(holds)
    draw = np.random.default_rng(0)
    drawn = np.array(
        [means(np.bincount(draw.integers(0, count, count), minlength=count).astype(float)) for _ in range(RESAMPLED)]
    )
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    cuts, mean = means(np.ones(count))
    return Held(cuts, (float(low[0]), float(high[0])), mean, (float(low[1]), float(high[1])), reached)
