"""Many conversations in one process and one event loop, all fed by one task."""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from assistant.assemble import open_stages, segment_rules, turn_rules
from assistant.audio.playout import Playout, PlayoutSide
from assistant.audio.wavfile import open_wav
from assistant.bench.waveform import Sounds
from assistant.bench.work import DRAFTS, Spoken, microphone
from assistant.config import Settings, load
from assistant.conversation.history import History
from assistant.observe.metrics import percentile
from assistant.ports import FRAME, Frame, Samples
from assistant.probe import cpu_seconds, peak_memory_mb
from assistant.session import Limits, Parts, Session

STAGGER = 0.37
"""Seconds between the starts of two users, so that they do not talk in step."""


@dataclass(frozen=True, slots=True)
class Load:
    """What so many sessions at once were like."""

    sessions: int
    latencies: list[float]
    """Milliseconds, off the loudspeakers' waveforms, of every turn of every session."""
    missed: int
    cpu_cores: float
    feeder_cores: float
    """Of these, what the simulated users cost: measured alone, with nobody listening."""
    memory_mb: float
    worst_lag_ms: float
    """The latest that a frame was ever handed over."""

    @property
    def median(self) -> float:
        return statistics.median(self.latencies) if self.latencies else math.nan

    @property
    def p95(self) -> float:
        return percentile(self.latencies, 95) if self.latencies else math.nan


class FedDuplex(PlayoutSide):
    """A microphone that is fed, and a loudspeaker that keeps no more of its sound than where it was."""

    def __init__(
        self, frames: MemoryObjectReceiveStream[Frame], began: Callable[[], float], rate: int = 24_000
    ) -> None:
        self.playback_rate = rate
        self.overflows = 0
        self.input_over = False
        self.sounds = Sounds(rate)
        self._frames = frames
        self._began = began
        self._playout = Playout(rate)

    def now(self) -> float:
        return max(0.0, anyio.current_time() - self._began())

    async def frames(self) -> AsyncIterator[Frame]:
        async for frame in self._frames:
            yield frame
        await anyio.sleep_forever()

    def tap(self, sink: Callable[[Samples], None], *, early: bool = False) -> None:
        """Nobody records here."""

    def finish(self) -> None:
        """The session is over: look where its sound was."""
        self.sounds.add(self._playout.take(self.now()))


@dataclass
class _User:
    """One simulated user: the same file as everybody's, begun a little later."""

    starts: float
    send: Callable[[Frame], None]
    next: int = 0


async def _feed(users: list[_User], frames: list[Samples], began: float) -> float:
    """Hand every user's frames over on time; returns the worst lateness in seconds."""
    worst = 0.0
    waiting = sorted(users, key=lambda user: user.starts)
    while waiting:
        user = min(waiting, key=_due)
        wait = began + _due(user) - anyio.current_time()
        if wait > 0:
            await anyio.sleep(wait)
        else:
            worst = max(worst, -wait)
        # Whoever is due by now is served before the others get to run.
        now = anyio.current_time() - began
        for user in waiting:
            while user.next < len(frames) and _due(user) <= now:
                user.send(Frame(frames[user.next], user.next * FRAME))
                user.next += 1
        waiting = [user for user in waiting if user.next < len(frames)]
        await anyio.lowlevel.checkpoint()
    return worst


def _due(user: _User) -> float:
    return user.starts + (user.next + 1) * FRAME / 16_000


def load_of(sessions: int, turns: int = 3, *, warm: int = 1) -> Load:
    """Hold ``sessions`` conversations at once, of ``turns`` turns after ``warm`` others."""
    return anyio.run(_load_of, sessions, turns, warm)


async def _load_of(sessions: int, turns: int, warm: int) -> Load:
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        path = Path(folder) / "mic.wav"
        lines = microphone(path, DRAFTS, turns + warm)
        settings = _settings(Path(folder), DRAFTS.config(lines))
        with open_wav(path) as reader:
            sound = reader.read(reader.frames)
    frames = [sound[start : start + FRAME] for start in range(0, len(sound) - FRAME, FRAME)]
    feeder = await _cost_of_feeding(sessions, frames)
    began = anyio.current_time() + 1.0
    duplexes: list[FedDuplex] = []
    users: list[_User] = []
    async with AsyncExitStack() as opened:
        group = await opened.enter_async_context(anyio.create_task_group())
        for number in range(sessions):
            stages = await opened.enter_async_context(open_stages(settings))
            send, receive = anyio.create_memory_object_stream[Frame](math.inf)
            opened.enter_context(send)
            opened.enter_context(receive)
            starts = number * STAGGER % 5
            duplex = FedDuplex(receive, lambda starts=starts: began + starts)  # type: ignore[misc]
            users.append(_User(starts, send.send_nowait))
            duplexes.append(duplex)
            session = Session(
                Parts(
                    duplex=duplex,
                    vad=stages.vad,
                    transcriber=stages.transcriber,
                    model=stages.model,
                    voice=stages.voice,
                    effects=stages.effects,
                    history=History(""),
                    turns=turn_rules(settings),
                    segments=segment_rules(settings),
                    limits=Limits(),
                )
            )
            group.start_soon(session.run)
        began = anyio.current_time() + 1.0
        cpu, since = cpu_seconds(), anyio.current_time()
        worst = await _feed(users, frames, began)
        used = (cpu_seconds() - cpu) / (anyio.current_time() - since)
        for duplex in duplexes:
            duplex.finish()
        group.cancel_scope.cancel()
    found = [_latencies(duplex.sounds, lines[warm:]) for duplex in duplexes]
    heard = [latency for session in found for latency in session if latency is not None]
    missed = sum(latency is None for session in found for latency in session)
    return Load(sessions, heard, missed, used, feeder, peak_memory_mb(), worst * 1000)


async def _cost_of_feeding(sessions: int, frames: list[Samples], seconds: float = 4.0) -> float:
    """Cores that the feeding task uses when nobody listens."""
    some = frames[: int(seconds * 16_000 / FRAME)]
    users = [_User(number * STAGGER % 5, _nobody) for number in range(sessions)]
    cpu, since = cpu_seconds(), anyio.current_time()
    await _feed(users, some, since)
    return (cpu_seconds() - cpu) / (anyio.current_time() - since)


def _nobody(frame: Frame) -> None:
    """Nobody listens."""


def _latencies(sounds: Sounds, lines: list[Spoken]) -> list[float | None]:
    found: list[float | None] = []
    for line in lines:
        heard = sounds.first_after(line.end)
        found.append(None if heard is None or heard - line.end > 4 else (heard - line.end) * 1000)
    return found


def _settings(folder: Path, config: str) -> Settings:
    path = folder / "config.toml"
    path.write_text(config, "utf-8")
    return load(config_file=path, profile=None, environ={}, flags={}, cwd=folder).settings
