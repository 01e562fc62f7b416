"""Changing a few values in a config file that somebody wrote by hand: comments, order and layout stay as they are."""

from __future__ import annotations

import os
import re
import tempfile
import tomllib
from codecs import BOM_UTF8
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from assistant.config.toml import value_text
from assistant.errors import ParleyError


def read_table(path: Path, section: str) -> dict[str, Any]:
    """What stands in [section] of the file; nothing where there is no file. Raises ParleyError."""
    text, _ = _read(path)
    try:
        table = tomllib.loads(text).get(section, {})
    except ValueError as error:
        raise ParleyError(f"{path} is not valid TOML: {error}") from None
    return table if isinstance(table, dict) else {}


def change(path: Path, section: str, values: Mapping[str, Any]) -> None:
    """Set ``values`` in the table [section] of the file, which need not exist; one that is None is taken out.

    Blocks. The file is replaced in one step, keeps its permissions, and stays what it was when anything fails; a link
    stays a link. Raises ParleyError where it cannot be read, changed or written.
    """
    text, mark = _read(path)
    lines = text.count("\n")
    windows = lines > 0 and text.count("\r\n") == lines
    after = changed(text.replace("\r\n", "\n") if windows else text, section, values)
    if after is None:
        wanted = " and ".join(f"{key} = {value_text(value)}" for key, value in values.items() if value is not None)
        raise ParleyError(
            f"{path} cannot be changed safely as it is written; write {wanted} under [{section}] yourself"
        )
    try:
        _replace(path, mark + (after.replace("\n", "\r\n") if windows else after).encode())
    except OSError as error:
        raise ParleyError(f"cannot write the config file {path} ({error.strerror})") from None


def _read(path: Path) -> tuple[str, bytes]:
    """The text, and the byte order mark before it."""
    try:
        data = path.read_bytes()
        mark = BOM_UTF8 if data.startswith(BOM_UTF8) else b""
        return data.removeprefix(mark).decode(), mark
    except (FileNotFoundError, NotADirectoryError):
        return "", b""
    except OSError as error:
        raise ParleyError(f"cannot read the config file {path} ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ParleyError(f"the config file {path} is not UTF-8 text; save it as UTF-8") from None


def changed(text: str, section: str, values: Mapping[str, Any]) -> str | None:
    """A valid TOML text with these values in [section]; one that is None is taken out. None where nothing would do."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    wanted = tomllib.loads(text)
    table = wanted.setdefault(section, {})
    there = {key for key in values if key in table}
    table.update({key: value for key, value in values.items() if value is not None})
    for key in [key for key, value in values.items() if value is None]:
        table.pop(key, None)
    new = {key: value for key, value in values.items() if key not in there and value is not None}
    for write in (_under_header, _by_tomlkit):  # the second puts new lines behind comments that belong to what follows
        try:
            document = tomlkit.parse(text)
            for key in there:
                if values[key] is None:
                    del document[section][key]
                else:
                    document[section][key] = values[key]
            after = write(tomlkit.dumps(document), section, new)
            if tomllib.loads(after) == wanted:
                return after
        except (TOMLKitError, ValueError, KeyError, TypeError):
            continue
    return None


def _by_tomlkit(text: str, section: str, values: Mapping[str, Any]) -> str:
    import tomlkit

    document = tomlkit.parse(text)
    for key, value in values.items():
        document[section][key] = value
    return tomlkit.dumps(document)


def _under_header(text: str, section: str, values: Mapping[str, Any]) -> str:
    """With new lines under the header [section], which comes at the end where there is none."""
    new = "".join(f"{key} = {value_text(value)}\n" for key, value in values.items())
    if not new:
        return text
    header = re.search(rf"^[ \t]*\[[ \t]*{section}[ \t]*\][ \t]*(#[^\n]*)?$", text, re.MULTILINE)
    if header is not None:
        at = header.end() + 1
        return f"{text[:at]}{new}{text[at:]}" if at <= len(text) else f"{text}\n{new}"
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}[{section}]\n{new}"


def _replace(path: Path, data: bytes) -> None:
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # for its owner alone
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            os.chmod(name, target.stat().st_mode & 0o7777)
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
