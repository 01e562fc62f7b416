"""What is told early of what the loudspeaker plays: as soon as possible, but never so early that no echo is found."""

from __future__ import annotations

from assistant.audio.playback import AHEAD, PLAYBACK_RATE, SPARE, _EarlyTap

RATE = PLAYBACK_RATE


def early() -> _EarlyTap:
    return _EarlyTap(lambda samples: None)


def told_before_it_sounds(tap: _EarlyTap, latency: float, sounds: int = 0) -> float:
    """Seconds, on a device that is handed its sound ``latency`` seconds before it plays it."""
    return (tap.place_at_zero(sounds, sounds + round(latency * RATE)) - sounds) / RATE


def test_what_a_device_is_handed_is_told_at_once() -> None:
    assert told_before_it_sounds(early(), 0.04) == 0.04 - SPARE


def test_of_a_device_that_is_handed_much_in_advance_it_is_told_a_little_before_it_sounds() -> None:
    assert told_before_it_sounds(early(), 0.45) == AHEAD


def test_a_small_change_moves_nothing_and_a_large_one_does() -> None:
    tap = early()
    assert told_before_it_sounds(tap, 0.04) == 0.04 - SPARE
    assert told_before_it_sounds(tap, 0.06) == 0.04 - SPARE
    assert told_before_it_sounds(tap, 0.4) == AHEAD
    assert told_before_it_sounds(tap, 0.43) == AHEAD, "it stays as it is, though it keeps much back"
    assert told_before_it_sounds(tap, 0.3) == AHEAD


def test_before_it_is_known_when_anything_sounds_it_is_told_at_once() -> None:
    assert early().place_at_zero(None, RATE) == RATE - round(SPARE * RATE)
