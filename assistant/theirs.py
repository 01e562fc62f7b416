"""Code that somebody else wrote: whatever it raises is its failure, and ends no conversation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from assistant.errors import ParleyError, ProviderError


@contextmanager
def theirs(name: str) -> Iterator[None]:
    """Inside, a provider's code runs, and none of ours. Raises ProviderError or ParleyError, whatever that raised."""
    try:
        yield
    except (ParleyError, ProviderError):
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        raise ProviderError(f"{name} broke: {what}", provider=name) from error
