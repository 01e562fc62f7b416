"""Was that a request at all? A grammar-bound recogniser hears a request in everything; this tells which to believe."""

from __future__ import annotations

from providers._sphinx_decoder import Found

LEAST = -6.3
"""Mean score a frame below which the words are not believed."""


def believed(found: Found) -> bool:
    frames = sum(word.last - word.first + 1 for word in found.words)
    return frames > 0 and sum(word.score for word in found.words) / frames >= LEAST
