"""The scripted transcriber claims no more than it knows; the scripted model calls what its script says."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import numpy as np
import pytest
import trio.testing

from assistant.ports import (
    CAPTURE_RATE,
    FRAME,
    Delta,
    Frame,
    Message,
    ProviderError,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
    Transcript,
)
from providers import scripted

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


async def transcripts(lines: list[dict[str, object]], seconds: float, **options: object) -> list[Transcript]:
    """What is told while so many seconds of sound come in."""
    found: list[Transcript] = []

    async def listen(stream: object) -> None:
        async for transcript in stream:  # type: ignore[attr-defined]
            found.append(transcript)  # noqa: PERF401 - until it is cancelled

    async with (
        scripted.transcriber({"lines": lines, **options}) as ears,
        ears.stream() as stream,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listen, stream)
        for index in range(round(seconds * CAPTURE_RATE / FRAME)):
            await anyio.sleep(FRAME / CAPTURE_RATE)
            stream.push(Frame(np.zeros(FRAME, np.float32), index * FRAME))
        tasks.cancel_scope.cancel()
    return found


async def test_a_final_covers_nothing_of_a_line_that_is_still_being_said() -> None:
    lines = [{"start": 0.2, "end": 1.0, "text": "one"}, {"start": 1.2, "end": 3.0, "text": "two"}]
    first, second = await transcripts(lines, 4.5, final_after=0.8)
    assert (first.text, first.until) == ("one", 1.2)
    assert second.text == "one two"
    assert second.until == pytest.approx(3.8, abs=0.05)


async def test_a_line_without_words_has_no_partials() -> None:
    (final,) = await transcripts([{"start": 0.2, "end": 1.0, "text": ""}], 2.0, partials_behind=0.1)
    assert (final.text, final.final) == ("", True)


async def test_partials_lag_behind_the_speech_and_go_on_behind_its_end_until_the_final() -> None:
    lines = [{"start": 0.2, "end": 1.2, "text": "one two"}, {"start": 3.2, "end": 4.2, "text": "three"}]
    found = await transcripts(lines, 5.5, partials_behind=0.3, final_after=0.5)
    told = [(transcript.text, transcript.final, transcript.until) for transcript in found]
    assert told[0] == ("one", False, pytest.approx(0.7))
    assert told[1] == ("one two", False, pytest.approx(1.2))
    assert told[2][:2] == ("one two", True)
    assert told[3] == ("one two three", False, pytest.approx(4.2))
    assert told[4][:2] == ("one two three", True)


async def test_partials_may_be_wrong_where_the_final_is_not() -> None:
    lines = [{"start": 0.2, "end": 1.0, "text": "stop", "misheard": "shop"}]
    partial, final = await transcripts(lines, 2.0, partials_behind=0.1, final_after=0.5)
    assert (partial.text, final.text) == ("shop", "stop")


# --- a model that calls -----------------------------------------------------------------------------------------------

TOOLS = [Tool("look", "Looks.", {"type": "object"})]
QUESTION = Message("user", (Text("what is there"),))


async def answer(
    reply: str, *results: str, tools: list[Tool] = TOOLS, before: Sequence[Message] = (), **options: object
) -> list[Delta]:
    """What is said and called next, after so many calls of `look` with these results."""
    messages = [*before, QUESTION]
    for result in results:
        messages += [
            Message("assistant", (ToolCall("1", "look"),)),
            Message("user", (ToolResult("1", "look", result),)),
        ]
    async with scripted.chat_model({"replies": ["Hello.", reply] if before else [reply], **options}) as model:
        return [delta async for delta in (model.reply(messages, tools) if tools else model.reply(messages))]


def words(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


SCRIPT = "Let me see. <look what=garden> <look what='the house' deep=true n=3> It is {look}. <look> Done."


async def test_it_says_what_stands_before_a_call_and_then_makes_it() -> None:
    *said, one, other = await answer(SCRIPT)
    assert words(said) == "Let me see."
    assert isinstance(one, ToolCall) and isinstance(other, ToolCall)
    assert (one.name, one.arguments) == ("look", {"what": "garden"})
    assert (other.name, other.arguments) == ("look", {"what": "the house", "deep": True, "n": 3})
    assert one.id != other.id


async def test_it_goes_on_when_the_results_have_come() -> None:
    *said, call = await answer(SCRIPT, "a cat")
    assert words(said) == "It is a cat."
    assert isinstance(call, ToolCall)
    assert words(await answer(SCRIPT, "a cat", "a dog")) == "Done."
    assert words(await answer(SCRIPT, "a cat", "a dog", "a bird")) == "Done.", "whoever else has called it"


async def test_the_calls_for_an_earlier_answer_are_not_counted() -> None:
    earlier = [
        Message("user", (Text("before"),)),
        Message("assistant", (ToolCall("0", "look"),)),
        Message("user", (ToolResult("0", "look", "a fox"),)),
        Message("assistant", (Text("A fox."),)),
    ]
    *said, call = await answer("I look. <look> It is {look}.", before=earlier)
    assert (words(said), isinstance(call, ToolCall)) == ("I look.", True)
    assert words(await answer("I look. <look> It is {look}.", "a cat", before=earlier)) == "It is a cat."


async def test_without_tools_it_calls_none() -> None:
    assert words(await answer("I look. <look> It is {look}. <look> Done.", "a cat", tools=[])) == "It is a cat. Done."


async def test_a_call_comes_on_time_and_can_be_cut() -> None:
    began = anyio.current_time()
    await answer("One two. <look>", ttft=0.5, gap=0.1)
    assert anyio.current_time() == pytest.approx(began + 0.7)
    fault = {"call": 1, "kind": "cut", "after": 3}
    with pytest.raises(ProviderError, match="broke off"):
        await answer("One two. <look>", faults=[fault])
