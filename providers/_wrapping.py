"""What a provider that wraps others is given beside its own options, and how it says that it is one.

Its module holds ``WRAPS``: for each stage those of its options that hold the name of another provider, or a list of
them: ``WRAPS: Wraps = {"tts": ("short", "long")}``. The factory then finds these options too, whatever the user wrote:

- ``open``: an `Open`, from such a name to the opened provider,
- ``on_failure``: to be told of a failed call that somebody else takes over. (Of a failure that the wrapper passes on
  by raising it, whoever asked the wrapper tells.)
- ``tell``: to be told of what the wrapper does besides, for recordings and figures: see `Tell`,
- ``phrases``, of a voice: texts that will surely be spoken, the likeliest first.

A wrapper that bounds the time of each provider that it asks says so with an attribute ``keeps_time = True``, so that
nobody gives up on all of them when the first has had its time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec

from assistant.ports import ParleyError, ProviderError, Stage
from providers._links import Lazy, OnFailure
from providers._options import Timeouts, read

Wraps = Mapping[Stage, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A provider that wraps nobody, about to be opened."""

    stage: Stage
    name: str
    """In the registry."""
    options: Mapping[str, Any] = field(repr=False)
    """Its factory's. Keys and passwords are among them."""
    called: str = ""
    """In the settings, without a model: the name of an instance perhaps."""


Around = Callable[[AbstractAsyncContextManager[Any], Leaf], AbstractAsyncContextManager[Any]]
"""Puts something around each provider that speaks, hears or thinks for itself, however deep it lies."""


Tell = Callable[[Stage, str, Mapping[str, object]], None]
"""The stage, what was done ("hedge": a second provider was started), and more of it, plain values only."""


class Open(Protocol):
    def __call__(self, name: str, around: Around | None = None) -> AbstractAsyncContextManager[Any]:
        """The provider called ``name`` in the settings (NAME, NAME:MODEL, an instance, package.module:factory).

        ``around`` is put around every leaf of it, instead of what the settings put there. Entering raises ParleyError
        for a name that nothing answers to or that leads round in a circle, and whatever the provider raises.
        """
        ...


class Wrapper(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of every wrapper: what a stage gives to any provider. The wrapped ones get it without the wrapper."""

    language: str = ""
    max_tokens: int = 0
    speed: float = 1.0
    timeouts: Timeouts = Timeouts()


@dataclass(frozen=True)
class Inner:
    """The way to what is wrapped."""

    open: Open
    on_failure: OnFailure
    tell: Tell
    phrases: Sequence[str] = ()

    def lazy(self, name: str) -> Lazy[Any]:
        return Lazy(name, partial(self.open, name))

    def passed_on(self, stage: Stage, provider: str, error: ProviderError, following: str | None) -> None:
        """An `OnFailure` for the wrapper's own chain. When nobody is left, the error is raised, and told by others."""
        if following is not None:
            self.on_failure(stage, provider, error, following)


W = TypeVar("W", bound=Wrapper)


def wrapper(kind: type[W], options: Mapping[str, Any], provider: str, needed: Sequence[str]) -> tuple[W, Inner]:
    """Check the options of the wrapper called ``provider``. ``needed``: those that must hold a name.

    Raises ParleyError.
    """
    own = {key: value for key, value in options.items() if key not in ("open", "on_failure", "tell", "phrases")}
    for key, example in (("model", "as NAME:MODEL"), ("voice", "in a named instance")):
        if own.pop(key, ""):
            raise ParleyError(f"{provider} has no {key} of its own; give it to the provider that it wraps, {example}")
    if missing := [key for key in needed if not own.get(key)]:
        raise ParleyError(f"{provider} wraps other providers: name them in its options {' and '.join(missing)}")
    settings = read(kind, own, provider)
    if "open" not in options:
        raise ParleyError(f"{provider} wraps other providers, and is given no way to open them")
    on_failure, tell = (options.get(key, _untold) for key in ("on_failure", "tell"))
    return settings, Inner(options["open"], on_failure, tell, options.get("phrases", ()))


def _untold(*_: object) -> None:
    """Nobody wants to know."""
