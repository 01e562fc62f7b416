"""Files, profile, environment and flags -> the settings in force, and where each came from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from assistant.config.choose import check_names, check_nesting
from assistant.config.environment import CONFIG, environment
from assistant.config.layers import STAGES, Layer, Origin, Place, Stack
from assistant.config.locate import line_of, lines
from assistant.config.profiles import PROFILES
from assistant.config.schema import did_you_mean, dotted, judge
from assistant.config.secrets import in_environment, in_table, protect
from assistant.config.settings import Settings
from assistant.errors import ParleyError

LARGEST = 1 << 20
"""Bytes. A config is written by hand; a device or a recording given by mistake is not read to its end."""


@dataclass(frozen=True, slots=True)
class Loaded:
    settings: Settings
    origins: Mapping[str, Origin]
    """By dotted key, for every value: "llm.options.base_url"."""
    files: tuple[tuple[Path, bool], ...]
    """The files looked at, the later ones winning, and whether each is there."""


def load(
    *,
    config_file: Path | None,
    profile: str | None,
    environ: Mapping[str, str],
    flags: Mapping[str, Any],
    cwd: Path,
    user_file: Path | None = None,
) -> Loaded:
    """Read the config.

    Later wins: defaults, the user's file, ``parley.toml`` in ``cwd`` (or ``config_file`` in place of both), the
    profile, the environment, the flags.

    ``flags`` is a nested mapping as in TOML; a None in it is nothing. ``user_file`` is for tests. Keys found in the
    environment and in options are known to `secrets.scrub` from then on. Raises ParleyError: one sentence that names
    the file and line, the variable or the flag.
    """
    protect(in_environment(environ))
    files = [(file, _read(file)) for file in files_for(config_file, environ, cwd, user_file)]
    layers = [layer for _, layer in files if layer]
    if len(files) == 1 and not layers:
        raise ParleyError(f"there is no config file {files[0][0]}; check the path")
    layers += [environment(environ), _flags(flags, profile)]
    for layer in layers:
        protect(in_table(layer.table))
        judge(layer)

    stack = Stack()
    defaults = msgspec.to_builtins(Settings())
    stack.lay(Layer(defaults, lambda _: Origin("default")))
    for layer in layers[:-2]:
        stack.lay(layer)
    for layer in (*_profile(stack, layers[-2:]), *layers[-2:]):
        stack.lay(layer)

    everywhere = _instances(*stack.table["profiles"].values(), stack.table)
    for layer in layers:
        check_names(layer, everywhere)
    # What is in force may name only the instances in force, not those of another profile.
    in_force = {key: stack.table[key] for key in (*STAGES, "providers")}
    check_names(Layer(in_force, lambda path: _nearest(stack.origins, path)), _instances(stack.table))
    settings = msgspec.convert(stack.table, Settings)
    check_nesting(settings, lambda path: _nearest(stack.origins, path).place)
    _agree(settings, stack.origins)
    places = _leaves(msgspec.to_builtins(settings))
    origins = {dotted(path): stack.origins.get(path, Origin("default")) for path in places}
    return Loaded(settings, origins, tuple((path, layer is not None) for path, layer in files))


def files_for(
    config_file: Path | None, environ: Mapping[str, str], cwd: Path, user_file: Path | None = None
) -> list[Path]:
    """The files that are looked at: the given one alone (which must be there), or the user's and then the folder's."""
    if config_file is None and environ.get(CONFIG):
        config_file = Path(environ[CONFIG])
    if config_file is not None:
        return [cwd / config_file.expanduser()]
    if user_file is None:
        import platformdirs

        user_file = platformdirs.user_config_path("parley", appauthor=False) / "config.toml"
    return [user_file, cwd / "parley.toml"]


def _read(path: Path) -> Layer | None:
    """The layer of a file, None when there is no such file. Raises ParleyError when it is not readable TOML."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        text = data.decode("utf-8-sig")  # some editors put a byte order mark in front
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        raise ParleyError(f"{path} is a folder, not a config file; name a TOML file in it") from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ParleyError(f"cannot read the config file {path} ({why}); check its permissions") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ParleyError(f"{path}, line {line}: the config file is not UTF-8 text; save it as UTF-8") from None
    if len(data) > LARGEST:
        raise ParleyError(f"{path} is larger than 1 MiB; it is hardly a config file")
    try:
        table = tomllib.loads(text)
        found = lines(text)
    except (ValueError, RecursionError) as error:
        raise ParleyError(_not_toml(path, text, error)) from None
    return Layer(table, lambda at: Origin("file", file=str(path), line=line_of(found, at)))


