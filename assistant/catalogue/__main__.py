"""``python -m assistant.catalogue docs/providers.md`` writes the table in that page, from the cards of what comes with
Parley; without a page it prints the table."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path

from assistant.catalogue.survey import STAGES, can, keys
from assistant.ports import ProviderUnavailable, Stage
from providers import registry
from providers._card import Card

HEAD = ("name", "listens", "thinks", "speaks", "needs")
MARKED = re.compile(r"(<!-- python -m assistant\.catalogue [^\n]*-->\n)(.*?)(<!-- end -->)", re.DOTALL)
UNSEEN = "†"
"""Behind what was never run here with a real model."""


def built_in() -> dict[str, dict[Stage, Card]]:
    """By name, sorted: the cards of every provider that comes with Parley; a module that is not there is left out."""
    found: dict[str, dict[Stage, Card]] = {}
    for stage in STAGES:
        for entry in entry_points(group=f"parley.{stage}"):
            try:
                card = registry.card(stage, entry.name) if entry.module.startswith("providers.") else None
            except ProviderUnavailable:
                card = None
            if card is not None:
                found.setdefault(entry.name, {})[stage] = card
    return dict(sorted(found.items()))


def table(cards: Mapping[str, Mapping[Stage, Card]]) -> Iterator[str]:
    """Lines of Markdown: services, then engines and servers of one's own, then what is made of others."""
    yield f"| {' | '.join(HEAD)} |"
    yield f"|{'---|' * len(HEAD)}"
    for name in sorted(cards, key=lambda name: (_kind(name, cards[name]), name)):
        cells = (_cell(cards[name].get(stage)) for stage in STAGES)
        yield f"| `{name}` | {' | '.join(cells)} | {_needs(name, cards[name])} |"


def _kind(name: str, cards: Mapping[Stage, Card]) -> int:
    if any(registry.wraps(stage, name) for stage in cards):
        return 2
    return 0 if any(card.key for card in cards.values()) else 1


def _cell(card: Card | None) -> str:
    if card is None:
        return ""
    said = ": ".join(filter(None, (f"`{card.model}`" if card.model else "", can(card.abilities)))) or "yes"
    return said if card.real else f"{said} {UNSEEN}"


def _needs(name: str, cards: Mapping[Stage, Card]) -> str:
    if any(registry.wraps(stage, name) for stage in cards):
        return "other providers"
    needs = [" or ".join(f"`{key}`" for key in keys(card)) for card in cards.values()]
    needs += [f"`parley-voice[{card.extra}]`" for card in cards.values() if card.extra]
    needs += ["a server" for card in cards.values() if card.server]
    return ", ".join(dict.fromkeys(filter(None, needs)))


def written(page: str) -> str:
    """The page with the table of today."""
    rows = "".join(f"{line}\n" for line in table(built_in()))
    return MARKED.sub(lambda found: f"{found[1]}{rows}{found[3]}", page)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        path = Path(sys.argv[1])
        path.write_text(written(path.read_text("utf-8")), "utf-8")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in table(built_in())))
