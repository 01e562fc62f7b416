"""Silero, as it opens on a machine that is slow to start: meanwhile devices come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio

from assistant.ports import VoiceActivity
from providers import silero


@asynccontextmanager
async def late(options: Mapping[str, Any]) -> AsyncIterator[VoiceActivity]:
    await anyio.sleep(1.5)
    async with silero.voice_activity(options) as activity:
        yield activity
