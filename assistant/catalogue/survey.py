"""What can be said of every provider without opening it: is it ready, what does it lack, and what gets that.

`survey` is pure: `Facts` are what an edge (`parley providers`) has found out about this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from assistant.columns import Remark
from assistant.config import Settings, options_for, parse_choice
from assistant.config.choose import OF_WRAPPERS
from assistant.ports import ChatAbilities, ParleyError, Stage, SynthesizerAbilities, TranscriberAbilities
from providers._card import Card
from providers._prices import Price

STAGES: Mapping[Stage, str] = {"stt": "Speech to text", "llm": "Language models", "tts": "Text to speech"}

Kind = Literal["module", "options", "package", "key", "model", "server", "parts"]


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that a provider needs and has not."""

    kind: Kind
    what: str
    """What goes with "it needs"; of a module and of options what is wrong with them."""
    command: str = ""
    """What to type to get it; empty: ``what`` says it all."""

    @property
    def remark(self) -> Remark:
        """For people."""
        said = {"module": "cannot be loaded: ", "options": ""}.get(self.kind, "needs ")
        return Remark(f"{said}{self.what}", self.command)


@dataclass(frozen=True, slots=True)
class Server:
    """A model server that answered at one of the usual ports of this machine."""

    base_url: str
    kind: str
    model: str


@dataclass(frozen=True)
class Facts:
    """What this machine, this environment and the providers' modules say."""

    names: Mapping[Stage, Sequence[str]]
    """The registered providers."""
    cards: Mapping[tuple[Stage, str], Card | None | str]
    """By stage and registered name: None where the module says nothing; a clause where it cannot be loaded."""
    mended_by: Mapping[tuple[Stage, str], str]
    """Of those that cannot be loaded: the command that installs them again."""
    wraps: Mapping[tuple[Stage, str], Sequence[str]]
    """Of those that wrap others: which of their options hold the names of these."""
    installed: Callable[[str], bool]
    """Is that Python package here?"""
    environ: Mapping[str, str]
    downloads: Callable[[Stage, str, Mapping[str, Any]], bool]
    """Would its model have to be fetched first? May raise ParleyError for options that are wrong."""
    price: Callable[[Stage, str, Mapping[str, Any], str], Price]
    """Of a registered provider with these options, and what the config calls it."""
    retiring: Callable[[str, str, str], str]
    """A sentence where the provider's model (at that base URL) is about to be shut down; empty: it is not."""
    fetching_forbidden: bool = False
    listings: Mapping[str, Sequence[str] | None] = field(default_factory=dict)
    """By base URL: the models that the server there lists, None where none answered. Those not asked are not in it."""
    servers: Sequence[Server] = ()


@dataclass(frozen=True)
class Row:
    """One provider at one stage, or a named instance of one."""

    stage: Stage
    name: str
    provider: str
    """As it is registered, or ``package.module:factory``; differs from ``name`` for an instance."""
    card: Card | None
    place: int | None
    """In the stage's chain as configured, or as chosen where the config leaves it open: 1 is asked first."""
    model: str
    """In force; empty: there is only one, or the server decides."""
    base_url: str
    """Of the config; empty: the card's own."""
    wraps: bool
    """It is made of other providers."""
    parts: Mapping[str, tuple[str, ...]]
    """Of one that is: by option, their names."""
    price: Price | None
    """None: nobody can say, or each of the others has its own."""
    lacks: tuple[Lack, ...]
    notes: tuple[Remark, ...]

    @property
    def ready(self) -> bool | None:
        """None: nobody knows, for it says nothing of itself."""
        if self.lacks:
            return False
        return None if self.card is None and not self.wraps else True


def survey(settings: Settings, chains: Mapping[Stage, Sequence[str]], facts: Facts) -> list[Row]:
    """The rows of every stage in ``chains``, whose values are the providers in the order in which they are asked.

    Within a stage the chain comes first, then what is ready, what says nothing of itself, and the rest, by name.
    """
    rows = []
    for stage, chain in chains.items():
        look = _Look(settings, stage, chain, facts)
        rows += sorted((look.row(name) for name in look.names()), key=_rank)
    return rows


def _rank(row: Row) -> tuple[int, int, str]:
    order = {True: 1, None: 2, False: 3}[row.ready]
    return (0, row.place, "") if row.place is not None else (order, 0, row.name)


