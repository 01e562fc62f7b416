"""``python -m assistant.catalogue`` prints the table of docs/providers.md, from the cards of what comes with Parley."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points

from assistant.catalogue.survey import STAGES, can, keys
from assistant.ports import ProviderUnavailable, Stage
from providers import registry
from providers._card import Card

HEAD = ("name", "listens", "thinks", "speaks", "needs")
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


if __name__ == "__main__":
    sys.stdout.write("".join(f"{line}\n" for line in table(built_in())))
