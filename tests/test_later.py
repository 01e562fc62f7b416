"""A provider that is still loading."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from assistant.errors import ProviderUnavailable
from assistant.later import Later

pytestmark = pytest.mark.anyio


async def test_whoever_needs_it_waits_and_the_owner_closes_it() -> None:
    told: list[str] = []

    @asynccontextmanager
    async def provider() -> AsyncIterator[str]:
        await anyio.sleep(0.01)
        told.append("opened")
        try:
            yield "voice"
        finally:
            told.append("closed")

    later = Later(provider())
    async with anyio.create_task_group() as owner:
        owner.start_soon(later.run)
        assert later.value is None
        assert await later.get() == "voice"
        assert await later.get() == "voice"
        assert told == ["opened"]
        assert later.value == "voice"
        owner.cancel_scope.cancel()
    assert told == ["opened", "closed"]


async def test_an_error_in_opening_goes_to_whoever_asks() -> None:
    @asynccontextmanager
    async def provider() -> AsyncIterator[str]:
        raise ProviderUnavailable("there is no key")
        yield ""

    later = Later(provider())
    async with anyio.create_task_group() as owner:
        owner.start_soon(later.run)
        for _ in range(2):
            with pytest.raises(ProviderUnavailable, match="no key"):
                await later.get()


async def test_an_error_after_opening_is_not_hidden() -> None:
    broken = anyio.Event()

    @asynccontextmanager
    async def provider() -> AsyncIterator[str]:
        async with anyio.create_task_group() as group:
            group.start_soon(_break_after, broken)
            yield "voice"

    later = Later(provider())
    with pytest.raises(BaseExceptionGroup):
        async with anyio.create_task_group() as owner:
            owner.start_soon(later.run)
            assert await later.get() == "voice"
            broken.set()


async def _break_after(event: anyio.Event) -> None:
    await event.wait()
    raise RuntimeError("the socket is gone")