def addresses(
    settings: Settings, chains: Mapping[Stage, Sequence[str]], names: Mapping[Stage, Sequence[str]]
) -> set[str]:
    """The base URLs that the config gives to any provider; wrong ones are left out, for `survey` tells them."""
    found = set()
    for stage, chain in chains.items():
        for name in {*names[stage], *settings.providers, *(parse_choice(each)[0] for each in chain)}:
            base_url = options_for(settings, stage, name)[1].get("base_url")
            if isinstance(base_url, str):
                try:
                    found.add(full_address(base_url))
                except ParleyError:
                    continue
    return found


def full_address(base_url: str) -> str:
    """A base URL as it will be used. Raises ParleyError for what is none."""
    from providers._http import address

    return address(base_url, "base_url")


def can(abilities: TranscriberAbilities | ChatAbilities | SynthesizerAbilities) -> str:
    """Declared abilities in a few words; empty where none is declared."""
    words = []
    for ability in fields(abilities):
        value = getattr(abilities, ability.name)
        if ability.name == "languages":
            words += [languages(value)] if value else []
        elif value is True:
            words.append(_WORDS.get(ability.name, ability.name.replace("_", " ")))
    return ", ".join(words)


_WORDS = {
    "end_of_turn": "own end of turn",
    "streams_text": "streamed text",
    "adjusts_speed": "speed while it speaks",
    "generative": "checked for inventions",
}


def keys(card: Card) -> list[str]:
    """The environment variables in which its key may be."""
    return [*([card.key] if card.key else []), *card.other_keys]


def languages(codes: Sequence[str]) -> str:
    return " ".join(codes) if len(codes) <= 4 else f"{len(codes)} languages"


# --- one stage --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Look:
    """At one stage."""

    settings: Settings
    stage: Stage
    chain: Sequence[str]
    facts: Facts

    def names(self) -> list[str]:
        """Registered ones, instances of those, and whatever else the chain holds."""
        registered = self.facts.names[self.stage]
        instances = [name for name, instance in self.settings.providers.items() if instance.provider in registered]
        asked = [parse_choice(name)[0] for name in self.chain]
        return list(dict.fromkeys([*registered, *instances, *asked]))

    def row(self, name: str, above: tuple[str, ...] = ()) -> Row:
        """``above``: the wrappers that led here."""
        known = parse_choice(name)[0]
        place = next((at for at, asked in enumerate(self.chain, 1) if parse_choice(asked)[0] == known), None)
        provider, options = options_for(self.settings, self.stage, self.chain[place - 1] if place else name)
        card = self.facts.cards.get((self.stage, provider))
        one = _One(self, known, provider, options, None if isinstance(card, str) else card)
        parts = {key: held for key in one.wraps if (held := _names_in(options.get(key)))}
        fetches, lacks = one.fetches(), list(one.lacks(card if isinstance(card, str) else ""))
        if not lacks:
            inner = (each for held in parts.values() for each in held if parse_choice(each)[0] not in (*above, known))
            lacks = [
                replace(lack, what=f"{lack.what} (for {each})")
                for each in dict.fromkeys(inner)
                for lack in self.row(each, (*above, known)).lacks
            ]
        priced = one.card is not None and not one.wraps
        return Row(
            stage=self.stage,
            name=known,
            provider=provider,
            card=one.card,
            place=place,
            model=one.model,
            base_url=one.base_url,
            wraps=bool(one.wraps),
            parts=parts,
            price=self.facts.price(self.stage, provider, options, known) if priced else None,
            lacks=tuple(lacks),
            notes=tuple(one.notes(parts, fetches is True, lacks)),
        )


