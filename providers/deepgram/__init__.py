"""Deepgram: Flux and Nova-3 listen, Aura-2 and Flux TTS speak. One WebSocket a stage, in Deepgram's own words.

The model's name says which API it is served on, as Deepgram documents it: flux models on /v2, all others on /v1.
API as of 2026-11 (deepgram-sdk 7.17).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from providers._account import Account
from providers._card import Card, Cards
from providers._lines import Lines
from providers._live import LiveTranscriber
from providers._voicing import LiveVoice
from providers.deepgram import aura, flux, fluxvoice, nova
from providers.registry import Options

_WHO = "deepgram"
_CLOSES = {1008: ("could not read the sound", False), 1011: ("heard nothing for too long", False)}
"""DATA-0000 and NET-0001, which their reasons tell."""
_ACCOUNT = Account(
    _WHO, "DEEPGRAM_API_KEY", "wss://api.deepgram.com", lambda key: {"Authorization": f"Token {key}"}, _CLOSES
)


@asynccontextmanager
async def transcriber(options: Options) -> AsyncIterator[LiveTranscriber]:
    """Open speech recognition. Raises ProviderUnavailable (no key), ParleyError (bad option)."""
    api = flux if str(options.get("model") or flux.MODEL).startswith("flux") else nova
    chosen = api.read_options(options, _WHO)
    server = _ACCOUNT.server(chosen, api.PATH, api.query(chosen))
    lines = Lines(server, farewell=(api.FAREWELL,), alive=api.ALIVE)
    async with lines.open():
        yield LiveTranscriber(
            lines, api.dialect(_WHO, server.secrets), abilities=api.ABILITIES, chunk=api.CHUNK,
            patience=api.patience(chosen), takes_back=api.TAKES_BACK,
        )  # fmt: skip


@asynccontextmanager
async def synthesizer(options: Options) -> AsyncIterator[LiveVoice]:
    """Open speech synthesis. Raises ProviderUnavailable (no key), ParleyError (bad option)."""
    wanted = str(options.get("voice") or options.get("model") or aura.VOICE)
    api = fluxvoice if wanted.startswith("flux") else aura
    chosen = api.read_options(options, _WHO)
    server = _ACCOUNT.server(chosen, api.PATH, api.query(chosen, wanted))
    async with Lines(server, farewell=({"type": "Close"},)).open() as lines:
        yield LiveVoice(lines, api.dialect(_WHO, server.secrets), rate=chosen.rate, abilities=api.ABILITIES)


CARDS: Cards = {
    "stt": Card(
        flux.ABILITIES,
        model=flux.MODEL,
        key=_ACCOUNT.variable,
        address=_ACCOUNT.base_url,
        rates=(16_000,),
        note="nova-3: many languages, no end of turn of its own",
    ),
    "tts": Card(
        aura.ABILITIES,
        model=aura.VOICE,
        key=_ACCOUNT.variable,
        address=_ACCOUNT.base_url,
        rates=(24_000,),
        voices=(*aura.VOICES, *fluxvoice.VOICES),
        note="flux voices take text as it is written",
    ),
}
