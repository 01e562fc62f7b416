"""Recordings -> the weights of the policy ``adaptive``. Pure.

What tells an end from a pause is a logistic regression over all silences, towards PRIOR: a few dozen of them say
little. How pauses spread, and how soon a speaker's own are believed, is what cuts the fewest of these pauses at the
same mean wait, over all waits that somebody may want.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from assistant.bench.endpointing.sound import Heard
from assistant.bench.endpointing.truth import LEAST, MOST, Recording
from assistant.conversation.adaptive import adaptive, told
from assistant.conversation.events import EndJudged, VoicePaused, VoiceQuiet, VoiceResumed, VoiceStarted
from assistant.conversation.evidence import EndpointRules, Evidence, Weights

PRIOR = (0.5, 1.5, 0.5, 0.3)
"""Bias and weights of pauses, voice and score from which the regression needs to be moved ..."""
RIDGE = (0.1, 1.0, 1.0, 3.0)
"""... and how hard that is."""
STEPS = 30
"""Newton's."""
SPREADS = (0.35, 0.4, 0.5, 0.6)
BELIEFS = (1.0, 3.0, 8.0)
WAITS = np.arange(0.25, 0.86, 0.05)
"""Seconds of mean wait at which cuts are compared."""
PATIENCE = np.arange(-0.9, 1.01, 0.1)
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
    bias, pauses, voice, score = _regression(found, scored)
    tried = [Weights(bias, pauses, voice, score, *more) for more in product(SPREADS, BELIEFS)]
    return min(tried, key=lambda weights: cuts(found, weights))


def _regression(found: Sequence[Silence], scored: bool) -> tuple[float, float, float, float]:
    x = np.array([(1.0, *told(each.evidence)) for each in found]).reshape(-1, 4)
    y = np.array([each.lasted is None for each in found], float)
    prior = np.array(PRIOR) * (1, 1, 1, scored)
    keep = np.diag(RIDGE)
    w = prior.copy()
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-(x @ w)))
        slope = x.T @ (p - y) + keep @ (w - prior)
        bend = (x * (p * (1 - p))[:, None]).T @ x + keep
        w -= np.linalg.solve(bend, slope)
    bias, pauses, voice, score = map(float, w)
    return bias, pauses, voice, score


def cuts(found: Sequence[Silence], weights: Weights) -> float:
    """Mean share of the pauses in ``found`` that are cut, at the mean WAITS."""
    shares, waits = [], []
    for patience in PATIENCE:
        rules = EndpointRules("adaptive", patience=float(patience), weights=(weights, weights))
        waited = np.array([min(max(adaptive(rules, each.evidence), 0.1), rules.max_silence) for each in found])
        lasted = np.array([math.inf if each.lasted is None else each.lasted for each in found])
        over = np.isinf(lasted)
        shares.append(float((waited[~over] < lasted[~over]).mean()) if not over.all() else 0.0)
        waits.append(float(waited[over].mean()) if over.any() else 0.0)
    return float(np.interp(WAITS, np.maximum.accumulate(waits), _smooth(np.array(shares))).mean())


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over neighbouring settings: with a dozen pauses, each is a step."""
    at = np.arange(len(values))
    kernel = np.exp(-0.5 * (at[:, None] - at[None]) ** 2)
    smooth: NDArray[np.float64] = (kernel / kernel.sum(axis=1, keepdims=True)) @ values
    return smooth
