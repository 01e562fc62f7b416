"""Tables for people: within the width, with whole commands, and without anything that steers a terminal."""

from __future__ import annotations

import pytest

from assistant.columns import Entry, Remark, lines

TITLES = ("NAME", "MODEL", "PRICE")


def texts(entries: list[Entry], width: int, titles: tuple[str, ...] = TITLES) -> list[str]:
    return [text for text, _ in lines(titles, entries, width)]


def test_columns_stand_under_their_titles() -> None:
    shown = texts([Entry(("a", "tiny", "free"), mark="*"), Entry(("longer", "x", "$1"))], 80)
    assert shown == [
        "    NAME    MODEL  PRICE",
        " *  a       tiny   free",
        "    longer  x      $1",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    long = ("name", "a model with many words in it " * 4, "a price of many words " * 4)
    entry = Entry(long, remarks=(Remark("why " * 60),))
    assert max(map(len, texts([entry], width))) <= width


def test_what_is_to_be_typed_is_never_broken() -> None:
    """Neither a name in the first column nor a command, however narrow it is."""
    name, command = "a_name-with-many-parts-of-it", "pip install 'parley-voice[something]'"
    entry = Entry((name, "many words " * 9, ""), remarks=(Remark("it needs a package that is not here", command),))
    shown = texts([entry], 44)
    assert any(name in line for line in shown)
    assert shown[-1].strip() == command


def test_a_command_stands_behind_its_text_where_there_is_room() -> None:
    entry = Entry(("x", "", ""), remarks=(Remark("needs a key", "export KEY=..."),))
    assert texts([entry], 80)[-1] == "      needs a key: export KEY=..."


def test_a_column_without_text_is_left_out() -> None:
    assert texts([Entry(("a", "", "free"))], 80)[0] == "    NAME  PRICE"


def test_wide_letters_are_counted_as_what_they_take() -> None:
    shown = texts([Entry(("日本語", "x", "")), Entry(("abcdef", "y", ""))], 80, ("NAME", "M", ""))
    assert [line.split()[-1] for line in shown] == ["M", "x", "y"]
    assert shown[2].index("y") - shown[1].index("x") == 3, "three letters take six cells"


def test_nothing_commands_the_terminal() -> None:
    entry = Entry(("a\x1b[2Jb", "c\x07\rd", "e\u202ef"), remarks=(Remark("x\x1b]0;title\x07y", "z\x1b[31m"),))
    assert not any(ord(letter) < 32 or letter == "\u202e" for line in texts([entry], 80) for letter in line)
