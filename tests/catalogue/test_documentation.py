"""docs/providers.md says what the program does."""

from __future__ import annotations

from pathlib import Path

from assistant.catalogue.__main__ import MARKED, written
from assistant.catalogue.survey import _WORDS
from providers._probe import PORTS

PAGE = (Path(__file__).parents[2] / "docs" / "providers.md").read_text("utf-8")


def test_the_table_is_that_of_the_cards() -> None:
    assert MARKED.search(PAGE)
    assert written(PAGE) == PAGE, "write it anew: python -m assistant.catalogue docs/providers.md"


def test_every_word_for_an_ability_is_explained() -> None:
    for word in ("partials", "word times", "tools", "usage", *_WORDS.values()):
        assert f"*{word}*" in PAGE, word


def test_the_usual_ports() -> None:
    for port, kind in PORTS.items():
        assert f"{port} ({kind})" in PAGE
