"""Providers for people, as tables, and for programs, as one JSON document (docs/providers.md has its fields)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from assistant.catalogue.facts import Found
from assistant.catalogue.survey import STAGES, Row, can, keys
from assistant.columns import Entry, Line, Remark, lines
from assistant.config.secrets import redact
from providers._prices import Price

WIDE = 120
"""Letters in a line from which on the abilities have a column of their own."""


def tables(found: Found, width: int) -> Iterator[Line]:
    """A table a stage, within ``width`` letters."""
    for stage in dict.fromkeys(row.stage for row in found.rows):
        yield f"{STAGES[stage]} (--{stage} NAME)", "heading"
        rows = [row for row in found.rows if row.stage == stage]
        yield from lines(
            ("NAME", "STATE", "CAN", "MODEL", "PRICE"),
            [_entry(row, width >= WIDE) for row in rows],
            width,
        )
        if stage in found.unchosen:
            yield f"    Nobody is in use: {redact(found.unchosen[stage])}.", "plain"
        yield "", "plain"
    yield "* is in use, + takes over when those before it fail. Voices: parley voices", "plain"


def _entry(row: Row, wide: bool) -> Entry:
    able = can(row.card.abilities) if row.card is not None else ""
    cells = (row.name, state(row), able if wide else "", row.model, _short(row.price) if row.price else "")
    remarks = (*([] if wide or not able else [Remark(able)]), *(lack.remark for lack in row.lacks), *row.notes)
    return Entry(
        tuple(map(redact, cells)),  # before lines are broken, which would break a key in two
        mark={None: "", 1: "*"}.get(row.place, "+"),
        remarks=tuple(Remark(redact(remark.text), redact(remark.command)) for remark in remarks),
        look="good" if row.ready else "plain",
    )


def state(row: Row) -> str:
    """In one word."""
    kinds = {lack.kind for lack in row.lacks}
    if "module" in kinds:
        return "broken"
    if kinds == {"parts"}:
        return "unset"
    return {True: "ready", False: "missing", None: "?"}[row.ready]


def _short(cost: Price) -> str:
    if cost.unpriced:
        return "not known"
    return (
        str(cost)
        .replace(" for a million tokens", " / M tokens")
        .replace(" for 1,000 characters", " / 1,000 characters")
    )


def document(found: Found) -> dict[str, Any]:
    """Without keys, and without what an address may hold of them."""
    told: dict[str, Any] = redact(
        {
            "providers": [_told(row) for row in found.rows],
            "servers": [dataclasses.asdict(server) for server in found.servers],
            "unchosen": dict(found.unchosen),
        }
    )
    return told


def _told(row: Row) -> dict[str, Any]:
    card = row.card
    return {
        "stage": row.stage,
        "name": row.name,
        "provider": row.provider,
        "place": row.place,
        "ready": row.ready,
        "missing": [dataclasses.asdict(lack) for lack in row.lacks],
        "notes": list(map(str, row.notes)),
        "made_of": {key: list(names) for key, names in row.parts.items()},
        "model": row.model or None,
        "default_model": card.model or None if card else None,
        "address": row.base_url or (card.address if card else "") or None,
        "abilities": _plain(dataclasses.asdict(card.abilities)) if card else None,
        "rates": list(card.rates) if card else [],
        "voices": list(card.voices) if card else [],
        "key_variables": keys(card) if card else [],
        "package": card.package if card else None,
        "extra": card.extra or None if card else None,
        "megabytes": card.megabytes or None if card else None,
        "run_with_a_real_model": card.real if card else None,
        "price": _price(row.price),
    }


def _plain(table: dict[str, Any]) -> dict[str, Any]:
    return {
        key: list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
        for key, value in table.items()
    }


def _price(cost: Price | None) -> dict[str, Any] | None:
    if cost is None:
        return None
    return {"text": str(cost), "known": not cost.unpriced, "as_of": cost.as_of.isoformat() if cost.as_of else None}
