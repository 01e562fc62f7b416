"""The voices that a server of OpenAI's older protocol lists, in the forms of speaches, Kokoro-FastAPI and others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from providers import _http, _remote
from providers._card import VoiceInfo
from providers._errors import answered
from providers._load import quietly
from providers.registry import importable

UNKNOWN = (404, 405, 501)
"""Statuses of a server that does not have the question."""


async def listed(options: _remote.Options, *, provider: str, base_url: str) -> list[VoiceInfo]:
    """What ``GET /audio/voices`` answers; nothing where the server does not have that. Raises ProviderUnavailable (no
    package), ProviderError."""
    await quietly(lambda: importable("httpx2", provider=provider, extra="openai"))
    http = await quietly(lambda: _http.client(options.timeouts))
    secrets = (options.api_key,) if options.api_key else ()
    headers = {"authorization": f"Bearer {options.api_key}"} if options.api_key else {}
    async with _http.Vendor(None, http, _http.faults(OSError), options.timeouts, secrets) as vendor:
        call = _http.Call(provider, vendor)
        answer = await call.step(lambda: http.get(f"{base_url}/audio/voices", headers=headers))
    if answer.status_code in UNKNOWN:
        return []
    try:
        body = json.loads(answer.content)
    except ValueError:
        body = None
    if answer.status_code >= 400:
        raise answered(answer.status_code, body, answer.headers, provider, secrets)
    voices = told(body)
    if voices is None:
        raise call.error("lists its voices in a form that cannot be read (malformed)")
    return voices


def told(body: object) -> list[VoiceInfo] | None:
    """A list of names or of objects, perhaps under "voices" or "data" -> the voices; None for anything else."""
    rows = body.get("voices", body.get("data")) if isinstance(body, dict) else body
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        return None
    found = {voice.id: voice for row in rows if (voice := _voice(row)) is not None}
    return list(found.values())


def _voice(row: object) -> VoiceInfo | None:
    if isinstance(row, str):
        return VoiceInfo(row) if row else None
    if not isinstance(row, Mapping):
        return None
    id, name = _text(row, "id", "voice_id", "name"), _text(row, "name", "label")
    about = ", ".join(filter(None, (_text(row, "gender"), _text(row, "description"))))
    return VoiceInfo(id, "" if name == id else name, _text(row, "language", "lang"), about) if id else None


def _text(row: Mapping[object, object], *keys: str) -> str:
    """The first of them that holds a text."""
    return next((value for key in keys if isinstance(value := row.get(key), str) and value), "")
