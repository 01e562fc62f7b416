"""Weights of the policy `adaptive` from recordings: what is learned from them is what is in them."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from assistant.bench.endpointing.fitting import BELIEF, PRIOR, SPREAD, Silence, fitted, silences, spread
from assistant.bench.endpointing.sound import Heard
from assistant.bench.endpointing.truth import Recording
from assistant.conversation import events as e
from assistant.conversation.adaptive import adaptive
from assistant.conversation.evidence import SHIPPED, EndpointRules, Evidence
from assistant.conversation.pauses import Habit, believed
from scripts import _train_endpointing as script


def recording(end: float, **more: object) -> Recording:
    given = {"group": "main", "speaker": "s", "start": 0.5, "seconds": end + 4.0, "no_end": False, "text": None}
    return Recording("a", end=end, holds=(), **(given | more))  # type: ignore[arg-type]


HEARD = Heard(
    [
        e.VoiceStarted(0.5, 0.6),
        e.VoiceQuiet(1.5),
        e.EndJudged(1.6, 1.5, 0.3),
        e.VoicePaused(1.5),
        e.EndJudged(1.8, 1.5, 0.2),
        e.VoiceResumed(2.0),
        e.VoiceQuiet(3.0),
        e.VoiceResumed(3.1),  # too short to count
        e.VoiceQuiet(4.0),
        e.EndJudged(4.1, 4.0, 0.9),
    ],
    [0.6, 1.53, 1.6, 1.6, 1.8, 2.03, 3.03, 3.13, 4.03, 4.1],
    8.0,
)


def test_what_is_known_of_each_silence() -> None:
    assert silences(recording(4.0), HEARD) == [
        Silence(0.5, Evidence(complete=(0.3, 0.2), pauses=(), voice=1.0)),
        Silence(None, Evidence(complete=(0.9,), pauses=(0.5,), voice=3.5)),
    ]


def test_an_end_of_which_the_truth_says_nothing_is_not_learned_from() -> None:
    assert [each.lasted for each in silences(recording(4.0, no_end=True), HEARD)] == [0.5]
    assert [each.lasted for each in silences(recording(6.0), HEARD)] == [0.5], "labelled elsewhere"


def made(count: int, seed: int, *, telling: float = 0.0) -> list[Silence]:
    """Pauses and ends. ``telling``: how much better than chance the detector's score is."""
    pick = random.Random(seed)
    found = []
    for _ in range(count):
        over = pick.random() < 0.5
        score = min(0.99, max(0.01, 0.5 + telling * (0.5 if over else -0.5) + pick.uniform(-0.2, 0.2)))
        evidence = Evidence(complete=(score,), pauses=(0.4,) * pick.randint(0, 2), voice=pick.uniform(1.5, 4.0))
        found.append(Silence(None if over else max(0.2, 0.4 * pick.lognormvariate(0, 0.5)), evidence))
    return found


def test_a_score_counts_as_much_as_it_tells() -> None:
    useless, useful = fitted(made(300, 1), scored=True), fitted(made(300, 1, telling=0.5), scored=True)
    assert abs(useless.score) < 0.5 < useful.score
    assert fitted(made(300, 1, telling=0.5), scored=False).score == 0.0


def test_from_next_to_nothing_nothing_is_learned() -> None:
    weights = fitted(made(2, 3), scored=True)
    assert (weights.pauses, weights.voice, weights.score, weights.change) == pytest.approx(PRIOR[1:], abs=0.4)
    assert weights.spread == pytest.approx(SPREAD, rel=0.1)
    assert fitted([], scored=True).spread == SPREAD


def test_a_change_of_the_score_counts_as_much_as_it_tells() -> None:
    found = [
        replace(one, evidence=replace(one.evidence, complete=(0.5, 0.9 if one.lasted is None else 0.4)))
        for one in made(300, 1)
    ]
    assert fitted(found, scored=True).change > 1.0 > abs(fitted(made(300, 1), scored=True).change) + 0.5
    assert fitted(found, scored=False).change == 0.0


@pytest.mark.parametrize("wide", [0.35, 0.7])
def test_the_spread_is_that_of_the_pauses(wide: float) -> None:
    pick = random.Random(5)
    found = [Silence(0.4 * pick.lognormvariate(0, wide), Evidence()) for _ in range(2000)]
    doubt = believed((), Habit(), BELIEF)[1]
    assert spread(found) == pytest.approx(wide / doubt, rel=0.05), "less what the doubt about the speaker explains"


def test_what_is_shipped_was_fitted_to_people() -> None:
    """After a pause another is likelier, a long voice and a good score speak for the end."""
    for weights in SHIPPED:
        assert weights.pauses > 0.5 and weights.voice > 0.2
    assert SHIPPED[0].score == SHIPPED[0].change == 0.0 < min(SHIPPED[1].score, SHIPPED[1].change)
    assert 0.3 < adaptive(EndpointRules("adaptive"), Evidence(voice=3.0)) < 1.0


def test_the_file_that_the_script_writes_is_the_one_that_is_shipped() -> None:
    written: dict[str, object] = {}
    exec(script.text(list(SHIPPED)), written)
    assert written["UNSCORED"] == script.told(SHIPPED[0])
    assert written["SCORED"] == script.told(SHIPPED[1])
    assert script.text(list(SHIPPED)).startswith('"""Written by scripts/train_endpointing')
