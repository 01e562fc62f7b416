"""What is done about a device that is lost, and when: by simulated time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.audio.steadiness import GRACE, NO_LONGER, STEPS, TOO_MANY, WITHIN, Steadiness
from assistant.audio.watchdog import RESCAN_BUSY, SETTLING, SILENT, Do, Watchdog


def happens(
    dog: Watchdog, until: float, *, ended: bool = False, opens: bool = False, busy: bool = False, since: float = 0.0
) -> list[tuple[float, Do]]:
    """Look every tenth of a second; attempts succeed or not, and nothing ever calls back."""
    done = []
    for tick in range(round(since * 10), round(until * 10)):
        now = tick / 10
        if ended:
            dog.ended(now)
        do = dog.decide(now, other_busy=busy)
        if do is not Do.NOTHING:
            done.append((now, do))
            dog.tried(now, opened=opens, rescanned=do is Do.RESCAN)
            ended = ended and not opens
    return done


def test_a_device_that_calls_back_is_left_alone() -> None:
    dog = Watchdog(0.0)
    for tick in range(100):
        dog.called_back(tick / 10)
        assert dog.decide(tick / 10, other_busy=False) is Do.NOTHING and not dog.lost


def test_a_device_that_says_it_is_gone_is_opened_again_at_once_then_looked_for() -> None:
    dog = Watchdog(0.0)
    dog.called_back(0.0)
    done = happens(dog, 2.0, ended=True, since=0.1)
    assert done[0] == (0.1, Do.REOPEN) and done[1][1] is Do.RESCAN and done[1][0] < 0.6
    assert dog.lost and dog.lost_for(2.0) == pytest.approx(1.9)


def test_a_device_that_falls_silent_is_found_out_and_its_second_attempt_is_within_two_seconds() -> None:
    """The second attempt begins with the default device: so a named one is replaced by then."""
    dog = Watchdog(0.0)
    dog.called_back(0.0)
    done = happens(dog, 2.0, opens=True)
    assert [do for _, do in done][:2] == [Do.REOPEN, Do.RESCAN]
    assert SILENT < done[0][0] <= SILENT + 0.2
    assert done[1][0] <= 1.6 and dog.attempts >= 2


def test_a_device_just_opened_is_given_time_and_more_with_every_attempt() -> None:
    dog = Watchdog(0.0)
    assert dog.decide(SETTLING - 0.01, other_busy=False) is Do.NOTHING
    at = [now for now, _ in happens(dog, 30.0, opens=True)]
    gaps = [round(b - a, 1) for a, b in zip(at, at[1:], strict=False)]
    assert gaps == sorted(gaps) and gaps[-1] >= 4.0


def test_a_scan_that_would_interrupt_the_other_direction_is_rare() -> None:
    dog = Watchdog(0.0)
    dog.called_back(0.0)
    scans = [now for now, do in happens(dog, 30.0, ended=True, busy=True) if do is Do.RESCAN]
    assert len(scans) >= 2
    assert all(b - a >= RESCAN_BUSY for a, b in zip(scans, scans[1:], strict=False))


def test_a_callback_ends_the_search() -> None:
    dog = Watchdog(0.0)
    happens(dog, 3.0, ended=True)
    dog.called_back(3.0)
    assert not dog.lost and dog.attempts == 0 and dog.lost_for(3.0) == 0.0
    assert dog.decide(3.0 + SILENT, other_busy=False) is Do.NOTHING


def test_a_loudspeaker_that_runs_dry_again_and_again_is_handed_more_in_advance() -> None:
    steady = Steadiness()
    steady.opened(0.0)
    steady.ran_dry(100, GRACE / 2)
    assert not steady.raised(GRACE, busy=False, latency=0.02)  # a device that starts may stumble
    steady.ran_dry(TOO_MANY - 1, 2.0)
    assert not steady.raised(2.0, busy=False, latency=0.02)
    steady.ran_dry(1, 3.0)
    assert steady.raised(3.0, busy=False, latency=0.02) and steady.seconds == STEPS[0]
    assert not steady.raised(3.1, busy=False, latency=0.02)


def test_it_waits_for_silence_but_not_for_ever() -> None:
    steady = Steadiness()
    steady.opened(0.0)
    steady.ran_dry(TOO_MANY, 2.0)
    assert not steady.raised(2.0, busy=True, latency=0.0)
    assert not steady.raised(2.0 + NO_LONGER - 0.1, busy=True, latency=0.0)
    assert steady.raised(2.0 + NO_LONGER, busy=True, latency=0.0)


def test_what_the_device_has_anyway_is_no_step_and_there_is_a_last_one() -> None:
    steady = Steadiness()
    taken = []
    for now in range(0, 1000, 20):
        steady.opened(float(now))
        steady.ran_dry(TOO_MANY, now + 5.0)
        if steady.raised(now + 5.0, busy=False, latency=0.1):
            taken.append(steady.seconds)
    assert taken == [step for step in STEPS if step > 0.1]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0.1, 30), max_size=40))
def test_it_only_goes_up_and_only_for_several_in_a_short_time(gaps: list[float]) -> None:
    steady, now, before = Steadiness(), GRACE, 0.0
    steady.opened(0.0)
    times: list[float] = []
    for gap in gaps:
        now += gap
        times = [time for time in times if time >= now - WITHIN] + [now]
        steady.ran_dry(1, now)
        if steady.raised(now, busy=False, latency=0.0):
            assert len(times) >= TOO_MANY
            times = []
        assert (steady.seconds or 0.0) >= before
        before = steady.seconds or 0.0
