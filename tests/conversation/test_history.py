"""What the model is shown, and which words of a cut answer were heard."""

from __future__ import annotations

from statistics import mean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.conversation.history import (
    History,
    Message,
    Spoken,
    SpokenWord,
    Text,
    ToolCall,
    ToolResult,
    heard_text,
    unheard_from,
    words_of,
)

SENTENCES = [
    "Sure I can help you with all that right now.",
    "First we look at every single part of the plan.",
    "Then we check that each one number is really correct.",
    "Last we write just one short note for the team.",
]
"""Four sentences of ten words."""
WORD = 0.25
"""Seconds of a word, all alike."""


def timed(text: str, start: float, *, given: bool) -> Spoken:
    """A piece spoken at an even pace a word, with or without the synthesizer's word times."""
    words, offset = [], 0
    for index, word in enumerate(text.split()):
        offset = text.index(word, offset)
        words.append(SpokenWord(index * WORD, offset, len(word)))
        offset += len(word)
    return Spoken(text, start, len(words) * WORD, tuple(words) if given else ())


def reply(*, given: bool) -> list[Spoken]:
    return [timed(text, index * 10 * WORD, given=given) for index, text in enumerate(SENTENCES)]


def errors(pieces: list[Spoken]) -> list[float]:
    """Words kept minus words heard, over cuts everywhere in the reply."""
    length = pieces[-1].start + pieces[-1].duration
    cuts = [length * index / 1600 for index in range(1601)]
    return [len(heard_text(pieces, cut).split()) - cut / WORD for cut in cuts]


# --- heard words ------------------------------------------------------------------------------------------------------


def test_with_word_times_within_half_a_word_and_unbiased() -> None:
    found = errors(reply(given=True))
    assert max(map(abs, found)) <= 0.5 + 1e-6
    assert abs(mean(found)) <= 0.02


def test_without_word_times_within_half_a_word_on_average() -> None:
    found = errors(reply(given=False))
    assert median(map(abs, found)) <= 0.5
    assert abs(mean(found)) <= 0.3
    assert max(map(abs, found)) <= 1.5


def test_without_word_times_exact_where_words_are_alike() -> None:
    text = " ".join(["word"] * 40)
    found = errors([Spoken(text, 0.0, 40 * WORD)])
    assert max(map(abs, found)) <= 0.5 + 1e-6
    assert abs(mean(found)) <= 0.02


def test_half_a_word_counts_as_heard() -> None:
    piece = timed("one two three", 1.0, given=True)
    assert heard_text([piece], 1.12) == ""
    assert heard_text([piece], 1.13) == "one"
    assert heard_text([piece], 1.37) == "one"
    assert heard_text([piece], 1.38) == "one two"


def test_punctuation_goes_with_its_word_and_no_further() -> None:
    text = 'Well, I think - yes - it\'s "fine".'
    piece = Spoken(text, 0.0, 3.0)
    heard = [heard_text([piece], 3.0 * index / 60) for index in range(61)]
    assert sorted(set(heard), key=len) == [
        "",
        "Well,",
        "Well, I",
        "Well, I think",
        "Well, I think - yes",
        "Well, I think - yes - it's",
        text,
    ]
    rest = {heard_text([piece], 3.0 * i / 60): unheard_from(piece, 3.0 * i / 60) for i in range(61)}
    assert rest["Well, I think"] == 'yes - it\'s "fine".'
    assert rest[""] == text
    assert rest[text] == ""


def test_pieces_are_joined_and_nothing_after_the_cut_is_kept() -> None:
    pieces = reply(given=True)
    assert heard_text(pieces, 10 * WORD) == SENTENCES[0]
    assert heard_text(pieces, 12 * WORD) == SENTENCES[0] + " First we"
    assert heard_text(pieces, 99.0) == " ".join(SENTENCES)
    assert heard_text(pieces, 0.0) == ""
    assert heard_text([], 1.0) == ""
    assert heard_text([Spoken("你好。", 0.0, 1.0), Spoken("世界。", 1.0, 1.0)], 2.0) == "你好。世界。"


