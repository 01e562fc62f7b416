"""Settings -> the opened providers of every stage, and the rules that the conversation keeps."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
import msgspec

from assistant.audio.processing import Processing
from assistant.automatic import installed_here
from assistant.config import Settings, scrub
from assistant.conversation.endpoint import LISTENS, EndpointRules
from assistant.conversation.invented import VOICED
from assistant.conversation.overlap import OverlapRules
from assistant.conversation.segment import CERTAINTY, SegmentRules
from assistant.conversation.turn import TurnRules
from assistant.effects import Clock, Effects, local_time
from assistant.later import Later
from assistant.opening import Opening
from assistant.ports import (
    ChatModel,
    KeyphraseSpotter,
    ProviderError,
    SpeakerId,
    Stage,
    Synthesizer,
    Transcriber,
    TurnDetector,
    VoiceActivity,
)
from assistant.spotting import PHRASES
from assistant.voiceprints import Voiceprint, Voiceprints
from assistant.whose import WAIT
from providers import fallback, registry
from providers._guard import guarded
from providers._options import Timeouts
from providers._wrapping import Around, Tell
from providers.cache import Cache
from providers.cost import Meter

log = logging.getLogger("parley")

OnFailure = Callable[[str, str, str, str | None], None]
"""stage, provider, error, next."""

OPENERS = ("Sure.", "Okay.", "Yes.", "No.", "Of course.", "One moment.", "Let me see.")
"""Words with which models like to begin an answer, as a piece of their own: in English."""
FEW = 2
"""Phrases that are made ahead in a session with a budget: the apologies."""


@dataclass
class Stages:
    vad: VoiceActivity
    transcriber: Later[Transcriber]
    model: Later[ChatModel]
    voice: Later[Synthesizer]
    effects: Effects
    meter: Meter
    """Counts what all of them cost."""
    _report: list[OnFailure]
    _news: list[Tell]

    async def loaded(self) -> None:
        """Wait until every stage is ready. Raises ParleyError for one that cannot be built, in a group perhaps."""
        async with anyio.create_task_group() as waiting:
            for stage in (self.transcriber, self.model, self.voice):
                waiting.start_soon(stage.get)

    def report_failures_to(self, *sinks: OnFailure) -> None:
        self._report[:] = sinks

    def report_news_to(self, *sinks: Tell) -> None:
        """Of what wrappers do: see `providers._wrapping.Tell`."""
        self._news[:] = sinks


@asynccontextmanager
async def open_stages(settings: Settings, *on_failure: OnFailure, clock: Clock = local_time) -> AsyncIterator[Stages]:
    """Open everything side by side, each provider in a task of its own; closes them all at the end.

    ``on_failure`` are told of failed calls until `Stages.report_failures_to` names others. ``clock``: by which alarms
    ring.
    """
    sinks, news = list(on_failure), list[Tell]()

    def failed(stage: str, provider: str, error: str, following: str | None) -> None:
        for sink in sinks:
            sink(stage, provider, error, following)

    def tell(stage: Stage, what: str, more: Mapping[str, object]) -> None:
        for sink in news:
            sink(stage, what, more)

    vad = open_vad(settings)
    async with vad as activity, anyio.create_task_group() as owners:
        meter = Meter(msgspec.to_builtins(settings.cost.prices))
        stt = Later(open_stage(settings, "stt", failed, meter=meter, tell=tell))
        tts = Later(open_stage(settings, "tts", failed, meter=meter, tell=tell, phrases=likely_phrases(settings)))
        effects = Effects(tts, clock)
        llm = Later(open_stage(settings, "llm", failed, effects.options(), meter, tell))
        stages = Stages(activity, stt, llm, tts, effects, meter, sinks, news)
        for stage in (stages.transcriber, stages.model, stages.voice):
            owners.start_soon(stage.run)
        yield stages
        owners.cancel_scope.cancel()


def open_stage(
    settings: Settings,
    stage: Stage,
    on_failure: OnFailure,
    told: Mapping[str, Any] | None = None,
    meter: Meter | None = None,
    tell: Tell = lambda stage, what, more: None,
    phrases: Sequence[str] = (),
) -> AbstractAsyncContextManager[Any]:
    """The stage's provider and, behind it, its fallbacks, which are opened when they are first needed.

    ``told``: options for whichever of them is `assistant.opening.INFORMED`, where the config does not say otherwise.
    ``meter``: counts what each of them costs. ``tell``: of what wrappers do. ``phrases``: what will surely be said.
    """
    table = getattr(settings, stage)
    timeouts = Timeouts(**msgspec.to_builtins(settings.timeouts))

    def failed(stage: Stage, provider: str, error: ProviderError, following: str | None) -> None:
        if error.__cause__ is not None:  # a mistake in the provider's own code: --verbose shows where
            log.debug("%s", scrub("".join(traceback.format_exception(error.__cause__)).rstrip()))
        on_failure(stage, provider, scrub(str(error)), following)

    opening = Opening(
        settings,
        stage,
        failed,
        tell,
        told=told or {},
        phrases=phrases,
        always=() if meter is None else (meter.around,),  # below the cache: what comes from there costs nothing
        around=_around(settings, stage, phrases),
    )
    links = [fallback.Lazy(name, partial(opening, name)) for name in (table.provider, *table.fallback)]
    return _CHAINS[stage](links, failed, timeouts)


def _around(settings: Settings, stage: Stage, phrases: Sequence[str]) -> Around | None:
    if stage == "stt":
        # Whoever is to be heard at less is not left out for it.
        return partial(guarded, voiced=min(VOICED, settings.vad.threshold))
    return Cache(phrases=phrases).where_it_pays if stage == "tts" and settings.tts.cache else None


def likely_phrases(settings: Settings) -> Sequence[str]:
    """What the session is likely to say, the likeliest first."""
    rules = turn_rules(settings)
    english = settings.assistant.language.split("-")[0].lower() in ("auto", "en")
    likely = (rules.apology, rules.not_caught, *(OPENERS if english else ()))
    return likely[:FEW] if settings.cost.budget else likely


_CHAINS: dict[Stage, Callable[..., AbstractAsyncContextManager[Any]]] = {
    "stt": fallback.fallback_transcriber,
    "llm": fallback.fallback_chat,
    "tts": fallback.fallback_synthesizer,
}


def open_vad(settings: Settings) -> AbstractAsyncContextManager[VoiceActivity]:
    options = {"runtime": settings.vad.runtime} if settings.vad.provider == "silero" else {}
    return registry.find("vad", settings.vad.provider)(options)


def turn_detector(settings: Settings) -> AbstractAsyncContextManager[TurnDetector] | None:
    """What judges by the sound whether the user has finished, to be opened by the session; None: nothing does.

    Raises ParleyError where there is no such detector.
    """
    turn = settings.turn
    if turn.endpointing not in LISTENS or not turn.detector:
        return None
    name = turn.detector
    if name == "auto":
        name = "smart-turn"
        # Nobody asked for it by name: nothing is fetched, and nothing is said where it is not here.
        if turn.endpointing == "adaptive" and registry.downloads("turn", name, {}):
            return None
    timeouts = Timeouts(**msgspec.to_builtins(settings.timeouts))
    opened: AbstractAsyncContextManager[TurnDetector] = registry.find("turn", name)({"timeouts": timeouts})
    return opened


def speaker_gate(settings: Settings) -> tuple[Voiceprint, AbstractAsyncContextManager[SpeakerId]] | None:
    """The enrolled voice that alone may interrupt, and what tells it from others; None: every voice may.

    Raises ParleyError where there is no such voice, or none that can be read.
    """
    name = settings.turn.speaker_gate
    if name == "off":
        return None
    voice = Voiceprints().load(name)
    provider, _, model = voice.provider.partition(":")
    return voice, registry.find("speaker", provider)({"model": model} if model else {})


def stop_spotter(settings: Settings) -> AbstractAsyncContextManager[KeyphraseSpotter] | None:
    """What hears stop words over the reply, to be opened by the session; None: nothing does.

    Raises ParleyError where there is no such spotter.
    """
    turn, name = settings.turn, settings.turn.stop_spotter
    if not name or turn.barge_in == "off":
        return None
    if name == "auto":
        name = "pocketsphinx"
        english = settings.assistant.language.casefold().startswith(("auto", "en"))
        if not (english or turn.stop_words) or not installed_here(name):
            return None
    phrases = turn.stop_words or PHRASES
    timeouts = Timeouts(**msgspec.to_builtins(settings.timeouts))
    opened: AbstractAsyncContextManager[KeyphraseSpotter] = registry.find("spotter", name)(
        {"phrases": phrases, "timeouts": timeouts}
    )
    return opened


def turn_rules(settings: Settings) -> TurnRules:
    turn = settings.turn
    return TurnRules(
        endpoint=EndpointRules(turn.endpointing, turn.silence_ms / 1000, turn.max_silence_ms / 1000),
        drafts=turn.drafts,
        drafts_per_turn=turn.drafts_per_turn,
        draft_tokens_per_minute=turn.draft_tokens_per_minute,
        barge_in=turn.barge_in,
        overlap=settings.audio.overlap,
        overlaps=OverlapRules() if turn.speaker_gate == "off" else OverlapRules(whose=WAIT),
    )


def segment_rules(settings: Settings) -> SegmentRules:
    vad, turn = settings.vad, settings.turn
    return SegmentRules(
        threshold=vad.threshold,
        threshold_speaking=vad.threshold_speaking,
        threshold_thinking=vad.threshold_thinking,
        min_speech=vad.min_speech_ms / 1000,
        # What takes the floor at once has to last as long as any voice.
        min_speech_speaking=vad.min_speech_speaking_ms / 1000 if turn.barge_in == "words" else None,
        certainty_speaking=CERTAINTY,
        # A pause must be seen before it can have lasted long enough.
        pause=min(SegmentRules().pause, turn.silence_ms / 1000),
    )


def started(settings: Settings, why: str, processing: Processing) -> dict[str, object]:
    """The fields of `session.started`."""

    def named(stage: str) -> str:
        table = getattr(settings, stage)
        return f"{table.provider}:{table.model}" if table.model else str(table.provider)

    return {
        "stt": named("stt"),
        "llm": named("llm"),
        "tts": named("tts"),
        "vad": settings.vad.provider,
        "endpointing": settings.turn.endpointing,
        "echo_cancel": "on" if processing.echo else "off",
        "duplex": processing.mode,
        "why": f"{why}; echo cancelling: {processing.why}",
    }
