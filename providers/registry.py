"""A provider's name -> the provider.

Built-ins and third parties come through the same door: entry points in the groups ``parley.stt``, ``parley.llm``,
``parley.tts``, ``parley.vad``, ``parley.turn``, ``parley.spotter`` and ``parley.speaker``, or
``"package.module:factory"`` in the config. An entry is a factory that takes the options and returns an async context
manager that yields the provider.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

from assistant.errors import ParleyError, ProviderUnavailable
from providers._card import Card, VoiceInfo

Options = Mapping[str, Any]
Factory = Callable[[Options], AbstractAsyncContextManager[Any]]


def names(stage: str) -> list[str]:
    """The registered names of a stage ("stt", "llm", "tts", "vad", "turn", "spotter", "speaker"), sorted."""
    return sorted({entry.name for entry in _registered(stage)})


def find(stage: str, name: str) -> Factory:
    """The factory called ``name``. Imports its module, and nothing heavier.

    Raises ParleyError when there is no such name, ProviderUnavailable when its module cannot be imported.
    """
    entry = _entry(stage, name)
    _module(stage, entry)
    try:
        return entry.load()  # type: ignore[no-any-return]
    except AttributeError as error:
        raise ProviderUnavailable(f"the {stage} provider {name!r} cannot be loaded ({error})") from error


def downloads(stage: str, name: str, options: Options) -> bool:
    """Opening the provider begins with a download that may take minutes.

    Its module says so with a function ``would_download(options)`` beside the factory; without one it never does.
    Raises ParleyError for wrong options, or where there is no such provider.
    """
    try:
        module = _module(stage, _entry(stage, name))
    except ProviderUnavailable:
        return False  # told when it is opened
    would_download = getattr(module, "would_download", None)
    return would_download is not None and bool(would_download(options))


def card(stage: str, name: str) -> Card | None:
    """What its module says of it (``CARDS``) without its being opened; None where it says nothing.

    Raises ParleyError when there is no such name, ProviderUnavailable when its module cannot be imported.
    """
    cards: Mapping[str, Card] = getattr(_module(stage, _entry(stage, name)), "CARDS", {})
    return cards.get(stage)


async def voices(name: str, options: Options) -> Sequence[VoiceInfo] | None:
    """The voices of the speech synthesizer called ``name``, from its module's function ``voices(options)``; None where
    it has none.

    Raises ParleyError for wrong options, or where there is no such provider; ProviderUnavailable without its module, a
    key or a package; ProviderError where its vendor cannot be asked.
    """
    module = _module("tts", _entry("tts", name))
    listing: Callable[[Options], Awaitable[Sequence[VoiceInfo]]] | None = getattr(module, "voices", None)
    return None if listing is None else await listing(options)


def wraps(stage: str, name: str) -> tuple[str, ...]:
    """Which of its options hold the names of other providers (see `providers._wrapping`); none where it is no wrapper,
    or cannot be had: that is told when it is opened."""
    try:
        module = _module(stage, _entry(stage, name))
    except ParleyError:
        return ()
    held: Mapping[str, Sequence[str]] = getattr(module, "WRAPS", {})
    return tuple(held.get(stage, ()))


def package_of(stage: str, name: str) -> str:
    """The installed package that registered it; empty for a ``package.module:factory``."""
    distribution = _entry(stage, name).dist
    return distribution.name if distribution is not None else ""


def version(stage: str, name: str) -> str:
    """The distribution that brings it, and its version; empty for one that is named by its module."""
    dist = getattr(_entry(stage, name), "dist", None)
    return f"{dist.name} {dist.version}" if dist is not None else ""


@cache
def _registered(stage: str) -> tuple[EntryPoint, ...]:
    """Reading them takes some milliseconds, and they do not change while a program runs."""
    return tuple(entry_points(group=f"parley.{stage}"))


def _entry(stage: str, name: str) -> EntryPoint:
    if ":" in name:
        return EntryPoint(name, name, f"parley.{stage}")
    for entry in _registered(stage):
        if entry.name == name:
            return entry
    known = ", ".join(names(stage))
    raise ParleyError(
        f"there is no {stage} provider called {name!r}; choose one of: {known}, or give package.module:factory"
    )


def _module(stage: str, entry: EntryPoint) -> ModuleType:
    """A provider's own module. Raises ProviderUnavailable, whatever is wrong in it: somebody else wrote it."""
    try:
        return importlib.import_module(entry.module)
    except ImportError as error:
        raise ProviderUnavailable(f"the {stage} provider {entry.name!r} cannot be loaded ({error})") from error
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise ProviderUnavailable(f"the {stage} provider {entry.name!r} cannot be loaded ({what})") from error


def importable(module: str, *, provider: str, extra: str, package: str = "") -> Any:
    """Import a provider's own package, or raise ProviderUnavailable with the command that installs it.

    ``package``: what it is called, where that is not the beginning of the module's name.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise  # the package is there, and broken in itself: hide nothing
        package = package or module.split(".")[0]
        raise ProviderUnavailable(
            f"{provider} needs the Python package {package!r}; install it with: pip install 'parley-voice[{extra}]'"
        ) from error
