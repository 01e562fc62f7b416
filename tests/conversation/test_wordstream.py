"""What a text-streaming voice is given."""

from __future__ import annotations

import pytest

from assistant.conversation.wordstream import WordStream


def said(deltas: list[str]) -> list[str]:
    words = WordStream()
    return [piece for delta in deltas for piece in words.push(delta)] + words.flush()


def test_a_word_is_given_as_soon_as_the_next_one_begins() -> None:
    words = WordStream()
    assert words.push("Sure") == []
    assert words.push(" I") == ["Sure"]
    assert words.push(" can.") == [" I"]
    assert words.flush() == [" can."]


def test_after_other_words_even_the_first_piece_begins_with_a_blank() -> None:
    words = WordStream(begun=True)
    assert words.push("and then") + words.flush() == [" and", " then"]


@pytest.mark.parametrize(
    ("deltas", "text"),
    [
        (["He", "llo", " wor", "ld."], "Hello world."),
        (["This is **ve", "ry** good.\nNext", " line."], "This is very good. Next line."),
        (["See [the", " page](http://x", ".org/a) now"], "See the page now"),
        (["  \n", "Hi."], "Hi."),
        (["\U0001f600"], ""),
        ([], ""),
    ],
)
def test_markup_is_cleaned_whole(deltas: list[str], text: str) -> None:
    assert "".join(said(deltas)) == text
