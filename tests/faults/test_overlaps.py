"""`scripts/soak overlap`, in short: who has the floor when users, murmurs and knocks come over a talking assistant."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT


def test_the_short_soak_finds_nothing() -> None:
    for package in ("livekit.rtc", "onnxruntime", "espeakng_loader", "av"):
        pytest.importorskip(package, reason="needs what comes with the extra 'all'")
    done = subprocess.run(
        [sys.executable, "-m", "scripts._soak", "overlap", "--seconds", "5", "--seed", "1"],
        cwd=ROOT, capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"barge-in, voices: [1-9]", done.stdout), "somebody was really heard"
