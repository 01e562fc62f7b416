"""Judges a table that a user wrote against the structs of `settings.py`, before anything is merged.

Every layer is judged by itself, so that a mistake is named where it stands even when a later layer would hide it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from assistant.config.layers import Layer, Place, setting
from assistant.config.secrets import MASK, is_secret, looks_secret, redact
from assistant.config.settings import PLANNED_VALUES, Instance, Settings
from assistant.config.toml import value_text
from assistant.errors import ParleyError

Kinds = Mapping[str, inspect.Type]


def judge(layer: Layer) -> None:
    """Raise ParleyError for the first key or value of the layer that cannot be."""
    _table(layer.table, Settings, (), layer)


@cache
def kinds(struct: type[msgspec.Struct]) -> Kinds:
    """The keys of a struct's TOML table and what each may hold."""
    kind = inspect.type_info(struct)
    assert isinstance(kind, inspect.StructType)
    return {field.encode_name: field.type for field in kind.fields}


def plain(kind: inspect.Type) -> inspect.Type:
    """Without the description around it."""
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def did_you_mean(given: str, valid: Iterable[str]) -> str:
    """'; did you mean "x"?' or nothing."""
    import difflib

    # A little over difflib's own 0.6, at which "nope" is "openai".
    close = difflib.get_close_matches(given.lower(), list(valid), n=1, cutoff=0.61)
    return f'; did you mean "{close[0]}"?' if close else ""


def shown(value: Any, key: str) -> str:
    """A value for an error message: without secrets, and short."""
    if is_secret(key) or looks_secret(value):
        return MASK
    text = value_text(redact(value))
    return text if len(text) <= 60 else text[:57] + "..."


def dotted(path: Place) -> str:
    """A path as TOML writes it."""
    return ".".join(part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else value_text(part) for part in path)


def _table(table: Mapping[str, Any], struct: type[msgspec.Struct], path: Place, layer: Layer) -> None:
    known = kinds(struct)
    if struct is Settings and path:  # a profile's table
        known = {key: kind for key, kind in known.items() if key not in ("profile", "profiles")}
    for key, value in table.items():
        if key not in known:
            raise ParleyError(_unknown_key(key, value, list(known), path, layer))
        _value(value, known[key], (*path, key), layer)
    if struct is Instance and "provider" not in table:
        raise ParleyError(f'{layer.place(path)}: [{dotted(path)}] must say which provider it is: provider = "NAME"')


def _value(value: Any, kind: inspect.Type, path: Place, layer: Layer) -> None:
    inner = plain(kind)
    if isinstance(inner, inspect.StructType | inspect.DictType) and isinstance(value, Mapping):
        if isinstance(inner, inspect.StructType):
            _table(value, inner.cls, path, layer)
        elif path == ("profiles",) or setting(path) == ("providers",):
            for name, table in value.items():
                _named(name, table, path, layer)
        elif setting(path)[:2] == ("cost", "prices"):
            for name, table in value.items():
                _value(table, inner.value_type, (*path, name), layer)
    elif not _fits(value, inner):
        raise ParleyError(_bad_value(value, kind, path, layer))


def _named(name: str, table: Any, path: Place, layer: Layer) -> None:
    """[providers.NAME] or [profiles.NAME]."""
    here = (*path, name)
    if not isinstance(table, Mapping):
        raise ParleyError(
            f"{layer.place(here)}: {dotted(here)} = {shown(table, name)} is not valid; "
            f"it must be a table: [{path[-1]}.NAME]"
        )
    if not re.fullmatch(r"[\w-]+", name):
        raise ParleyError(
            f"{layer.place(here)}: [{dotted(here)}] has an impossible name; use letters, digits, - and _ only"
        )
    if path == ("profiles",) and name == "auto":
        raise ParleyError(f'{layer.place(here)}: "auto" means no profile; give [profiles.auto] another name')
    _table(table, Settings if path == ("profiles",) else Instance, here, layer)


def _fits(value: Any, kind: inspect.Type) -> bool:
    match kind:
        case inspect.LiteralType():
            return isinstance(value, str) and value in kind.values
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            return isinstance(value, int) and not isinstance(value, bool) and _in_range(value, kind)
        case inspect.FloatType():
            return isinstance(value, int | float) and not isinstance(value, bool) and _in_range(value, kind)
        case inspect.StrType():
            return isinstance(value, str) and (kind.pattern is None or re.search(kind.pattern, value) is not None)
        case inspect.VarTupleType():
            return isinstance(value, list | tuple) and all(isinstance(item, str) and item for item in value)
    return False


def _in_range(value: float, kind: inspect.IntType | inspect.FloatType) -> bool:
    return (
        (kind.ge is None or value >= kind.ge)
        and (kind.gt is None or value > kind.gt)
        and (kind.le is None or value <= kind.le)
    )


def _bad_value(value: Any, kind: inspect.Type, path: Place, layer: Layer) -> str:
    what = f"{layer.place(path)}: {dotted(path)} = {shown(value, path[-1])}"
    inner = plain(kind)
    if isinstance(inner, inspect.LiteralType):
        planned = PLANNED_VALUES.get(setting(path), ())
        choices = list(map(str, inner.values))
        if value in planned:
            return f"{what} is not available yet; choose {', '.join(choices[:-1])} or {choices[-1]}"
        hint = did_you_mean(value, choices) if isinstance(value, str) else ""
        return f"{what} is not valid{hint or ';'} {'Choose' if hint else 'choose'} one of: {', '.join(choices)}"
    return f"{what} is not valid; it must be {_wanted(kind)}"


def _wanted(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.Metadata):
        return str((kind.extra_json_schema or {})["description"])
    match kind:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType() | inspect.FloatType():
            what = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
            low = f"above {kind.gt:g} and at most" if kind.gt is not None else f"from {kind.ge:g} to"
            return f"{what} {low} {kind.le}"
        case inspect.StrType():
            return "text in quotes"
    return "a table"


def _unknown_key(key: str, value: Any, valid: list[str], path: Place, layer: Layer) -> str:
    here = (*path, key)
    what = f"table [{dotted(here)}]" if isinstance(value, Mapping) else f"key {dotted(here)} = {shown(value, key)}"
    hint = did_you_mean(key, valid)
    if not hint and "options" in valid:
        hint = f"; settings of the provider itself belong under [{dotted((*path, 'options'))}]."
    where = f"in [{dotted(path)}]" if path else "at the top"
    return f"{layer.place(here)}: unknown {what}{hint or '.'} Valid {where}: {', '.join(valid)}"
