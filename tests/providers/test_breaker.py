"""The breaker: how long a provider rests, and whom to ask. Pure, so time is whatever the test says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.breaker import LASTING_REST, LONGEST_REST, Health, called, failed, order, succeeded


def test_the_rest_doubles_up_to_a_minute() -> None:
    health = Health()
    rests = []
    for _ in range(6):
        health = failed(health, 100.0)
        rests.append(health.rests_until - 100.0)
    assert rests == [5, 10, 20, 40, 60, 60]


def test_success_forgets_everything() -> None:
    assert failed(succeeded(), 0.0).rests_until == 5.0


def test_what_lasts_rests_long() -> None:
    assert failed(Health(), 10.0, lasting=True).rests_until == 10.0 + LASTING_REST


@pytest.mark.parametrize(
    ("failures_before", "retry_after", "rest"),
    [(0, 30.0, 30.0), (0, 0.5, 0.5), (0, 200.0, 200.0), (1, 0.5, 10.0), (1, 30.0, 30.0)],
)
def test_a_provider_is_left_alone_as_long_as_it_asks(failures_before: int, retry_after: float, rest: float) -> None:
    health = Health()
    for _ in range(failures_before):
        health = failed(health, 0.0)
    assert failed(health, 0.0, retry_after=retry_after).rests_until == rest


def test_the_rested_come_in_their_own_order() -> None:
    assert order([Health(), Health(1, 5.0), Health()], now=6.0) == [0, 1, 2]


def test_of_the_resting_only_the_one_nearest_its_end_is_a_last_resort() -> None:
    assert order([Health(1, 9.0), Health(), Health(1, 8.0)], now=6.0) == [1, 2]


def test_when_all_rest_the_least_rested_is_tried_anyway() -> None:
    assert order([Health(2, 20.0), Health(1, 8.0)], now=6.0) == [1]


def test_one_probe_at_a_time() -> None:
    sick = failed(Health(), 0.0)
    assert order([sick, Health()], 5.0)[0] == 0
    probed = called(sick, 5.0)
    assert order([probed, Health()], 5.1)[0] == 1
    assert order([probed, Health()], 10.0)[0] == 0, "a probe that told nothing holds nobody off for ever"


def test_calling_a_well_provider_changes_nothing() -> None:
    assert called(Health(), 3.0) == Health()


@given(st.lists(st.tuples(st.floats(0, 1e4), st.booleans(), st.none() | st.floats(0, 1e3)), min_size=1, max_size=40))
def test_a_rest_is_never_less_than_asked_nor_longer_than_it_may(steps: list[tuple[float, bool, float | None]]) -> None:
    health = Health()
    for now, lasting, retry_after in steps:
        health = failed(health, now, lasting=lasting, retry_after=retry_after)
        rest = health.rests_until - now
        assert rest >= (retry_after or 0) - 1e-6
        assert rest <= max(LASTING_REST if lasting else LONGEST_REST, retry_after or 0) + 1e-6
