"""Whatever the documentation links to is there: files, images, and sections by their anchors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "providers" / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.*?)(?: +#+)? *$", re.M)
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)


def prose(page: Path) -> str:
    """Without examples: what stands in them is neither heading nor link."""
    return _FENCED.sub("", page.read_text("utf-8"))


def anchors(text: str) -> set[str]:
    """Of its headings, as GitHub makes them: letters, digits, - and _; one that comes again gets a number."""
    found: set[str] = set()
    for heading in _HEADING.findall(text):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        number = 0
        while (anchor := f"{name}-{number}" if number else name) in found:
            number += 1
        found.add(anchor)
    return found


def broken(page: Path) -> list[str]:
    """The links of ``page`` that lead nowhere. Those to other machines are not followed."""
    wrong = []
    for link in _LINK.findall(re.sub(r"`[^`\n]*`", "", prose(page))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        there = page.parent / name if name else page
        if not there.exists() or (anchor and anchor not in anchors(prose(there))):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_every_page_can_be_reached_from_the_first() -> None:
    reached, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        linked = {(page.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(prose(page))}
        ahead += [other for other in PAGES if other.resolve() in linked and other not in reached]
    assert reached == set(PAGES)


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# One, two!\n```\n# no heading\n```\n## One two\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here it is `now`\n[a](other.md) [b](other.md#one-two) [c](#here-it-is-now) [d](other.md#one-two-1) "
        "[e](https://example.org/nowhere)\n[f](gone.md) ![g](gone.svg) [h](other.md#no-heading) [i](#there)\n"
    )
    assert broken(page) == ["gone.md", "gone.svg", "other.md#no-heading", "#there"]
