"""A voice that has said other words than it was given: what a reply keeps is what was said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from assistant.conversation.events import Happening, ReplyFinished
from assistant.gate import Gate
from assistant.later import ready
from assistant.ports import SpeechChunk, SynthesizerAbilities
from assistant.reply import Reply
from tests.test_gate import RATE, Loudspeaker, tone

pytestmark = pytest.mark.anyio
SAID = "Sure! It is four o'clock, my friend."


class Chatty:
    """Says `SAID`, whatever it is given: a second of sound."""

    name = "chatty"
    rate = RATE
    abilities = SynthesizerAbilities()

    async def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        for _ in range(10):
            yield SpeechChunk(tone(0.1))
        yield SpeechChunk(tone(0.0), said=SAID)


def reply(speaker: Loudspeaker, happened: Any) -> Reply:
    return Reply(
        turn=1, words="It is four o'clock.", model=ready(None), voice=ready(Chatty()),  # type: ignore[arg-type]
        gate=Gate(speaker, is_open=True), rate=RATE, now=speaker.now, tell=lambda *_: None, happened=happened,
        wanted=lambda _: None,
    )  # fmt: skip


async def test_the_history_keeps_what_was_said() -> None:
    speaker, happened = Loudspeaker(), list[Happening]()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reply(speaker, happened.append).run)
        with anyio.fail_after(5):
            while not (happened and isinstance(happened[-1], ReplyFinished)):  # noqa: ASYNC110 - a clock set by hand
                speaker.samples(until=speaker.at + 0.1)
                await anyio.sleep(0.001)
    assert happened[-1].text == SAID


async def test_what_was_heard_of_it_is_a_part_of_what_was_said() -> None:
    speaker = Loudspeaker()
    async with anyio.create_task_group() as tasks:
        talking = reply(speaker, lambda _: None)
        tasks.start_soon(talking.run)
        await anyio.sleep(0.05)
        speaker.samples(until=0.6)
        heard = talking.cancel()
    assert SAID.startswith(heard) and heard.startswith("Sure! It is")
