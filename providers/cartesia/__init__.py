"""Cartesia: Ink listens, by turns of its own or by Parley's ear; Sonic speaks, with the times of its words.

API as of 2026-11 (cartesia 4.2).
"""

from __future__ import annotations

import urllib.parse
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from assistant.ports import ProviderError
from providers._account import Account
from providers._card import Card, Cards, VoiceInfo
from providers._get import get
from providers._lines import Lines
from providers._live import LiveTranscriber
from providers._voicing import LiveVoice
from providers.cartesia import manual, sonic, turns
from providers.registry import Options

_WHO = "cartesia"
_ACCOUNT = Account(
    _WHO,
    "CARTESIA_API_KEY",
    "wss://api.cartesia.ai",
    lambda key: {"Authorization": f"Bearer {key}", "Cartesia-Version": "2026-08-14"},
)
_IDLE = 15.0
"""Seconds for which an idle connection is kept for the next utterance: Cartesia hangs up on one without sound after
20 s, and silence would be billed."""
_PAGE = 100
_PAGES = 20


@asynccontextmanager
async def transcriber(options: Options) -> AsyncIterator[LiveTranscriber]:
    """Open speech recognition. Raises ProviderUnavailable (no key), ParleyError (bad option)."""
    chosen = turns.read_options(options, _WHO)
    if chosen.turns and chosen.model.startswith(turns.MODEL):
        server = _ACCOUNT.server(chosen, turns.PATH, turns.query(chosen))
        async with Lines(server, farewell=turns.FAREWELL, idle=_IDLE).open() as lines:
            yield LiveTranscriber(
                lines, turns.dialect(_WHO, server.secrets), abilities=turns.ABILITIES, chunk=turns.CHUNK,
                patience=chosen.force_after,
            )  # fmt: skip
        return
    server = _ACCOUNT.server(chosen, manual.PATH, manual.query(chosen))
    async with Lines(server, farewell=manual.FAREWELL, idle=_IDLE).open() as lines:
        yield LiveTranscriber(
            lines, manual.dialect(chosen, _WHO, server.secrets), abilities=manual.abilities(chosen),
            chunk=turns.CHUNK, takes_back=False,
        )  # fmt: skip


@asynccontextmanager
async def synthesizer(options: Options) -> AsyncIterator[LiveVoice]:
    """Open speech synthesis. Raises ProviderUnavailable (no key), ParleyError (bad option)."""
    chosen = sonic.read_options(options, _WHO)
    server = _ACCOUNT.server(chosen, sonic.PATH)
    async with Lines(server, idle=sonic.IDLE).open() as lines:
        yield LiveVoice(
            lines, sonic.dialect(chosen, _WHO, server.secrets), rate=chosen.rate, abilities=sonic.ABILITIES
        )  # fmt: skip


async def voices(options: Options) -> Sequence[VoiceInfo]:
    """The voices that the account may use. Raises ProviderUnavailable (no key), ParleyError (bad option),
    ProviderError."""
    server = _ACCOUNT.server(sonic.read_options(options, _WHO), "/voices")
    found: list[VoiceInfo] = []
    after = None
    for _ in range(_PAGES):
        query = urllib.parse.urlencode({"limit": _PAGE, **({"starting_after": after} if after else {})})
        body = await get(
            f"{server.url}?{query}", server.headers, provider=_WHO, timeouts=server.timeouts, secrets=server.secrets
        )
        rows = body.get("data") if isinstance(body, dict) else None
        if not isinstance(rows, list):
            raise ProviderError(f"{_WHO} lists its voices in a form that cannot be read (malformed)", provider=_WHO)
        found += [_voice(row) for row in rows if isinstance(row, dict) and row.get("id")]
        if not rows or not body.get("has_more"):
            break
        after = rows[-1].get("id")
    return found


def _voice(row: Mapping[str, Any]) -> VoiceInfo:
    about = (row.get("gender"), row.get("tagline") or row.get("description"))
    return VoiceInfo(
        str(row["id"]), str(row.get("name") or ""), str(row.get("language") or ""),
        ", ".join(str(each).replace("_", " ") for each in about if each),
    )  # fmt: skip


CARDS: Cards = {
    "stt": Card(
        turns.ABILITIES,
        model=turns.MODEL,
        key=_ACCOUNT.variable,
        address=_ACCOUNT.base_url,
        rates=(turns.RATE,),
        note="turns = false: no end of turn of its own; ink-whisper: other languages",
    ),
    "tts": Card(
        sonic.ABILITIES,
        model=sonic.MODEL,
        key=_ACCOUNT.variable,
        address=_ACCOUNT.base_url,
        rates=(24_000, 16_000, 22_050, 44_100, 48_000, 8_000),
        voices=sonic.VOICES,
    ),
}
