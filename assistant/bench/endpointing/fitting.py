"""Recordings -> the weights of the policy ``adaptive``. Pure.

What tells an end from a pause is a logistic regression over all silences, towards PRIOR: a few dozen of them say
little. How pauses spread is measured, around what was believed of each before it came.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from assistant.bench.endpointing.sound import Heard
from assistant.bench.endpointing.truth import LEAST, MOST, Recording
from assistant.conversation.adaptive import told
from assistant.conversation.events import EndJudged, VoicePaused, VoiceQuiet, VoiceResumed, VoiceStarted
from assistant.conversation.evidence import Evidence, Weights
from assistant.conversation.pauses import believed

PRIOR = (0.5, 1.5, 0.5, 0.3, 0.0)
"""Bias and weights of pauses, voice, score and its change from which the regression needs to be moved ..."""
RIDGE = (0.1, 1.0, 1.0, 3.0, 1.0)
"""... and how hard that is."""
STEPS = 30
"""Newton's."""
BELIEF = 3.0
"""So many pauses' weight has the belief that a speaker is as usual."""
SPREAD, SPREADS = 0.5, 20
"""The deviation that is expected of pauses, and how many of them would outweigh that."""
NEAR = 0.6
"""Seconds between the labelled end and the last silence that is about it."""
GROUPS = ("main", "extra", "spare")
"""Of the recordings that are learned from."""


@dataclass(frozen=True, slots=True)
class Silence:
    """One in a recording, as the loop knew it."""

    lasted: float | None
    """Seconds until the same speaker went on; None: it was the end."""
    evidence: Evidence


def silences(recording: Recording, heard: Heard) -> list[Silence]:
    """Those of which the truth says what they are: pauses that count, and the end where it is judged."""
    found: list[Silence] = []
    began: float | None = None
    quiet: float | None = None
    complete: list[float] = []
    pauses: list[float] = []
    for happening in heard.happenings:
        match happening:
            case VoiceStarted(at) if began is None:
                began = at
            case VoiceQuiet(at) | VoicePaused(at) if quiet is None:
                quiet, complete = at, []
            case VoiceStarted(at) | VoiceResumed(at) if quiet is not None and began is not None:
                if LEAST <= at - quiet <= MOST and at <= recording.end + 0.1:
                    found.append(Silence(at - quiet, _evidence(complete, pauses, quiet - began)))
                    pauses.append(at - quiet)
                quiet = None
            case EndJudged(_, since, probability) if since == quiet:
                complete.append(probability)
            case _:
                pass
    if quiet is not None and began is not None and not recording.no_end and abs(quiet - recording.end) < NEAR:
        found.append(Silence(None, _evidence(complete, pauses, quiet - began)))
    return found


def _evidence(complete: Sequence[float], pauses: Sequence[float], voice: float) -> Evidence:
    return Evidence(complete=tuple(complete), pauses=tuple(pauses), voice=voice)


def fitted(found: Sequence[Silence], *, scored: bool) -> Weights:
    """The weights for ``found``. ``scored``: those for silences about which a detector was asked."""
    if not scored:
        found = [replace(each, evidence=replace(each.evidence, complete=())) for each in found]
    bias, pauses, voice, score, change = _regression(found, scored)
    return Weights(bias, pauses, voice, score, change, spread(found), BELIEF)


def _regression(found: Sequence[Silence], scored: bool) -> list[float]:
    x = np.array([(1.0, *told(each.evidence)) for each in found]).reshape(-1, len(PRIOR))
    y = np.array([each.lasted is None for each in found], float)
    prior = np.array(PRIOR) * (1, 1, 1, scored, scored)
    keep = np.diag(RIDGE)
    w = prior.copy()
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-(x @ w)))
        slope = x.T @ (p - y) + keep @ (w - prior)
        bend = (x * (p * (1 - p))[:, None]).T @ x + keep
        w -= np.linalg.solve(bend, slope)
    weights: list[float] = w.tolist()
    return weights


def spread(found: Sequence[Silence]) -> float:
    """The deviation of the logarithms of the pauses in ``found`` from what was believed of them."""
    squares, count = SPREADS * SPREAD**2, float(SPREADS)
    for each in found:
        if each.lasted is not None:
            mean, wider = believed(each.evidence.pauses, each.evidence.habit, BELIEF)
            squares += ((math.log(each.lasted) - mean) / wider) ** 2
            count += 1
    return math.sqrt(squares / count)
