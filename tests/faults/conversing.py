"""Whole conversations for the tests of faults: a config, a drawn microphone, the real `Session`, and what was heard.

Everything is put together as `parley talk` does it, but many conversations fit into one event loop, and what is left
behind of each can be seen.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import numpy as np

from assistant.assemble import open_stages, segment_rules, turn_rules
from assistant.audio.wav import WavDuplex
from assistant.audio.wavfile import open_wav
from assistant.config import Settings, load
from assistant.conversation.history import Entry, History
from assistant.ports import CAPTURE_RATE, Notice
from assistant.session import Limits, Parts, Session
from assistant.tools import chosen
from tests.servers.wire import Server

LOUD = 0.01
"""-40 dBFS: anything louder in the speaker's file is a voice."""
TIMEOUTS = {"connect": 1.0, "first_byte": 1.0, "gap": 0.7}
"""Short, and long enough for a machine that has other work as well."""
PLAIN = {"endpointing": "fixed", "silence_ms": 200, "drafts": False, "barge_in": "speech"}
"""Turns whose moments can be told beforehand."""
LIMIT = 30.0
"""Seconds after which a conversation is cut off: it would never end by itself."""


# --- the microphone and the loudspeaker -------------------------------------------------------------------------------


def tone_at(spans: Sequence[tuple[float, float]], seconds: float) -> np.ndarray:
    """What a microphone hears: 180 Hz in ``spans`` (seconds) over a quiet room. float32 at CAPTURE_RATE.

    It swells four times a second, by 10 dB, as speech does: a steady tone is taken for a machine's.
    """
    sound = np.random.default_rng(1).standard_normal(round(seconds * CAPTURE_RATE)) * 10 ** (-70 / 20)
    for start, end in spans:
        index = np.arange(round(start * CAPTURE_RATE), round(end * CAPTURE_RATE))
        swell = 0.65 + 0.35 * np.cos(2 * np.pi * 4 * (index - index[0]) / CAPTURE_RATE)
        sound[index] += 0.3 * swell * np.sin(2 * np.pi * 180 * index / CAPTURE_RATE)
    return sound.astype(np.float32)


def write_wav(path: Path, sound: np.ndarray) -> Path:
    from providers._wav import wav

    path.write_bytes(wav(sound, CAPTURE_RATE))
    return path


# --- the config -------------------------------------------------------------------------------------------------------


def toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Settings as a config file; values are written as JSON, which TOML reads where they are no tables."""
    lines: list[str] = []
    for name, table in tables.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {_inline(value)}" for key, value in table.items()]
    return "\n".join(lines)


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def settings_of(folder: Path, tables: Mapping[str, Mapping[str, Any]]) -> Settings:
    """The settings that a config file with these tables makes."""
    path = folder / "parley.toml"
    path.write_text(toml(tables), "utf-8")
    return load(config_file=path, profile=None, environ={}, flags={}, cwd=folder).settings


# --- the conversation -------------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What is left of a conversation."""

    notices: list[Notice] = field(default_factory=list)
    reason: str = ""
    history: list[tuple[str, str]] = field(default_factory=list)
    """Role and text of the messages that a model would be shown."""
    entries: Sequence[Entry] = ()
    """The same, one by one as they were said."""
    sound: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    """The speaker's file, at ``rate``."""
    rate: int = 24_000
    still_connected: int = 0
    """Connections that the servers still had after everything was closed."""

    def all(self, event: str, turn: int | None = None) -> list[Notice]:
        return [n for n in self.notices if n.event == event and (turn is None or n.turn == turn)]

    def data(self, event: str, key: str, turn: int | None = None) -> list[Any]:
        return [notice.data[key] for notice in self.all(event, turn)]

    def heard(self, turn: int, kind: str) -> bool:
        """Was a reply of this kind really heard in this turn: an event says so, and the speaker's file has sound?"""
        kinds: str | None = None
        for notice in self.notices:
            if notice.turn == turn and notice.event == "reply.started":
                kinds = notice.data["kind"]
            if notice.turn == turn and notice.event == "reply.audible" and kinds == kind:
                start = round(notice.at * self.rate)
                return bool(np.max(np.abs(self.sound[start : start + self.rate // 5]), initial=0.0) > LOUD)
        return False

    def sounds(self) -> list[tuple[float, float]]:
        """Beginning and end of each stretch of sound (holes of under 50 ms do not count), in seconds."""
        loud = np.flatnonzero(np.abs(self.sound) > LOUD)
        if not len(loud):
            return []
        cuts = np.flatnonzero(np.diff(loud) > 0.05 * self.rate)
        starts, ends = loud[np.r_[0, cuts + 1]], loud[np.r_[cuts, len(loud) - 1]] + 1
        return [(float(a) / self.rate, float(b) / self.rate) for a, b in zip(starts, ends, strict=True)]

    def story(self) -> str:
        """The events, for a failed test's message."""
        shown = [n for n in self.notices if n.event not in ("_", "reply.word")]
        return "\n".join(f"{n.t:7.3f} {n.turn or '-':>2} {n.event} {dict(n.data)}" for n in shown)


class Watch:
    """Observer: keeps every notice, and calls ``on_notice`` with it."""

    def __init__(self, outcome: Outcome, on_notice: Callable[[Notice], None]) -> None:
        self._outcome = outcome
        self._on_notice = on_notice

    def notice(self, notice: Notice) -> None:
        self._outcome.notices.append(notice)
        self._on_notice(notice)


@dataclass
class Call:
    """One conversation to hold."""

    folder: Path
    tables: Mapping[str, Mapping[str, Any]]
    microphone: np.ndarray
    servers: Sequence[Server] = ()
    on_notice: Callable[[Notice], None] = lambda notice: None
    beside: Callable[[Session], Awaitable[None]] | None = None
    """Runs beside the session from its start on, and is cancelled at its end."""
    limit: float = LIMIT


async def hold(call: Call, ready: Callable[[], Any] | None = None) -> Outcome:
    """Hold the conversation. ``ready`` is awaited when every provider is open."""
    call.folder.mkdir(parents=True, exist_ok=True)
    outcome = Outcome()
    tables = {"vad": {"provider": "scripted"}, "turn": PLAIN, "timeouts": TIMEOUTS, **call.tables}
    # What is wrong with a voice would not be heard in what it has said before.
    settings = settings_of(call.folder, {**tables, "tts": {"cache": False, **tables.get("tts", {})}})
    microphone, speaker = write_wav(call.folder / "mic.wav", call.microphone), call.folder / "speaker.wav"
    async with AsyncExitStack() as opened:
        duplex = await opened.enter_async_context(WavDuplex(microphone, speaker))
        stages = await opened.enter_async_context(open_stages(settings))
        await stages.loaded()
        session = Session(
            Parts(
                duplex=duplex,
                vad=stages.vad,
                transcriber=stages.transcriber,
                model=stages.model,
                voice=stages.voice,
                effects=stages.effects,
                tools=chosen(settings),
                history=History("Be brief."),
                observers=[Watch(outcome, call.on_notice)],
                turns=turn_rules(settings),
                segments=segment_rules(settings),
                limits=Limits(input_over=True, seconds=call.limit),
            )
        )
        stages.report_failures_to(session.provider_failed)
        if ready is not None:
            await ready()
        duplex.start()
        async with anyio.create_task_group() as group:
            if call.beside is not None:
                group.start_soon(call.beside, session)
            outcome.reason = await session.run()
            group.cancel_scope.cancel()
    outcome.entries = session.history.entries
    outcome.history = [(message.role, message.text) for message in session.history.messages()]
    with open_wav(speaker) as reader:
        outcome.sound, outcome.rate = reader.read(reader.frames), reader.rate
    outcome.still_connected = await _still_connected(call.servers)
    return outcome


async def _still_connected(servers: Iterable[Server]) -> int:
    """Connections that have not ended a while after their client was closed."""
    left = 0
    for server in servers:
        for _ in range(100):
            left = sum(not task.done() for task in server._tasks)
            if not left:
                break
            await anyio.sleep(0.02)
    return left


class Together:
    """So many conversations that begin when the last of them is open, one a moment after the other.

    Opening keeps the whole machine busy, which would spoil the timing of whoever talks already.
    """

    def __init__(self, count: int, stagger: float) -> None:
        """``stagger``: seconds between two beginnings, so that they do not all compute in the same moment."""
        self._count = count
        self._stagger = stagger
        self._arrived = 0
        self._all_here = anyio.Event()

    async def arrive(self) -> None:
        number = self._arrived
        self._arrived += 1
        self._look()
        await self._all_here.wait()
        await anyio.sleep(number * self._stagger)

    def stay_away(self) -> None:
        """One that could not be opened: nobody waits for it."""
        self._count -= 1
        self._look()

    def _look(self) -> None:
        if self._arrived == self._count:
            self._all_here.set()


# --- what must not be left behind -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Belongings:
    """What a process holds."""

    descriptors: dict[int, str]
    threads: frozenset[str]

    @classmethod
    def now(cls) -> Belongings:
        gc.collect()
        found: dict[int, str] = {}
        for name in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
            try:
                found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
            except OSError:
                continue  # the listing's own
        return cls(found, frozenset(f"{thread.name} {thread.ident}" for thread in threading.enumerate()))

    def more_than(self, before: Belongings) -> list[str]:
        """What is there now and was not before."""
        descriptors = [name for number, name in self.descriptors.items() if before.descriptors.get(number) != name]
        return [*descriptors, *sorted(self.threads - before.threads)]


def other_tasks() -> list[str]:
    """Tasks of the running asyncio loop, but for the one that asks."""
    return [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]
