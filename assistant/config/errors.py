"""Raising ParleyError without paying for it beforehand: `assistant.ports` imports numpy, 60-100 ms that reading a
config does not need."""

from __future__ import annotations


def config_error(message: str) -> Exception:
    """A ParleyError with this sentence."""
    from assistant.ports import ParleyError

    return ParleyError(message)
