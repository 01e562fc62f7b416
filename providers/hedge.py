"""Two providers of which the second begins when the first is late: later than the longest of its usual times.

A provider that now and then takes seconds is no longer waited for: whoever gives something first goes on, the other is
cancelled and closed. A failure of the first starts the second at once. Late is what 95 of 100 of the first one's newest
calls were not; while fewer than 20 are known, the option ``after`` says. What is measured is the time to the first
delta, the first sound, or from the pause to the final. Hedging costs what the losers used, a twentieth of the calls or
so, and as each provider is counted by itself, so is that.

    [llm]
    provider = "hedge"
    options = { first = "anthropic", second = "openai" }
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from anyio.abc import TaskGroup

from assistant.ports import (
    ChatAbilities,
    ChatModel,
    Delta,
    Message,
    SpeechChunk,
    Stage,
    Synthesizer,
    SynthesizerAbilities,
    Tool,
    Transcriber,
    TranscriberAbilities,
    TranscriberStream,
)
from providers._calls import Pieces, Within, asked, at_rate, audible, closing, paced, spoken, timed, visible, within
from providers._card import Card, Cards
from providers._lateness import Lateness
from providers._links import Chain, Link
from providers._race import Rules, race
from providers._second_ear import HedgedStream
from providers._tasks import owned_tasks
from providers._together import chat_abilities, hearing_abilities, named, voice_abilities
from providers._wrapping import Inner, Wrapper, Wraps, wrapper
from providers.registry import Options

NAME = "hedge"

WRAPS: Wraps = dict.fromkeys(("stt", "llm", "tts"), ("first", "second"))
_NOTE = "`second` begins when `first` is later than usual; the quicker one goes on"
CARDS: Cards = {
    "stt": Card(TranscriberAbilities(), note=_NOTE),
    "llm": Card(ChatAbilities(), note=_NOTE),
    "tts": Card(SynthesizerAbilities(), note=_NOTE),
}

P = TypeVar("P")


class HedgeOptions(Wrapper, frozen=True, forbid_unknown_fields=True, kw_only=True):
    first: str = ""
    second: str = ""
    after: Annotated[float, msgspec.Meta(gt=0, le=60)] = 1.0
    """Seconds after which the first is late, until its own times are known. Most vendors answer within half of it."""


@asynccontextmanager
async def chat_model(options: Options) -> AsyncIterator[ChatModel]:
    """Both are opened; either may be missing. Raises ParleyError, ProviderUnavailable when neither can be opened."""
    async with _opened("llm", options) as (hedge, models):
        yield _HedgedChat(hedge, models)


@asynccontextmanager
async def synthesizer(options: Options) -> AsyncIterator[Synthesizer]:
    """As `chat_model`. Both speak at the first one's rate."""
    async with _opened("tts", options) as (hedge, voices):
        yield _HedgedVoice(hedge, voices)


@asynccontextmanager
async def transcriber(options: Options) -> AsyncIterator[Transcriber]:
    """As `chat_model`."""
    async with _opened("stt", options) as (hedge, transcribers):
        yield _HedgedTranscriber(hedge, transcribers)


class _Hedge(Generic[P]):
    """The two, and what is known of their times."""

    def __init__(self, chain: Chain[P], tasks: TaskGroup, settings: HedgeOptions, inner: Inner) -> None:
        self.chain = chain
        self.tasks = tasks
        self.timeouts = settings.timeouts
        self._inner = inner
        self._lateness: dict[tuple[str, str], Lateness] = defaultdict(lambda: Lateness(settings.after))

    def lateness(self, kind: str, link: Link[P]) -> Lateness:
        """``kind``: a sound made of streamed text takes another time than one of a whole text."""
        return self._lateness[kind, link.name]

    def hedged(self, first: str, second: str, waited: float) -> None:
        self._inner.tell(self.chain.stage, "hedge", {"first": first, "second": second, "waited": round(waited, 3)})


@asynccontextmanager
async def _opened(stage: Stage, options: Options) -> AsyncIterator[tuple[_Hedge[Any], Sequence[Any]]]:
    settings, inner = wrapper(HedgeOptions, options, NAME, WRAPS[stage])
    async with owned_tasks() as tasks:
        links = [Link[Any](inner.lazy(name), tasks) for name in (settings.first, settings.second)]
        chain: Chain[Any] = Chain(stage, links, inner.passed_on)
        opened = [provider for provider in await chain.open_all() if provider is not None]
        yield _Hedge(chain, tasks, settings, inner), opened


class _HedgedChat:
    keeps_time = True

    def __init__(self, hedge: _Hedge[ChatModel], models: Sequence[ChatModel]) -> None:
        self.name = named(models)
        self.abilities = chat_abilities(models)
        self._hedge = hedge

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        hedge = self._hedge

        def ask(model: ChatModel, name: str) -> AsyncIterator[Delta]:
            return timed(model, asked(model, messages, tools), hedge.timeouts, name)

        rules = Rules(ask, visible, partial(hedge.lateness, "reply"), hedge.hedged)
        return race(hedge.tasks, hedge.chain.attempts(), rules)


class _HedgedVoice:
    keeps_time = True

    def __init__(self, hedge: _Hedge[Synthesizer], voices: Sequence[Synthesizer]) -> None:
        self.name = named(voices)
        self.rate = voices[0].rate
        self.abilities = voice_abilities(voices)
        self._hedge = hedge
        self._speed: float | None = None

    def set_speed(self, factor: float) -> None:
        """Of whichever speaks next, where it can."""
        self._speed = factor

    def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        return self._sounds("speak", lambda voice: voice.speak(text), within)

    async def stream(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
        """The time runs from the first piece of the text on."""
        pieces = Pieces(text)
        if not await pieces.begin():
            return
        async with closing(self._sounds("stream", lambda voice: spoken(voice, pieces), pieces.within)) as chunks:
            async for chunk in chunks:
                yield chunk

    def _sounds(
        self, kind: str, sound: Callable[[Synthesizer], AsyncIterator[SpeechChunk]], within: Within
    ) -> AsyncIterator[SpeechChunk]:
        hedge = self._hedge

        def ask(voice: Synthesizer, name: str) -> AsyncIterator[SpeechChunk]:
            paced(voice, self._speed)
            return at_rate(timed(voice, sound(voice), hedge.timeouts, name, within), voice.rate, self.rate)

        rules = Rules(ask, audible, partial(hedge.lateness, kind), hedge.hedged)
        return race(hedge.tasks, hedge.chain.attempts(), rules)


class _HedgedTranscriber:
    keeps_time = True

    def __init__(self, hedge: _Hedge[Transcriber], transcribers: Sequence[Transcriber]) -> None:
        self.name = named(transcribers)
        self.abilities = hearing_abilities(transcribers)
        self._hedge = hedge

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[TranscriberStream]:
        hedge = self._hedge
        async with owned_tasks() as tasks:
            stream = HedgedStream(tasks, hedge.chain, hedge.timeouts, partial(hedge.lateness, "final"), hedge.hedged)
            yield stream
