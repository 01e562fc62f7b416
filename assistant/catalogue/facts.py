"""Looking at this machine, its environment and the providers' modules, for `survey`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import anyio
import msgspec

from assistant import automatic
from assistant.catalogue.survey import Facts, Row, Server, addresses, survey
from assistant.config import Settings, parse_choice
from assistant.ports import ParleyError, ProviderUnavailable, Stage
from providers import _probe, _retiring, registry
from providers._card import Card
from providers._fetching import forbidden
from providers._wrapping import Leaf
from providers.cost import sold


@dataclass(frozen=True)
class Found:
    rows: Sequence[Row]
    servers: Sequence[Server]
    """Model servers on this machine, whether or not anybody asks them."""
    unchosen: Mapping[Stage, str]
    """Why nobody is in use at a stage, a sentence."""


async def look(settings: Settings, stages: Sequence[Stage]) -> Found:
    """Takes 0.3 s at most, and that only while it waits for servers that do not answer."""
    servers, listings = await _answers(settings, stages)
    local = [automatic.LocalServer(server.base_url, server.kind, server.model) for server in servers]
    unchosen = {}
    for stage in stages:
        try:
            settings, _ = automatic.decide(settings, stages=(stage,), servers=local)
        except ParleyError as error:
            unchosen[stage] = str(error)
    chains = _chains(settings, stages)
    rows = survey(settings, chains, _facts(settings, chains, servers, listings))
    return Found(rows, servers, unchosen)


async def _answers(
    settings: Settings, stages: Sequence[Stage]
) -> tuple[list[Server], Mapping[str, Sequence[str] | None]]:
    """The servers at the usual ports, and who answers at the addresses in the config, all asked at once."""
    wanted = addresses(settings, _chains(settings, stages), {stage: registry.names(stage) for stage in stages})
    found: list[tuple[str, str, str]] = []

    async def usual() -> None:
        found.extend(await _probe.model_servers())

    async with anyio.create_task_group() as group:
        group.start_soon(usual)
        listings = await _probe.listings(wanted)
    return [Server(*each) for each in found], listings


def _chains(settings: Settings, stages: Sequence[Stage]) -> dict[Stage, list[str]]:
    tables = {stage: getattr(settings, stage) for stage in stages}
    return {stage: [name for name in (table.provider, *table.fallback) if name] for stage, table in tables.items()}


def _facts(
    settings: Settings,
    chains: Mapping[Stage, Sequence[str]],
    servers: Sequence[Server],
    listings: Mapping[str, Sequence[str] | None],
) -> Facts:
    names = {stage: registry.names(stage) for stage in chains}
    instances = [instance.provider for instance in settings.providers.values()]
    known = {
        (stage, name)
        for stage, chain in chains.items()
        for name in (*names[stage], *instances, *(parse_choice(each)[0] for each in chain))
        if name in names[stage] or ":" in name
    }
    overrides = msgspec.to_builtins(settings.cost.prices)
    today = date.today()
    cards = {(stage, name): _card(stage, name) for stage, name in known}
    return Facts(
        names=names,
        cards=cards,
        mended_by={
            (stage, name): f"pip install --force-reinstall {package}"
            for (stage, name), card in cards.items()
            if isinstance(card, str) and (package := registry.package_of(stage, name))
        },
        wraps={(stage, name): registry.wraps(stage, name) for stage, name in known},
        installed=automatic.installed_here,
        environ=os.environ,
        downloads=_downloads,
        price=lambda stage, provider, options, called: sold(Leaf(stage, provider, options, called), overrides)[1],
        retiring=lambda provider, model, base_url: _retiring.warning(provider, model, base_url, today),
        fetching_forbidden=forbidden(),
        listings=listings,
        servers=servers,
    )


def _card(stage: Stage, name: str) -> Card | None | str:
    """Or why it cannot be had: other people's modules may break in any way, and hide no other provider."""
    try:
        card = registry.card(stage, name)
    except ProviderUnavailable as error:
        cause = error.__cause__
        return str(cause) if isinstance(cause, ImportError) else f"{type(cause).__name__}: {cause}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return card if isinstance(card, Card) else None


def _downloads(stage: Stage, provider: str, options: Mapping[str, Any]) -> bool:
    try:
        return registry.downloads(stage, provider, options)
    except ParleyError:
        raise
    except Exception as error:
        raise ParleyError(f"{type(error).__name__}: {error}") from error
