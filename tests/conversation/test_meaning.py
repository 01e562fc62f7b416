"""Which transcripts ask for the same answer."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assistant.conversation.meaning import same_meaning
from assistant.conversation.numbers import digits

SAME = [
    # case, punctuation, spelling
    ("Turn on the light.", "turn on the light"),
    ("Stop!", "stop"),
    ("Hello, how are you?", "hello how are you"),
    ("the U.S. team", "the US team"),
    ("Send an e-mail", "send an email"),
    ("OK", "okay"),
    ("colour", "color"),
    ("Dr. Smith", "doctor smith"),
    ("Ask what you can do for your country.", "ask what you can do for your country"),
    # contractions
    ("I'm here", "I am here"),
    ("I’m here", "I'm here"),
    ("don't stop", "do not stop"),
    ("dont stop", "don't stop"),
    ("What's the time?", "what is the time"),
    ("whats the time", "What's the time?"),
    ("let's go", "let us go"),
    ("I'm gonna leave", "I am going to leave"),
    ("I wanna go", "I want to go"),
    ("I'd like it", "I would like it"),
    ("we'll see", "we will see"),
    ("they've left", "they have left"),
    ("can't", "can not"),
    ("cannot", "can't"),
    ("I won't", "I will not"),
    ("I dunno", "I don't know"),
    ("Yeah", "yes"),
    ("thanks", "thank you"),
    # fillers, articles, stammers
    ("um, what is, uh, the weather", "what is the weather"),
    ("Play a song", "play the song"),
    ("It's, you know, cold", "It's cold"),
    ("Well, tell me a joke", "tell me a joke"),
    ("It is cold, you know.", "it is cold"),
    ("I I want to to go", "I want to go"),
    # numbers
    ("twenty one", "21"),
    ("twenty-one", "21"),
    ("Two hundred and five", "205"),
    ("a hundred", "100"),
    ("one hundred twenty three thousand four hundred and fifty six", "123,456"),
    ("1,000,000", "one million"),
    ("2.5 million", "two point five million"),
    ("two and a half", "2.5"),
    ("three point five", "3.5"),
    ("three point one four", "3.14"),
    ("minus five", "-5"),
    ("nineteen ninety nine", "1999"),
    ("twenty twenty six", "2026"),
    ("two thousand twenty six", "2026"),
    ("it's at ten thirty", "it's at 10:30"),
    ("it's nine oh five", "it's 9:05"),
    ("at ten o'clock", "at 10:00"),
    ("at ten", "at 10:00"),
    ("ten am", "10 a.m."),
    ("five p.m.", "5pm"),
    ("the twenty first of May", "the 21st of May"),
    ("first", "1st"),
    ("five five five one two three four", "555-1234"),
    ("room five oh five", "room 505"),
    ("$5", "five dollars"),
    ("$1", "one dollar"),
    ("fifty percent", "50%"),
    ("fifty per cent", "50%"),
    ("five kilometers", "5 km"),
    ("set a twenty second timer", "Set a 20-second timer."),
    # other languages: their words
    ("¿Qué hora es?", "qué hora es"),
    ("你好。", "你好"),
    ("नमस्ते।", "नमस्ते"),
]

DIFFERENT = [
    # negation
    ("can", "can't"),
    ("I do", "I don't"),
    ("I can go", "I can not go"),
    ("stop", "don't stop"),
    ("no", "yes"),
    ("never", "ever"),
    ("uh-huh", "uh-uh"),
    ("someone", "no one"),
    # numbers
    ("fifteen", "fifty"),
    ("thirteen", "thirty"),
    ("15", "50"),
    ("one two", "twelve"),
    ("5", "-5"),
    ("3.5", "35"),
    ("version 1.10", "version 1.1"),
    ("21st", "21"),
    ("1999", "1998"),
    ("10:30", "10:13"),
    ("100", "1000"),
    ("one hundred and five", "one hundred and fifty"),
    ("third", "thirteenth"),
    ("$5", "£5"),
    ("two", "to"),
    ("for", "four"),
    ("5 am", "5 pm"),
    # names, verbs, tense, the rest
    ("Anna", "Hannah"),
    ("call Bob", "call Rob"),
    ("turn on", "turn off"),
    ("lock the door", "unlock the door"),
    ("play", "played"),
    ("is", "was"),
    ("go", "going"),
    ("I will go", "I would go"),
    ("he", "she"),
    ("now", "no"),
    ("few", "a few"),
    ("vitamin a", "vitamin"),
    ("my left", "my right"),
    ("", "yes"),
    # what looks like a filler
    ("do you know the time", "do the time"),
    ("I like it", "I it"),
    ("like that", "that"),
    ("I mean it", "it"),
    ("well done", "done"),
    ("so do I", "do I"),
    # other scripts
    ("की", "का"),
    ("你好", "你不好"),
    ("sí", "si"),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_same(a: str, b: str) -> None:
    assert same_meaning(a, b)
    assert same_meaning(b, a)


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different(a: str, b: str) -> None:
    assert not same_meaning(a, b)
    assert not same_meaning(b, a)


VOCABULARY = """
I I'm am can can't not don't do you know well, like, um the a few one two twenty fifty hundred thousand and a half point
oh 3.5 21st 10:30 5pm $5 50% -5 ten o'clock Anna is was go, go. U.S. let's 你好 का first second timer minus 1,000 555
"""
phrases = st.lists(st.sampled_from(VOCABULARY.split()), max_size=12).map(" ".join)


@given(phrases)
def test_reflexive_and_deaf_to_case_and_marks(text: str) -> None:
    assert same_meaning(text, text)
    assert same_meaning(text, text.upper())
    assert same_meaning(text + ".", text + "!")


@given(phrases, phrases)
def test_symmetric(a: str, b: str) -> None:
    assert same_meaning(a, b) == same_meaning(b, a)


@given(st.text(max_size=40), st.text(max_size=40))
@example("", "n't")
def test_any_text_is_taken(a: str, b: str) -> None:
    assert same_meaning(a, b) == same_meaning(b, a)


@given(phrases, st.sampled_from(["Bertha", "not", "seven", "unlock"]))
def test_another_word_always_differs(text: str, word: str) -> None:
    assert not same_meaning(text, f"{text}, {word}")


TENS = ["", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SMALL = """
one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen
"""
ONES = ["", *SMALL.split()]


def in_words(number: int) -> list[str]:
    """English, for 1 to 999,999."""
    if number >= 1000:
        return [*in_words(number // 1000), "thousand", *(in_words(number % 1000) if number % 1000 else [])]
    if number >= 100:
        return [ONES[number // 100], "hundred", *(["and", *in_words(number % 100)] if number % 100 else [])]
    if number >= 20:
        return [TENS[number // 10 - 1], *([ONES[number % 10]] if number % 10 else [])]
    return [ONES[number]]


@given(st.integers(1, 999_999))
def test_every_number_in_words(number: int) -> None:
    assert digits(in_words(number)) == [str(number)]
