"""A session's money: what the meter tells becomes the figures of turns and session, and the budget is watched."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from assistant.conversation.costs import Bill, Costs, Figures, Used

SHARES = (0.8, 1.0)
"""Of the budget: when these are spent, it is told."""


@dataclass(frozen=True, slots=True)
class Budget:
    usd: float = 0.0
    """For a session; 0: no limit."""
    stops: bool = False
    """The session ends when it is used up."""


class Meter(Protocol):
    """Counts the calls of every provider of a session."""

    def report_to(self, sink: Callable[[Used], None]) -> None:
        """Tell every use from now on, and first what was used before."""
        ...

    def billing(self, bill: Bill) -> AbstractContextManager[None]:
        """Calls that begin inside are made for ``bill``."""
        ...

    def settle(self, turn: int | None) -> None:
        """Tell what the calls under way have used so far: those for a turn, or (None) all of them."""
        ...


class Accounts:
    """One session's. Without a meter it knows nothing and tells nothing."""

    def __init__(self, meter: Meter | None, budget: Budget) -> None:
        self._meter = meter
        self._budget = budget
        self._costs = Costs()
        self._shares = list(SHARES)
        """Still to be told of."""
        self._ended = False

    def open(
        self,
        on_use: Callable[[int | None, dict[str, Any]], None],
        warn: Callable[[str], None],
        used_up: Callable[[], None],
    ) -> None:
        """Begin. ``on_use`` gets the turn and the data of every use, for recordings; ``warn`` a sentence at each of
        `SHARES`; ``used_up`` is called once, when the budget is spent and says that the session stops then."""

        def used(use: Used) -> None:
            if self._ended:
                return
            self._costs.take(use)
            on_use(use.bill.turn, _told(use))
            budget = self._budget.usd
            while budget and self._shares and self._costs.spent >= self._shares[0] * budget:
                share = self._shares.pop(0)
                warn(_spent(share, self._costs.spent, budget))
                if share == 1.0 and self._budget.stops:
                    used_up()

        if self._meter is not None:
            self._meter.report_to(used)

    async def pay(self, bill: Bill, run: Callable[[], Any]) -> None:
        """Await ``run()``, whose calls are made for ``bill``."""
        if self._meter is None:
            await run()
        else:
            with self._meter.billing(bill):
                await run()

    def over(self, bill: Bill, *, heard: bool = True) -> None:
        """Nobody waits for what it is for any more. Say so before its calls are cancelled. ``heard``: it was of use."""
        bill.over = True
        if not heard:
            self._costs.discard(bill)

    def turn(self, turn: int) -> Figures:
        """The turn is over: what `turn.metrics` tells besides."""
        if self._meter is None:
            return {}
        self._meter.settle(turn)
        return self._costs.close(turn)

    def ended(self, seconds: float) -> Figures:
        """The session is over, after so many seconds: what `session.ended` tells besides."""
        if self._meter is None:
            return {}
        self._meter.settle(None)
        self._ended = True
        return {"cost": self._costs.session(seconds)}


def _told(use: Used) -> dict[str, Any]:
    told = {"stage": use.seller.stage, "what": "used", "provider": use.seller.provider, "model": use.seller.model}
    flags = {name: True for name in ("estimated", "wasted") if getattr(use, name)}
    return {**told, **use.units, "usd": use.usd, **flags}


def _spent(share: float, spent: float, budget: float) -> str:
    if share < 1:
        return f"{share:.0%} of this session's budget of ${budget:g} is spent (${spent:.4g})".replace("%", " %")
    return f"this session's budget of ${budget:g} is used up (${spent:.4g})"
