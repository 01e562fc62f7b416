"""The system packages that sound needs: asked for once, and no conversation waits for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the scripts are for bash")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose environment is ready; its system has apt, which refuses, and has nothing installed."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "_env.sh", tmp_path / "scripts")
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / ".venv")], check=True)
    program(tmp_path, "dpkg", "exit 1")
    program(tmp_path, "apt-get", f'echo "$*" >>"{tmp_path}/asked"; exit 100')
    program(tmp_path, "sudo", "exit 1")
    program(tmp_path, "id", "echo 1000")
    bash(tmp_path, 'write_stamp "$(fingerprint)" all,dev')
    return tmp_path


def program(checkout: Path, name: str, text: str) -> None:
    (checkout / "bin").mkdir(exist_ok=True)
    (checkout / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
    (checkout / "bin" / name).chmod(0o755)


def bash(checkout: Path, commands: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f'set -euo pipefail; . "$1"; {commands}', "script", str(checkout / "scripts" / "_env.sh")],
        capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PATH": f"{checkout / 'bin'}:{os.environ['PATH']}"},
    )  # fmt: skip


@pytest.mark.parametrize("root", [False, True])
def test_a_talk_starts_without_them_and_asks_once(checkout: Path, root: bool) -> None:
    if root:
        program(checkout, "id", "echo 0")
    first = bash(checkout, "ensure_env all talk; echo talking")
    assert (first.returncode, first.stdout) == (0, "talking\n")
    assert "sudo apt-get install libportaudio2 libasound2-plugins" in first.stderr
    assert (checkout / "asked").exists() == root
    again = bash(checkout, "ensure_env all talk; echo talking")
    assert (again.returncode, again.stdout, again.stderr) == (0, "talking\n", "")


def test_the_tests_do_not_run_without_them(checkout: Path) -> None:
    for _ in range(2):
        done = bash(checkout, "ensure_env all,dev test; echo testing")
        assert (done.returncode, done.stdout) == (1, "")
        assert "pulseaudio pulseaudio-utils" in done.stderr.splitlines()[-1]


def test_an_environment_made_before_gets_what_the_list_has_gained(checkout: Path) -> None:
    program(checkout, "dpkg", "exit 0")
    assert bash(checkout, "ensure_env all talk").stderr == ""
    program(checkout, "dpkg", f'echo "$*" >>"{checkout}/looked"; exit 0')
    bash(checkout, "ensure_env all talk")
    assert not (checkout / "looked").exists()
    env = checkout / "scripts" / "_env.sh"
    env.write_text(env.read_text().replace('talk:apt) echo "', 'talk:apt) echo "something-new '))
    bash(checkout, "ensure_env all talk")
    assert "something-new" in (checkout / "looked").read_text()


@pytest.mark.parametrize("manager", ["apt", "dnf", "pacman", "brew"])
def test_other_package_managers_only_get_a_hint(checkout: Path, manager: str) -> None:
    done = bash(checkout, f"package_manager() {{ echo {manager}; }}; ensure_env all talk; echo talking")
    assert (done.returncode, done.stdout) == (0, "talking\n")
    assert done.stderr.count("\n") == (0 if manager == "brew" else 1)  # wheels for macOS bring PortAudio
    assert manager == "brew" or "portaudio" in done.stderr
