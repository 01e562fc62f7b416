"""Word error rate, and which words were wrong."""

from __future__ import annotations

import random

import pytest

from assistant.bench.wording import Pair, aligned, aligned_by_line, errors, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What time is it?", ["what", "time", "is", "it"]),
        ("It’s TWENTY-one, please!", ["it's", "21", "please"]),
        ("two hundred and five dollars", ["205", "dollars"]),
        ("1,000 people, 50%", ["1000", "people", "50", "percent"]),
        ("at 7 p.m. in the U.S.A.", ["at", "7", "pm", "in", "the", "usa"]),
        ("Grüße, café", ["grüsse", "café"]),
        ("今日は", ["今", "日", "は"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        (" ... ", []),
    ],
)
def test_both_sides_are_written_alike(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("said", "heard", "substituted", "missing", "added"),
    [
        ("set a timer", "Set a timer.", 0, 0, 0),
        ("set a timer", "set the timer", 1, 0, 0),
        ("set a timer", "set timer", 0, 1, 0),
        ("set a timer", "set up a timer", 0, 0, 1),
        ("set a timer for five seconds", "set timer for nine seconds now", 1, 1, 1),
        ("set a timer", "", 0, 3, 0),
        ("", "who knows", 0, 0, 2),
    ],
)
def test_errors_are_counted_by_kind(said: str, heard: str, substituted: int, missing: int, added: int) -> None:
    found = errors(aligned(words(said), words(heard)))
    assert (found.substituted, found.missing, found.added) == (substituted, missing, added)
    assert found.words == len(words(said))


def test_the_rate_is_over_the_words_that_were_said() -> None:
    assert errors(aligned(["a", "b", "c", "d"], ["a", "x", "c"])).rate == 0.5
    assert errors(aligned(["a"], ["a", "b", "c"])).rate == 2.0
    assert errors(aligned([], ["a"])).rate is None


def test_no_alignment_has_fewer_errors() -> None:
    """Against the plain definition of the edit distance, on random words."""

    def distance(said: list[str], heard: list[str]) -> int:
        if not said or not heard:
            return len(said) + len(heard)
        if said[0] == heard[0]:
            return distance(said[1:], heard[1:])
        return 1 + min(distance(said[1:], heard), distance(said, heard[1:]), distance(said[1:], heard[1:]))

    choose = random.Random(3)
    for _ in range(300):
        said, heard = ([choose.choice("abc") for _ in range(choose.randrange(6))] for _ in range(2))
        pairs = aligned(said, heard)
        assert [pair.said for pair in pairs if pair.said] == said
        assert [pair.heard for pair in pairs if pair.heard] == heard
        assert sum(pair.kind != "same" for pair in pairs) == distance(said, heard)


def test_utterances_understood_as_one_text_are_told_apart() -> None:
    first, second = aligned_by_line(["hello", "what time is it"], "yellow there what time is")
    assert first == [Pair("hello", "yellow"), Pair("", "there")]
    assert second == [Pair("what", "what"), Pair("time", "time"), Pair("is", "is"), Pair("it", "")]
