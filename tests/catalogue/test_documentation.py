"""docs/providers.md says what the program does."""

from __future__ import annotations

import re
from pathlib import Path

from assistant.catalogue.__main__ import built_in, table
from assistant.catalogue.survey import _WORDS
from providers._probe import PORTS

PAGE = (Path(__file__).parents[2] / "docs" / "providers.md").read_text("utf-8")


def test_the_table_is_that_of_the_cards() -> None:
    """Written by ``python -m assistant.catalogue``."""
    found = re.search(r"<!-- python -m assistant\.catalogue -->\n(.*?)<!-- end -->", PAGE, re.DOTALL)
    assert found is not None
    assert found[1].splitlines() == list(table(built_in()))


def test_every_word_for_an_ability_is_explained() -> None:
    for word in ("partials", "word times", "tools", "usage", *_WORDS.values()):
        assert f"*{word}*" in PAGE, word


def test_the_usual_ports() -> None:
    for port, kind in PORTS.items():
        assert f"{port} ({kind})" in PAGE
