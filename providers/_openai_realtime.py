"""OpenAI's Realtime API, for whoever listens or speaks over it: where it is, and what its errors mean."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Mapping
from typing import Any

from assistant.ports import ProviderError
from providers import _remote
from providers._errors import from_body
from providers._openai_client import BASE_URL
from providers._ws import Server, address

WHO = "openai"
VARIABLE = "OPENAI_API_KEY"
RATE = 24_000
"""Hz of 16-bit PCM, in and out: the only rate that the API has for it."""
PCM = {"type": "audio/pcm", "rate": RATE}
_ACCOUNT = {"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"}
"""Told to OpenAI alone, as its SDK does."""


def server(chosen: _remote.Options, query: Mapping[str, Any]) -> Server:
    """``base_url`` is understood as the SDK does. Raises ProviderUnavailable (no key), ParleyError (no address)."""
    key = _remote.key(chosen, VARIABLE, WHO)
    headers = {"Authorization": f"Bearer {key}"}
    if not chosen.base_url:
        headers |= {name: os.environ[variable] for name, variable in _ACCOUNT.items() if os.environ.get(variable)}
    base = (chosen.base_url or BASE_URL).strip().rstrip("/")
    bare = not urllib.parse.urlsplit(base if "://" in base else f"//{base}").path
    url = address(base, "/v1/realtime" if bare else "/realtime", WHO, query)
    return Server(WHO, url, chosen.timeouts, headers, (key,))


def failure(error: object, secrets: tuple[str, ...]) -> ProviderError:
    """What an ``error`` event, or the ``error`` in another event, tells."""
    return from_body(error, WHO, secrets)
