"""Call sheets: who says what at which second, and how fast the providers are. See sheets/*.txt.

A line is a keyword, ``key=value`` settings, and words in double quotes:

    config drafts=off silence_ms=300      settings of [turn]
    user 1.0-2.0 "tell me a story"        the user's voice, first to last sample
    user 3.0-4.0                          words that nobody understands
    cough 3.0-3.2                         a burst of noise
    user 1.0-2.0 "as understood" "better" by the fast and by the accurate transcriber of a hybrid one
    misheard "as the partials of the line before have it"
    hum 2.0-3.5                           a sound that is taken for a voice, and that nobody transcribes
    stt final_after=0.1                   options of the scripted providers
    stt2 final_after=0.5                  the accurate transcriber
    llm ttft=0.2 "Once upon a time."      each quoted text is one reply, in turn
    llm2 name=second "It is {look}."      a model that goes on when the first has failed
    tool look takes=0.5 "a cat"           what the model may call, how long that takes and what it gives
    tool look pure=on fails=on "why"      it changes nothing; it raises
    tts word=0.25 delay=0.1
    fault llm call=1 kind=refused         a scripted fault
    offline 2026-11-20T15:05              the offline assistant answers, and the wall clock shows this at the start
    announce 3.0 "The timer is over."
    spot 4.4 "stop" after=0.1             a stop word that ended then is spotted so many seconds later
    mute 3.0 / unmute 4.0 / key 5.0       the interrupt key
    end 8.0                               the microphone's file ends
"""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import anyio
import numpy as np

from assistant.accounts import Budget
from assistant.audio.wav import WavDuplex
from assistant.audio.wavfile import WavWriter
from assistant.conversation import events as e
from assistant.conversation.endpoint import EndpointRules
from assistant.conversation.history import History
from assistant.conversation.turn import TurnRules
from assistant.effects import Clock, Effects
from assistant.later import Later
from assistant.ports import CAPTURE_RATE, ChatModel, Frame, KeyphraseSpotter, Notice, Spotted
from assistant.session import Limits, Parts, Session
from assistant.tools import Function, Toolbox, pure
from providers import hybrid, offline, scripted
from providers._wrapping import Leaf
from providers.cost import Meter
from providers.fallback import Lazy, fallback_chat

ZONE = timezone(timedelta(hours=1))
SCRIPTED = ("stt", "stt2", "llm", "llm2", "tts")
QUIET = {"_", "reply.word", "reply.first_token"}
"""Events that would make a trace long and tell little."""
OFTEN_NONE = ("drafts_wasted", "tokens_wasted")
"""Fields that are shown where they are not 0."""


@dataclass
class Sheet:
    config: dict[str, Any] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    options: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {key: {} for key in ("stt", "stt2", "llm", "llm2", "tts")}
    )
    better: list[dict[str, Any]] = field(default_factory=list)
    """The user's lines as the accurate transcriber of two understands them."""
    hums: list[dict[str, float]] = field(default_factory=list)
    tools: list[Function] = field(default_factory=list)
    called: list[tuple[float, str, str]] = field(default_factory=list)
    """Of the tools: when, which and with what; ended by "done" or "cancelled" in the third place."""
    coughs: list[tuple[float, ...]] = field(default_factory=list)
    """From second to second."""
    spots: list[tuple[float, Spotted]] = field(default_factory=list)
    """When a stop word is spotted, and which."""
    calls: list[tuple[float, str, str]] = field(default_factory=list)
    """Second, what happens, words."""
    end: float = 0.0
    clock: datetime | None = None
    """The wall clock's time at the start; the offline assistant answers instead of a scripted model."""
    model: ChatModel | None = None
    """Answers instead."""
    prices: dict[str, dict[str, Any]] | None = None
    """What each stage's provider costs, as under [cost.prices.STAGE]; None: nobody counts."""
    budget: Budget = field(default_factory=Budget)


