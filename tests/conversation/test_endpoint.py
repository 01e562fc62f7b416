"""How long to wait, judged by what the text says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.conversation.endpoint import (
    NUMBER,
    POLICIES,
    PROBABLY,
    PUZZLED,
    UNKNOWN,
    EndpointRules,
    reads_complete,
    wait,
)

RULES = EndpointRules()
DONE, OPEN = RULES.silence, 1.81
"""Seconds."""

PHRASES = [
    # answers
    ("yes", DONE),
    ("Yes.", DONE),
    ("no", DONE),
    ("stop", DONE),
    ("okay", DONE),
    ("seven", DONE),
    ("7", DONE),
    ("twenty one", DONE),
    ("thank you", DONE),
    ("Thank you.", DONE),
    ("hello", DONE),
    ("never mind", DONE),
    ("I don't know", DONE),
    ("i think so", DONE),
    ("why not", DONE),
    ("yes i can", DONE),
    ("Yes, I can.", DONE),
    ("not really", DONE),
    ("stop please", DONE),
    # questions
    ("What time is it?", DONE),
    ("what time is it", DONE),
    ("who are you talking to", DONE),
    ("What are you looking at?", DONE),
    ("what is it for", DONE),
    ("where are you from", DONE),
    ("how are you", DONE),
    ("who am i", DONE),
    ("where is she", DONE),
    ("what's the capital of france", DONE),
    ("hey what's the weather like", DONE),
    ("is it going to rain tomorrow", DONE),
    ("can you tell me the weather", DONE),
    ("what can I do", DONE),
    ("How much?", DONE),
    # orders
    ("turn on the light", DONE),
    ("turn it on", DONE),
    ("turn the light off", DONE),
    ("turn up the volume", DONE),
    ("play some music", DONE),
    ("tell me a joke", DONE),
    ("set a timer for ten minutes", DONE),
    ("set an alarm for seven thirty", DONE),
    ("remind me to call mom", DONE),
    ("come in", DONE),
    # statements
    ("I went to the shop.", DONE),
    ("Ask what you can do for your country.", DONE),
    ("i know who you are", DONE),
    ("i went to the shop", PROBABLY),
    ("my name is anna", PROBABLY),
    ("meeting with john", UNKNOWN),
    ("And so my fellow Americans", UNKNOWN),
    # unfinished
    ("I went to the shop and", OPEN),
    ("I went to the shop, and", OPEN),
    ("I went to the shop,", OPEN),
    ("I went to the.", OPEN),
    ("Wait...", OPEN),
    ("I want to", OPEN),
    ("because", OPEN),
    ("um", OPEN),
    ("well um", OPEN),
    ("the", OPEN),
    ("my name is", OPEN),
    ("turn on the", OPEN),
    ("turn on", OPEN),
    ("play", OPEN),
    ("set a timer for", OPEN),
    ("can you", OPEN),
    ("could you please", OPEN),
    ("how do you", OPEN),
    ("tell me about", OPEN),
    ("what about", OPEN),
    ("what's the", OPEN),
    ("remind me to call mom when", OPEN),
    ("the weather is very", OPEN),
    ("i'm looking for a", OPEN),
    ("on the twenty first of", OPEN),
    # read out
    ("my number is 0 1", NUMBER),
    ("five five five", NUMBER),
    ("call five five five one two", NUMBER),
    ("the code is 12", NUMBER),
    ("It's 555-0", NUMBER),
    ("can you spell it j o", NUMBER),
    ("555 123 4567", DONE),
    # other languages: only their punctuation
    ("Mach das Licht an.", DONE),
    ("mach das licht an", UNKNOWN),
    ("¿Qué hora es?", DONE),
    ("quiero ir a la", UNKNOWN),
    ("你好。", DONE),
    ("你好，", OPEN),
    ("नमस्ते।", DONE),
    # no text
    (None, UNKNOWN),
    ("", UNKNOWN),
    ("  ", UNKNOWN),
]


@pytest.mark.parametrize(("text", "seconds"), PHRASES)
def test_the_text_says_how_long(text: str | None, seconds: float) -> None:
    assert wait(RULES, text, final=True, end_of_turn=False) == pytest.approx(seconds)


@pytest.mark.parametrize(("text", "seconds"), PHRASES)
def test_drafts_begin_on_what_is_complete(text: str | None, seconds: float) -> None:
    assert reads_complete(text) == (seconds == DONE)


def test_a_partial_is_trusted_a_little_less() -> None:
    assert wait(RULES, "what time is it", final=False, end_of_turn=False) == pytest.approx(0.3)
    assert wait(RULES, "what time", final=False, end_of_turn=False) == pytest.approx(OPEN)


def test_the_transcriber_may_end_the_turn() -> None:
    assert wait(RULES, "i want to", final=False, end_of_turn=True) == RULES.silence


def test_fixed_is_exactly_the_silence() -> None:
    rules = EndpointRules("fixed", silence=0.75, max_silence=0.5)
    for text in ("yes", "and", None):
        assert wait(rules, text, final=True, end_of_turn=False) == 0.75


def test_the_language_may_be_known() -> None:
    assert wait(RULES, "die", final=True, end_of_turn=False, language="de-DE") == UNKNOWN
    assert wait(RULES, "so", final=True, end_of_turn=False, language="en-US") == pytest.approx(OPEN)


def test_an_unknown_policy_is_an_error() -> None:
    with pytest.raises(KeyError):
        wait(EndpointRules("guess"), "yes", final=True, end_of_turn=False)


def test_a_policy_can_be_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POLICIES, "patient", lambda rules, evidence: 99.0)
    assert wait(EndpointRules("patient"), "yes", final=True, end_of_turn=False) == RULES.max_silence


@given(
    st.one_of(st.none(), st.text(max_size=30), st.lists(st.sampled_from([p for p, _ in PHRASES if p])).map(" ".join)),
    st.booleans(),
    st.booleans(),
    st.floats(0.05, 1.0),
    st.floats(1.0, 5.0),
)
def test_between_the_least_and_the_most(text: str | None, final: bool, end: bool, least: float, most: float) -> None:
    rules = EndpointRules("text", least, most)
    assert least <= wait(rules, text, final=final, end_of_turn=end) <= most


def test_words_that_were_not_understood_get_more_time_save_with_fixed() -> None:
    text = EndpointRules("text", 0.2, 2.5)
    assert wait(text, "", final=True, end_of_turn=False, understood=False) == PUZZLED
    assert wait(text, "", final=True, end_of_turn=False) < PUZZLED
    assert wait(EndpointRules("fixed", 0.2, 2.5), "", final=True, end_of_turn=False, understood=False) == 0.2
