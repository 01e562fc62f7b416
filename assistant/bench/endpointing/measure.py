"""The whole measurement: recordings in, figures out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np

from assistant.bench.endpointing import sound
from assistant.bench.endpointing.fitting import fitted, silences
from assistant.bench.endpointing.policies import Family, families
from assistant.bench.endpointing.replay import decisions
from assistant.bench.endpointing.scoring import (
    BUDGETS,
    HALVES,
    Budget,
    Held,
    Outcome,
    Outcomes,
    Score,
    Sides,
    best,
    halves,
    held_out,
    outcome,
    score,
)
from assistant.bench.endpointing.sound import Heard
from assistant.bench.endpointing.truth import SPARE, Recording
from assistant.bench.endpointing.words import Aligner
from assistant.conversation.events import EndJudged, Word
from assistant.conversation.evidence import EndpointRules
from assistant.ports import TurnDetector
from providers import registry

SWEPT = ("main", "extra")
"""Groups whose pauses and ends the budgets are about."""
TURNED = ("silence", "patience", "enough", "scored", "doubted")
"""What differs between the settings of a policy."""


@dataclass(frozen=True, slots=True)
class Case:
    recording: Recording
    heard: Heard
    words: Sequence[Word]


@dataclass
class Row:
    """One policy on one set of recordings."""

    family: Family
    held: dict[Budget, Held] = field(default_factory=dict)
    """Settings chosen on other speakers; empty where there is one speaker alone."""
    flattered: dict[Budget, Score | None] = field(default_factory=dict)
    """Settings chosen on the same recordings, as eot-bench does it."""
    usual: dict[str, Score] = field(default_factory=dict)
    """Group -> as it comes, nothing chosen."""


@dataclass
class Report:
    everything: list[Row]
    """All recordings; words only where they are known."""
    worded: list[Row]
    """Those whose words are known, as it comes: too few for halves."""
    cases: Sequence[Case]
    detector: str | None
    costs: Sequence[float]
    """Seconds of each of the detector's answers on this machine."""
    how: str = HALVES[0]
    """The speakers were halved."""


async def measure(
    folder: Path,
    recordings: Sequence[Recording],
    name: str,
    progress: Callable[[str], None] = lambda _: None,
    *,
    how: str = HALVES[0],
) -> Report:
    """``name``: of the detector; empty: none. ``how``: one of HALVES. Raises ParleyError."""
    async with AsyncExitStack() as opened:
        judge = await opened.enter_async_context(registry.find("turn", name)({})) if name else None
        cases, costs = await listened(folder, recordings, judge, progress)
    scored = judge is not None
    known = [case for case in cases if case.words]
    everything = compared(cases, words=bool(known), detector=scored, progress=progress, how=how)
    worded = [Row(each.family, usual=_usual(known, each.family)) for each in everything] if known else []
    told = [case for case in cases if case.recording.group != SPARE]
    return Report(everything, worded, told, name or None, costs, how)


async def listened(
    folder: Path, recordings: Sequence[Recording], judge: TurnDetector | None, progress: Callable[[str], None]
) -> tuple[list[Case], list[float]]:
    """Every recording through the loop's ears, once for all policies; and each of the detector's costs."""
    costs: list[float] = []
    aligner = Aligner() if any(each.text for each in recordings) else None
    cases = []
    async with registry.find("vad", "silero")({}) as vad:
        for number, recording in enumerate(recordings, 1):
            progress(f"{number} of {len(recordings)} recordings")
            samples = sound.decoded(folder, recording, number)
            heard = await sound.heard(samples, vad, judge, costs)
            words = aligner.words(samples, recording) if aligner and recording.group != SPARE else ()
            cases.append(Case(recording, heard, words))
    return cases, costs


