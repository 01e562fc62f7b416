from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.observe._text import clean, head, tail, width, wrap


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("  two\n words\t", "two words"),
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("\x1b]0;a title\x07here", "here"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("\x1bPdevice\x1b\\ok", "ok"),
        ("\x1bcreset", "reset"),
        ("\x1b", ""),
        ("back\x08\x7f\x9b2Jspace", "back 2Jspace"),
        ("right\u202eleft\u2066", "rightleft"),
        ("a\u2028b", "a b"),
        ("\ud800", ""),
        ("👩\u200d🚀 日本 Größe", "👩\u200d🚀 日本 Größe"),
    ],
)
def test_clean(said: str, shown: str) -> None:
    assert clean(said) == shown


@settings(deadline=None)
@given(st.text())
def test_clean_text_cannot_steer_a_terminal(said: str) -> None:
    shown = clean(said)
    assert all(char.isprintable() or char in "\u200c\u200d" for char in shown if ord(char) < 0x100)
    assert clean(shown) == shown


@pytest.mark.parametrize(("text", "cells"), [("", 0), ("abc", 3), ("日本", 4), ("e\u0301", 1), ("é", 1), ("🚀", 2)])
def test_width(text: str, cells: int) -> None:
    assert width(text) == cells


@pytest.mark.parametrize(
    ("text", "cells", "rows"),
    [
        ("", 5, []),
        ("one two three", 13, ["one two three"]),
        ("one two three", 12, ["one two", "three"]),
        ("one two three", 7, ["one two", "three"]),
        ("one two three", 3, ["one", "two", "thr", "ee"]),
        ("incomprehensible", 6, ["incomp", "rehens", "ible"]),
        ("日本語", 5, ["日本", "語"]),
        ("日本語", 1, ["日", "本", "語"]),
        ("a 日本語", 4, ["a", "日本", "語"]),
    ],
)
def test_wrap(text: str, cells: int, rows: list[str]) -> None:
    assert [text[start:end] for start, end in wrap(text, cells)] == rows


@settings(deadline=None)
@given(st.text().map(clean), st.integers(2, 40))
def test_wrapped_rows_fit_and_lose_nothing_but_blanks(text: str, cells: int) -> None:
    ranges = wrap(text, cells)
    rows = [text[start:end] for start, end in ranges]
    assert all(width(row) <= cells for row in rows)
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")
    assert wrap(text, cells, rows=2) == ranges[:2]


@settings(deadline=None)
@given(st.text().map(clean), st.integers(2, 40))
def test_both_ends_fit(text: str, cells: int) -> None:
    assert width(tail(text, cells)) <= cells
    assert width(head(text, cells)) <= cells


def test_ends() -> None:
    assert tail("one two three", 10) == "…two three"
    assert tail("one two three", 7) == "…three"
    assert head("one two three", 8) == "one two…"
    assert head("one two three", 9, "...") == "one tw..."
    assert tail("short", 5) == head("short", 5) == "short"
