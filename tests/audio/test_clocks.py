"""The clocks of devices: monotonic, true to the earliest arrival, and without memory of what another device said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.audio.clocks import JUMP, SPANS, WINDOW, AudioClock, PlaceClock

RATE = 1000


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.3), st.floats(0, 0.05)), min_size=1, max_size=200), st.floats(-1e4, 1e4))
def test_it_never_goes_back_and_is_never_behind_what_has_arrived(
    steps: list[tuple[float, float]], start: float
) -> None:
    clock = AudioClock()
    clock.start(start)
    wall, until, shown = start, 0.0, 0.0
    for gap, asked_after in steps:
        until += 0.032
        wall = max(wall + gap, start + until)
        clock.arrived(until, wall)
        now = clock.now(wall + asked_after)
        assert now >= shown and now >= until - 1e-6
        shown = now


def test_before_the_start_it_stands_at_zero() -> None:
    assert AudioClock().now(123.0) == 0.0


def test_late_blocks_do_not_set_it_back() -> None:
    clock = AudioClock()
    clock.start(100.0)
    clock.arrived(0.032, 100.032)
    clock.arrived(0.064, 100.364)  # 300 ms late
    assert clock.now(100.364) == pytest.approx(0.364)


def test_it_follows_a_sound_card_that_drifts() -> None:
    """One that is 500 ppm slow: after a minute the machine's clock is 30 ms ahead."""
    clock = AudioClock()
    clock.start(0.0)
    for block in range(1, 1876):
        clock.arrived(block * 0.032, block * 0.032 * 1.0005)
    assert clock.now(60 * 1.0005) == pytest.approx(60, abs=2 * WINDOW * 0.0005 + 1e-6)


def test_another_device_that_is_later_is_believed_at_once() -> None:
    clock = AudioClock()
    clock.start(0.0)
    clock.arrived(1.0, 1.0)
    clock.restarted()
    clock.arrived(1.1, 1.3)
    assert clock.now(1.4) == pytest.approx(1.2)
    assert clock.wall(1.2) == pytest.approx(1.4)


def test_a_place_sounds_when_the_device_says_and_small_differences_are_smoothed() -> None:
    clock = PlaceClock(RATE)
    assert not clock.known and clock.place(5.0) == 0
    clock.reported(100, 10.1)
    assert clock.wall(100) == pytest.approx(10.1) and clock.place(10.1) == 100 and clock.place(10.0995) == 100
    clock.reported(200, 10.2 + JUMP / 2)
    assert clock.wall(200) == pytest.approx(10.2 + JUMP / 20)
    assert clock.zero == pytest.approx(10.0 + JUMP / 20)


def test_a_jump_moves_what_comes_and_not_what_was() -> None:
    """The device ran dry for a second after place 200."""
    clock = PlaceClock(RATE)
    clock.reported(100, 0.1)
    clock.reported(200, 0.2)
    clock.reported(300, 1.3)
    assert clock.wall(150) == pytest.approx(0.15) and clock.wall(250) == pytest.approx(1.25)
    assert [clock.place(wall) for wall in (0.1, 0.2, 0.7, 1.2, 1.3)] == [100, 200, 200, 200, 300]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 100), st.floats(0, 0.5)), min_size=1, max_size=2 * SPANS))
def test_places_rise_with_time_whatever_the_device_does(reports: list[tuple[int, float]]) -> None:
    clock = PlaceClock(RATE)
    place, wall = 0, 0.0
    for more, gap in reports:
        clock.reported(place, wall)
        place += more
        wall += more / RATE + gap
    times = [wall * step / 300 for step in range(330)]
    places = [clock.place(time) for time in times]
    assert all(later >= earlier - RATE * JUMP for earlier, later in zip(places, places[1:], strict=False))
