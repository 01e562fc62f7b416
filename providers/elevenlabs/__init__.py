"""ElevenLabs: Scribe v2 Realtime listens; Flash speaks over the multi-context WebSocket, v3 and v4 voices over
Text-to-Dialogue.

The model's name says which API a voice is served on, as ElevenLabs documents it. API as of 2026-11 (elevenlabs 2.78).
"""

from __future__ import annotations

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
from providers.elevenlabs import contexts, dialogue, scribe, speaking
from providers.registry import Options

_WHO = "elevenlabs"
_ACCOUNT = Account(_WHO, "ELEVENLABS_API_KEY", "wss://api.elevenlabs.io", lambda key: {"xi-api-key": key})


@asynccontextmanager
async def transcriber(options: Options) -> AsyncIterator[LiveTranscriber]:
    """Open speech recognition. Raises ProviderUnavailable (no key), ParleyError (bad option)."""
    chosen = scribe.read_options(options, _WHO)
    server = _ACCOUNT.server(chosen, scribe.PATH, scribe.query(chosen))
    async with Lines(server, alive=scribe.ALIVE, every=scribe.EVERY).open() as lines:
        yield LiveTranscriber(
            lines, scribe.dialect(chosen, _WHO, server.secrets), abilities=scribe.abilities(chosen),
            chunk=scribe.CHUNK, takes_back=False,
        )  # fmt: skip


@asynccontextmanager
async def synthesizer(options: Options) -> AsyncIterator[LiveVoice]:
    """Open speech synthesis. Raises ProviderUnavailable (no key), ParleyError (bad option)."""
    chosen = speaking.read_options(options, _WHO)
    if chosen.model.startswith(dialogue.MODELS):
        server = _ACCOUNT.server(chosen, dialogue.PATH, dialogue.query(chosen))
        lines = Lines(
            server, greeting=dialogue.greeting(chosen), alive=dialogue.ALIVE, every=dialogue.EVERY, idle=dialogue.IDLE
        )  # fmt: skip
        async with lines.open():
            yield LiveVoice(
                lines, dialogue.dialect(chosen, _WHO, server.secrets), rate=chosen.rate,
                abilities=dialogue.ABILITIES,
            )  # fmt: skip
        return
    server = _ACCOUNT.server(chosen, contexts.path(chosen), contexts.query(chosen))
    async with Lines(server, farewell=contexts.FAREWELL, idle=contexts.IDLE).open() as lines:
        yield LiveVoice(
            lines, contexts.dialect(chosen, _WHO, server.secrets), rate=chosen.rate,
            abilities=contexts.abilities(chosen),
        )  # fmt: skip


async def voices(options: Options) -> Sequence[VoiceInfo]:
    """The account's voices. Raises ProviderUnavailable (no key), ParleyError (bad option), ProviderError."""
    server = _ACCOUNT.server(speaking.read_options(options, _WHO), "/v1/voices")
    body = await get(
        server.url, server.headers, provider=_WHO, timeouts=server.timeouts, secrets=server.secrets
    )  # fmt: skip
    rows = body.get("voices") if isinstance(body, dict) else None
    if not isinstance(rows, list):
        raise ProviderError(f"{_WHO} lists its voices in a form that cannot be read (malformed)", provider=_WHO)
    return [_voice(row) for row in rows if isinstance(row, dict) and row.get("voice_id")]


def _voice(row: Mapping[str, Any]) -> VoiceInfo:
    labels = row.get("labels") or {}
    verified = {str(each.get("language")) for each in row.get("verified_languages") or () if each.get("language")}
    language = next(iter(verified)) if len(verified) == 1 else "" if verified else str(labels.get("language") or "")
    about = (labels.get(each) for each in ("gender", "age", "accent", "descriptive", "description", "use_case"))
    return VoiceInfo(
        str(row["voice_id"]), str(row.get("name") or ""), language,
        ", ".join(str(each).replace("_", " ") for each in about if each),
    )  # fmt: skip


CARDS: Cards = {
    "stt": Card(
        scribe.ABILITIES,
        model=scribe.MODEL,
        key=_ACCOUNT.variable,
        address=_ACCOUNT.base_url,
        rates=(scribe.RATE,),
    ),
    "tts": Card(
        contexts.ABILITIES,
        model=speaking.MODEL,
        key=_ACCOUNT.variable,
        address=_ACCOUNT.base_url,
        rates=(24_000, 16_000, 22_050, 44_100, 48_000, 32_000, 8_000),
        voices=(speaking.VOICE,),
        note="eleven_v4_turbo: livelier, by another of its protocols",
    ),
}
