"""What can be said of a provider without opening it: what it needs, what it can do, and which model it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assistant.ports import ChatAbilities, Stage, SynthesizerAbilities, TranscriberAbilities

Abilities = TranscriberAbilities | ChatAbilities | SynthesizerAbilities


@dataclass(frozen=True, slots=True)
class Card:
    """One stage of a provider. Its module holds them as ``CARDS: Cards``; importing it must be cheap."""

    abilities: Abilities
    """With the default model."""
    model: str = ""
    """Taken when none is chosen. Empty: there is only one, or the server decides."""
    key: str | None = None
    """The environment variable that holds the API key."""
    package: str | None = None
    """The Python package to import, where it needs one that does not come with Parley."""
    extra: str = ""
    """Which of Parley's extras installs that package."""
    address: str = ""
    """Where its server is, unless ``base_url`` says otherwise; empty for what runs in this process."""
    rates: tuple[int, ...] = ()
    """Hz of the sound it takes or gives over the wire, the usual one first."""
    voices: tuple[str, ...] = ()
    """Some that are known by name, the default first. `parley voices` asks the vendor for more where it can."""
    real: bool = True
    """False: never run by its authors with a real model or voice, which could not be had."""
    note: str = ""
    """One clause for `parley providers`."""
    megabytes: int = 0
    """What the default model weighs that is fetched at the first use; zero: nothing is fetched, or it is not known."""
    server: str = ""
    """For a provider that asks a server of the user's own (``base_url``): a command that starts one, for example."""
    other_keys: tuple[str, ...] = ()
    """Environment variables in which the key may be as well."""
    model_is_voice: bool = False
    """Its option ``model`` is another word for ``voice``, and wins where both are given."""


Cards = Mapping[Stage, Card]


@dataclass(frozen=True, slots=True)
class VoiceInfo:
    """One voice of a provider, for `parley voices`.

    A synthesizer's module may list them with ``async def voices(options) -> Sequence[VoiceInfo]``, which need not open
    the provider. It keeps to the options' timeouts and raises what the factory and ``speak`` raise: ParleyError for
    wrong options, ProviderUnavailable without a key or a package, ProviderError where the vendor cannot be asked.
    """

    id: str
    """What the option ``voice`` takes."""
    name: str = ""
    """For people, where it is another word."""
    language: str = ""
    """BCP 47; empty: several, or not told."""
    description: str = ""
    """A few words: gender, age, accent, manner."""
