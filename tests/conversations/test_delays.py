"""Delaying one stage by 100 ms moves that stage's own time by 100 ms, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from .sheet import read
from .test_sheets import on_virtual_time

SHEET = """
config drafts=off silence_ms=300
user 1.0-2.0 "what time is it"
stt final_after={stt}
llm ttft={llm} gap=0.02 "It is noon. Or so."
tts delay={tts} word=0.2
end 5.0
"""
OWN_TIME = {
    "endpoint": ("endpoint_ms", None),
    "stt": ("transcript_ms", None),
    "llm": ("first_sentence_ms", "endpoint_ms"),
    "tts": ("first_audio_ms", "first_sentence_ms"),
    "loudspeaker": ("audible_ms", "first_audio_ms"),
}
"""A stage's own time is the difference between two figures of the ledger."""


def own_times(folder: Path, **delays: float) -> dict[str, float]:
    stages = {"stt": 0.1, "llm": 0.2, "tts": 0.1}
    delayed = {stage: delay + delays.get(stage, 0.0) for stage, delay in stages.items()}
    trace, _ = on_virtual_time(read(SHEET.format(**delayed)), folder)
    [figures] = [notice.data for notice in trace.notices if notice.event == "turn.metrics"]
    return {stage: figures[end] - (figures[begin] if begin else 0.0) for stage, (end, begin) in OWN_TIME.items()}


@pytest.mark.parametrize("stage", ["stt", "llm", "tts"])
def test_a_delay_shows_in_its_own_stage_alone(stage: str, tmp_path: Path) -> None:
    before, after = own_times(tmp_path), own_times(tmp_path, **{stage: 0.1})
    moved = {name: round(after[name] - before[name], 1) for name in OWN_TIME}
    assert moved == {name: 100.0 if name == stage else 0.0 for name in OWN_TIME}
