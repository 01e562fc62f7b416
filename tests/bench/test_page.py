"""The page of a comparison stands alone, is real markup, and shows no word from outside as anything but text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from assistant.bench import svg
from assistant.bench.columns import compared
from assistant.bench.compare import Comparison
from assistant.bench.page import page
from tests.bench.invented import absent, comparison, lines, result, rich, turn

VOID = {"meta", "br", "img", "link", "input", "hr"}
Attributes = dict[str, str | None]


class Tree(HTMLParser):
    """Every element with its attributes, the elements around it and its text. Fails where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, Attributes, tuple[str, ...]]] = []
        self.texts: list[list[str]] = []
        self._open: list[int] = []
        self.feed(text)
        self.close()
        assert not self._open, "everything is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        self.found.append((tag, dict(attrs), tuple(self.found[index][0] for index in self._open)))
        self.texts.append([])
        if tag not in VOID:
            self._open.append(len(self.found) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.found[self._open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for index in self._open:
            self.texts[index].append(data)

    def all(self, tag: str, **attributes: str) -> Iterator[tuple[Attributes, str]]:
        for (name, given, _), text in zip(self.found, self.texts, strict=True):
            if name == tag and all(given.get(key) == value for key, value in attributes.items()):
                yield given, "".join(text)


@pytest.fixture(scope="module")
def told() -> Comparison:
    return rich()


@pytest.fixture(scope="module")
def text(told: Comparison) -> str:
    return page(told, "made for a test")


@pytest.fixture(scope="module")
def tree(text: str) -> Tree:
    return Tree(text)


def test_nothing_is_fetched_and_nothing_is_run(text: str, tree: Tree) -> None:
    assert not {tag for tag, _, _ in tree.found} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
    }
    for tag, given, _ in tree.found:
        assert not {"src", "href", "xlink:href", "action", "style", "background"} & given.keys(), (tag, given)
        assert not [name for name in given if name.startswith("on")], (tag, given)
    ((_, style),) = tree.all("style")
    assert not re.search(r"url\(|@import|expression|//", style)
    assert not re.search(r"https?:|//\w", text)


def test_it_is_a_document_in_a_language_for_any_screen_in_both_colour_schemes(text: str, tree: Tree) -> None:
    assert text.startswith("<!doctype html>\n")
    assert [given["lang"] for given, _ in tree.all("html")] == ["en"]
    assert "a_profile_with_a_very_long_name_indeed" in next(tree.all("title"))[1]
    assert list(tree.all("meta", charset="utf-8"))
    assert list(tree.all("meta", name="viewport"))
    assert list(tree.all("meta", name="color-scheme", content="light dark"))
    assert "prefers-color-scheme: dark" in text
    assert len(list(tree.all("h1"))) == len(list(tree.all("main"))) == 1


def test_words_from_outside_are_text_and_cannot_turn_the_line_round(text: str, tree: Tree) -> None:
    assert "<script" not in text
    assert "<b>" not in text
    assert "\u202e" not in text
    assert "\x00" not in text
    items = [shown for _, shown in tree.all("li")]
    assert any("no answer within 8 s <script>alert(1)</script>" in shown for shown in items)
    below = [shown for _, shown in tree.all("div", **{"class": "below"})]
    assert 'transcript: <b>Set</b> a time for nine & five seconds "now"' in below


def test_the_tables_are_tables(tree: Tree) -> None:
    headings = [given for given, _ in tree.all("th")]
    assert all(given.get("scope") in ("col", "row") for given in headings)
    tables = len(list(tree.all("table")))
    assert tables == 2 + 3, "the summary, the stages, and one for each profile that ran"
    assert len(list(tree.all("caption"))) == tables
    regions = [given for given, _ in tree.all("div", role="region")]
    assert len({given["aria-label"] for given in regions}) == tables
    assert all(given["tabindex"] == "0" for given in regions), "one can scroll them without a mouse"


def test_every_row_has_the_cells_of_its_table(text: str) -> None:
    for table in re.findall(r"<table>.*?</table>", text, re.S):
        widths = set()
        for row in re.findall(r"<tr>.*?</tr>", table, re.S):
            spans = sum(int(span) - 1 for span in re.findall(r'colspan="(\d+)"', row))
            widths.add(len(re.findall(r"<t[hd]\b", row)) + spans)
        assert len(widths) == 1, table


def test_every_profile_has_its_row_with_its_figures(tree: Tree) -> None:
    rows = [shown for _, shown in tree.all("tr")]
    (cloud,) = [row for row in rows if row.startswith("cloud")]
    assert "did not run: openai needs an API key: set OPENAI_API_KEY" in cloud
    slow = next(row for row in rows if row.startswith("a_profile"))
    for figure in ("23 of 24", "11.1%", "0.0117+"):
        assert figure in slow
    assert "0.0000" in next(row for row in rows if row.startswith("offline")), "free is not unknown"
    assert "0.0000" not in next(row for row in rows if row.startswith("steady"))


def test_what_was_misunderstood_is_marked(tree: Tree) -> None:
    assert [shown for _, shown in tree.all("del")][-2:] == ["timer", "joke"]
    assert [shown for _, shown in tree.all("ins")][-1] == "choke"


def test_plots_say_in_words_what_they_show(tree: Tree) -> None:
    plots = [given["aria-label"] or "" for given, _ in tree.all("svg", role="img")]
    assert len(plots) == 3
    assert "offline: 24 turns, p50 241 ms" in plots[0]
    assert all(given.get("aria-hidden") == "true" for given, _ in tree.all("svg", **{"class": "key"}))


def test_a_dot_for_each_turn_and_a_part_for_each_stage(tree: Tree) -> None:
    assert len(list(tree.all("circle"))) == 24 + 23 + 24
    parts = [given for given, _ in tree.all("rect") if (given["height"], given.get("x")) != ("14", "0")]
    assert len(parts) == 3 * 6


def test_few_turns_are_not_made_more_of_than_they_are() -> None:
    few = comparison(result("few", tuple(turn(line, 200.0 + line.number) for line in lines(4))))
    shown = page(few, "")
    assert "204*" in shown
    assert "of fewer than 20 turns the p95 is no more than the slowest" in shown
    assert "Share of the turns answered" not in shown
    assert "204*" in compared(few)
    assert "* of fewer than 20 turns" in compared(few)


def test_many_turns_have_no_star(told: Comparison, text: str) -> None:
    assert not re.search(r"\d\*", text)
    assert not re.search(r"\d\*", compared(told))


def test_nothing_that_ran_is_a_page_too() -> None:
    nothing = comparison(absent("cloud", "no key"), result("mute", tuple(turn(line, None, "") for line in lines(2))))
    tree = Tree(page(nothing, ""))
    assert not list(tree.all("svg", role="img"))
    assert compared(comparison(absent("cloud", "no key"))) == "cloud did not run: no key"


def test_the_terminals_tables_say_the_same(told: Comparison) -> None:
    shown = compared(told)
    slow = next(line for line in shown.splitlines() if line.startswith("a_profile"))
    assert slow.split()[1:3] == ["23/24", "774"]
    assert slow.split()[-3] == "0.0117+"
    assert "+ and more: something that was used has no known price." in shown
    assert "cloud did not run: openai needs an API key" in shown
    assert "offline 24, a_profile_with_a_very_long_name_indeed 23, steady 24" in shown


@pytest.mark.parametrize(
    ("greatest", "last"), [(0, 1), (1, 1), (7, 8), (100, 100), (101, 125), (260, 300), (430, 500), (2900, 3000)]
)
def test_a_scale_has_few_round_marks(greatest: float, last: float) -> None:
    marks = svg.ticks(greatest)
    assert marks[0] == 0
    assert marks[-1] == pytest.approx(last)
    assert len(marks) <= svg.TICKS + 1


def test_bars_lie_where_their_values_are() -> None:
    drawn = Tree(
        svg.bars("a <plot>", [svg.Bar("a & b", [svg.Segment("one", "c1", 0, 50), svg.Segment("two", "c2", 50, 75)])])
    )
    first, second = (given for given, _ in drawn.all("rect"))
    assert (first["x"], first["width"]) == ("0%", "62.5%")
    assert (second["x"], second["width"]) == ("62.5%", "31.25%")
    assert [shown for _, shown in drawn.all("title")] == ["one: 0 to 50 ms", "two: 50 to 75 ms"]
    assert next(drawn.all("svg"))[0]["aria-label"] == "a <plot>"
