"""Deltas -> pieces: when they come, where they end, and that nothing depends on how the text was cut into deltas."""

from __future__ import annotations

import re
from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.conversation.sentences import FIRST_CHARACTERS, LONGEST, Sentences


def pieces(deltas: Iterable[str]) -> list[str]:
    sentences = Sentences()
    return [piece for delta in deltas for piece in sentences.push(delta)] + sentences.flush()


def tokens(text: str) -> list[str]:
    """Cut as language models do: a word with the space before it, a run of punctuation."""
    return re.findall(r"\s*\w+|\s*[^\w\s]+|\s+", text)


def words(found: list[str]) -> list[str]:
    return re.findall(r"\w+", " ".join(found))


# --- when -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Sure I can help you with that right now.",
        "Sure.",
        "Is that what you meant?",
        "What a day!",
        "I don't think it's well-known.",
        "That was **really good**.",
        "It is made by NASA.",
        "¿Qué tal?",
        "Das ist schön.",
        "你好。",
        "そうですか？",
        "नमस्ते।",
    ],
)
def test_a_certain_end_needs_no_look_ahead(text: str) -> None:
    sentences = Sentences()
    *before, last = list(text)
    assert [piece for delta in before for piece in sentences.push(delta)] == []
    assert sentences.push(last) == [text.replace("**", "")]
    assert sentences.flush() == []


@pytest.mark.parametrize(
    ("begun", "gone_on", "whole"),
    [
        ("I saw Dr.", " Smith there.", ["I saw Dr. Smith there."]),
        ("Fruit, e.g.", " apples.", ["Fruit, e.g. apples."]),
        ("The U.S.", " team won.", ["The U.S. team won."]),
        ("It costs 3.", "14 euros.", ["It costs 3.14 euros."]),
        ("Come at 5 p.m.", " Then we eat.", ["Come at 5 p.m.", "Then we eat."]),
        ("Come at 5 p.m.", " on Monday.", ["Come at 5 p.m. on Monday."]),
        ("By J.", " K. Rowling.", ["By J. K. Rowling."]),
        ("Version 2.", "0.1 is out.", ["Version 2.0.1 is out."]),
        ("Go to https://a.", "org/x now.", ["Go to a.org now."]),
        ("Write to me@x.", "org today.", ["Write to me@x.org today."]),
        ("Open main.", "py now.", ["Open main.py now."]),
        ("Visit example.", "com today.", ["Visit example.com today."]),
        ("Am 3.", " Mai kam er.", ["Am 3. Mai kam er."]),
        ("The meeting is on Jan.", " 5 at noon.", ["The meeting is on Jan. 5 at noon."]),
        ("Bread, milk, etc.", " We need it.", ["Bread, milk, etc.", "We need it."]),
        ("Well...", " maybe not.", ["Well... maybe not."]),
        ("Well...", " Maybe not.", ["Well...", "Maybe not."]),
        ('He said "I am here.', '" Then he left.', ['He said "I am here."', "Then he left."]),
        ('"Are you?', '" she asked.', ['"Are you?" she asked.']),
        ("(See below.", ") Good.", ["(See below.)", "Good."]),
        ("„Ja.", "“ Gut.", ["„Ja.“", "Gut."]),
        ("「はい。", "」次です。", ["「はい。」次です。"]),
        ("1.", " Preheat the oven.", ["1. Preheat the oven."]),
        ("It was 1999.", " Then it changed.", ["It was 1999.", "Then it changed."]),
        ("Use `a.", "b()` here.", ["Use a.b() here."]),
    ],
)
def test_an_uncertain_end_waits(begun: str, gone_on: str, whole: list[str]) -> None:
    sentences = Sentences()
    assert sentences.push(begun) == []
    assert sentences.push(gone_on) + sentences.flush() == whole


def test_what_stands_in_the_same_delta_is_looked_at() -> None:
    assert pieces(["I was thinking", "...", " maybe", " not", "."]) == ["I was thinking... maybe not."]
    assert pieces(["I", " use", " Amazon", ".com", " daily", "."]) == ["I use Amazon.com daily."]
    assert pieces(["Really", "?!", " Yes", "."]) == ["Really?!", "Yes."]


def test_an_uncertain_end_is_given_out_by_flush() -> None:
    sentences = Sentences()
    assert sentences.push("It is in the U.S.") == []
    assert sentences.flush() == ["It is in the U.S."]
    assert sentences.push("New.") == ["New."], "after flush it is as new"


# --- the first piece --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Sure, I can help you with that, and then we go.", "Sure, I can help you with that,"),
        ("Here are three things to try: one, two.", "Here are three things to try:"),
        ("I would go there by train — it is faster.", "I would go there by train,"),
        ("我是一个助手可以帮助你做很多事情，比如天气。", "我是一个助手可以帮助你做很多事情，"),
        ("Yes, of course, I do.", "Yes, of course, I do."),
        ("Paris, France, is the place where we met.", "Paris, France, is the place where we met."),
        ("It has 1,000,000 people in total, so wait.", "It has 1,000,000 people in total,"),
        ("It begins every evening at 10:30 sharp.", "It begins every evening at 10:30 sharp."),
        ("You should have a look at https://a.org now.", "You should have a look at a.org now."),
        ("Salt &amp; pepper are all that you need here.", "Salt & pepper are all that you need here."),
    ],
)
def test_the_first_piece_may_be_a_clause(text: str, first: str) -> None:
    found = pieces(tokens(text))
    assert found[0] == first
    assert len(first) >= FIRST_CHARACTERS or len(found) == 1 or "，" in first


