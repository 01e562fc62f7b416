"""Whose turn is it? What decides, how soon, and what each setting does to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assistant.conversation.overlap import FLOOR, STOP, Evidence, OverlapRules, Verdict, judge, look_at
from assistant.conversation.segment import Segmenter, SegmentRules
from assistant.conversation.sounding import Sounding, kind_of, summed_up

from .world import SOUNDS

RULES = OverlapRules()


def frames(kind: str, since: float, until: float) -> tuple[Sounding, ...]:
    count = round((until - since) / 0.032)
    return tuple(replace(SOUNDS[kind], end=since + 0.032 * (number + 1)) for number in range(count))


def overlap(kind: str, *, seconds: float, silence: float | None = None, **more: object) -> Evidence:
    """A sound of ``seconds`` from second 10 on; ``silence``: so much of it since."""
    at = 10 + seconds + (silence or 0.0)
    quiet = None if silence is None else 10 + seconds
    heard = frames(kind, 10.0, 10 + seconds)
    return Evidence(at, 10.0, 10.1, quiet_since=quiet, frames=heard, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["voice", "hum", "noise", "echo"])
def test_each_kind_of_sound_is_known_for_what_it_is(kind: str) -> None:
    assert kind_of(summed_up(frames(kind, 0, 0.4))) == kind


def test_nothing_at_all_is_a_noise() -> None:
    assert kind_of(summed_up(())) == "noise"


# --- the words ---


@pytest.mark.parametrize("text", ["what about Paris", "right but", "stop the timer", "no", "mm-hm?", "ja"])
def test_words_that_want_an_answer_take_the_floor_at_once(text: str) -> None:
    assert judge("words", overlap("voice", seconds=0.3, text=text, language="en")) == FLOOR


@pytest.mark.parametrize("text", ["mm-hm", "Right.", "okay", "yeah yeah", "I see"])
def test_a_sign_of_listening_resumes_the_reply_when_nothing_comes_after_it(text: str) -> None:
    assert judge("words", overlap("voice", seconds=0.5, text=text)) is None
    assert judge("words", overlap("voice", seconds=0.5, silence=0.2, text=text)) is None
    known = judge("words", overlap("voice", seconds=0.5, silence=0.25, text=text))
    assert known == Verdict("backchannel", "backchannel")
    assert judge("words", overlap("voice", seconds=0.5, silence=0.1, text=text, final=True)) == known


def test_a_sign_of_listening_that_goes_on_for_more_than_a_second_is_none() -> None:
    assert judge("words", overlap("voice", seconds=1.1, text="right")) == FLOOR


@pytest.mark.parametrize(
    ("text", "language"), [("stop", None), ("Be quiet!", "en"), ("hör auf", "de-AT"), ("basta", "it")]
)
def test_a_stop_word_stops_and_is_not_answered(text: str, language: str | None) -> None:
    assert judge("words", overlap("voice", seconds=0.4, silence=0.25, text=text, language=language)) == STOP


@pytest.mark.parametrize("held", [True, False])
def test_a_voice_that_was_over_at_once_has_said_no_word(held: bool) -> None:
    """A rest of echo, of which a recogniser made a word that it knows."""
    found = judge("words", overlap("voice", seconds=0.13, silence=0.45, text="Stop.", final=True, held=held))
    assert found is not None and found.kind == ("noise" if held else "backchannel")


def test_what_may_become_a_stop_word_is_waited_for_and_is_words_when_nothing_comes() -> None:
    assert judge("words", overlap("voice", seconds=0.3, text="be")) is None
    assert judge("words", overlap("voice", seconds=0.3, silence=0.25, text="be")) == FLOOR


@pytest.mark.parametrize("held", [True, False])
def test_words_that_want_an_answer_count_however_many_come_after_them(held: bool) -> None:
    """The recogniser is slow: it is quiet already, and what it tells is only the beginning."""
    said = overlap("hum", seconds=0.7, silence=0.1, text="tell me", stale=True, held=held)
    assert judge("words", said) == FLOOR


@pytest.mark.parametrize("text", ["right", "stop", "be"])
def test_words_that_more_would_change_wait_for_the_rest(text: str) -> None:
    said = overlap("voice", seconds=0.7, silence=0.3, text=text, stale=True)
    assert judge("words", said) is None
    assert judge("words", replace(said, stale=False)) is not None


# --- the sound ---


def test_after_400_ms_without_partials_two_tenths_of_a_second_more_of_a_voice_take_the_floor() -> None:
    assert judge("words", overlap("voice", seconds=0.68)) is None
    assert judge("words", overlap("voice", seconds=0.72)) == FLOOR
    assert look_at(overlap("voice", seconds=0.3)) == pytest.approx(10.7)


def test_a_recogniser_that_tells_words_meanwhile_is_waited_for_a_little_longer() -> None:
    assert judge("words", overlap("voice", seconds=0.78, partials=True)) is None
    assert judge("words", overlap("voice", seconds=0.82, partials=True)) == FLOOR
    assert look_at(overlap("voice", seconds=0.3, partials=True)) == pytest.approx(10.8)
    assert judge("words", overlap("voice", seconds=0.3, text="what about", partials=True)) == FLOOR


def test_a_noise_and_a_rest_of_echo_resume_the_reply_soon_after_their_end() -> None:
    for kind in ("noise", "echo"):
        found = judge("words", overlap(kind, seconds=0.2, silence=0.16))
        assert found is not None and found.kind == found.reason == kind
    assert judge("words", overlap("noise", seconds=0.6)) is None, "it has not ended"


def test_a_noise_without_end_holds_the_reply_for_a_second_at_most() -> None:
    found = judge("words", overlap("noise", seconds=1.0))
    assert found is not None and found.reason == "noise"


def test_an_echo_that_dies_away_while_the_loudspeaker_is_silent_is_known_before_its_end() -> None:
    before = tuple(replace(one, taken=5.0, probability=0.9) for one in frames("voice", 10.0, 10.1))
    fading = tuple(replace(one, probability=0.4) for one in frames("voice", 10.1, 10.2))
    found = judge("words", Evidence(10.2, 10.0, 10.1, frames=before + fading))
    assert found is not None and found.kind == "echo"
    assert judge("words", Evidence(10.2, 10.0, 10.1, frames=before + frames("voice", 10.1, 10.2))) is None


def test_a_hum_and_a_short_voice_resume_it_and_the_words_are_still_waited_for() -> None:
    assert judge("words", overlap("hum", seconds=0.5, silence=0.25)) == Verdict(
        "backchannel", "backchannel", sure=False
    )
    assert judge("words", overlap("voice", seconds=0.4, silence=0.3)) is None
    assert judge("words", overlap("voice", seconds=0.4, silence=0.4)) == Verdict(
        "backchannel", "backchannel", sure=False
    )
    late = overlap("voice", seconds=0.4, silence=0.9, held=False)
    assert judge("words", late) is None
    assert judge("words", replace(late, text="wait")) == FLOOR
    assert judge("words", replace(late, text="stop")) == STOP
    assert judge("words", replace(late, final=True)) == Verdict("backchannel", "backchannel")
    assert judge("words", overlap("voice", seconds=0.4, silence=1.5, held=False)) is not None


def test_undecided_after_700_ms_of_silence_resumes() -> None:
    unknown = overlap("voice", seconds=0.9, silence=0.69)
    assert judge("words", unknown) is None
    found = judge("words", replace(unknown, at=unknown.at + 0.01))
    assert found is not None and found.reason == "timeout"


def test_a_recogniser_that_heard_no_words_makes_a_noise_of_it() -> None:
    assert judge("words", overlap("voice", seconds=0.3, silence=0.15, final=True)) == Verdict("noise", "noise")


# --- when there is one at all ---


def started(rules: SegmentRules, probabilities: list[float], **state: bool) -> int | None:
    """The frame with which a voice is told."""
    segmenter = Segmenter(rules)
    speaking, thinking = state.get("speaking", False), state.get("thinking", False)
    for number, probability in enumerate(probabilities):
        if segmenter.push(0.032 * (number + 1), probability, [-30.0] * 16, speaking, thinking=thinking):
            return number
    return None


def test_each_threshold_holds_in_its_own_state() -> None:
    rules = SegmentRules(threshold=0.5, threshold_thinking=0.7, threshold_speaking=0.3)
    assert started(rules, [0.4] * 8) is None and started(rules, [0.6] * 8) == 2
    assert started(rules, [0.6] * 8, thinking=True) is None and started(rules, [0.8] * 8, thinking=True) == 2
    assert started(rules, [0.2] * 8, speaking=True) is None and started(rules, [0.4] * 8, speaking=True) == 2


def test_less_of_a_voice_holds_the_reply_than_begins_an_utterance_if_it_is_certain() -> None:
    rules = SegmentRules(min_speech_speaking=0.064, certainty_speaking=1.2)
    assert started(rules, [0.9] * 8) == 2
    assert started(rules, [0.9] * 8, speaking=True) == 1
    assert started(rules, [0.35] * 8, speaking=True) == 3, "weak ones need more"


# --- whose voice it is ---

GATED = OverlapRules(whose=1.5)


@pytest.mark.parametrize("text", [None, "what about Paris", "stop the timer"])
def test_a_voice_that_is_not_the_enrolled_one_does_not_take_the_floor_whatever_it_says(text: str | None) -> None:
    told = overlap("voice", seconds=1.2, text=text, other_speaker=True)
    assert judge("words", told, GATED) == Verdict("noise", "noise", sure=False), "the user may yet speak up in it"
    late = replace(told, held=False)
    assert judge("words", late, GATED) is None
    ended = overlap("voice", seconds=1.2, silence=GATED.forgotten, text=text, other_speaker=True, held=False)
    assert judge("words", ended, GATED) == Verdict("noise", "noise")


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("final", [True, False])
def test_a_stop_word_is_anybodys(held: bool, final: bool) -> None:
    """A user with a cold, or one who shouts, is not the voice that was learned, and is heeded all the same."""
    silence = GATED.final_settled if final else GATED.settled
    said = overlap("voice", seconds=0.6, text="stop", final=final, other_speaker=True, held=held)
    assert judge("words", said, GATED) != STOP, "more may follow"
    assert judge("words", replace(said, at=said.at + silence, quiet_since=said.at), GATED) == STOP
    long = replace(said, since=9.0, at=said.at + silence, quiet_since=said.at)
    assert judge("words", long, GATED) != STOP, "somebody told a story, and it was misheard"


def test_the_floor_waits_to_be_told_whose_voice_it_is_and_not_for_ever() -> None:
    assert judge("words", overlap("voice", seconds=1.2, text="what about Paris"), GATED) is None
    assert judge("words", overlap("voice", seconds=1.2, text="what about Paris", other_speaker=False), GATED) == FLOOR
    assert judge("words", overlap("voice", seconds=1.6, text="what about Paris"), GATED) == FLOOR
    assert look_at(overlap("voice", seconds=1.2), GATED) == 11.6


def test_what_is_too_short_to_be_told_is_judged_by_its_words() -> None:
    assert judge("words", overlap("voice", seconds=0.4, silence=0.25, text="stop"), GATED) == STOP
    assert judge("words", overlap("voice", seconds=0.4, silence=0.25, text="what about Paris"), GATED) == FLOOR


def test_between_two_words_it_is_waited_for_too() -> None:
    """A television pauses for a moment as well."""
    between = overlap("voice", seconds=0.6, silence=0.1, text="what about Paris")
    assert judge("words", between, GATED) is None
    assert look_at(between, GATED) <= between.at + GATED.settled - 0.1
    assert judge("words", replace(between, other_speaker=True), GATED) == Verdict("noise", "noise", sure=False)


def test_after_a_silence_the_wait_begins_anew_and_not_for_ever() -> None:
    """In the silence there was nothing of a voice to tell it by."""
    again = replace(overlap("voice", seconds=1.8, text="what about Paris"), held_at=11.2)
    assert judge("words", again, GATED) is None
    assert judge("words", replace(again, at=12.7), GATED) == FLOOR
    assert judge("words", replace(again, at=13.0, held_at=12.9), GATED) == FLOOR


def test_where_nobody_tells_whose_voice_it_is_nothing_waits() -> None:
    assert judge("words", overlap("voice", seconds=0.3, text="what about Paris"), RULES) == FLOOR
