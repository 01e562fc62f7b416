"""A provider's name -> the provider.

Built-ins and third parties come through the same door: entry points in the groups ``parley.stt``, ``parley.llm``,
``parley.tts``, ``parley.vad`` and ``parley.turn``, or ``"package.module:factory"`` in the config. An entry is a factory
that takes the options and returns an async context manager that yields the provider.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from assistant.errors import ParleyError, ProviderUnavailable
from providers._card import Card

Options = Mapping[str, Any]
Factory = Callable[[Options], AbstractAsyncContextManager[Any]]


def names(stage: str) -> list[str]:
    """The registered names of a stage ("stt", "llm", "tts", "vad", "turn"), sorted."""
    return sorted({entry.name for entry in _registered(stage)})


def find(stage: str, name: str) -> Factory:
    """The factory called ``name``. Imports its module, and nothing heavier.

    Raises ParleyError when there is no such name, ProviderUnavailable when its module cannot be imported.
    """
    entry = _entry(stage, name)
    try:
        return entry.load()  # type: ignore[no-any-return]
    except (ImportError, AttributeError) as error:
        raise ProviderUnavailable(f"the {stage} provider {name!r} cannot be loaded ({error})") from error


def downloads(stage: str, name: str, options: Options) -> bool:
    """Opening the provider begins with a download that may take minutes.

    Its module says so with a function ``would_download(options)`` beside the factory; without one it never does.
    Raises ParleyError for wrong options, or where there is no such provider.
    """
    try:
        module = importlib.import_module(_entry(stage, name).module)
    except ImportError:
        return False  # told when it is opened
    would_download = getattr(module, "would_download", None)
    return would_download is not None and bool(would_download(options))


def card(stage: str, name: str) -> Card | None:
    """What its module says of it (``CARDS``) without its being opened; None where it says nothing.

    Raises ParleyError when there is no such name, ProviderUnavailable when its module cannot be imported.
    """
    entry = _entry(stage, name)
    try:
        module = importlib.import_module(entry.module)
    except ImportError as error:
        raise ProviderUnavailable(f"the {stage} provider {name!r} cannot be loaded ({error})") from error
    cards: Mapping[str, Card] = getattr(module, "CARDS", {})
    return cards.get(stage)


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


def importable(module: str, *, provider: str, extra: str) -> Any:
    """Import a provider's own package, or raise ProviderUnavailable with the command that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise  # the package is there, and broken in itself: hide nothing
        package = module.split(".")[0]
        raise ProviderUnavailable(
            f"{provider} needs the Python package {package!r}; install it with: pip install 'parley-voice[{extra}]'"
        ) from error
