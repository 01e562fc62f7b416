"""What is to be said before anything begins: models that are about to be shut down, a budget that cannot be counted."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import date

import msgspec

from assistant.automatic import STAGES
from assistant.config import Settings, options_for, parse_choice, scrub
from assistant.config.choose import inner_names
from assistant.ports import ParleyError, Stage
from providers import _retiring
from providers._wrapping import Leaf
from providers.cost import sold


def told(settings: Settings, stages: Sequence[Stage] = STAGES) -> list[str]:
    """`retiring` for today, said on standard error, a line each."""
    sentences = retiring(settings, stages, date.today())
    for sentence in sentences:
        print(f"parley: {sentence}", file=sys.stderr)  # noqa: T201
    return sentences


def retiring(settings: Settings, stages: Sequence[Stage], today: date) -> list[str]:
    """A sentence for each model in force that its vendor is about to shut down, or has.

    Only of those that the config names: no default is among them, and looking at one takes its provider's import.
    """
    found = (
        _retiring.warning(leaf.name, str(leaf.options.get("model", "")), str(leaf.options.get("base_url", "")), today)
        for leaf in in_force(settings, stages)
    )
    return [scrub(sentence) for sentence in dict.fromkeys(found) if sentence]


def uncountable(settings: Settings) -> list[str]:
    """One sentence, where there is a budget and something is used whose price is not known."""
    if not settings.cost.budget:
        return []
    overrides = msgspec.to_builtins(settings.cost.prices)
    unknown = []
    for leaf in in_force(settings, STAGES):
        seller, _ = sold(leaf, overrides)
        if seller.unpriced:
            named = f"{leaf.called}:{seller.model}" if seller.model else leaf.called
            unknown.append(f"{leaf.stage} {named} ({seller.unpriced})")
    if not unknown:
        return []
    return [
        scrub(
            f"the budget of ${settings.cost.budget:g} cannot be counted whole, as the price of this is not known: "
            f"{'; '.join(dict.fromkeys(unknown))}; say what it costs you under [cost.prices]"
        )
    ]


def in_force(settings: Settings, stages: Sequence[Stage]) -> Iterator[Leaf]:
    """The providers that may be asked: each stage's own and its fallbacks, and whatever those wrap."""
    for stage in stages:
        table = getattr(settings, stage)
        for name in filter(None, (table.provider, *table.fallback)):
            for inner in _leaves(settings, stage, name):
                try:
                    registered, options = options_for(settings, stage, inner)
                except ParleyError:
                    continue  # told when it is opened
                yield Leaf(stage, registered, options, parse_choice(inner)[0])


def _leaves(settings: Settings, stage: Stage, name: str) -> Iterator[str]:
    held = inner_names(settings, stage, name)
    if not held:
        yield name
    for _, inner in held:
        yield from _leaves(settings, stage, inner)