@dataclass(frozen=True)
class _One:
    """One provider of the stage that is looked at."""

    look: _Look
    name: str
    provider: str
    options: Mapping[str, Any] = field(repr=False)
    card: Card | None

    @property
    def base_url(self) -> str:
        given = self.options.get("base_url")
        return given if isinstance(given, str) else ""

    @property
    def model(self) -> str:
        card = self.card
        chosen = self.options.get("model") or (card is not None and card.model_is_voice and self.options.get("voice"))
        return str(chosen or (card.model if card is not None else ""))

    @property
    def wraps(self) -> Sequence[str]:
        return self.look.facts.wraps.get((self.look.stage, self.provider), ())

    def fetches(self) -> bool | Lack:
        """Its model is fetched at the first use; or what is wrong with its options."""
        try:
            return self.look.facts.downloads(self.look.stage, self.provider, self.options)
        except ParleyError as error:
            return Lack("options", str(error))

    def lacks(self, broken: str) -> Iterator[Lack]:
        """``broken``: why its module cannot be loaded."""
        facts = self.look.facts
        if broken:
            yield Lack("module", broken, facts.mended_by.get((self.look.stage, self.provider), ""))
            return
        if self.wraps and not any(self.options.get(part) for part in self.wraps):
            where = f"{' and '.join(f'`{part}`' for part in self.wraps)} under {self._table(*self.wraps)}"
            yield Lack("parts", f"the names of those that it is made of: {where}")
        card = self.card
        if card is not None and card.package and not facts.installed(card.package):
            wanted = f"'parley-voice[{card.extra}]'" if card.extra else card.package
            yield Lack("package", f"the Python package {card.package}", f"pip install {wanted}")
        if card is not None and card.key:
            kept = [str(self.options.get("api_key") or ""), *(facts.environ.get(key, "") for key in keys(card))]
            if not any(key.strip() for key in kept):
                yield Lack("key", f"an API key in {' or '.join(keys(card))}", f"export {card.key}=...")
        yield from self._lacking_server()
        match self.fetches():
            case Lack() as wrong:
                yield wrong
            case True if facts.fetching_forbidden:
                yield Lack("model", "its model, which HF_HUB_OFFLINE forbids to fetch", "unset HF_HUB_OFFLINE")

    def _lacking_server(self) -> Iterator[Lack]:
        facts, starts = self.look.facts, self.card.server if self.card is not None else ""
        if not self.base_url:
            found = next(iter(facts.servers), None) if self.look.stage == "llm" else None
            if starts and found is not None:
                written = f'write base_url = "{found.base_url}" under {self._table()}'
                yield Lack("server", f"an address; {found.kind} answers with {found.model}: {written}")
            elif starts:
                yield Lack("server", f"a server, and its address as base_url under {self._table()}; start one", starts)
            return
        try:
            address = full_address(self.base_url)
        except ParleyError as error:
            yield Lack("options", str(error))
            return
        if facts.listings.get(address, ()) is None:
            yield Lack("server", f"an answer from {address}, where nobody listens", starts)

    def notes(self, parts: Mapping[str, Sequence[str]], fetches: bool, lacks: Sequence[Lack]) -> Iterator[Remark]:
        kinds, card = {lack.kind for lack in lacks}, self.card
        if self.name != self.provider:
            yield Remark(f"is {self.provider}")
        if told := self.look.facts.retiring(self.provider, self.model, self.base_url):
            yield Remark(told)
        if parts:
            yield Remark("; ".join(f"{key}: {', '.join(held)}" for key, held in parts.items()))
        if fetches and not kinds & {"model", "package"}:
            yield Remark(f"its model is fetched at the first use{self._weight()}; now", self._fetch())
        if card is not None and card.note:
            yield Remark(card.note)
        if card is not None and not card.real:
            yield Remark("never run here with a real model")
        if card is None and not self.wraps and "module" not in kinds:
            yield Remark("says nothing of itself")

    def _table(self, *keys: str) -> str:
        """Where such options are to be written."""
        if self.name in self.look.settings.providers:
            return f"[providers.{self.name}.options]"
        of_stage = bool(keys) and set(keys) <= set(OF_WRAPPERS[self.look.stage])
        return f"[{self.look.stage}]" if of_stage else f"[{self.look.stage}.options]"

    def _weight(self) -> str:
        """Of the default model, which alone is known."""
        card = self.card
        if card is None or not card.megabytes:
            return ""
        return f" (about {card.megabytes} MB)" if self.model == card.model else ""

    def _fetch(self) -> str:
        if self.look.stage == "stt":
            return f"parley listen --stt {self.name}"
        return f"parley say Hello --tts {self.name}"


def _names_in(value: object) -> tuple[str, ...]:
    held = value if isinstance(value, list | tuple) else [value]
    return tuple(name for name in held if isinstance(name, str) and name)
