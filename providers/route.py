"""Short pieces to the quick voice, long ones to the good one.

The first thing that is heard of an answer is often short ("Sure."), and there a few tenths of a second count for more
than the timbre. Pieces of up to ``limit`` characters go to ``short``, the others to ``long``; where one fails the other
speaks, at once before anything was heard, and with what is left of the piece afterwards. All sound comes at the rate of
``long``; word times stay as they are.

    [tts]
    provider = "route"
    short = "espeak-ng"
    long = "elevenlabs"
    limit = 50

It takes no streamed text: a piece must be known to its end before it is known to be short.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import msgspec

from assistant.ports import SpeechChunk, Synthesizer, SynthesizerAbilities
from providers._calls import at_rate, audible, paced, relay, timed
from providers._card import Card, Cards
from providers._links import Chain, Link
from providers._options import Timeouts
from providers._tasks import owned_tasks
from providers._together import named, voice_abilities
from providers._wrapping import Wrapper, Wraps, wrapper
from providers.registry import Options

NAME = "route"

WRAPS: Wraps = {"tts": ("short", "long")}
CARDS: Cards = {
    "tts": Card(SynthesizerAbilities(), note="pieces of up to `limit` characters go to `short`, the others to `long`")
}


class RouteOptions(Wrapper, frozen=True, forbid_unknown_fields=True, kw_only=True):
    short: str = ""
    long: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1)] = 50
    """Characters, white space at the ends not counted."""


@asynccontextmanager
async def synthesizer(options: Options) -> AsyncIterator[Synthesizer]:
    """Both are opened; either may be missing. Raises ParleyError, ProviderUnavailable when neither can be opened."""
    settings, inner = wrapper(RouteOptions, options, NAME, WRAPS["tts"])
    async with owned_tasks() as tasks:
        short, long = (Link[Synthesizer](inner.lazy(name), tasks) for name in (settings.short, settings.long))
        chain: Chain[Synthesizer] = Chain("tts", [short, long], inner.passed_on)
        quick, good = await chain.open_all()
        yield _RoutedVoice(chain, quick, good, settings)


class _RoutedVoice:
    keeps_time = True

    def __init__(
        self, chain: Chain[Synthesizer], quick: Synthesizer | None, good: Synthesizer | None, settings: RouteOptions
    ) -> None:
        opened = [voice for voice in (quick, good) if voice is not None]
        self.name = named(opened)
        self.rate = opened[-1].rate
        self.abilities = voice_abilities(opened, streams_text=False)
        self._chain = chain
        self._limit = settings.limit
        self._timeouts: Timeouts = settings.timeouts
        self._speed: float | None = None

    def set_speed(self, factor: float) -> None:
        """Of whichever voice speaks next, where it can."""
        self._speed = factor

    def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        short, long = self._chain.links
        order = (short, long) if len(text.strip()) <= self._limit else (long, short)

        def ask(voice: Synthesizer, name: str) -> AsyncIterator[SpeechChunk]:
            paced(voice, self._speed)
            return at_rate(timed(voice, voice.speak(text), self._timeouts, name), voice.rate, self.rate)

        return relay(self._chain.attempts(order), ask, audible)
