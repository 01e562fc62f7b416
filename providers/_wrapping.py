"""What a provider that wraps others is given beside its own options, and how it says that it is one.

Its module holds ``WRAPS``: for each stage those of its options that hold the name of another provider, or a list of
them: ``WRAPS: Wraps = {"tts": ("short", "long")}``. The factory then finds two more options, whatever the user wrote:

- ``open``: an `Open`, from such a name to the opened provider,
- ``on_failure``: to be told of a failed call that somebody else takes over. (Of a failure that the wrapper passes on
  by raising it, whoever asked the wrapper tells.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from assistant.ports import Stage

Wraps = Mapping[Stage, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A provider that wraps nobody, about to be opened."""

    stage: Stage
    name: str
    """In the registry."""
    options: Mapping[str, Any]
    """Its factory's. Keys and passwords are among them."""


Around = Callable[[AbstractAsyncContextManager[Any], Leaf], AbstractAsyncContextManager[Any]]
"""Puts something around each provider that speaks, hears or thinks for itself, however deep it lies."""


class Open(Protocol):
    def __call__(self, name: str, around: Around | None = None) -> AbstractAsyncContextManager[Any]:
        """The provider called ``name`` in the settings (NAME, NAME:MODEL, an instance, package.module:factory).

        ``around`` is put around every leaf of it, instead of what the settings put there. Entering raises ParleyError
        for a name that nothing answers to or that leads round in a circle, and whatever the provider raises.
        """
        ...
