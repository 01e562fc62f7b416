"""What the calls of the providers cost: a meter that is told of each, for the bill for which it was made.

What counts a provider's calls (`_metered`) stands directly around it, below everything that chooses between several, so
that whoever is asked is counted: the one that answers, the one that was slower, the one that was given up.

What a call used is what the vendor tells (`Usage`), else what was sent and came: sound, characters, and for tokens an
estimate from the characters, which is marked as one. A call that is cut off has used what it was asked and what had
come until then. A language model that refuses the call before it has said anything has used nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any

from assistant.conversation.costs import Bill, Seller, Used
from assistant.ports import ParleyError, Stage, Usage
from providers import registry
from providers._counts import UNITS, Count
from providers._metered import metered
from providers._prices import Overrides, Price, price_of
from providers._wrapping import Leaf

OnUse = Callable[[Used], None]

_BILL: ContextVar[Bill] = ContextVar("bill")
_NOBODY = Bill()


class Meter:
    """Is told of every use, and tells it on. One for each session."""

    def __init__(self, overrides: Overrides | None = None) -> None:
        """``overrides``: the user's own prices."""
        self._overrides = overrides
        self._sink: OnUse | None = None
        self._early: list[Used] = []
        self.calls: set[Call] = set()
        """Those under way."""

    def report_to(self, sink: OnUse) -> None:
        """From now on; what was used before is told at once."""
        self._sink = sink
        early, self._early = self._early, []
        for used in early:
            sink(used)

    @contextmanager
    def billing(self, bill: Bill) -> Iterator[None]:
        """Calls that begin inside, in this task and those that it starts, are made for ``bill``."""
        token = _BILL.set(bill)
        try:
            yield
        finally:
            _BILL.reset(token)

    def settle(self, turn: int | None) -> None:
        """Tell what the calls under way have used so far: those for a turn, or (None) all of them."""
        for call in list(self.calls):
            if turn is None or call.bill.turn == turn:
                call.tell()

    def around(self, opened: AbstractAsyncContextManager[Any], leaf: Leaf) -> AbstractAsyncContextManager[Any]:
        """What ``opened`` yields, metered."""
        return self._metered(opened, leaf.stage, Till(self, *sold(leaf, self._overrides)))

    @asynccontextmanager
    async def _metered(self, opened: AbstractAsyncContextManager[Any], stage: Stage, till: Till) -> AsyncIterator[Any]:
        async with opened as provider:
            yield metered(provider, stage, till)

    def tell(self, used: Used) -> None:
        if self._sink is None:
            self._early.append(used)
        else:
            self._sink(used)


def sold(leaf: Leaf, overrides: Overrides | None = None) -> tuple[Seller, Price]:
    """Whose price counts for a provider, and the price. ``overrides``: the user's own."""
    model = model_of(leaf)
    price = price_of(
        leaf.stage,
        leaf.name,
        model,
        base_url=str(leaf.options.get("base_url") or ""),
        language=str(leaf.options.get("language") or ""),
        names=(leaf.called,),
        overrides=overrides,
    )
    as_of = price.as_of.isoformat() if price.as_of else ""
    return Seller(leaf.stage, leaf.name, model, price.unpriced, as_of), price


def model_of(leaf: Leaf) -> str:
    """The model that it takes; "" where neither the config nor the provider says which."""
    try:
        card = registry.card(leaf.stage, leaf.name)
    except ParleyError:
        card = None  # told when it is opened
    voice = card is not None and card.model in card.voices and leaf.options.get("voice")  # a model for each voice
    return str(voice or leaf.options.get("model") or (card.model if card is not None else ""))


class Till:
    """Where a provider's calls are paid for."""

    def __init__(self, meter: Meter, seller: Seller, price: Price) -> None:
        self.price = price
        self.seller = seller
        self.meter = meter

    @contextmanager
    def call(self, count: Count, *, open_ended: bool = False) -> Iterator[None]:
        """One call, from its beginning to its end, however that comes. ``open_ended``: it has no end of its own."""
        call = Call(self, count)
        self.meter.calls.add(call)
        cut = True
        try:
            yield
            cut = open_ended
        except Exception:
            cut = open_ended
            count.failed()
            raise
        finally:
            self.meter.calls.discard(call)
            call.tell(cut=cut)


class Call:
    """A call under way: what of its use has been told already."""

    def __init__(self, till: Till, count: Count) -> None:
        self.bill = _BILL.get(_NOBODY)
        self._till = till
        self._count = count
        self._told = Usage()
        self._told_usd = 0.0

    def tell(self, *, cut: bool = False) -> None:
        """What came since it was last told. ``cut``: it was cut off, and to no purpose if its bill is not over."""
        price = self._till.price
        usage, estimated = self._count.used(price)
        units = {name: getattr(usage, name) - getattr(self._told, name) for name in UNITS}
        units = {name: count for name, count in units.items() if count}
        if not units:
            return
        usd = price.usd(usage)
        self._till.meter.tell(
            Used(
                self._till.seller,
                self.bill,
                units,
                None if usd is None else usd - self._told_usd,
                estimated=estimated,
                wasted=cut and self.bill.turn is not None and not self.bill.over and not self._count.answered,
            )
        )
        self._told, self._told_usd = usage, usd or 0.0
