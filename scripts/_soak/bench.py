"""`parley bench` with more turns than in CI; it fails when a ledger and its waveform differ."""

from __future__ import annotations

import json
import subprocess
import sys

TURNS = 20


def run(seconds: float, seed: int) -> tuple[str, list[str]]:
    """Nothing here is random, and the turns say how long it takes."""
    done = subprocess.run(
        [sys.executable, "-m", "assistant", "bench", "--turns", str(TURNS), "--json"],
        stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if not done.stdout.strip():
        return "The bench printed nothing.", [f"parley bench ended with exit code {done.returncode}"]
    found = json.loads(done.stdout)
    rows = "; ".join(
        f"{row['row']}: latency {row['latency_ms']} ms (p95 {row['latency_p95_ms']}), overhead {row['overhead_ms']} ms"
        f" (p95 {row['overhead_p95_ms']}), stop {row['stop_ms']} ms"
        for row in found["rows"]
    )
    starts = found["start_up_s"]
    start = f"{starts[len(starts) // 2]} s" if starts else "unknown"
    result = f"{TURNS} turns a row. {rows}. Start to listening {start}, worst loop stall {found['worst_stall_ms']} ms."
    broken = list(found["failures"])
    if done.returncode and not broken:
        broken.append(f"parley bench ended with exit code {done.returncode}")
    return result, broken