def compared(
    cases: Sequence[Case], *, words: bool, detector: bool, progress: Callable[[str], None], how: str = HALVES[0]
) -> list[Row]:
    """Every policy on ``cases``. ``words``: those that take text too, of which some of the cases must have some."""
    swept = [case for case in cases if case.recording.group in SWEPT]
    spare = [case for case in cases if case.recording.group == SPARE]
    cases = [case for case in cases if case.recording.group != SPARE]
    halvings = halves([case.recording for case in swept], how)
    rows = []
    for family in families(words=words, detector=detector):
        progress(family.name)
        row = Row(family)
        outcomes = _learned(swept, spare, family) if family.learns else _known(swept, family)
        whole = outcomes((True,) * len(swept))
        scores = [score([whole(n, each) for each in range(len(swept))]) for n in range(len(family.settings))]
        for budget in BUDGETS:
            if halvings:
                row.held[budget] = held_out(halvings, len(family.settings), outcomes, budget)
            found = best(scores, budget)
            row.flattered[budget] = None if found is None else scores[found]
        row.usual = _usual(cases, family)
        rows.append(row)
    return rows


def _known(cases: Sequence[Case], family: Family) -> Outcomes:
    """What comes of each setting, whoever is learned from: nothing is."""
    rows = [_outcomes(cases, family, setting) for setting in family.settings]
    return lambda inside: lambda setting, number: rows[setting][number]


def _learned(cases: Sequence[Case], spare: Sequence[Case], family: Family) -> Outcomes:
    """The same of a policy whose weights are fitted to those that are inside, and to what is spare of other speakers
    than those outside."""
    rest = [(case.recording.speaker, silences(case.recording, case.heard)) for case in spare]
    found = [silences(case.recording, case.heard) for case in cases]

    @cache
    def outcomes(inside: Sides) -> Callable[[int, int], Outcome]:
        learned = [each for one, there in zip(found, inside, strict=True) if there for each in one]
        judged = {case.recording.speaker for case, there in zip(cases, inside, strict=True) if not there}
        learned += [each for speaker, one in rest if speaker not in judged for each in one]
        weights = fitted(learned, scored=family.scored)
        settings = [replace(each, weights=(weights, weights)) for each in family.settings]
        return cache(lambda setting, number: _outcome_of(cases[number], family, settings[setting]))

    return outcomes


def _usual(cases: Sequence[Case], family: Family) -> dict[str, Score]:
    return {
        group: score(_outcomes([case for case in cases if case.recording.group == group], family, family.usual))
        for group in dict.fromkeys(case.recording.group for case in cases)
    }


def _outcomes(cases: Sequence[Case], family: Family, rules: EndpointRules) -> list[Outcome]:
    return [_outcome_of(case, family, rules) for case in cases]


def _outcome_of(case: Case, family: Family, rules: EndpointRules) -> Outcome:
    return outcome(case.recording, decided(case, family, rules))


def decided(case: Case, family: Family, rules: EndpointRules) -> list[float]:
    """When the policy decides on this recording."""
    heard = case.heard
    if not family.scored:
        kept = [n for n, each in enumerate(heard.happenings) if not isinstance(each, EndJudged)]
        heard = Heard([heard.happenings[n] for n in kept], [heard.known_at[n] for n in kept], heard.seconds)
    return decisions(heard, rules, () if family.lag is None else case.words, family.lag or 0.0)


def lines(cases: Sequence[Case], rows: Sequence[Row]) -> Iterator[str]:
    """Every decision of every setting, one JSON object a line: policy, setting, path, t."""
    for row in rows:
        for setting in row.family.settings:
            told = {"policy": row.family.name, "setting": {name: getattr(setting, name) for name in TURNED}}
            for case in cases:
                times = [round(at, 4) for at in decided(case, row.family, setting)]
                yield json.dumps({**told, "path": case.recording.path, "t": times})


def quantiles(costs: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile, milliseconds."""
    middle, high = np.quantile(costs, [0.5, 0.95])
    return float(middle) * 1000, float(high) * 1000
