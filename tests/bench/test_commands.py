"""The bench runs, from the command line to its figures. How fast it finds the loop is not judged here."""

from __future__ import annotations

import subprocess
import sys

from assistant.bench.sessions import load_of
from assistant.bench.single import run
from assistant.bench.work import DRAFTS


def test_one_row_as_a_process() -> None:
    found = run(DRAFTS, 1, warm=0)
    assert found.figures["reason"] == "input_over"
    assert found.turns[0].latency is not None
    assert found.turns[0].ledger is not None
    assert found.figures["memory_mb"] > 20
    assert found.figures["cpu_cores"] > 0
    assert found.figures["listening_after_s"] > 0


def test_sessions_side_by_side() -> None:
    load = load_of(3, turns=1, warm=0)
    assert load.missed == 0
    assert len(load.latencies) == 3


def test_help_says_what_it_does() -> None:
    done = subprocess.run([sys.executable, "-m", "assistant", "bench", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--sessions" in done.stdout
