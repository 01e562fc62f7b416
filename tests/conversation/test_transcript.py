"""Partials: what is settled, and what may still change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.conversation.transcript import Agreement, contradicts


def run(*hypotheses: str) -> list[tuple[str, str]]:
    agreement = Agreement()
    return [agreement.push(hypothesis) for hypothesis in hypotheses]


def test_two_in_a_row_settle_what_they_share() -> None:
    assert run("Turn", "Turn on", "Turn on the", "Turn on the light") == [
        ("", "Turn"),
        ("Turn", "on"),
        ("Turn on", "the"),
        ("Turn on the", "light"),
    ]


def test_a_changing_tail_is_not_settled() -> None:
    assert run("I want", "I won't", "I want to", "I want to go")[1:] == [
        ("I", "won't"),
        ("I", "want to"),
        ("I want to", "go"),
    ]


def test_the_stop_after_whatever_word_is_last_is_not_settled() -> None:
    assert run("Turn on.", "Turn on the light.", "turn on the light.", "Turn on the light, please.") == [
        ("", "Turn on."),
        ("Turn on", "the light."),
        ("Turn on the light", ""),
        ("Turn on the light", "please."),
    ]


def test_a_later_change_of_settled_words_finds_its_place() -> None:
    assert run("turn of the light", "turn of the light", "turn off all the light in here") == [
        ("", "turn of the light"),
        ("turn of the light", ""),
        ("turn of the light", "in here"),
    ]


def test_a_shorter_hypothesis_takes_nothing_back() -> None:
    assert run("one two three", "one two three", "one")[-1] == ("one two three", "")


def test_scripts_without_spaces_and_lists_of_words() -> None:
    assert run("你好", "你好世", "你好世界")[-1] == ("你好世", "界")
    agreement = Agreement()
    agreement.push(["so", "it", "is"])
    assert agreement.push(["so", "it", "was"]) == ("so it", "was")
    assert agreement.stable == "so it"


hypotheses = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", "d.", "E"]), max_size=8).map(" ".join), min_size=1, max_size=8
)


@given(hypotheses)
def test_the_stable_text_only_grows(texts: list[str]) -> None:
    agreement = Agreement()
    before = ""
    for text in texts:
        stable, _ = agreement.push(text)
        assert stable.startswith(before)
        before = stable


@given(st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), min_size=1, max_size=12))
def test_growing_hypotheses_settle_all_but_the_last_step(words: list[str]) -> None:
    agreement = Agreement()
    for count in range(1, len(words) + 1):
        stable, tail = agreement.push(words[:count])
        assert stable.split() == words[: count - 1]
        assert tail.split() == words[count - 1 : count]


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        ("stop the music", "Stop the music.", False),
        ("stop the music", "stop the", False),
        ("stop the music", "", False),
        ("stop the music", "stop the music now", True),
        ("stop the muse", "stop the music", True),
    ],
)
def test_what_contradicts(earlier: str, later: str, expected: bool) -> None:
    assert contradicts(earlier, later) is expected
