"""Ringing by the wall clock, which may be set, on virtual time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import anyio
import pytest
import trio.testing

from assistant.effects import LOOK, Effects
from assistant.later import ready
from assistant.ports import SideEffect
from providers.scripted import ScriptedVoice, VoiceOptions

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


class WallClock:
    """Shows the virtual time, until somebody sets it."""

    def __init__(self) -> None:
        self._shown = datetime(2026, 11, 20, 15, 5, tzinfo=UTC)
        self._began = anyio.current_time()

    def __call__(self) -> datetime:
        return self._shown + timedelta(seconds=anyio.current_time() - self._began)

    def put(self, **by: float) -> None:
        self._shown += timedelta(**by)


def timer(seconds: float, say: str) -> SideEffect:
    return SideEffect("timer", {"seconds": seconds, "say": say})


async def rung(*steps: tuple[float, SideEffect | dict[str, float]], until: float) -> list[tuple[float, str]]:
    """(second, words) of all that rings: ``steps`` are wishes, or how far the wall clock is put, each at its second."""
    clock = WallClock()
    effects = Effects(ready(ScriptedVoice(VoiceOptions())), clock)
    began = anyio.current_time()
    heard: list[tuple[float, str]] = []
    async with anyio.create_task_group() as group:
        group.start_soon(effects.ring, lambda say: heard.append((round(anyio.current_time() - began, 3), say)))
        for at, step in steps:
            await anyio.sleep_until(began + at)
            if isinstance(step, SideEffect):
                effects.carry_out(step)
            else:
                clock.put(**step)
        await anyio.sleep_until(began + until)
        group.cancel_scope.cancel()
    return heard


async def test_each_rings_at_its_moment_whatever_is_set_and_cancelled_meanwhile() -> None:
    heard = await rung(
        (0, timer(100, "first")),
        (10, timer(5, "second")),
        (20, timer(500, "never")),
        (30, SideEffect("cancel", {"id": 3})),
        (40, timer(60, "together")),
        until=1000,
    )
    assert heard == [(15, "second"), (100, "first"), (100, "together")]


async def test_a_day_is_waited_for_without_drift() -> None:
    assert await rung((1, timer(86_400, "tomorrow")), until=90_000) == [(86_401, "tomorrow")]


async def test_a_computer_that_slept_rings_soon_after_it_wakes() -> None:
    """The wall clock goes on meanwhile; the loop's own stands still."""
    [(at, say)] = await rung((0, timer(3600, "over")), (100, {"hours": 8}), until=1000)
    assert say == "over"
    assert 100 <= at <= 100 + LOOK


async def test_a_clock_that_is_put_back_rings_when_it_shows_the_time() -> None:
    assert await rung((0, timer(60, "over")), (30, {"minutes": -1}), until=1000) == [(120, "over")]
