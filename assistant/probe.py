"""The program measuring itself: start-up, processor time, memory, and how long the event loop was ever held up."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from assistant.ports import Frame

TICK = 0.005
"""Seconds between two looks at the loop. It costs about 1 % of a core, so CPU is measured without it."""


class Probe:
    """Measures one session. With ``stalls`` it also watches the loop, at a cost that shows in the processor time."""

    def __init__(self, *, stalls: bool) -> None:
        self._stalls = stalls
        self._worst = 0.0
        self._listening_after: float | None = None
        self._began = 0.0
        self._cpu_began = 0.0

    def captured(self, frame: Frame) -> None:
        """Every captured frame; the first one is when the program listens."""
        if self._listening_after is None:
            self._listening_after = since_process_start()
            self._began = anyio.current_time()
            self._cpu_began = cpu_seconds()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            if self._stalls:
                group.start_soon(self._watch)
            yield
            group.cancel_scope.cancel()

    async def _watch(self) -> None:
        while True:
            due = anyio.current_time() + TICK
            await anyio.sleep_until(due)
            self._worst = max(self._worst, anyio.current_time() - due)

    def figures(self) -> Mapping[str, object]:
        """For `session.ended`: seconds, cores and megabytes; None where this system cannot tell."""
        elapsed = anyio.current_time() - self._began
        return {
            "listening_after_s": None if self._listening_after is None else round(self._listening_after, 3),
            "cpu_cores": round((cpu_seconds() - self._cpu_began) / elapsed, 4) if elapsed > 0 else None,
            "cpu_before_s": round(self._cpu_began, 3),
            "memory_mb": round(peak_memory_mb(), 1),
            "worst_stall_ms": round(self._worst * 1000, 1) if self._stalls else None,
        }


def cpu_seconds() -> float:
    """Processor time this process has used, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_memory_mb() -> float:
    """Largest resident size so far (getrusage counts kilobytes on Linux, bytes on macOS)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def since_process_start() -> float | None:
    """Seconds since the kernel started this process, to 10 ms (proc(5), field 22 of stat); None elsewhere."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return None
    return uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK")