def read(text: str) -> Sheet:
    sheet = Sheet()
    for line in text.splitlines():
        keyword, *rest = shlex.split(line, comments=True) or [""]
        settings = dict(word.split("=", 1) for word in rest if "=" in word and " " not in word)
        words = [word for word in rest if "=" not in word or " " in word]
        match keyword:
            case "":
                pass
            case "config":
                sheet.config |= {key: _value(value) for key, value in settings.items()}
            case "user":
                start, end = map(float, words[0].split("-"))
                said = {"text": words[1]} if len(words) > 1 else {"text": "", "understood": False}
                sheet.lines.append({"start": start, "end": end, **said})
                sheet.better.append({"start": start, "end": end, **said, **({"text": words[2]} if words[2:] else {})})
            case "misheard":
                sheet.lines[-1]["misheard"] = words[0]
            case "hum":
                start, end = map(float, words[0].split("-"))
                sheet.hums.append({"start": start, "end": end})
            case "cough":
                sheet.coughs.append(tuple(map(float, words[0].split("-"))))
            case "tool":
                sheet.tools.append(_tool(sheet, words[0], words[1] if len(words) > 1 else "", settings))
            case "stt" | "stt2" | "llm" | "llm2" | "tts":
                sheet.options[keyword] |= {key: _value(value) for key, value in settings.items()}
                if words:
                    sheet.options[keyword].setdefault("replies", []).extend(words)
            case "fault":
                fault = {key: _value(value) for key, value in settings.items()}
                sheet.options[words[0]].setdefault("faults", []).append(fault)
            case "offline":
                sheet.clock = datetime.fromisoformat(words[0]).replace(tzinfo=ZONE)
            case "announce" | "mute" | "unmute" | "key":
                sheet.calls.append((float(words[0]), keyword, words[1] if len(words) > 1 else ""))
            case "spot":
                at = float(words[0])
                sheet.spots.append((at + float(settings.get("after", 0.1)), Spotted(words[1], at - 0.3, at)))
            case "end":
                sheet.end = float(words[0])
            case _:
                raise ValueError(f"not a call sheet's line: {line}")
    return sheet


def _tool(sheet: Sheet, name: str, result: str, settings: dict[str, str]) -> Function:
    """A tool that takes anything as ``what``."""

    async def call(what: str = "") -> str:
        sheet.called.append((anyio.current_time(), name, what))
        try:
            await anyio.sleep(float(settings.get("takes", 0)))
        except anyio.get_cancelled_exc_class():
            sheet.called.append((anyio.current_time(), name, "cancelled"))
            raise
        if _value(settings.get("fails", "off")):
            raise ValueError(result)
        sheet.called.append((anyio.current_time(), name, "done"))
        return result.replace("{what}", what)

    call.__name__ = name
    return Function.of(pure(call) if _value(settings.get("pure", "off")) else call)


def _value(text: str) -> Any:
    if text in ("on", "off", "true", "false"):
        return text in ("on", "true")
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


