"""Percentiles of few turns, and what may be said of them."""

from __future__ import annotations

import random

import pytest

from assistant.bench.figures import interval, spread


def test_percentiles_are_values_that_were_measured() -> None:
    found = spread([300.0, 100.0, 200.0, 900.0])
    assert (found.count, found.p50, found.p95) == (4, 200.0, 900.0)


@pytest.mark.parametrize(("count", "worst"), [(1, True), (19, True), (20, False), (100, False)])
def test_of_fewer_than_twenty_turns_the_p95_is_said_to_be_the_worst(count: int, worst: bool) -> None:
    values = [float(value) for value in range(1, count + 1)]
    assert spread(values).p95_is_the_worst is worst
    assert (spread(values).p95 == max(values)) is worst


def test_nothing_measured_is_nothing_known() -> None:
    found = spread([])
    assert (found.count, found.p50, found.p95) == (0, None, None)
    assert not found.p95_is_the_worst


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(5, None, None), (6, 1, 6), (8, 1, 8), (9, 2, 8), (10, 2, 9), (20, 6, 15), (30, 10, 21), (100, 40, 61)],
)
def test_the_median_lies_between_the_values_of_the_published_table(
    count: int, low: float | None, high: float | None
) -> None:
    """The ranks that statistics books give for 95 % confidence in a median."""
    assert interval(range(1, count + 1), 50) == (low, high)


def test_few_turns_say_how_bad_the_p95_is_at_least_and_not_at_most() -> None:
    assert interval(range(1, 7), 95) == (4, None)
    assert interval(range(1, 72), 95)[1] is None
    assert interval(range(1, 73), 95) == (64, 72)


@pytest.mark.parametrize(("p", "count"), [(50, 12), (95, 100)])
def test_the_interval_holds_the_true_percentile_as_often_as_it_says(p: int, count: int) -> None:
    choose = random.Random(5)
    held = 0
    for _ in range(2000):
        low, high = interval([choose.random() for _ in range(count)], p)
        assert low is not None and high is not None
        held += low <= p / 100 <= high
    assert held / 2000 > 0.94
