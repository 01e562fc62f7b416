"""PARLEY_<SECTION>_<KEY> variables -> a layer.

PARLEY_STT_PROVIDER=openai, PARLEY_TURN_SILENCE_MS=300, PARLEY_LLM_FALLBACK=openai,offline, PARLEY_PROFILE=local,
PARLEY_LLM_OPTIONS_BASE_URL=http://... An empty variable counts as unset. A variable that begins with a section's name
must name one of its keys; other PARLEY_ variables are left alone unless they look like a slip of the pen.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import inspect

from assistant.config.layers import Layer, Origin, Place
from assistant.config.schema import kinds, plain
from assistant.config.secrets import is_secret
from assistant.config.settings import Settings
from assistant.errors import ParleyError

CONFIG = "PARLEY_CONFIG"
"""Names the config file, as --config does."""


def environment(environ: Mapping[str, str]) -> Layer:
    """The layer of the environment. Raises ParleyError for a variable that names no setting."""
    known = {f"PARLEY_{'_'.join(path)}".upper(): (path, kind) for path, kind in _settings()}
    table: dict[str, Any] = {}
    names: dict[tuple[str | int, ...], str] = {}
    for name, text in sorted(environ.items()):
        if not name.startswith("PARLEY_") or not text or name == CONFIG:
            continue
        if name in known:
            path, kind = known[name]
            value = _value(text, plain(kind))
        elif (option := _option(name)) is not None:
            path, value = option, _option_value(text, option[-1])
        else:
            _refuse(name, list(known))
            continue
        at = table
        for part in path[:-1]:
            at = at.setdefault(part, {})
        at[path[-1]] = value
        names[path] = name
    return Layer(table, lambda path: Origin("environment", names.get(path) or names.get(path[:-1], "")))


def _settings() -> Iterator[tuple[Place, inspect.Type]]:
    for section, kind in kinds(Settings).items():
        if isinstance(kind, inspect.StructType):
            for key, inner in kinds(kind.cls).items():
                if key != "options":
                    yield (section, key), inner
        elif section == "profile":
            yield (section,), kind


def _option(name: str) -> Place | None:
    """PARLEY_LLM_OPTIONS_BASE_URL -> ("llm", "options", "base_url")."""
    for stage in ("stt", "llm", "tts"):
        prefix = f"PARLEY_{stage.upper()}_OPTIONS_"
        if name.startswith(prefix) and len(name) > len(prefix):
            return (stage, "options", name[len(prefix) :].lower())
    return None


def _value(text: str, kind: inspect.Type) -> Any:
    """The text as the kind asks; left as text where it cannot be, for `judge` to name."""
    word = text.strip().lower()
    try:
        match kind:
            case inspect.BoolType() if word in ("true", "1", "yes", "on"):
                return True
            case inspect.BoolType() if word in ("false", "0", "no", "off"):
                return False
            case inspect.IntType():
                return int(word)
            case inspect.FloatType():
                return float(word)
            case inspect.VarTupleType():
                return [item.strip() for item in text.split(",") if item.strip()]
    except ValueError:
        pass
    return text


def _option_value(text: str, key: str) -> Any:
    """Only the provider knows what kind an option is, so what reads as a TOML number, list, ... is taken as one."""
    if is_secret(key):
        return text
    try:
        value = tomllib.loads(f"value = {text}")
    except ValueError:
        return text
    single = list(value) == ["value"] and isinstance(value["value"], bool | int | float | str | list | dict)
    return value["value"] if single else text


def _refuse(name: str, known: list[str]) -> None:
    sections = [section for section, kind in kinds(Settings).items() if not isinstance(kind, inspect.StrType)]
    section = next((s for s in sections if name.startswith(f"PARLEY_{s.upper()}_")), "")
    if section in ("providers", "profiles"):
        raise ParleyError(f"environment variable {name}: [{section}] can only be written in a config file")
    import difflib  # only a mistake needs it

    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6 if section else 0.9)
    if not section and not close:
        return
    valid = [variable for variable in known if variable.startswith(f"PARLEY_{section.upper()}_")] if section else close
    hint = f"; did you mean {close[0]}?" if close else "."
    raise ParleyError(f"environment variable {name} sets nothing{hint} Valid: {', '.join(valid)}")
