"""Running things in an empty environment, away from the checkout."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def run(*command: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python(away: Path, program: str) -> list[str]:
    return run(programs(away) / "python", "-c", program, cwd=away).splitlines()


def programs(away: Path) -> Path:
    return away / "venv" / ("Scripts" if os.name == "nt" else "bin")
