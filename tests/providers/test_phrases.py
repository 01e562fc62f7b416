"""Text that is being written, cut where a voice may begin; and the words that a vendor tells of, found in it."""

from __future__ import annotations

import random

import pytest

from assistant.conversation.words import spans
from providers._phrases import Phrases
from providers._placing import Placing


def phrases(*pieces: str) -> list[str]:
    cutter = Phrases()
    return [phrase for piece in pieces for phrase in cutter.push(piece)] + cutter.flush()


@pytest.mark.parametrize(
    ("pieces", "cut"),
    [
        (["Hello there.", " How are you?"], ["Hello there.", "How are you?"]),
        (["Hello", " there.", " How", " are", " you?"], ["Hello there.", "How are you?"]),
        (["Dr. Smith paid 3.50 for it. Twice!"], ["Dr. Smith paid 3.50 for it.", "Twice!"]),
        (["Two  spaces   stay. Here  too"], ["Two  spaces   stay.", "Here  too"]),
        (["If it rains tomorrow at four, take an umbrella."],
         ["If it rains tomorrow at four,", "take an umbrella."]),
        (["你好。今天天气很好。"], ["你好。", "今天天气很好。"]),
        (["… Hello. …"], ["… Hello. …"]),
        (["```", "code = 1", "```", " and words"], ["```code = 1``` and words"]),
        (["", " ", "…", " —"], []),
    ],
)  # fmt: skip
def test_phrases_are_sentences_and_at_first_a_clause(pieces: list[str], cut: list[str]) -> None:
    assert phrases(*pieces) == cut


def test_a_phrase_comes_as_soon_as_it_is_complete() -> None:
    cutter = Phrases()
    assert [cutter.push(piece) for piece in ("Hello", " there", " friend.", " How")] == [
        [], [], ["Hello there friend."], [],
    ]  # fmt: skip


def test_no_word_is_lost_or_said_twice_however_the_text_is_cut() -> None:
    chance = random.Random(7)
    marks = ["word", "Dr.", "3.5", "really?!", "(so)", "“quoted”", "*strong*", "a,", "b;", "—", "…", "`x`", "[link](u)"]
    for _ in range(300):
        text = "".join(chance.choice(marks) + chance.choice([" ", " ", "  ", ". ", "\n"]) for _ in range(40))
        cuts = sorted(chance.sample(range(len(text)), 10))
        pieces = [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        assert list(filter(str.isalnum, "".join(phrases(*pieces)))) == list(filter(str.isalnum, text))


def placed(text: str, told: list[str]) -> list[str | None]:
    """What of the text each word that is told stands for."""
    placing = Placing()
    placing.text = text
    words = [placing.place(word, float(index)) for index, word in enumerate(told)]
    return [word and text[word.offset : word.offset + word.length] for word in words]


@pytest.mark.parametrize(
    ("text", "told", "found"),
    [
        ("Hello, there.", ["Hello,", "there."], ["Hello,", "there."]),
        ("Hello, there.", ["hello", "there"], ["Hello,", "there."]),
        ("no no no", ["no", "no", "no"], ["no", "no", "no"]),
        ("well-known  facts", ["well", "known", "facts"], ["well-known", None, "facts"]),
        ("I have 2 cats", ["I", "have", "two", "cats"], ["I", "have", None, "cats"]),
        ("New York is big", ["NewYork", "is", "big"], ["New", "is", "big"]),
        ("你好吗", ["你", "好", "吗"], ["你", "好", "吗"]),
        ("你好吗", ["你好吗"], ["你"]),
        ("so — then", ["so", "—", "then"], ["so", None, "then"]),
        ("beginning", ["begin", "ning"], ["beginning", None]),
        ("one two", ["elsewhere", "one", "two"], [None, "one", "two"]),
    ],
)
def test_words_are_found_where_they_are(text: str, told: list[str], found: list[str | None]) -> None:
    assert placed(text, told) == found


def test_words_go_on_in_text_that_grows() -> None:
    placing = Placing()
    placing.text = "One"
    first = placing.place("One", 0.0)
    placing.text += " two"
    second = placing.place("two", 0.5)
    assert first is not None and second is not None
    assert [(word.start, word.offset, word.length) for word in (first, second)] == [(0.0, 0, 3), (0.5, 4, 3)]


def test_every_word_of_a_long_text_is_found() -> None:
    text = "It is, as they say, a long road; and nobody knows it as well as I do. " * 40
    assert placed(text, text.split()) == [text[begin:end] for begin, end in spans(text)]
