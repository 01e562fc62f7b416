"""Keys stay out of everything that is shown, logged or recorded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from assistant.config.settings import Settings
from assistant.config.toml import to_toml

MASK = "***"

_SECRET_KEY = re.compile(
    r"(^|_)(apikeys?|keys?|token|secrets?|password|passwd|passphrase|authorization|auth|bearer|credentials?|cookie)$"
)
_SECRET_VARIABLE = re.compile(r"_(API_KEY|TOKEN|SECRET|PASSWORD)$")
_USERINFO = re.compile(r"(?<=://)[^/?#\s]+@")
_QUERY = re.compile(r"(?<==)[^&#\s]+")
_WEB = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
# Long, without spaces or slashes, letters and digits mixed: shown nowhere, even under a key that looks harmless.
_LOOKS_SECRET = re.compile(r"(?=[^\s/\\]{20,}\Z)(?=.*\d)(?=.*[A-Za-z])|(sk|pk|xi|gsk|key)[-_]\S{8,}")

_known: set[str] = set()
_pattern: re.Pattern[str] | None = None


def is_secret(key: str) -> bool:
    """Whether a value under this key (of options, headers, a query) must not be shown."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower().replace("-", "_")
    return bool(_SECRET_KEY.search(snake))


def looks_secret(value: object) -> bool:
    """Whether a value reads like a key, wherever it stands."""
    return isinstance(value, str) and bool(_LOOKS_SECRET.match(value))


def redact(value: Any, key: str = "", mask: str | None = MASK) -> Any:
    """A copy of a value (nested mappings and lists too) without secrets.

    Values under secret keys become ``mask``; with ``mask=None`` they are left out of their table. A URL loses its user
    and password and the values of its query.
    """
    match value:
        case Mapping():
            kept = ((k, v) for k, v in value.items() if mask is not None or not (is_secret(k) and v))
            return {k: (mask if is_secret(k) and v else redact(v, k, mask)) for k, v in kept}
        case list() | tuple():
            return [redact(item, key, mask) for item in value]
        case str():
            return scrub(_WEB.sub(lambda found: _bare_url(found.group(), mask), value))
    return value


def redacted(settings: Settings) -> dict[str, Any]:
    """The settings as a plain nested dict, secrets replaced by ``***``."""
    plain: dict[str, Any] = redact(msgspec.to_builtins(settings))
    return plain


def recordable(settings: Settings) -> str:
    """TOML for a recording's config.toml: what was in force, without secrets; it loads to the same settings.

    The profile is already in the values, so the file names it in a comment only: applied again, it would override what
    the environment and the flags had said.
    """
    plain = redact(msgspec.to_builtins(settings), mask=None) | {"profile": "auto"}
    del plain["profiles"]
    if not plain["providers"]:
        del plain["providers"]
    return f"# profile {settings.profile}, in force below; secrets are left out\n{to_toml(plain)}"


def protect(values: Iterable[str]) -> None:
    """Have `scrub` take these out of any text, for as long as the process lives."""
    global _pattern
    new = {form for value in values if len(value) >= 6 for form in (value, quote(value, safe=""))}
    if new <= _known:
        return
    _known.update(new)
    _pattern = re.compile("|".join(map(re.escape, sorted(_known, key=len, reverse=True))))


def scrub(text: str) -> str:
    """The text without any secret that is known to this process: of the environment, of the options loaded."""
    return _pattern.sub(MASK, text) if _pattern else text


def in_environment(environ: Mapping[str, str]) -> Iterator[str]:
    """The values of variables whose names say that they hold a key."""
    for name, value in environ.items():
        # Short values of a plain ..._KEY are too often ordinary words.
        if _SECRET_VARIABLE.search(name) or (name.endswith("_KEY") and len(value) >= 12):
            yield value


def in_table(value: Any, key: str = "") -> Iterator[str]:
    """The secret values anywhere inside a config table."""
    match value:
        case Mapping():
            for k, v in value.items():
                yield from in_table(v, key if is_secret(key) else k)
        case list() | tuple():
            for item in value:
                yield from in_table(item, key)
        case str() if is_secret(key):
            yield value
            yield from value.split()[1:]  # "Bearer abc" holds abc
        case str():
            for url in _WEB.findall(value):
                for user in _USERINFO.findall(url):
                    yield unquote(user[:-1].rpartition(":")[2])
                for name, _, given in (pair.partition("=") for pair in url.partition("?")[2].split("&")):
                    if is_secret(name):
                        yield unquote(given)


def _bare_url(url: str, mask: str | None) -> str:
    url = _USERINFO.sub(f"{mask}@" if mask else "", url)
    base, mark, query = url.partition("?")
    if mask is None:
        return base
    return base + mark + (_QUERY.sub(mask, query) if "=" in query else query and mask)
