"""What the recogniser listens for: the offline assistant's requests."""

from __future__ import annotations

import json

from providers.offline import grammar
from providers.offline.model import SKILLS


def message() -> bytes:
    """The grammar and its words, as the worker's process takes them."""
    jsgf = grammar.jsgf(SKILLS)
    return json.dumps({"jsgf": jsgf, "vocabulary": sorted(grammar.vocabulary(jsgf))}).encode()
