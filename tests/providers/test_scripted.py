"""The scripted transcriber claims no more than it knows."""

from __future__ import annotations

import anyio
import numpy as np
import pytest
import trio.testing

from assistant.ports import CAPTURE_RATE, FRAME, Frame, Transcript
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
