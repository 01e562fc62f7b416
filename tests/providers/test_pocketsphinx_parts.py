"""When to decode, and what speaks for the words: the parts of the offline recogniser that need no PocketSphinx."""

from __future__ import annotations

import pytest

from providers._sphinx_score import Segment, believed, features
from providers._sphinx_utterance import LONGEST, RATE, Utterance

FRAME = 512
LOUD, QUIET = 0.1, 0.0005


def push(utterance: Utterance, level: float, seconds: float) -> None:
    for _ in range(round(seconds * RATE / FRAME)):
        utterance.push(bytes(2 * FRAME), level)


@pytest.mark.parametrize("level", [0.0, QUIET])
def test_silence_is_never_due(level: float) -> None:
    utterance = Utterance()
    push(utterance, level, 2)
    assert utterance.due is None


def test_a_steady_noise_is_never_due() -> None:
    utterance = Utterance()
    push(utterance, LOUD, 3)
    assert utterance.steady
    assert utterance.due is None


def test_the_first_quiet_frame_after_speech_is_due_and_further_ones_are_not() -> None:
    utterance = Utterance()
    push(utterance, 0.0, 0.5)
    push(utterance, LOUD, 0.3)
    assert utterance.due is None, "too little yet"
    push(utterance, QUIET, FRAME / RATE)
    assert utterance.due == "partial"
    utterance.sound()
    push(utterance, QUIET, 0.3)
    assert utterance.due is None
    assert utterance.answered, "what has been decoded is the final"


def test_speech_after_a_pause_is_due_again() -> None:
    utterance = Utterance()
    push(utterance, QUIET, 0.5)
    push(utterance, LOUD, 0.5)
    utterance.sound()
    push(utterance, QUIET, 0.2)
    push(utterance, LOUD, 0.3)
    push(utterance, QUIET, FRAME / RATE)
    assert utterance.due == "partial"


def test_what_was_asked_for_is_due_first_of_all() -> None:
    utterance = Utterance()
    utterance.owed = 1
    assert utterance.due == "final"


def test_sound_begins_shortly_before_the_voice() -> None:
    """Of digital silence, that is: while nothing louder has come, the noise of a room may be a voice."""
    utterance = Utterance()
    push(utterance, 0.0, 2)
    push(utterance, LOUD, 1)
    pcm, start = utterance.sound()
    assert 1.6 < start / RATE < 1.8
    assert len(pcm) // 2 == utterance.samples - start


def test_too_long_for_a_request() -> None:
    utterance = Utterance()
    push(utterance, QUIET, 0.5)
    push(utterance, LOUD, LONGEST + 0.2)
    assert utterance.too_long
    assert utterance.due is None


WORDS = [
    Segment("<sil>", 0, 9, -10.0),
    Segment("what", 10, 29, -40.0, -1.0, ("W", "AH", "T")),
    Segment("time", 30, 69, -80.0, -1.0, ("T", "AY", "M")),
]
PHONES = [
    Segment("SIL", 0, 9, -10.0),
    Segment("W", 10, 19, -20.0),
    Segment("AH", 20, 29, -20.0),
    Segment("T", 30, 39, -10.0),
    Segment("AY", 40, 69, -30.0),
]


def test_features() -> None:
    found = features(WORDS, PHONES)
    assert found is not None
    assert found["score"] == pytest.approx(-2.0)
    assert found["fit"] == pytest.approx((-120 + 80) / 60)
    assert found["worst fit"] == pytest.approx((-80 + 40) / 40)
    assert found["worst run"] == pytest.approx(-1.0)
    assert found["phones found"] == pytest.approx(4 / 6)
    assert (found["words"], found["frames"], found["voice outside"]) == (2, 60, 0)
    assert found["pace"] == pytest.approx(10)


def test_no_words_are_not_believed() -> None:
    assert features(WORDS[:1], PHONES) is None
    assert not believed(WORDS[:1], PHONES)


def test_words_that_fit_much_worse_than_phones_are_not_believed() -> None:
    worse = [Segment(one.name, one.first, one.last, one.score * 10, one.language, one.phones) for one in WORDS]
    assert not believed(worse, PHONES)
