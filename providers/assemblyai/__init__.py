"""AssemblyAI: Universal-3.6 Pro listens, AssemblyAI's own voices speak. One WebSocket a stage, in its own words.

API as of 2026-11 (assemblyai 1.8). A connection that listens is billed for as long as it is open, so none is kept
between utterances unless the option ``idle`` says so; each is told to terminate.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from providers._account import Account
from providers._card import Card, Cards
from providers._lines import Lines
from providers._live import LiveTranscriber
from providers._voicing import LiveVoice
from providers.assemblyai import hearing, speaking
from providers.assemblyai.codes import CLOSES
from providers.registry import Options

_WHO = "assemblyai"
_VARIABLE = "ASSEMBLYAI_API_KEY"
_HEARING = Account(
    _WHO,
    _VARIABLE,
    "wss://streaming.assemblyai.com",
    lambda key: {"Authorization": key, "AssemblyAI-Version": "2025-05-12"},
    CLOSES,
)
_SPEAKING = Account(_WHO, _VARIABLE, "wss://tts.us.assemblyai.com", lambda key: {"Authorization": key}, CLOSES)


@asynccontextmanager
async def transcriber(options: Options) -> AsyncIterator[LiveTranscriber]:
    """Open speech recognition. Raises ProviderUnavailable (no key), ParleyError (bad option)."""
    chosen = hearing.read_options(options, _WHO)
    server = _HEARING.server(chosen, hearing.PATH, hearing.query(chosen))
    async with Lines(server, farewell=(hearing.FAREWELL,), idle=chosen.idle).open() as lines:
        yield LiveTranscriber(
            lines, hearing.dialect(chosen, _WHO, server.secrets), abilities=hearing.ABILITIES,
            chunk=hearing.CHUNK, least=hearing.LEAST, patience=chosen.force_after, takes_back=False,
            fastest=hearing.FASTEST,
        )  # fmt: skip


@asynccontextmanager
async def synthesizer(options: Options) -> AsyncIterator[LiveVoice]:
    """Open speech synthesis. Raises ProviderUnavailable (no key), ParleyError (bad option)."""
    chosen = speaking.read_options(options, _WHO)
    server = _SPEAKING.server(chosen, speaking.PATH, speaking.query(chosen))
    lines = Lines(
        server, farewell=speaking.FAREWELL, alive=speaking.ALIVE, every=speaking.EVERY, idle=speaking.IDLE
    )  # fmt: skip
    async with lines.open():
        yield LiveVoice(
            lines, speaking.dialect(_WHO, server.secrets), rate=chosen.rate, abilities=speaking.ABILITIES
        )  # fmt: skip


CARDS: Cards = {
    "stt": Card(
        hearing.ABILITIES,
        model=hearing.MODEL,
        key=_VARIABLE,
        address=_HEARING.base_url,
        rates=(16_000,),
        note="billed while connected, so no connection is kept between utterances",
    ),
    "tts": Card(
        speaking.ABILITIES,
        model=speaking.MODEL,
        key=_VARIABLE,
        address=_SPEAKING.base_url,
        rates=(24_000,),
        voices=speaking.VOICES,
        note="word times come when all the sound has, if at all",
    ),
}
