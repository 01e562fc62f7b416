"""The policy that weighs everything: what each piece of evidence does to the wait."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.conversation.adaptive import CUT, adaptive
from assistant.conversation.endpoint import EndpointRules, Evidence, decide, wait
from assistant.conversation.evidence import Weights
from assistant.conversation.pauses import Habit, believed, cheapest

RULES = EndpointRules("adaptive")
LONG = 3.0
"""Seconds of voice: no short answer."""
LISTENING = EndpointRules("smart-turn")


def waited(text: str | None = None, **more: object) -> float:
    return decide(RULES, Evidence(text, **{"voice": LONG, "final": text is not None, **more}))  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["yes", "stop", "seven", "no", "okay", "twenty one", "thank you"])
@pytest.mark.parametrize("complete", [(), (0.01,), (0.99, 0.02)])
def test_a_short_answer_ends_at_once_whatever_the_sound_says(word: str, complete: tuple[float, ...]) -> None:
    assert waited(word, voice=0.5, complete=complete) == RULES.silence
    assert waited(None, voice=0.5, complete=complete) <= 0.3, "its words may still be on their way"
    assert waited(word, voice=0.5, complete=complete, final=False) <= 0.35


@pytest.mark.parametrize("text", ["ehm", "um", "well", "so I", "can you", "and", "let me", "ehm let me"])
def test_a_long_think_is_no_short_answer(text: str) -> None:
    assert waited(text, voice=0.6) >= 1.2
    assert waited(text, voice=LONG) >= 1.2


def test_a_number_that_is_read_out_is_waited_for() -> None:
    assert waited("my number is five five five") >= 1.2


def test_words_that_close_a_sentence_shorten_the_wait_and_words_that_leave_it_open_lengthen_it() -> None:
    done, nothing, unfinished = waited("what time is it"), waited(None), waited("what time is it in the")
    assert done < nothing < unfinished


def test_the_surer_the_detector_the_shorter_the_wait() -> None:
    waits = [waited(complete=(sure,)) for sure in (0.02, 0.1, 0.5, 0.9, 0.98)]
    assert waits == sorted(waits, reverse=True)
    assert waits[0] - waits[-1] > 0.4


def test_it_counts_whether_its_answers_rise_or_fall() -> None:
    assert waited(complete=(0.5, 0.2)) > waited(complete=(0.5, 0.5)) > waited(complete=(0.5, 0.8))
    assert waited(complete=(0.5, 0.9, 0.2)) == pytest.approx(waited(complete=(0.5, 0.1, 0.2))), "the newest"
    assert waited(complete=(0.3, 0.6)) < waited(complete=(0.9, 0.6)), "one that rises speaks for an end"


def test_beyond_some_sureness_nothing_changes() -> None:
    assert waited(complete=(0.97,)) == waited(complete=(1.0,))
    assert waited(complete=(0.03,)) == waited(complete=(0.0,))
    assert waited(complete=(0.5, 0.9)) == waited(complete=(0.5, 1.0))


def test_who_has_said_a_lot_in_one_go_has_said_it() -> None:
    waits = [waited(voice=seconds) for seconds in (1.2, 2.0, 3.0, 5.0)]
    assert waits == sorted(waits, reverse=True)
    assert waits[0] - waits[-1] > 0.15
    assert waited(voice=6.0) == waited(voice=20.0), "nobody is cut short for a long story"
    assert waited(voice=1.2, pauses=(0.4,)) == waited(voice=20.0, pauses=(0.4,)), "after a pause it says nothing"
    assert waited(voice=None) == pytest.approx(waited(voice=2.0))


def test_after_each_pause_in_which_the_user_went_on_it_is_more_patient() -> None:
    waits = [waited(pauses=(0.4,) * count) for count in range(5)]
    assert waits == sorted(waits)
    assert waits[1] - waits[0] > 0.15
    assert waited(pauses=(1.0,)) > waited(pauses=(0.3,))
    assert waited(pauses=(0.1, 0.15)) == waited(), "a stop consonant is no pause"


def test_users_who_pause_for_long_are_waited_for_longer() -> None:
    slow = quick = Habit()
    for _ in range(30):
        slow, quick = slow.with_pause(1.2), quick.with_pause(0.22)
    assert waited(habit=quick) < waited() < waited(habit=slow)
    assert waited(habit=slow) - waited() < 0.6, "nobody waits for ever because of a habit"


@given(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0), st.floats(0, 6), st.lists(st.floats(0, 1), max_size=4).map(tuple))
def test_nobody_is_cut_sooner_because_they_take_their_time(
    a: float, b: float, voice: float, complete: tuple[float, ...]
) -> None:
    quick, slow = (waited(habit=Habit(60.0, mean), voice=voice, complete=complete) for mean in sorted((a, b)))
    assert quick <= slow + 1e-9


def test_the_transcribers_own_end_of_turn_is_the_end() -> None:
    assert waited("and then the", end_of_turn=True, pauses=(0.9, 0.9)) == RULES.silence


@given(
    st.one_of(st.none(), st.sampled_from(["yes", "and the", "what time is it", "five five five", ""])),
    st.lists(st.floats(0, 1), max_size=4).map(tuple),
    st.lists(st.floats(0, 10), max_size=6).map(tuple),
    st.one_of(st.none(), st.floats(0, 60)),
    st.booleans(),
    st.sampled_from(["adaptive", "smart-turn", "text"]),
)
def test_every_policy_keeps_between_the_least_and_the_most(
    text: str | None,
    complete: tuple[float, ...],
    pauses: tuple[float, ...],
    voice: float | None,
    final: bool,
    name: str,
) -> None:
    rules = EndpointRules(name)
    evidence = Evidence(text, final, complete=complete, pauses=pauses, voice=voice)
    assert rules.silence <= decide(rules, evidence) <= rules.max_silence


def test_patience_is_the_knob_that_makes_it_slower_by_about_so_many_seconds() -> None:
    usual = adaptive(EndpointRules("adaptive"), Evidence())
    for patience in (-0.1, 0.1, 0.3, 0.6):
        turned = adaptive(EndpointRules("adaptive", patience=patience), Evidence())
        assert 0.5 < (turned - usual) / patience < 1.5
    assert adaptive(EndpointRules("adaptive", patience=-0.6), Evidence()) == 0.0, "then waiting is not worth it"


@pytest.mark.parametrize("odds", [-2.0, -1.0, 0.0, 1.0, 1.7, 3.0])
def test_no_other_wait_costs_less(odds: float) -> None:
    """Against every wait, on pauses that are drawn: cuts, and seconds at ends, at their shares of the silences."""
    known = Weights(odds, pauses=0.0, voice=0.0, score=0.0, change=0.0, spread=0.6, belief=1e9)
    found = adaptive(EndpointRules("adaptive", weights=(known, known)), Evidence(voice=LONG))
    lengths = np.exp(np.log(0.4) + 0.6 * np.random.default_rng(0).standard_normal(50_000))
    costs = {wait: CUT * np.exp(-odds) * (lengths > wait).mean() + wait for wait in np.arange(0.2, 2.5, 0.01)}
    mine = max(found, 0.2)
    assert CUT * np.exp(-odds) * (lengths > mine).mean() + mine == pytest.approx(min(costs.values()), rel=0.01)
    assert (found == 0.0) == (odds == 3.0), "where the end is likely there is nothing to wait for"


def test_it_stops_at_once_or_when_most_pauses_are_over_and_not_in_between() -> None:
    """From one score to the next the wait leaps over the lengths that most pauses have."""
    waits = [waited(complete=(0.9, sure)) for sure in np.linspace(0.05, 0.999, 500)]
    assert {wait == RULES.silence for wait in waits} == {True, False}
    assert not any(RULES.silence < wait < 0.33 for wait in waits)


def test_what_has_been_waited_already_is_not_waited_for_again() -> None:
    """A cut that is just not worth waiting for from the beginning is, once a part of the wait is over."""

    def least(now: float) -> float:
        return min(s for s in np.linspace(0.2, 1.0, 161) if cheapest(float(s), math.log(0.4), 0.5, now) > 0.0)

    assert least(0.3) < least(0.2) < least(0.1)


# --- smart-turn ------------------------------------------------------------------------------------------------------


def test_smart_turn_goes_by_the_newest_answer_and_by_the_words_while_there_is_none() -> None:
    def by(complete: tuple[float, ...], text: str | None = None) -> float:
        return wait(LISTENING, text, final=True, end_of_turn=False, complete=complete)

    assert by((0.9,)) == by((0.1, 0.9)) == LISTENING.scored
    assert by((0.3,)) == by((0.9, 0.3)) == LISTENING.doubted
    assert by((), "what time is it") == wait(EndpointRules("text"), "what time is it", final=True, end_of_turn=False)


# --- pauses ----------------------------------------------------------------------------------------------------------


def typical(pauses: tuple[float, ...] = (), habit: Habit | None = None) -> float:
    return math.exp(believed(pauses, habit or Habit(), 3.0)[0])


def test_how_long_pauses_last_is_learned_from_those_so_far() -> None:
    assert typical() == pytest.approx(0.4)
    assert typical((0.1, 9.0)) == typical(), "neither is a pause inside an utterance"
    assert typical((0.3,)) < typical() < typical((0.9,)) < typical((0.9, 0.9))
    assert typical((0.9,) * 20) == pytest.approx(0.9, rel=0.15)
    wider = [believed((0.4,) * count, Habit(), 3.0)[1] for count in range(5)]
    assert wider == sorted(wider, reverse=True) and wider[-1] > 1.0, "the more of them the less doubt"


@given(
    st.floats(1e-6, 1e6),
    st.floats(1e-6, 1e6),
    st.lists(st.floats(0.01, 8), max_size=9).map(tuple),
    st.floats(0.2, 1.0),
    st.floats(0.0, 1.0),
)
def test_the_worse_a_cut_the_longer_it_is_worth_waiting(
    a: float, b: float, pauses: tuple[float, ...], spread: float, now: float
) -> None:
    mean, wider = believed(pauses, Habit(), 3.0)
    less, more = (cheapest(stake, mean, spread * wider, now) for stake in sorted((a, b)))
    assert 0.0 <= less <= more
    assert less == 0.0 or less > now


@given(st.lists(st.floats(0.01, 8.0), max_size=200))
def test_a_habit_stays_within_what_was_seen(pauses: list[float]) -> None:
    habit = Habit()
    for seconds in pauses:
        habit = habit.with_pause(seconds)
    assert 0.19 < habit.typical < 5.01


def test_a_habit_is_learned_and_the_old_fades() -> None:
    habit = Habit()
    for _ in range(60):
        habit = habit.with_pause(0.3)
    assert habit.typical == pytest.approx(0.31, abs=0.03)
    for _ in range(120):
        habit = habit.with_pause(1.0)
    assert habit.typical == pytest.approx(0.8, abs=0.1)


def test_two_sessions_that_learned_at_once_both_count() -> None:
    before = Habit().with_pause(0.5).with_pause(0.6)
    one = before.with_pause(1.0).with_pause(1.2)
    other = before.with_pause(0.3)
    in_order = one.with_pause(0.3)
    assert one.joined(other.since(before)).typical == pytest.approx(in_order.typical)


@pytest.mark.parametrize(("count", "mean"), [(-1, 0), (1e9, 0), (3, float("nan")), (float("nan"), 0), (3, 99)])
def test_there_is_no_such_habit(count: float, mean: float) -> None:
    with pytest.raises(ValueError, match="no such habit"):
        Habit(count, mean)
