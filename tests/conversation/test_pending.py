"""What is set to ring."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.conversation.pending import MOST, Pending, TooMany, unrung

NOW = datetime(2026, 11, 20, 15, 5, tzinfo=timezone(timedelta(hours=1)))


def after(*seconds: float) -> Pending:
    pending = Pending()
    for number, one in enumerate(seconds, start=1):
        pending = pending.set("timer", NOW + timedelta(seconds=one), "", f"number {number}")
    return pending


def rung(pending: Pending, seconds: float) -> list[str]:
    return [entry.say for entry in pending.due(NOW + timedelta(seconds=seconds))[1]]


def test_nothing_set_is_never_due() -> None:
    assert after().wait(NOW) == math.inf
    assert rung(after(), 1e6) == []


def test_each_rings_once_and_in_its_order() -> None:
    pending = after(30, 10, 20)
    assert pending.wait(NOW) == 10
    left, first = pending.due(NOW + timedelta(seconds=10))
    assert [entry.say for entry in first] == ["number 2"]
    assert rung(left, 10) == []
    assert left.wait(NOW + timedelta(seconds=10)) == 10
    assert rung(left, 1000) == ["number 3", "number 1"]


def test_those_for_the_same_moment_ring_as_they_were_set() -> None:
    assert rung(after(5, 5, 5), 5) == ["number 1", "number 2", "number 3"]


def test_one_that_is_late_is_due_now() -> None:
    assert after(5).wait(NOW + timedelta(hours=8)) == 0


def test_cancelled_by_its_id_alone() -> None:
    pending = after(1, 2, 3)
    assert rung(pending.cancel(2), 9) == ["number 1", "number 3"]
    for unknown in (99, "2", None):
        assert pending.cancel(unknown) == pending


def test_an_id_is_never_given_again() -> None:
    pending = after(1, 2).cancel(2).cancel(1).set("alarm", NOW, "", "again")
    assert [entry.id for entry in pending.entries] == [3]


def test_a_model_that_sets_them_without_end_is_stopped() -> None:
    with pytest.raises(TooMany, match=str(MOST)):
        after(*range(MOST + 1))


@given(st.lists(st.integers(0, 50), max_size=20), st.lists(st.integers(0, 60), max_size=10))
def test_whenever_it_is_looked_at_all_ring_in_order_and_none_twice(seconds: list[int], looks: list[int]) -> None:
    pending, heard = after(*seconds), []
    for look in [*sorted(looks), 100]:
        pending, ringing = pending.due(NOW + timedelta(seconds=look))
        heard += [(entry.at, entry.id) for entry in ringing]
        assert all(entry.at <= NOW + timedelta(seconds=look) for entry in ringing)
    assert heard == sorted(heard)
    assert len(heard) == len(seconds)


def test_what_will_not_ring_is_named() -> None:
    pending = after().set("timer", NOW + timedelta(minutes=8), "pasta", "")
    pending = pending.set("alarm", datetime(2026, 11, 21, 6, 0, tzinfo=UTC), "", "")
    told = unrung(pending.entries, NOW)
    assert told.endswith('the timer "pasta" due at 15:13, the alarm due at 07:00 on 2026-11-21')
    assert unrung((), NOW) == ""
