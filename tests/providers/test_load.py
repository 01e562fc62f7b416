"""Heavy work in a thread leaves the interpreter as it was."""

from __future__ import annotations

import gc
import sys
import types

import anyio
import pytest

from providers._load import quietly

pytestmark = pytest.mark.anyio


async def test_the_collector_is_off_meanwhile_and_on_again_afterwards() -> None:
    before = sys.getswitchinterval()
    assert await quietly(lambda: (gc.isenabled(), sys.getswitchinterval() < before)) == (False, True)
    assert (gc.isenabled(), sys.getswitchinterval()) == (True, before)


async def test_so_they_are_when_the_work_fails_and_when_several_overlap() -> None:
    before = sys.getswitchinterval()

    async def failing() -> None:
        with pytest.raises(ZeroDivisionError):
            await quietly(lambda: 1 // 0)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(failing)
            tasks.start_soon(quietly, lambda: sum(range(10_000)))
    assert (gc.isenabled(), sys.getswitchinterval()) == (True, before)


async def test_only_what_an_import_left_behind_is_kept_from_the_collector() -> None:
    """Whatever else is alive just then may be garbage a moment later."""
    before = gc.get_freeze_count()
    await quietly(lambda: sum(range(1000)))
    assert gc.get_freeze_count() <= before

    def load() -> None:
        sys.modules["just_loaded"] = types.ModuleType("just_loaded")

    try:
        await quietly(load)
        assert gc.get_freeze_count() > before
    finally:
        del sys.modules["just_loaded"]
