"""What can go wrong, as types. Imported by everybody, so it imports nothing."""

from __future__ import annotations


class ParleyError(Exception):
    """Something the user can mend: ``str()`` is one clear sentence that says what to do."""

    exit_code = 2


class ProviderUnavailable(ParleyError):
    """A provider cannot be built: a package, key, model or server is missing. The sentence says how to get it."""


class ProviderError(Exception):
    """A call to a provider failed: refused, rejected, timed out, cut or malformed. One clause, without secrets."""

    def __init__(self, message: str, *, provider: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.provider = provider
        self.retry_after = retry_after
        """Seconds the provider asked to be left alone, where it said so."""


class FailedMidway(ProviderError):
    """A provider failed after part of its answer had been handed over, and there is another to go on with: call again
    with what is left to do. Raised by `providers.fallback` only; a plain ProviderError means that nobody is left."""
