"""Disks that cannot be written, or no further."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .talking import Outcome, drawn, environment, one_sentence, read_wav, run, scripted, talk_arguments


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Where a disk of its own can be mounted, in a namespace of the command's own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "mount", "-t", "tmpfs", "x", folder], check=False).returncode:
        pytest.skip("mounting is not permitted here")
    return folder


def talk_on(disk: Path, options: str, folder: Path, *flags: object, afterwards: str = "true") -> Outcome:
    """A conversation with a tmpfs at ``disk``, mounted with ``options``; then a shell command before it is gone."""
    arguments = talk_arguments(folder, scripted(), drawn([(0.5, 1.1)], 3.0), *flags)
    script = f'mount -t tmpfs -o {options} tmpfs "$0" && {{ "$@"; code=$?; {afterwards}; exit $code; }}'
    command = ["unshare", "-rm", "sh", "-c", script, str(disk), sys.executable, "-m", "assistant", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=60, check=False
    )
    return Outcome(done.returncode, done.stdout.splitlines(), done.stderr, folder)


def test_a_read_only_disk(disk: Path, tmp_path: Path) -> None:
    for flags in (("--record", disk / "session"), ("--speaker", disk / "out.wav")):
        outcome = talk_on(disk, "ro", tmp_path / flags[0], *flags)
        assert "Read-only file system" in one_sentence(outcome.stderr)
        assert (outcome.code, outcome.lines) == (2, [])


def test_a_disk_that_fills_up_loses_nothing_that_was_recorded(disk: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    outcome = talk_on(
        disk, "size=64k", tmp_path / "talk", "--record", disk / "session", afterwards=f'cp -r "$0/session" {saved}'
    )
    assert outcome.code == 0
    assert outcome.one("reply.finished")["text"] == "It is nine."  # the conversation goes on
    warnings = [event["message"] for event in outcome.all("warning")]
    assert len(warnings) == 1
    assert "No space left on device" in warnings[0]
    assert "Traceback" not in outcome.stderr
    samples, rate = read_wav(saved / "mic.wav")
    assert len(samples) > 0.3 * rate
    read_wav(saved / "speaker.wav")


def test_a_speaker_file_on_a_full_disk(disk: Path, tmp_path: Path) -> None:
    outcome = talk_on(disk, "size=64k", tmp_path / "talk", "--speaker", disk / "out.wav")
    assert outcome.code == 0
    assert outcome.one("reply.finished")["text"] == "It is nine."
    (warning,) = outcome.all("warning")
    assert "make room" in warning["message"]
    assert "Traceback" not in outcome.stderr


def test_a_folder_that_nobody_may_write(tmp_path: Path) -> None:
    """/sys takes no folders from anybody, root included."""
    if not Path("/sys/kernel").is_dir():
        pytest.skip("there is no /sys here")
    arguments = talk_arguments(tmp_path, scripted(), drawn([], 0.2), "--record", "/sys/kernel/parley")
    outcome = run(tmp_path, arguments)
    assert "give --record another folder" in one_sentence(outcome.stderr)
    assert (outcome.code, outcome.lines) == (2, [])
