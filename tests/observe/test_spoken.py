from __future__ import annotations

import pytest

from assistant.observe._spoken import Spoken


def spoken(*sentences: str, words: str = "") -> Spoken:
    reply = Spoken()
    for sentence in sentences:
        reply.sentence(sentence)
    for word in words.split():
        reply.word(word)
    return reply


@pytest.mark.parametrize(
    ("sentences", "words", "heard"),
    [
        (["Well, that is it."], "", ""),
        (["Well, that is it."], "Well", "Well,"),
        (["Well, that is it."], "Well that is it", "Well, that is it."),
        (["It is.", "It is not."], "It is It", "It is. It"),
        (["It's the cat's."], "It's the cat's", "It's the cat's."),
        (["It is 20 past."], "It is twenty past", "It is twenty 20 past."),
        ([], "no sentence told", "no sentence told"),
    ],
)
def test_words_move_the_voice_through_the_text(sentences: list[str], words: str, heard: str) -> None:
    reply = spoken(*sentences, words=words)
    assert reply.text[: reply.spoken] == heard


def test_a_word_is_not_looked_for_too_far_ahead() -> None:
    reply = spoken("x " * 100 + "end", words="end")
    assert reply.text[: reply.spoken] == "end"


def test_finished() -> None:
    reply = spoken("One.", words="One")
    reply.finish("One. Two.")
    assert reply.text[: reply.spoken] == "One. Two."
    assert (reply.over, reply.interrupted) == (True, False)


@pytest.mark.parametrize(
    ("words", "printed", "heard", "text", "rest"),
    [
        ("One two", 0, "One two", "One two", "three. Four."),
        ("One two", 0, "One", "One", "two three. Four."),
        ("One two", 0, "", "", "One two three. Four."),
        ("One two", 0, "one TWO", "one TWO", ""),
        ("One two", 4, "One two three.", "One two three.", "Four."),
        ("One two three", 8, "One", "One two three.", "Four."),  # rows that have scrolled away stay
    ],
)
def test_cut(words: str, printed: int, heard: str, text: str, rest: str) -> None:
    reply = spoken("One two three. Four.", words=words)
    reply.printed = printed
    reply.cut(heard)
    assert (reply.text, reply.rest) == (text, rest)
    assert reply.over and reply.interrupted
