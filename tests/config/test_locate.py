from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assistant.config.locate import line_of, lines
from assistant.config.toml import to_toml, value_text

ODD = '''\
# a comment = 1

title = "x # no comment" # [not.a.table]
"quoted key" = 1
'literal.key'.sub = 2
a . "b" .c = 3
text = """
fake = 1
[fake]
\\""" still text \\\\"""
after_text = 4
literal = \'\'\'
[fake2]
fake = "\'\'\'\'\'
after_literal = 5
list = [
  1, # one ]
  "]",
  [2, 3], { deep = [
    { er = 1 },
  ] },
]
inline = { x = 1, y = { "z z" = "}" }, w.v = 2 }
date = 2026-01-02 03:04:05
empty = ""
"" = 6

[ table . "sub.table" ] # comment
key = 1
[[many]]
a = 1
[many.inner]
b = 2
[[many]]
a = 3
[[many.list]]
c = 4
'''


def test_every_odd_way_to_write_a_key() -> None:
    where = lines(ODD)
    number = {text.split("=")[0].strip(): n for n, text in enumerate(ODD.splitlines(), 1)}
    assert where["title",] == 3
    assert where["quoted key",] == 4
    assert where["literal.key", "sub"] == 5
    assert where["a", "b", "c"] == where["a",] == where["a", "b"] == 6
    assert where["text",] == 7
    assert where["after_text",] == number["after_text"]
    assert where["after_literal",] == number["after_literal"]
    start = number["list"]
    assert where["list", 0] == start + 1
    assert where["list", 1] == start + 2
    assert where["list", 3, "deep"] == start + 3
    assert where["list", 3, "deep", 0, "er"] == start + 4
    assert where["inline", "y", "z z"] == where["inline", "w", "v"] == number["inline"]
    assert where["",] == number['""']
    table = number['[ table . "sub.table" ] # comment']
    assert where["table", "sub.table"] == table
    assert where["table", "sub.table", "key"] == table + 1
    assert where["many", 0, "a"] == table + 3
    assert where["many", 0, "inner", "b"] == table + 5
    assert where["many", 1, "a"] == table + 7
    assert where["many", 1, "list", 0, "c"] == table + 9
    assert not any("fake" in str(part) for path in where for part in path)


def test_it_finds_all_that_tomllib_reads_and_nothing_else() -> None:
    assert _keys(tomllib.loads(ODD)) <= lines(ODD).keys()


def test_windows_line_ends() -> None:
    assert lines("a = 1\r\n[b]\r\nc = '''\r\nx'''\r\nd = 2\r\n")["b", "d"] == 5


def test_a_path_that_is_not_there_is_placed_at_its_nearest_ancestor() -> None:
    where = lines("x = 1\n\n[llm]\n[llm.options]\na = 1\n")
    assert line_of(where, ("llm", "options", "missing", "deeper")) == 4
    assert line_of(where, ("stt", "provider")) == 1


KEYS = st.text(min_size=1, max_size=6) | st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True)
SCALARS = (
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=12) | st.dates()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=5)


@given(TABLES)
def test_what_is_written_reads_back_and_is_found(table: dict[str, Any]) -> None:
    text = to_toml(table)
    assert tomllib.loads(text) == table
    assert _keys(table) <= lines(text).keys()


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[tuple[str, ...], int]]:
    """A TOML text in a random style, and the line of each of its values."""
    text: list[str] = []
    expected: dict[tuple[str, ...], int] = {}

    def key(name: str) -> str:
        return draw(
            st.sampled_from([value_text(name), name if name.isascii() and name.isalnum() else value_text(name)])
        )

    def noise() -> None:
        text.extend(draw(st.lists(st.sampled_from(["", "# [x] = 'y\"", "\t  # z"]), max_size=2)))

    def pair(path: tuple[str, ...], prefix: tuple[str, ...]) -> None:
        dots = draw(st.sampled_from([".", " . ", "\t."]))
        left = dots.join(key(part) for part in path[len(prefix) :])
        expected[path] = len(text) + 1
        style = draw(st.sampled_from(["plain", "multi-line", "list", "inline"]))
        if style == "plain":
            text.append(f"{left} = {value_text(draw(SCALARS))} # comment")
        elif style == "multi-line":
            quotes = draw(st.sampled_from(['"""', "'''"]))
            text.extend([f"{left}={quotes}", "not = 'a key'", f"[neither]{quotes}"])
        elif style == "list":
            text.extend([f"{left} = [ # first", "  1, '=',", "  { a = ']' }, # ]", "]"])
        else:
            inner = draw(st.sampled_from(["p", "q"]))
            text.append(f"{left} = {{ {inner} = 1, r.s = '}}' }}")
            expected[(*path, inner)] = expected[(*path, "r", "s")] = expected[path]

    tables = draw(st.lists(st.tuples(KEYS, KEYS), max_size=3, unique_by=lambda pair: pair))
    for header in [(), *tables]:
        noise()
        if header:
            text.append(f"[{key(header[0])}.{key(header[1])}]")
        for name in draw(st.lists(KEYS, max_size=3, unique=True)):
            # Two levels: the second keeps clear of the tables' names.
            path = (*header, f"k{name}") if draw(st.booleans()) else (*header, f"t{name}", "leaf")
            pair(path, header)
            noise()
    return "\n".join(text), expected


@given(documents())
def test_lines_in_any_style(document: tuple[str, dict[tuple[str, ...], int]]) -> None:
    text, expected = document
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # a header and a dotted key met by chance
    where = lines(text)
    assert {path: where.get(path) for path in expected} == expected


def _keys(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    else:
        return {path} if path else set()
    return ({path} if path else set()).union(*(_keys(v, (*path, k)) for k, v in inner))
