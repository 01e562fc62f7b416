"""A recording -> lines, with transcribers that are slow, fail, or hear nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import numpy as np
import pytest

from assistant.conversation.events import Transcript, Word
from assistant.files.transcribe import transcribe
from assistant.ports import CAPTURE_RATE, Frame, ParleyError, ProviderError, TranscriberAbilities
from tests.files.media import encode
from tests.files.test_utterances import Loud, drawn

pytestmark = pytest.mark.anyio


class Counting:
    """Hears how long an utterance is; ``texts`` says otherwise for the first ones."""

    name = "counting"
    abilities = TranscriberAbilities()

    def __init__(self, *texts: str | Exception, delay: float = 0.0) -> None:
        self._texts = list(texts)
        self._delay = delay
        self.open = 0

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[Counting]:
        self._frames: list[Frame] = []
        self.open += 1
        try:
            yield self
        finally:
            self.open -= 1

    def push(self, frame: Frame) -> None:
        self._frames.append(frame)

    def finish(self) -> None:
        pass

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        yield Transcript("a partial", False)
        await anyio.sleep(self._delay)
        text = self._texts.pop(0) if self._texts else f"{len(self._frames) * 0.032:.1f} s"
        if isinstance(text, Exception):
            raise text
        start = self._frames[0].at
        yield Transcript(text, True, language="en", words=(Word(text, start, start + 1),))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return encode(tmp_path / "talk.flac", drawn((1.0, 2.0), (4.0, 5.0), (12.0, 13.0), seconds=15.0))


async def test_lines_progress_and_words(recording: Path) -> None:
    told: list[tuple[float, float | None]] = []
    found = await transcribe(recording, Counting(), Loud(), on_progress=lambda *done: told.append(done))
    assert [round(line.start, 1) for line in found.lines] == [1.0, 4.0, 12.0]
    assert [line.language for line in found.lines] == ["en"] * 3
    assert all(line.words[0].start == line.start for line in found.lines), "no word begins before its voice"
    assert found.seconds == pytest.approx(15.0, abs=0.01)
    done = [seconds for seconds, _ in told]
    assert done == sorted(done)
    assert (told[0], told[-1]) == ((0.0, 15.0), (15.0, 15.0))


async def test_what_is_not_understood_is_no_line(recording: Path) -> None:
    found = await transcribe(recording, Counting("", "  ", "Hello."), Loud())
    assert [line.text for line in found.lines] == ["Hello."]


async def test_a_failure_of_the_transcriber_is_its_own(recording: Path) -> None:
    transcriber = Counting("Hello.", ProviderError("it broke"))
    with pytest.raises(ProviderError, match="it broke"):
        await transcribe(recording, transcriber, Loud())
    assert transcriber.open == 0


async def test_a_sound_track_in_which_nothing_can_be_decoded(tmp_path: Path) -> None:
    """Its header is right and its packets are not."""
    data = bytearray(encode(tmp_path / "talk.flac", drawn(seconds=1.0)).read_bytes())
    data[9_000 if len(data) > 9_100 else len(data) // 2 :] = b""
    header = data[: data.index(b"\xff\xf8")]
    (tmp_path / "bad.flac").write_bytes(bytes(header) + b"\x00" * 4000)
    with pytest.raises(ParleyError, match=r"bad\.flac"):
        await transcribe(tmp_path / "bad.flac", Counting(), Loud())


async def test_cancelled_it_closes_the_stream_and_the_file(recording: Path) -> None:
    transcriber = Counting(delay=60.0)
    with anyio.move_on_after(0.5) as scope:
        await transcribe(recording, transcriber, Loud())
    assert scope.cancelled_caught
    assert transcriber.open == 0


async def test_a_long_silence_is_quick_work(tmp_path: Path) -> None:
    path = encode(tmp_path / "silence.flac", np.zeros(120 * CAPTURE_RATE))
    found = await transcribe(path, Counting(), Loud())
    assert (found.lines, round(found.seconds)) == ([], 120)
