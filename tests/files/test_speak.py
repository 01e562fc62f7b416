"""A text -> its sound in a sink: what becomes of the voice when the sink has had enough."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from assistant.config import Settings
from assistant.files.speak import speak, written
from assistant.ports import Samples
from tests.providers.doubles import Voice

pytestmark = pytest.mark.anyio
opened: list[Voice] = []


@asynccontextmanager
async def told(_: Any) -> AsyncIterator[Voice]:
    opened.append(Voice("told", delay=0.0))
    yield opened[-1]


class Player:
    """Goes away after ``patience`` pieces of sound."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.pieces = 0
        self.complete: bool | None = None
        self.voice_is_over: bool | None = None
        """When the sink was closed."""

    async def open(self, rate: int) -> None:
        assert rate == 24_000

    async def write(self, samples: Samples) -> None:
        if self.pieces == self.patience:
            raise BrokenPipeError
        self.pieces += 1

    async def close(self, *, complete: bool) -> None:
        self.complete = complete
        self.voice_is_over = all(call.ended is not None for call in opened[-1].calls)


SETTINGS = msgspec.convert({"tts": {"provider": f"{__name__}:told", "cache": False}}, Settings)
TEXT = "One two three. Four five."


async def test_all_sentences_are_spoken_in_their_order() -> None:
    player = Player(patience=100)
    assert await speak(written(TEXT), SETTINGS, player) == 0
    assert (player.pieces, player.complete) == (5, True)
    assert opened[-1].texts == ["One two three.", "Four five."]


async def test_a_player_that_goes_away_ends_it_and_the_voices_call_at_once() -> None:
    player = Player(patience=1)
    assert await speak(written(TEXT), SETTINGS, player) == 1
    assert (player.pieces, player.complete) == (1, False)
    assert opened[-1].texts == ["One two three."] and player.voice_is_over