def test_word_times_of_only_some_words_are_used() -> None:
    piece = Spoken("a b c d", 0.0, 4.0, (SpokenWord(0.0, 0, 1), SpokenWord(3.0, 2, 1)))
    assert [start for _, start, _ in words_of(piece)] == pytest.approx([0.0, 3.0, 3.0 + 1 / 3, 3.0 + 2 / 3])


def test_a_pause_belongs_to_no_word() -> None:
    piece = Spoken("yes, yes", 0.0, 1.5, (SpokenWord(0.0, 0, 4), SpokenWord(1.0, 5, 3)))
    (first, _, first_end), (second, second_start, _) = words_of(piece)
    assert (first, second) == ("yes,", "yes")
    assert first_end < 0.6
    assert second_start == pytest.approx(1.0)


def test_word_offsets_behind_an_opening_mark_and_inside_a_word() -> None:
    words = (SpokenWord(0.0, 1, 5), SpokenWord(1.0, 8, 6), SpokenWord(1.4, 15, 3))
    piece = Spoken('"Hello" twenty-one', 0.0, 2.0, words)
    assert [(word, start) for word, start, _ in words_of(piece)] == [('"Hello"', 0.0), ("twenty-one", 1.0)]


def test_a_piece_whose_sound_is_not_complete_is_longer_than_its_sound_so_far() -> None:
    text = "This is a long sentence of which the voice has made only the beginning so far."
    begun = Spoken(text, 0.0, 0.4, complete=False)
    assert 1 <= len(heard_text([begun], 0.4).split()) <= 3
    assert heard_text([Spoken(text, 0.0, 0.4)], 0.4) == text


def test_of_a_voice_that_tells_its_words_one_that_is_not_told_has_no_sound_yet() -> None:
    """It broke off, or is still at work: "is" was told and its sound is there, "first" was not told."""
    told = (SpokenWord(0.0, 0, 3), SpokenWord(0.25, 4, 2))
    begun = Spoken("One is first of all.", 0.0, 0.5, told, complete=False)
    assert [(word, start) for word, start, _ in words_of(begun)][:3] == [("One", 0.0), ("is", 0.25), ("first", 0.5)]
    assert unheard_from(begun, 0.5) == "first of all."
    # With only the beginning of its sound there, it was not heard.
    cut = Spoken("One is first of all.", 0.0, 0.3, told, complete=False)
    assert unheard_from(cut, 0.3) == "is first of all."


def test_characters_are_words_where_there_are_no_spaces() -> None:
    piece = Spoken("你好，世界。", 0.0, 1.2)
    assert [word for word, _, _ in words_of(piece)] == ["你", "好，", "世", "界。"]
    assert heard_text([piece], 0.5) in ("你好，", "你好，世")


pieces_strategy = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["a", "word,", "longer", '"said".', "-", "你好", "3.14"]), max_size=8).map(" ".join),
        st.floats(0.0, 3.0),
        st.lists(st.tuples(st.floats(-1.0, 4.0), st.integers(0, 40)), max_size=6),
    ),
    max_size=4,
)


@given(pieces_strategy, st.floats(0, 12), st.floats(0, 12))
def test_hearing_more_never_keeps_less(
    made: list[tuple[str, float, list[tuple[float, int]]]], a: float, b: float
) -> None:
    pieces, start = [], 0.0
    for text, duration, words in made:
        pieces.append(Spoken(text, start, duration, tuple(SpokenWord(at, offset, 1) for at, offset in words)))
        start += duration
    less, more = heard_text(pieces, min(a, b)), heard_text(pieces, max(a, b))
    assert more.startswith(less)
    assert less == less.strip()
    for piece in pieces:
        times = [time for _, begin, end in words_of(piece) for time in (begin, end)]
        assert times == pytest.approx(sorted(times))
        assert heard_text([piece], a) + unheard_from(piece, a) != "" or not words_of(piece)


# --- history ----------------------------------------------------------------------------------------------------------


def roles(history: History, limit: int | None = None) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in history.messages(limit)]


