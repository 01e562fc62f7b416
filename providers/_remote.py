"""What every provider that asks a server has: a model, a key, an address, and so long to close."""

from __future__ import annotations

import os

import msgspec

from assistant.ports import ProviderUnavailable
from providers._options import Timeouts

CLOSING = 0.1
"""Seconds that closing a call may take; then its socket is shut down under it."""
WARMING = 1.0
"""Seconds that opening waits at most for a warm connection."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options that all of them take."""

    model: str = ""
    api_key: str = ""
    base_url: str = ""
    timeouts: Timeouts = Timeouts()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={self.model!r})"  # the rest may hold secrets


def key(options: Options, variable: str, provider: str, *others: str) -> str:
    """The API key: from the options, else from the environment: ``variable``, or one of the ``others``.

    Raises ProviderUnavailable without one.
    """
    found = options.api_key or next(filter(None, (os.environ.get(name, "") for name in (variable, *others))), "")
    if not found.strip():
        raise ProviderUnavailable(
            f"{provider} needs an API key: set {variable} in the environment, or api_key in its options in parley.toml"
        )
    if not found.strip().isascii() or any(letter.isspace() for letter in found.strip()):
        raise ProviderUnavailable(f"{provider}'s API key holds characters that no key has: check {variable} or api_key")
    return found.strip()
