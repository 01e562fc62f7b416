"""Code that somebody else wrote: whatever it raises is its failure, and ends no conversation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

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


@contextmanager
def answering(name: str, seconds: float) -> Iterator[None]:
    """The same around a question, which is given up after ``seconds``: that is a ProviderError too."""
    with theirs(name), anyio.move_on_after(seconds) as limit:
        yield
    if limit.cancelled_caught:
        raise ProviderError(f"{name} did not answer within {seconds:g} s", provider=name)
