"""One suite over every provider that talks to a server: each fault ends soon, says what it was, and passes."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio
import numpy as np
import pytest

from assistant.ports import FRAME, Frame, Message, ProviderError, Text, TextDelta
from providers._errors import Rejected
from providers._options import Timeouts
from providers.registry import find
from tests.contract.subject import Playing
from tests.contract.table import FAULTS, KEY, LASTING, OK, PARTS_BEFORE, SUBJECTS, TIMEOUTS, Subject, expected
from tests.servers.wire import RETRY_AFTER

pytestmark = pytest.mark.anyio
MESSAGES = [Message("system", (Text("Be brief."),)), Message("user", (Text("what time is it"),))]
UTTERANCE = [
    Frame(np.sin(np.arange(i * FRAME, (i + 1) * FRAME) * 0.1).astype(np.float32) / 3, i * FRAME) for i in range(20)
]

CELLS = [(subject, fault) for subject in SUBJECTS for fault in FAULTS[subject.wire]]
subjects = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.id)
streamed = pytest.mark.parametrize(
    "subject", [subject for subject in SUBJECTS if subject.stage != "stt"], ids=lambda subject: subject.id
)


@asynccontextmanager
async def opened(subject: Subject, **options: Any) -> AsyncIterator[tuple[Any, Playing]]:
    """The provider, opened on its healthy server."""
    async with subject.server() as server:
        server.key = KEY
        async with find(subject.stage, subject.name)(given(subject, server) | options) as provider:
            yield provider, server


def given(subject: Subject, server: Playing) -> dict[str, Any]:
    return {"timeouts": TIMEOUTS, **subject.where(server), **subject.options}


async def parts(subject: Subject, provider: Any) -> AsyncIterator[Any]:
    """What a call gives, piece by piece."""
    if subject.stage == "stt":
        async with provider.stream() as stream:
            for frame in UTTERANCE:
                stream.push(frame)
            stream.finish()
            async for transcript in stream:
                if transcript.final:
                    yield transcript.text
                    return
    elif subject.stage == "llm":
        async with aclosing(provider.reply(MESSAGES)) as items:
            async for item in items:
                if isinstance(item, TextDelta):
                    yield item.text
    else:
        async with aclosing(provider.speak("It is four o'clock.")) as items:
            async for item in items:
                if len(item.samples):
                    yield item.samples


@pytest.mark.parametrize(("subject", "fault"), CELLS, ids=lambda value: getattr(value, "id", value))
async def test_every_fault_ends_soon_and_says_what_it_was(subject: Subject, fault: str, caplog: Any) -> None:
    verdict = expected(subject, fault)
    if verdict.startswith("n/a"):
        assert len(verdict) > len("n/a: "), "say why"
        return
    caplog.set_level(logging.DEBUG)
    got: list[Any] = []
    failure: ProviderError | None = None
    async with opened(subject) as (provider, server):
        if fault == "refused":
            await server.stop()
        server.fault = fault
        with anyio.fail_after(5):
            try:
                async for part in parts(subject, provider):
                    got.append(part)  # noqa: PERF401 - what came before the fault matters
            except ProviderError as error:
                failure = error
        calls = server.calls

        server.fault = None
        if fault == "refused":
            await server.listen()
        with anyio.fail_after(5):
            assert subject.complete([part async for part in parts(subject, provider)]), "the next call works"

    if verdict == OK:
        assert failure is None
        assert subject.complete(got)
        return
    assert failure is not None
    assert verdict in str(failure)
    assert failure.provider == subject.name
    assert "\n" not in str(failure)
    assert isinstance(failure, Rejected) == (fault in LASTING)
    assert failure.retry_after == (RETRY_AFTER if fault == "429" else None)
    assert calls == (0 if fault == "refused" else 1), "nobody retries"
    if fault in PARTS_BEFORE and subject.stage != "stt":
        assert got, "what came before the fault was handed over"
    told = "".join(traceback.format_exception(failure)) + repr(failure) + repr(failure.__dict__) + caplog.text
    assert not any(secret in told for secret in subject.secrets)
    assert failure.__cause__ is None and failure.__context__ is None


@subjects
async def test_leaving_in_the_middle_closes_the_connection(subject: Subject) -> None:
    async with opened(subject) as (provider, server):
        server.fault = "hang" if subject.stage == "stt" else "hang_midway"
        async with anyio.create_task_group() as tasks:

            async def call() -> None:
                async for _ in parts(subject, provider):
                    pass

            tasks.start_soon(call)
            with anyio.fail_after(2):
                await server.asked.wait()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(2):
            await server.disconnected.wait()


@streamed
async def test_a_consumer_that_stops_taking_closes_the_connection(subject: Subject) -> None:
    async with opened(subject) as (provider, server):
        server.hold = asyncio.Event()
        async with aclosing(parts(subject, provider)) as items:
            await anext(items)
        with anyio.fail_after(2):
            await server.disconnected.wait()


@streamed
async def test_it_streams(subject: Subject) -> None:
    """The first piece is here before the server has sent its last."""
    async with opened(subject) as (provider, server):
        server.hold = asyncio.Event()
        async with aclosing(parts(subject, provider)) as items:
            with anyio.fail_after(5):
                first = await anext(items)
            assert len(first)
            server.hold.set()
            assert subject.complete([first] + [item async for item in items])


@subjects
async def test_one_connection_serves_all_turns_and_is_there_before_the_first(subject: Subject) -> None:
    async with opened(subject) as (provider, server):
        assert server.connections == 1
        assert server.calls == 0, "warming up costs nothing"
        for _ in range(3):
            assert subject.complete([part async for part in parts(subject, provider)])
        assert server.connections == 1


@subjects
async def test_opening_survives_a_server_that_is_not_there(subject: Subject) -> None:
    """What is wrong is said when it is asked for something; until then it may have come up."""
    async with subject.server() as server:
        server.key = KEY
        options = given(subject, server)
        await server.stop()
        async with find(subject.stage, subject.name)(options) as provider:
            with pytest.raises(ProviderError, match="cannot be reached"):
                async for _ in parts(subject, provider):
                    pass


@subjects
async def test_nothing_shows_the_key(subject: Subject) -> None:
    async with opened(subject) as (provider, _):
        shown = [repr(provider), str(provider), *map(repr, vars(provider).values())]
        assert not any(secret in text for secret in subject.secrets for text in shown)


def test_the_default_patience() -> None:
    assert Timeouts() == Timeouts(connect=3.0, first_byte=8.0, gap=5.0)
