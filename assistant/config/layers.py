"""Layers of config: tables that know where each of their values came from, and how one lies over another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Place = tuple[str, ...]
"""The path of a key: ("llm", "options", "base_url")."""

STAGES: tuple[Literal["stt", "llm", "tts"], ...] = ("stt", "llm", "tts")

OF_A_PROVIDER = ("model", "voice", "options")
"""Keys of a stage or an instance that mean something to its provider alone."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from."""

    kind: Literal["default", "file", "profile", "environment", "flag"]
    name: str = ""
    """The profile, the variable or the flag."""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        match self.kind:
            case "default":
                return "default"
            case "file":
                return where
            case "profile":
                return f"profile {self.name}" + (f" ({where})" if self.file else "")
            case "environment" | "flag":
                return self.name

    @property
    def place(self) -> str:
        """As it stands at the front of an error message."""
        if self.file:
            return f"{self.file}, line {self.line}"
        return f"environment variable {self.name}" if self.kind == "environment" else str(self)


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of settings."""

    table: Mapping[str, Any]
    origin_of: Callable[[tuple[str | int, ...]], Origin]
    """Where a path of the table (an index at the end: an item of a list) came from."""

    def place(self, path: tuple[str | int, ...]) -> str:
        """Where ``path`` stands, for the front of an error message."""
        return self.origin_of(path).place


@dataclass(slots=True)
class Stack:
    """Layers laid over one another: the values, and by path the origin of each."""

    table: dict[str, Any] = field(default_factory=dict)
    origins: dict[Place, Origin] = field(default_factory=dict)

    def lay(self, layer: Layer) -> None:
        """Tables are merged key by key, everything else is replaced.

        Where the layer names another provider for a stage or an instance, the model, voice and options of the old one
        go: they mean nothing to the new one, and may hold the old one's key.
        """
        self._lay(self.table, layer.table, (), layer)

    def _lay(self, under: dict[str, Any], over: Mapping[str, Any], path: Place, layer: Layer) -> None:
        chosen = under.get("provider") if _has_provider(path) else None
        if chosen and over.get("provider", chosen) != chosen:
            for key in OF_A_PROVIDER:
                self._forget((*path, key))
                under.pop(key, None)
        for key, value in over.items():
            here = (*path, key)
            if isinstance(value, Mapping):
                if not isinstance(under.get(key), dict):
                    self._forget(here)
                    under[key] = {}
                self._lay(under[key], value, here, layer)
            else:
                self._forget(here)
                under[key] = list(value) if isinstance(value, list | tuple) else value
                self.origins[here] = layer.origin_of(here)

    def _forget(self, path: Place) -> None:
        for known in [p for p in self.origins if p[: len(path)] == path]:
            del self.origins[known]


def setting(path: Place) -> Place:
    """The path inside the config that a path inside [profiles.NAME] speaks of; any other path as it is."""
    return path[2:] if path[:1] == ("profiles",) else path


def _has_provider(path: Place) -> bool:
    path = setting(path)
    return (len(path) == 1 and path[0] in STAGES) or (len(path) == 2 and path[0] == "providers")
