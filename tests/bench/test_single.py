"""From waveforms and events to a turn's figures, and what counts as a failed measurement."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assistant.bench.report import failures, summary
from assistant.bench.single import measured
from assistant.bench.waveform import Sounds
from assistant.bench.work import BARGE_IN, TURNS, Scenario, Spoken

LINES = [Spoken(1.0, 3.0), Spoken(9.0, 11.0)]
ENDED = {"event": "session.ended", "reason": "input_over", "underruns": 0, "cpu_cores": 0.03, "memory_mb": 80.0}


def metrics(end: float, latency: float) -> dict[str, Any]:
    return {"event": "turn.metrics", "speech_end_at": end, "latency_ms": latency}


def heard(*stretches: tuple[float, float]) -> Sounds:
    wave = np.zeros(16 * 24_000, np.float32)
    for start, end in stretches:
        wave[round(start * 24_000) : round(end * 24_000)] = 0.3
    sounds = Sounds(24_000)
    sounds.add(wave)
    return sounds


def run_of(scenario: Scenario, sounds: Sounds, *events: dict[str, Any]):
    return measured(scenario, LINES, sounds, [*events, ENDED])


def test_latency_is_read_off_the_waveforms() -> None:
    run = run_of(TURNS, heard((3.7, 5.0), (11.69, 13.0)), metrics(2.995, 703), metrics(10.996, 695))
    assert [turn.latency for turn in run.turns] == [pytest.approx(700), pytest.approx(690)]
    assert failures(run) == []
    assert summary(run)["overhead_ms"] == pytest.approx(15)
    assert summary(run)["ledger_off_by_ms"] == pytest.approx(5)


def test_a_ledger_that_differs_by_more_than_20_ms_fails_the_bench() -> None:
    run = run_of(TURNS, heard((3.7, 5.0), (11.7, 13.0)), metrics(3.0, 700), metrics(11.0, 725))
    assert failures(run) == ["turns, drafts off: turn 2: the ledger says 725 ms, the waveforms 700.0"]


def test_a_turn_without_a_ledger_or_a_sound_fails_the_bench() -> None:
    run = run_of(TURNS, heard((3.7, 5.0)), metrics(11.0, 700))
    assert len(failures(run)) == 2


def test_a_barge_in_is_measured_from_the_first_sound_to_the_last_sample() -> None:
    cut = {"event": "reply.interrupted", "at": 9.1, "heard": "one two three four"}
    run = run_of(BARGE_IN, heard((8.0, 9.11), (11.6, 12.0)), metrics(3.0, 5000), metrics(11.0, 600), cut)
    assert run.turns[0].stop == pytest.approx(110, abs=1)
    assert run.turns[0].words_kept == 4
    assert run.turns[0].words_heard == pytest.approx(1.11 / 0.25, abs=0.01)
    assert run.turns[1].stop is None