class Trace:
    """Observer: one readable line an event."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notices: list[Notice] = []

    def notice(self, notice: Notice) -> None:
        self.notices.append(notice)
        if notice.event in QUIET:
            return
        turn = "-" if notice.turn is None else str(notice.turn)
        at = "" if abs(notice.at - notice.t) < 0.0005 else f" at={notice.at:.3f}"
        told = {key: value for key, value in notice.data.items() if value or key not in OFTEN_NONE}
        data = "".join(f" {key}={_shown(value)}" for key, value in told.items() if value not in (None, ""))
        self.lines.append(f"{notice.t:7.3f}  {turn:>2}  {notice.event}{at}{data}")


def _shown(value: Any) -> str:
    if isinstance(value, str) and " " in value:
        return f'"{value}"'
    return f"{value:g}" if isinstance(value, float) else str(value)


def microphone(sheet: Sheet, path: Path) -> None:
    """A hum where the user speaks, noise where somebody coughs, nothing elsewhere."""
    samples = np.zeros(round(sheet.end * CAPTURE_RATE), np.float32)
    for line in [*sheet.lines, *sheet.hums]:
        first, last = round(line["start"] * CAPTURE_RATE), round(line["end"] * CAPTURE_RATE)
        samples[first:last] = 0.2 * np.sin(2 * np.pi * 180 * np.arange(last - first) / CAPTURE_RATE + 0.5)
    random = np.random.default_rng(4)
    for start, end in sheet.coughs:
        first, last = round(start * CAPTURE_RATE), round(end * CAPTURE_RATE)
        samples[first:last] += 0.1 * random.standard_normal(last - first, np.float32)
    writer = WavWriter(path, CAPTURE_RATE)
    writer.append(samples)
    writer.close()


async def play(sheet: Sheet, folder: Path) -> tuple[Trace, Session]:
    """Hold the conversation of the sheet, on whatever clock and backend this runs on."""
    path = folder / "mic.wav"
    microphone(sheet, path)
    trace = Trace()
    config = {"endpointing": "fixed", "silence_ms": 200, "max_silence_ms": 2500, "drafts": True} | sheet.config
    turns = TurnRules(
        endpoint=EndpointRules(config["endpointing"], config["silence_ms"] / 1000, config["max_silence_ms"] / 1000),
        drafts=config["drafts"],
        drafts_per_turn=config.get("drafts_per_turn", 3),
        draft_tokens_per_minute=config.get("draft_tokens_per_minute", 20_000),
        barge_in="off" if config.get("barge_in") is False else config.get("barge_in", "speech"),
        overlap=config.get("overlap", "pause"),
    )
    async with AsyncExitStack() as opened:
        owners = await opened.enter_async_context(anyio.create_task_group())
        duplex = await opened.enter_async_context(WavDuplex(path, folder / "speaker.wav"))
        meter = None if sheet.prices is None else Meter({s: {"scripted": p} for s, p in sheet.prices.items()})

        def metered(stage: Any, opened: AbstractAsyncContextManager[Any]) -> AbstractAsyncContextManager[Any]:
            return opened if meter is None else meter.around(opened, Leaf(stage, "scripted", {}))

        voice = Later(metered("tts", scripted.synthesizer(sheet.options["tts"])))
        effects = Effects(voice, _wall_clock(sheet))
        model = metered("llm", scripted.chat_model(sheet.options["llm"]))
        if sheet.model is not None:
            model = nullcontext(sheet.model)
        elif sheet.clock is not None:
            model = offline.chat_model(effects.options())
        elif sheet.options["llm2"]:
            chain = [Lazy("first", lambda: scripted.chat_model(sheet.options["llm"]))]
            chain.append(Lazy("second", lambda: scripted.chat_model(sheet.options["llm2"])))
            model = fallback_chat(
                chain, lambda stage, name, error, following: session.provider_failed(stage, name, str(error), following)
            )
        ears = metered("stt", scripted.transcriber({**sheet.options["stt"], "lines": sheet.lines}))
        if sheet.options["stt2"]:
            accurate = scripted.transcriber({**sheet.options["stt2"], "lines": sheet.better})
            both = {"fast": ears, "accurate": accurate}
            ears = hybrid.transcriber(
                {
                    "open": lambda name, around=None: both[name],
                    "on_failure": lambda stage, name, error, following: session.provider_failed(
                        stage, name, str(error), following
                    ),
                    "fast": "fast",
                    "accurate": "accurate",
                }
            )
        stages = [Later(ears), Later(model), voice]
        for stage in stages:
            owners.start_soon(stage.run)
        session = Session(
            Parts(
                duplex=duplex,
                vad=scripted.LoudnessActivity(),
                transcriber=stages[0],
                model=stages[1],
                voice=stages[2],
                effects=effects,
                tools=Toolbox(sheet.tools),
                meter=meter,
                budget=sheet.budget,
                history=History("Be brief."),
                spotter=_spotter(sheet.spots) if sheet.spots else None,
                observers=[trace],
                turns=turns,
                limits=Limits(input_over=True, seconds=120),
            )
        )
        duplex.start()
        owners.start_soon(_calls, sheet, session)
        await session.run()
        owners.cancel_scope.cancel()
    return trace, session


class SheetSpotter:
    """Spots what the sheet says, once it has been given the sound up to that moment."""

    name, phrases = "sheet", ("stop",)

    def __init__(self, spots: Sequence[tuple[float, Spotted]]) -> None:
        self._spots = spots

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[SheetSpotterStream]:
        yield SheetSpotterStream(self._spots)


class SheetSpotterStream:
    def __init__(self, spots: Sequence[tuple[float, Spotted]]) -> None:
        self._spots = sorted(spots, key=lambda spot: spot[0])
        self._send, self._receive = anyio.create_memory_object_stream[Spotted](10)
        self._begun: float | None = None

    def push(self, frame: Frame) -> None:
        self._begun = frame.at if self._begun is None else self._begun
        while self._spots and frame.end >= self._spots[0][0] - 1e-6:
            _, spotted = self._spots.pop(0)
            if spotted.end >= self._begun:
                self._send.send_nowait(spotted)

    async def __aiter__(self) -> AsyncIterator[Spotted]:
        with self._send, self._receive:
            async for spotted in self._receive:
                yield spotted


@asynccontextmanager
async def _spotter(spots: Sequence[tuple[float, Spotted]]) -> AsyncIterator[KeyphraseSpotter]:
    yield SheetSpotter(spots)


def _wall_clock(sheet: Sheet) -> Clock:
    """Runs on with the conversation's own clock."""
    began, shown = anyio.current_time(), sheet.clock or datetime(2026, 11, 20, 15, 5, tzinfo=ZONE)
    return lambda: shown + timedelta(seconds=anyio.current_time() - began)


async def _calls(sheet: Sheet, session: Session) -> None:
    began = anyio.current_time()
    for at, what, words in sorted(sheet.calls):
        await anyio.sleep_until(began + at)
        match what:
            case "announce":
                session.announce(words)
            case "key":
                session.happened(e.Interrupt(at))
            case "mute":
                session.happened(e.Mute(at))
            case "unmute":
                session.happened(e.Unmute(at))
