"""Runs of the bench -> the table that a person reads, and what is wrong with them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from assistant.bench.single import Run
from assistant.observe.metrics import percentile

AGREEMENT_MS = 20.0
"""The ledger may differ from the waveforms by so much; more is a failure of the measurement."""


def failures(run: Run) -> list[str]:
    """What makes the run's figures worthless: a sentence each."""
    found: list[str] = []
    for number, turn in enumerate(run.turns, 1):
        if turn.latency is None:
            found.append(f"{run.scenario.name}: turn {number} was not answered")
        elif turn.disagreement is None or turn.disagreement > AGREEMENT_MS:
            both = f"the ledger says {turn.ledger} ms, the waveforms {turn.latency:.1f}"
            found.append(f"{run.scenario.name}: turn {number}: {both}")
    return found


def summary(run: Run) -> dict[str, Any]:
    """The figures of a run, in milliseconds, cores and megabytes."""
    latencies = [turn.latency for turn in run.turns if turn.latency is not None]
    stops = [turn.stop for turn in run.turns if turn.stop is not None]
    words = [
        turn.words_kept - turn.words_heard
        for turn in run.turns
        if turn.words_kept is not None and turn.words_heard is not None
    ]
    path = run.scenario.path_ms
    figures: dict[str, Any] = {"row": run.scenario.name, "turns": len(run.turns), "path_ms": path}
    figures |= _spread("latency", latencies)
    figures |= _spread("overhead", [latency - path for latency in latencies])
    figures |= _spread("stop", stops)
    figures["words_kept_minus_heard"] = None if not words else round(statistics.median(words), 2)
    disagreements = [turn.disagreement for turn in run.turns if turn.disagreement is not None]
    figures["ledger_off_by_ms"] = round(max(disagreements), 1) if disagreements else None
    for name in ("cpu_cores", "memory_mb", "worst_stall_ms", "listening_after_s", "underruns"):
        figures[name] = run.figures.get(name)
    return figures


def _spread(name: str, values: Sequence[float]) -> dict[str, float | None]:
    return {
        f"{name}_ms": round(statistics.median(values), 1) if values else None,
        f"{name}_p95_ms": round(percentile(values, 95), 1) if values else None,
    }


def in_detail(run: Run) -> list[dict[str, Any]]:
    """Turn by turn."""
    return [asdict(turn) for turn in run.turns]


def table(rows: Sequence[Sequence[object]]) -> str:
    """Plain aligned text; the first row is the heading."""
    cells = [[_shown(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = ["  ".join(_aligned(row, widths)) for row in cells]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *others = zip(row, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]


def _shown(cell: object) -> str:
    if cell is None:
        return "-"
    return f"{cell:.1f}" if isinstance(cell, float) else str(cell)
