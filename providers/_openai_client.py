"""The openai SDK's client, for OpenAI itself and for every server that speaks its protocol."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from providers import _http, _remote
from providers._load import quietly
from providers.registry import importable

BASE_URL = "https://api.openai.com/v1"


def connect(options: _remote.Options, *, provider: str, base_url: str, api_key: str) -> _http.Vendor:
    """An AsyncOpenAI client that never retries. Imports the SDK (0.4-0.6 s): call it in a worker thread.

    Without a key "none" is sent (the SDK insists on one, local servers take any). The environment's organisation and
    project are sent to nobody but OpenAI. Raises ProviderUnavailable when the package is missing.
    """
    sdk = importable("openai", provider=provider, extra="openai")
    with suppress(ImportError):
        # At every call the SDK looks for httpx among the loaded modules, and would take for whole what another thread
        # is just importing (google-genai and huggingface-hub do).
        importlib.import_module("httpx")
    return vendor(sdk, options, base_url, api_key, _http.client(options.timeouts))


def vendor(sdk: Any, options: _remote.Options, base_url: str, api_key: str, http: Any) -> _http.Vendor:
    headers: dict[str, Any] = {}
    if base_url != BASE_URL:
        headers |= {"OpenAI-Organization": sdk.Omit(), "OpenAI-Project": sdk.Omit()}
    client = sdk.AsyncOpenAI(
        api_key=api_key or "none", base_url=base_url, max_retries=0, http_client=http, default_headers=headers
    )
    return _http.Vendor(client, http, _http.faults(sdk.OpenAIError), options.timeouts, (api_key,))


@asynccontextmanager
async def opened(
    options: _remote.Options,
    *,
    provider: str,
    base_url: str,
    api_key: str,
    rehearsal: tuple[bytes, str],
    use: Callable[[_http.Vendor], AsyncIterator[object]],
) -> AsyncIterator[_http.Vendor]:
    """Load the SDK, walk ``use`` through the canned reply ``rehearsal`` (body, content type), and connect meanwhile.

    Raises ProviderUnavailable when the package is missing.
    """

    async def replay(http: Any) -> None:
        async for _ in use(vendor(importlib.import_module("openai"), options, base_url, api_key, http)):
            pass

    async with await quietly(lambda: connect(options, provider=provider, base_url=base_url, api_key=api_key)) as made:
        await _http.warmed(
            lambda: _http.rehearse(replay, *rehearsal),
            request=lambda: made.http.head(f"{base_url}/models"),  # without the key: it only has to connect
            faults=made.faults,
        )
        yield made
