"""One cell of the fault table: a provider, opened as in a conversation, called while its server misbehaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import numpy as np

from assistant.ports import FRAME, Frame, Message, ProviderError, Text, TextDelta
from providers.registry import find
from tests.contract import certificates
from tests.contract.subject import KEY, Playing, Subject
from tests.contract.table import ADDRESS_FAULTS, PATIENT, TIMEOUTS

MESSAGES = [Message("system", (Text("Be brief."),)), Message("user", (Text("what time is it"),))]
UTTERANCE = [
    Frame(np.sin(np.arange(i * FRAME, (i + 1) * FRAME) * 0.1).astype(np.float32) / 3, i * FRAME) for i in range(20)
]
LIMIT = 5.0
"""Seconds in which every call must end, whatever happens to it. The clocks of `TIMEOUTS` end it in one."""


@asynccontextmanager
async def opened(
    subject: Subject, address_fault: str | None = None, **options: Any
) -> AsyncIterator[tuple[Any, Playing]]:
    """The provider, opened on its healthy server; ``address_fault``: where that server cannot be reached."""
    server: Playing = subject.server()
    server.key = KEY
    if address_fault == "dns":
        server.host = "nowhere.invalid"
    elif address_fault is not None:
        server.tls = certificates.serving(
            certificates.OTHER if address_fault == "certificate" else "127.0.0.1",
            trusted=address_fault != "untrusted",
        )
    async with AsyncExitStack() as stack:
        if server.tls is not None:
            stack.enter_context(certificates.trust())
        await stack.enter_async_context(server)
        given = {**options_for(subject, server), **options}
        yield await stack.enter_async_context(find(subject.stage, subject.name)(given)), server


def options_for(subject: Subject, server: Playing) -> dict[str, Any]:
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


@dataclass
class Found:
    """What came of a cell."""

    failure: ProviderError | None = None
    pieces: list[Any] = field(default_factory=list)
    """What came before the fault."""
    calls: int = 0
    """As the server counted them."""
    sent: int = 0
    """Bytes that the server could send."""

    def sentence(self, subject: Subject) -> str:
        """For the page: what a user reads."""
        if self.failure is None:
            return "nothing: the answer is whole"
        return str(self.failure).replace(subject.name, "NAME", 1)


async def meet(subject: Subject, fault: str) -> Found:
    """Let the provider meet the fault, then, where the fault can be lifted, see that its next call is whole again."""
    found = Found()
    timeouts = PATIENT if fault == "big_line" else TIMEOUTS
    async with opened(subject, fault if fault in ADDRESS_FAULTS else None, timeouts=timeouts) as (provider, server):
        if fault == "refused":
            await server.stop()
        elif fault not in ADDRESS_FAULTS:
            server.fault = fault
            await server.settle()
        with anyio.fail_after(LIMIT):
            try:
                async for part in parts(subject, provider):
                    found.pieces.append(part)  # noqa: PERF401 - what came before the fault matters
            except ProviderError as error:
                found.failure = error
        found.calls, found.sent = server.calls, getattr(server, "sent", 0)

        if fault in ADDRESS_FAULTS:
            return found
        server.fault = None
        if fault == "refused":
            await server.listen()
        with anyio.fail_after(LIMIT):
            again = [part async for part in parts(subject, provider)]
        assert subject.complete(again), "the next call works"
    return found
