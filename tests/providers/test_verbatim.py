"""Whether a voice says the words it was given, by its transcript."""

from __future__ import annotations

import pytest

from providers._verbatim import begins, verbatim


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("It's twenty-one degrees.", "It is 21 degrees."),
        ("I am here, okay?", "I'm here — OK?"),
        ("Doctor Smith will see you at half past three.", "Dr. Smith will see you at half past three."),
        ("Er, hello there.", "Hello there!"),
        ("Einundzwanzig Grad, und sonnig.", "21 Grad und sonnig."),
        ("Es kostet drei Euro fünfzig.", "Es kostet 3,50 €."),
        ("", ""),
    ],
)
def test_the_same_words_are_the_same_however_they_are_written(said: str, text: str) -> None:
    assert verbatim(said, text)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("The weather is fine. Anything else?", "The weather is fine."),
        ("The weather is", "The weather is fine."),
        ("Zwanzig Grad.", "Dreißig Grad."),
        ("Hello.", "Hello, 21."),
        ("It is 21 degrees.", "It is 12 degrees, and sunny."),
        ("I'm sorry, I can't say that.", "I can say that."),
        ("Yes.", "No."),
    ],
)
def test_other_words_are_others(said: str, text: str) -> None:
    assert not verbatim(said, text)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("I'm sorry, but I can't help with", "I am glad to help you with that today."),
        ("Sure! Here it is: the weather", "The weather is fine today."),
        ("It's currently three in the aft", "What time is it in Paris?"),
        ("Yes, I can certainly do that", "Yes."),
    ],
)
def test_a_beginning_that_is_another_is_seen(said: str, text: str) -> None:
    assert begins(said, text) is False


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("Well, I am glad to help y", "I'm glad to help you."),
        ("Katherine Miller is on the ph", "Catherine Miller is on the phone."),
        ("Twenty-one degrees and sunny it st", "21 degrees and sunny it stays."),
        ("Einundzwanzig Grad und sonnig ist es", "21 Grad und sonnig ist es heute."),
        ("It is four o'clock.", "It is four o'clock."),
        ("Yes", "Yes."),
        ("今天天气很好我们", "今天天气很好，我们出去走走吧。"),
    ],
)
def test_a_beginning_that_is_the_texts_is_let_through(said: str, text: str) -> None:
    assert begins(said, text)


@pytest.mark.parametrize(("said", "text"), [("", "Hello there."), ("I", "It is four."), ("It is fo", "It is four.")])
def test_too_little_tells_nothing(said: str, text: str) -> None:
    assert begins(said, text) is None


def test_whatever_word_may_follow_a_true_beginning_is_never_refused() -> None:
    text = "Well, on May 21, 2024 Dr. Smith won't pay $3.50 for twenty-one e-mails, will he? It's 5:30 p.m. now."
    for at in range(len(text)):
        assert begins(text[:at], text) is not False, text[:at]