def test_a_conversation() -> None:
    history = History("Be brief.").with_user(1, "hi").with_assistant(1, "Hello.").with_user(2, "bye")
    assert history.messages() == (
        Message("system", (Text("Be brief."),)),
        Message("user", (Text("hi"),)),
        Message("assistant", (Text("Hello."),)),
        Message("user", (Text("bye"),)),
    )
    assert History().messages() == ()


def test_one_role_never_comes_twice_in_a_row() -> None:
    history = History().with_user(1, "one").with_user(2, "two").with_assistant(2, "a").with_assistant(2, "b")
    history = history.with_assistant(None, "Time is up.").with_user(3, "three")
    assert roles(history) == [("user", "one\ntwo"), ("assistant", "a b\nTime is up."), ("user", "three")]


def test_corrections_and_withdrawals() -> None:
    history = History().with_user(1, "ten").with_assistant(1, "yes").with_user(2, "go")
    assert roles(history.with_corrected_user(1, "hen"))[0] == ("user", "hen")
    assert roles(history.with_user(2, "went"))[-1] == ("user", "went")
    assert history.with_corrected_user(7, "nobody") == history
    assert roles(history.without_turn(1)) == [("user", "go")]


def test_an_interrupted_answer_is_the_words_heard() -> None:
    history = History().with_user(1, "hi").with_assistant(1, "Hello and", interrupted=True)
    assert roles(history)[-1] == ("assistant", "Hello and")
    assert history.entries[-1].interrupted
    assert history.with_assistant(2, " ", interrupted=True) == history, "nothing heard, nothing said"


def test_calls_and_results_stand_before_what_was_said_of_them() -> None:
    """Words between them, and what a vendor wants back while the answer is under way, are not kept there."""
    call = ToolCall("1", "look", {"at": "it"}, opaque=("somebody", "a signature"))
    result = ToolResult("1", "look", "a cat")
    steps = [Message("assistant", (Text("Let me see."), call)), Message("user", (result,))]
    history = History().with_user(1, "what is it").with_assistant(1, "Let me see. A cat.", steps=steps)
    assert history.messages() == (
        Message("user", (Text("what is it"),)),
        Message("assistant", (ToolCall("1", "look", {"at": "it"}),)),
        Message("user", (result,)),
        Message("assistant", (Text("Let me see. A cat."),)),
    )
    later = history.with_user(2, "and that").with_assistant(2, "", interrupted=True, steps=steps)
    assert later.messages()[4:] == (Message("user", (Text("and that"),)), *history.messages()[1:3]), "though unheard"
    assert later.messages(limit=1) == later.messages()[4:], "results are no questions"


def test_trimming_keeps_whole_exchanges() -> None:
    history = History("S").with_assistant(None, "Welcome.")
    for turn in range(1, 6):
        history = history.with_user(turn, f"q{turn}").with_assistant(turn, f"a{turn}")
    assert roles(history)[1] == ("assistant", "Welcome.")
    assert roles(history, 2) == [
        ("system", "S"),
        ("user", "q4"),
        ("assistant", "a4"),
        ("user", "q5"),
        ("assistant", "a5"),
    ]
    assert roles(history, 0) == [("system", "S")]
    assert roles(history, 5)[1] == ("assistant", "Welcome.")


said = st.lists(
    st.tuples(st.sampled_from(["user", "assistant", "announcement", "drop"]), st.integers(1, 6)), max_size=20
)


@given(said, st.integers(1, 4))
def test_messages_alternate_whatever_happens(steps: list[tuple[str, int]], limit: int) -> None:
    history = History("S")
    for what, turn in steps:
        if what == "user":
            history = history.with_user(turn, f"u{turn}")
        elif what == "drop":
            history = history.without_turn(turn)
        else:
            history = history.with_assistant(turn if what == "assistant" else None, f"a{turn}")
    for messages in (history.messages(), history.messages(limit)):
        assert messages[0].role == "system"
        found = [message.role for message in messages[1:]]
        assert all(a != b for a, b in zip(found, found[1:], strict=False))
    assert sum(message.role == "user" for message in history.messages(limit)) <= limit
    if len(history.messages()) > len(history.messages(limit)):
        assert history.messages(limit)[1].role == "user"