def test_later_pieces_are_whole_sentences() -> None:
    text = "Yes. I would go there by train, because it is faster, and it is cheaper; mind the gap."
    assert pieces(tokens(text))[1:] == [text.removeprefix("Yes. ")]


def test_a_very_long_sentence_is_cut_at_clauses_and_between_words() -> None:
    clauses = "Well. " + "they went on and on about the weather in the north, " * 12 + "and that was all."
    found = pieces(tokens(clauses))
    assert max(map(len, found)) <= LONGEST
    assert all(piece.endswith(",") for piece in found[1:-1])
    no_clause = "Well. " + "word " * 200 + "end."
    found = pieces(tokens(no_clause))
    assert max(map(len, found)) <= LONGEST
    assert words(found) == words([no_clause])
    assert max(map(len, pieces(["很" * 1000]))) <= LONGEST + 1


def test_a_link_is_never_cut() -> None:
    text = (
        "Well. "
        + "word " * 38
        + "see [the long and winding road to the sea](https://example.org/a/b/c?d=e) and more words."
    )
    found = pieces(tokens(text))
    assert "example" not in " ".join(found)
    assert "see the long and winding road to the sea and more words." in " ".join(found)


# --- what is in between -----------------------------------------------------------------------------------------------


def test_markdown_is_cleaned() -> None:
    text = (
        "# The plan\n\nHere is what to do:\n\n- **Milk**\n- Bread: *two* loaves.\n* [ ] Eggs\n\n1. First step\n"
        "2) Second step.\n\n---\n\n> A quote\n\n| A | B |\n|---|---|\n| 1 | 2 |\n\nThat is [all](https://x.org).[^1]\n"
    )
    assert pieces(tokens(text)) == [
        "The plan.",
        "Here is what to do:",
        "Milk.",
        "Bread: two loaves.",
        "Eggs.",
        "1. First step.",
        "2) Second step.",
        "A quote.",
        "A, B.",
        "1, 2.",
        "That is all.",
    ]


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_code_blocks_are_left_out(fence: str) -> None:
    text = f"This prints it:\n\n{fence}python\nprint('a. b.')  # c!\n\n- x\n{fence}\nThat is all."
    for deltas in (tokens(text), list(text), [text]):
        assert pieces(deltas) == ["This prints it:", "That is all."]


def test_an_open_code_block_ends_with_the_reply() -> None:
    sentences = Sentences()
    assert sentences.push("Look: ```x = 1. y = 2.") == ["Look:"]
    assert sentences.flush() == []
    assert sentences.push("Hello.") == ["Hello."]


def test_markup_split_over_deltas() -> None:
    deltas = ["A ", "*", "*bold", " word*", "* and `co", "de` and ", "[a li", "nk](htt", "ps://x.", "org/y) he", "re."]
    assert pieces(deltas) == ["A bold word and code and a link here."]


def test_soft_line_breaks_join_and_blank_lines_part() -> None:
    assert pieces(tokens("Roses are red\nviolets are blue\n\nThe end")) == [
        "Roses are red violets are blue.",
        "The end",
    ]


def test_nothing_speakable_is_not_a_piece() -> None:
    assert pieces(tokens("Great! 🎉🎉 👍\n\n***\n\n- \n\n** **\n")) == ["Great!"]
    assert pieces([""]) == []
    assert pieces(["\n\n", " "]) == []


# --- however it is cut ------------------------------------------------------------------------------------------------

MARKUP = """
word Dr e.g U.S the Then 3.14 1 12 I no p.m. a@b.c example.com https://www.x.org/y?z=1 &amp; <b> 🎉 你好 का ** * _ `
``` ~~~ [ ](http://a.b/c) ] ( ) [^1] [1] . ... … ? ! 。 । , ， ; : — " “ ” „ |
"""
LINES = [" ", " ", "\n", "\n\n", "# ", "- ", "| ", "1. ", "> ", " – "]
SPACED = """
the cat Then it's 你好 Dr. e.g. U.S. 3.14 12 now. no. etc. really? yes! well, so; this: **bold** `code` (or) “said.” 。
"""
PROSE = "a cat went Then 12 now. no. etc. really? yes! well, so; this: 3.14"


def some(parts: str, *more: str) -> st.SearchStrategy[str]:
    return st.sampled_from([*parts.split(), *more])


def cut(text: str, random: Random) -> list[str]:
    places = sorted(random.sample(range(len(text) + 1), min(len(text), random.randint(0, 12))))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@settings(max_examples=400, deadline=None)
@given(st.lists(some(MARKUP, *LINES), max_size=40).map("".join), st.randoms(use_true_random=False))
def test_no_word_depends_on_how_the_text_is_cut(text: str, random: Random) -> None:
    whole = words(pieces([text]))
    assert words(pieces(cut(text, random))) == whole
    assert words(pieces(text)) == whole


@settings(max_examples=400, deadline=None)
@given(st.lists(some(SPACED, "\n", "\n\n"), max_size=60).map(" ".join), st.randoms(use_true_random=False))
def test_pieces_are_the_same_when_spaces_follow_the_stops(text: str, random: Random) -> None:
    """Only a stop with something directly after it may be taken differently when its delta ends there."""
    whole = pieces([text])
    assert pieces(cut(text, random)) == whole
    assert pieces(text) == whole


@settings(max_examples=200, deadline=None)
@given(st.lists(some(PROSE), max_size=80))
def test_nothing_is_lost_and_nothing_comes_twice(plain: list[str]) -> None:
    found = pieces(tokens(" ".join(plain)))
    assert " ".join(found).split() == plain
    assert all(piece and piece == piece.strip() and len(piece) <= LONGEST for piece in found)
