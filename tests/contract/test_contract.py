"""One suite over every provider that talks to a server: streaming, leaving, connections, languages, keys."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import anyio
import numpy as np
import pytest

from assistant.conversation.events import Transcript
from assistant.ports import FRAME, Frame, ProviderError, ProviderUnavailable, Usage, abilities_of
from providers._card import Card
from providers._options import Timeouts
from providers.registry import card, find
from tests.contract.cells import MESSAGES, UTTERANCE, opened, options_for, parts
from tests.contract.subject import KEY, Subject
from tests.contract.table import SUBJECTS
from tests.servers.openai import HEARD

pytestmark = pytest.mark.anyio


def declared(subject: Subject) -> Card:
    found = card(subject.stage, subject.name)
    assert found is not None
    return found


subjects = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.id)
streamed = pytest.mark.parametrize(
    "subject", [subject for subject in SUBJECTS if subject.stage != "stt"], ids=lambda subject: subject.id
)
sounding = pytest.mark.parametrize(
    "subject", [subject for subject in SUBJECTS if subject.stage != "llm"], ids=lambda subject: subject.id
)
live = pytest.mark.parametrize(
    "subject",
    [subject for subject in SUBJECTS if (subject.stage, subject.wire) == ("stt", "websocket")],
    ids=lambda subject: subject.id,
)
CLOSING = 0.1
"""Seconds that a provider has for closing. A loaded machine may wake the server late, so the tests allow for more."""


@subjects
async def test_leaving_in_the_middle_closes_the_connection(subject: Subject) -> None:
    """Within 100 ms, as the server sees it (printed: `pytest -rP`)."""
    async with opened(subject) as (provider, server):
        server.fault = "hang" if subject.stage == "stt" else "hang_midway"
        async with anyio.create_task_group() as tasks:

            async def call() -> None:
                async for _ in parts(subject, provider):
                    pass

            tasks.start_soon(call)
            with anyio.fail_after(2):
                await server.asked.wait()
            await anyio.sleep(0.05)
            cancelled_at = anyio.current_time()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(2):
            await server.disconnected.wait()
        assert server.left_at is not None
        took = server.left_at - cancelled_at
        print(f"{subject.id}: the server saw it {1000 * took:.1f} ms after the cancel")
        assert took < CLOSING + 0.4


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


@pytest.mark.parametrize("subject", [subject for subject in SUBJECTS if subject.reuses], ids=lambda subject: subject.id)
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
        options = options_for(subject, server)
        await server.stop()
        async with find(subject.stage, subject.name)(options) as provider:
            with pytest.raises(ProviderError, match="cannot be reached"):
                async for _ in parts(subject, provider):
                    pass


@subjects
async def test_it_speaks_tls_where_the_certificate_is_trusted(subject: Subject) -> None:
    async with opened(subject, "right") as (provider, server):
        assert server.url.startswith(("https://", "wss://"))
        assert subject.complete([part async for part in parts(subject, provider)])


@sounding
async def test_language_and_rate_go_over_the_wire_as_they_are_declared(subject: Subject) -> None:
    """With a language chosen the server is told of it, and the sound has the rate that the provider declares."""
    assert subject.told is not None, "an ear or a voice shows what its server was told"
    says = declared(subject)
    language = next(iter(says.abilities.languages), "de") if subject.stage == "stt" else None
    async with opened(subject, **({"language": language} if language else {})) as (provider, server):
        assert subject.complete([part async for part in parts(subject, provider)])
        told = subject.told(server)
        if language:
            assert told["language"] == language
        assert says.rates, "a card says which rates go over the wire"
        assert told["rate"] in says.rates
        assert told["rate"] == getattr(provider, "rate", says.rates[0])


async def final(stream: Any) -> Transcript:
    """The next one."""
    with anyio.fail_after(5):
        async for transcript in stream:
            if transcript.final:
                return transcript  # type: ignore[no-any-return]
    raise AssertionError("it ended before that")


@live
async def test_two_pauses_are_two_finals_of_the_whole(subject: Subject) -> None:
    async with opened(subject) as (ears, _), ears.stream() as stream:
        for times in (1, 2):
            for frame in UTTERANCE:
                stream.push(frame)
            stream.finish()
            # Where a server's own spaces are kept, it is to put one behind an utterance; these do not.
            assert (await final(stream)).text.replace(" ", "") == times * HEARD.replace(" ", "")


@live
@pytest.mark.parametrize("frames", [1, 10], ids=["next to no sound", "silence"])
async def test_a_pause_is_answered_though_nobody_spoke(subject: Subject, frames: int) -> None:
    async with opened(subject) as (ears, _), ears.stream() as stream:
        for index in range(frames):
            stream.push(Frame(np.zeros(FRAME, np.float32), index * FRAME))
        stream.finish()
        assert not (await final(stream)).end_of_turn


@pytest.mark.parametrize(
    "subject",
    [subject for subject in SUBJECTS if declared(subject).key],
    ids=lambda subject: subject.id,
)
async def test_without_a_key_it_says_which_and_where(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    told = declared(subject)
    for variable in filter(None, (told.key, *told.other_keys)):
        monkeypatch.delenv(variable, raising=False)
    says = f"^{subject.name} needs an API key: set {told.key} in the environment, or api_key in its options"
    with pytest.raises(ProviderUnavailable, match=says):
        async with find(subject.stage, subject.name)(subject.options):
            pass


@subjects
async def test_nothing_shows_the_key(subject: Subject) -> None:
    async with opened(subject) as (provider, _):
        shown = [repr(provider), str(provider), *map(repr, vars(provider).values())]
        assert not any(secret in text for secret in subject.secrets for text in shown)


@pytest.mark.parametrize(
    "subject", [subject for subject in SUBJECTS if subject.stage == "llm"], ids=lambda subject: subject.id
)
async def test_what_a_call_used_comes_once_and_last(subject: Subject) -> None:
    async with opened(subject) as (provider, _):
        deltas: list[Any] = [delta async for delta in provider.reply(MESSAGES)]
        counted = [index for index, delta in enumerate(deltas) if isinstance(delta, Usage)]
        assert counted == ([len(deltas) - 1] if abilities_of(provider).usage else [])


def test_the_default_patience() -> None:
    assert Timeouts() == Timeouts(connect=3.0, first_byte=8.0, gap=5.0)