def _not_toml(path: Path, text: str, error: Exception) -> str:
    what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    where = re.search(r" \(at line (\d+), column (\d+)\)$", what)
    if where:
        place = f"line {where[1]}, column {where[2]}"
    else:
        last = text.rstrip("\r\n").split("\n")
        place = f"line {len(last)}, column {len(last[-1]) + 1}"
    what = re.sub(r" \(at .*\)$", "", what)
    # tomllib names a table as Python writes a tuple.
    what = re.sub(r"\((?:'[^']*'(?:, |,)?)+\)", lambda m: _table(m[0]), what)
    return f"{path}, {place}: not valid TOML: {what[:1].lower()}{what[1:]}"


def _table(parts: str) -> str:
    return "[" + ".".join(re.findall(r"'([^']*)'", parts)) + "]"


def _flags(flags: Mapping[str, Any], profile: str | None) -> Layer:
    table = _given(flags)
    if profile is not None:
        table["profile"] = profile

    def origin(path: tuple[str | int, ...]) -> Origin:
        if path[0] == "profile":
            return Origin("flag", "--profile")
        stage_flag = path[0] in ("stt", "llm", "tts") and path[1:2] in (("provider",), ("model",))
        return Origin("flag", f"--{path[0]}" if stage_flag else "command line")

    return Layer(table, origin)


def _given(table: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _given(v) if isinstance(v, Mapping) else v for k, v in table.items() if v is not None}


def _profile(stack: Stack, over: list[Layer]) -> list[Layer]:
    """The layers of the chosen profile: the built-in one, then the user's own of that name."""
    chosen = Stack(dict(stack.table), dict(stack.origins))
    for layer in over:
        if "profile" in layer.table:
            chosen.lay(Layer({"profile": layer.table["profile"]}, layer.origin_of))
    name = chosen.table["profile"]
    own = stack.table["profiles"]
    if name == "auto":
        return []
    if name not in PROFILES and name not in own:
        known = ["auto", *PROFILES, *(own.keys() - PROFILES.keys())]
        hint = did_you_mean(name, known)
        raise ParleyError(
            f'{chosen.origins["profile",].place}: there is no profile "{name}"{hint or ";"} '
            f"{'Choose' if hint else 'choose'} one of: {', '.join(known)}, or write [profiles.NAME]"
        )

    layers = []
    if name in PROFILES:
        layers.append(Layer(PROFILES[name], lambda _: Origin("profile", name)))
    if name in own:
        written = dict(stack.origins)
        layers.append(
            Layer(own[name], lambda at: replace(_nearest(written, ("profiles", name, *at)), kind="profile", name=name))
        )
    return layers


def _nearest(origins: Mapping[Place, Origin], path: tuple[str | int, ...]) -> Origin:
    """Of a value, or of the list that holds it."""
    return origins.get(tuple(part for part in path if isinstance(part, str)), Origin("default"))


def _instances(*tables: Mapping[str, Any]) -> dict[str, str]:
    """The named instances in these tables, with the provider of each."""
    return {name: instance["provider"] for table in tables for name, instance in table.get("providers", {}).items()}


def _agree(settings: Settings, origins: Mapping[Place, Origin]) -> None:
    """What two values together must not be."""
    turn = settings.turn
    if turn.endpointing != "fixed" and turn.silence_ms > turn.max_silence_ms:
        least, most = origins["turn", "silence_ms"], origins["turn", "max_silence_ms"]
        to_blame = most if least.kind == "default" else least
        raise ParleyError(
            f"{to_blame.place}: turn.silence_ms = {turn.silence_ms} is more than turn.max_silence_ms = "
            f"{turn.max_silence_ms}; it must be at most that"
        )


def _leaves(table: Mapping[str, Any], path: Place = ()) -> list[Place]:
    found: list[Place] = []
    for key, value in table.items():
        found += _leaves(value, (*path, key)) if isinstance(value, Mapping) else [(*path, key)]
    return found
