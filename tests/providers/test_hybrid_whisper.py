"""The two sizes of the Whisper that comes with Parley, as one transcriber, on real synthesised speech."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import numpy as np
import pytest

from assistant.ports import Transcriber, Transcript
from providers import hybrid, whisper
from tests.providers.test_whisper import _errors, frames, recording, spoken

pytestmark = pytest.mark.anyio


def opened(name: str, around: Any = None) -> AbstractAsyncContextManager[Transcriber]:
    return whisper.transcriber({"model": name, "language": "en", "cpu_threads": 1})


async def finals(transcriber: Transcriber, name: str) -> list[tuple[Transcript, float]]:
    """All finals of a recording, and how many seconds after the asking they came."""
    found = []
    async with transcriber.stream() as stream:
        for frame in frames(np.concatenate([recording(name), np.zeros(1600, np.float32)])):
            stream.push(frame)
        asked = anyio.current_time()
        stream.finish()
        async for transcript in stream:
            if transcript.final:
                found.append((transcript, anyio.current_time() - asked))
                if not transcript.provisional:
                    return found
    raise AssertionError("the stream ended without its last final")


async def test_fast_text_first_and_better_text_in_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    options = {"open": opened, "fast": "parley-rough", "accurate": "parley-accurate"}
    wrong, late, words = {"fast": 0, "accurate": 0}, {"fast": [], "accurate": []}, 0
    async with hybrid.transcriber(options) as transcriber:
        for name, text in spoken():
            (first, after_first), (second, after_second) = await finals(transcriber, name)
            assert (first.final, first.provisional, second.final, second.provisional) == (True, True, True, False)
            assert second.until == pytest.approx(first.until, abs=hybrid.SAME), "about the same sound"
            for kind, transcript, after in (("fast", first, after_first), ("accurate", second, after_second)):
                wrong[kind] += _errors(text, transcript.text)
                late[kind].append(after)
            words += len(text.split())
    rates = {kind: errors / words for kind, errors in wrong.items()}
    with capsys.disabled():
        print(
            "\nhybrid, word error rate: "
            + ", ".join(f"{kind} {rates[kind]:.0%} after {np.median(late[kind]) * 1e3:.0f} ms" for kind in rates)
        )
    assert rates["accurate"] < rates["fast"] / 2
