"""What the providers' calls used -> the money of a turn and of the session, as the events tell it.

A pure fold: it is handed every use as it becomes known and asked for a turn's figures once, when the turn ends. What
becomes known later (a late transcript, a cache that is filled beside the conversation) belongs to the session alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Figures = dict[str, Any]
"""Fields of an event."""

DIGITS = 8
"""Decimal places of US dollars: a token of a small model costs 0.0000001."""


@dataclass(eq=False, slots=True)
class Bill:
    """What calls are made for: to hear one utterance, or to give one reply."""

    turn: int | None = None
    """None: for no turn."""
    over: bool = False
    """Nobody waits for it any more: a call that is cut off from now on is not to blame."""
    wasted: bool = False
    """Nobody hears what it was for."""


@dataclass(frozen=True, slots=True)
class Seller:
    """Whose price counts."""

    stage: str
    provider: str
    model: str
    unpriced: str = ""
    """Why its price is not known."""
    as_of: str = ""
    """The day on which its price was read, YYYY-MM-DD; "" where it is free or the user's word."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a call used, since it was last told of. An estimate may be corrected: then some of it is less than zero."""

    seller: Seller
    bill: Bill
    units: Mapping[str, float]
    """By the names of `assistant.ports.Usage`; what is zero is left out."""
    usd: float | None
    """None: the price is not known."""
    estimated: bool = False
    """The vendor did not tell."""
    wasted: bool = False
    """Nobody used its answer: another provider was faster, or it was given up."""


@dataclass(slots=True)
class _Sum:
    units: dict[str, float] = field(default_factory=dict)
    usd: float = 0.0
    priced: bool = True
    estimated: bool = False

    def add(self, used: Used) -> None:
        for unit, count in used.units.items():
            self.units[unit] = self.units.get(unit, 0) + count
        self.usd += used.usd or 0.0
        self.priced = self.priced and used.usd is not None
        self.estimated = self.estimated or used.estimated

    def figures(self) -> Figures:
        """Only what there is: ``{"input_tokens": 812, "output_tokens": 34, "usd": 0.0000982}``."""
        units = {unit: _count(unit, count) for unit, count in self.units.items()}
        told: Figures = {unit: count for unit, count in units.items() if count}
        told["usd"] = _usd(self.usd) if self.priced else None
        return told | ({"estimated": True} if self.estimated else {})


@dataclass(slots=True)
class _Turn:
    stages: dict[str, _Sum] = field(default_factory=dict)
    of_bills: dict[Bill, float] = field(default_factory=dict)
    """USD that are not wasted, so far."""
    wasted: float = 0.0


class Costs:
    """Every turn that is open, and the sums of the session. Memory: a small record a turn, given up by `close`."""

    def __init__(self) -> None:
        self._turns: dict[int, _Turn] = {}
        self._closed = 0
        self._sellers: dict[Seller, _Sum] = {}
        self._wasted = 0.0

    @property
    def spent(self) -> float:
        """US dollars so far; what has no known price is not in it."""
        return sum(each.usd for each in self._sellers.values())

    def take(self, used: Used) -> None:
        """What was used besides."""
        self._sellers.setdefault(used.seller, _Sum()).add(used)
        usd = used.usd or 0.0
        turn = self._open(used.bill)
        wasted = used.wasted or used.bill.wasted
        if wasted:
            self._wasted += usd
        if turn is None:
            return
        turn.stages.setdefault(used.seller.stage, _Sum()).add(used)
        if wasted:
            turn.wasted += usd
        else:
            turn.of_bills[used.bill] = turn.of_bills.get(used.bill, 0.0) + usd

    def discard(self, bill: Bill) -> None:
        """Nobody hears what it was for."""
        bill.wasted = True
        turn = self._open(bill)
        if turn is not None:
            usd = turn.of_bills.pop(bill, 0.0)
            turn.wasted += usd
            self._wasted += usd

    def close(self, turn: int) -> Figures:
        """The turn is over: its fields of `turn.metrics`."""
        self._closed = max(self._closed, turn)
        told = self._turns.pop(turn, None) or _Turn()
        priced = all(each.priced for each in told.stages.values())
        return {
            "cost_usd": _usd(sum(each.usd for each in told.stages.values())) if priced else None,
            "wasted_usd": _usd(told.wasted),
            "cost": {stage: told.stages[stage].figures() for stage in ("stt", "llm", "tts") if stage in told.stages},
        }

    def session(self, seconds: float) -> Figures:
        """The field ``cost`` of `session.ended`, after so many seconds."""
        dates = [seller.as_of for seller in self._sellers if seller.as_of and not seller.unpriced]
        return {
            "usd": _usd(self.spent),
            "wasted_usd": _usd(self._wasted),
            "per_minute_usd": _usd(self.spent * 60 / seconds) if seconds > 0 else None,
            "by_provider": [
                {"stage": seller.stage, "provider": seller.provider, "model": seller.model, **each.figures()}
                for seller, each in self._sellers.items()
            ],
            "unpriced": list(_unpriced(self._sellers)),
            "prices_as_of": min(dates, default=None),
        }

    def _open(self, bill: Bill) -> _Turn | None:
        if bill.turn is None or bill.turn <= self._closed:
            return None
        return self._turns.setdefault(bill.turn, _Turn())


def _unpriced(sellers: Iterable[Seller]) -> Iterable[str]:
    for seller in sellers:
        if seller.unpriced:
            named = f"{seller.provider}:{seller.model}" if seller.model else seller.provider
            yield f"{seller.stage} {named}: {seller.unpriced}"


def _usd(value: float) -> float:
    return round(value, DIGITS) + 0.0  # no -0.0


def _count(unit: str, count: float) -> float | int:
    return round(count, 2) if unit == "seconds" else round(count)
