"""Who reads the events: slowly, not at all, or only the first line."""

from __future__ import annotations

import fcntl
import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .talking import (
    Outcome,
    drawn,
    environment,
    killed_if_stuck,
    one_sentence,
    run,
    scripted,
    side_by_side,
    sounds,
    start,
    talk,
    talk_arguments,
)

CHATTY = "word = 0.01, chunk = 0.05"
"""A hundred words a second: the smallest pipe is full in less than one."""
WORDS = " ".join(["word"] * 140)
SAID = [(0.3, 0.8, "one"), (3.0, 3.5, "two"), (5.4, 5.9, "three")]
CONFIG = scripted(SAID, llm=f'replies = ["{WORDS}"]', tts=CHATTY)
MIC = drawn([(start, end) for start, end, _ in SAID], 6.5)
SMALLEST = 4096
SOON = 3.0

small_pipes = pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="this system's pipes have one size")


def through_a_small_pipe(folder: Path, *flags: object) -> subprocess.Popen[bytes]:
    process = start(folder, talk_arguments(folder, CONFIG, MIC, *flags))
    assert process.stdout is not None
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, SMALLEST)
    return process


def stopped_reading(folder: Path, seconds: float) -> Outcome:
    """A reader that takes the first line, then nothing for so long, then all."""
    process = through_a_small_pipe(folder)
    assert process.stdout is not None
    with killed_if_stuck(process):
        first = process.stdout.readline()
        time.sleep(seconds)
        out, err = process.communicate()
    return Outcome(process.returncode, (first + out).decode().splitlines(), err.decode(), folder)


@small_pipes
def test_a_reader_that_stops_for_a_while_is_not_waited_for(tmp_path: Path) -> None:
    outcomes = side_by_side(
        {
            "always": lambda: talk(tmp_path / "always", CONFIG, MIC),
            "stopped": lambda: stopped_reading(tmp_path / "stopped", 5.0),
            "never": lambda: stopped_reading(tmp_path / "never", 9.0),
        }
    )
    reading, stopped = sounds(outcomes["always"].speaker), sounds(outcomes["stopped"].speaker)
    print("answers began, read all the time:", [f"{start:.3f}" for start, _ in reading])
    print("answers began, not read for 5 s: ", [f"{start:.3f}" for start, _ in stopped])
    assert len(reading) == len(stopped) == len(sounds(outcomes["never"].speaker)) == len(SAID)
    for outcome in outcomes.values():
        assert (outcome.code, outcome.stderr) == (0, "")
        # A loop that had waited for the reader would have been late by seconds, and have run dry.
        for (began, ended), (_, _, _), (first, _) in zip(sounds(outcome.speaker), SAID, reading, strict=True):
            assert abs(began - first) < 1.0
            assert ended - began == pytest.approx(1.4, abs=0.1)
    for name in ("always", "stopped"):
        assert outcomes[name].events[-1]["event"] == "session.ended"
        assert not outcomes[name].all("warning")
        assert len(outcomes[name].all("reply.word")) == 3 * 140  # none was lost
    # Who has read nothing by the end gets what the pipe held, and its last line may be cut.
    assert all(json.loads(line) for line in outcomes["never"].lines[:-1])


@small_pipes
def test_ctrl_c_while_nobody_reads(tmp_path: Path) -> None:
    process = through_a_small_pipe(tmp_path, "--record", tmp_path / "recording")
    assert process.stdout is not None
    with killed_if_stuck(process):
        process.stdout.readline()
        time.sleep(3.0)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        process.wait()  # to read would set the writer free
        seconds = time.monotonic() - began
        process.communicate()
    outcome = Outcome(process.returncode, [], "", tmp_path, seconds)
    print(f"a full pipe: gone after {outcome.seconds * 1000:.0f} ms")
    assert outcome.code == 130
    assert outcome.seconds < SOON
    assert outcome.recorded[-1]["reason"] == "interrupted"


def test_a_reader_that_leaves_ends_it(tmp_path: Path) -> None:
    """parley talk --json | head -1"""
    arguments = talk_arguments(tmp_path, CONFIG, MIC, "--record", tmp_path / "recording")
    command = shlex.join([sys.executable, "-m", "assistant", *map(str, arguments)])
    began = time.monotonic()
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1; exit ${{PIPESTATUS[0]}}"],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    seconds = time.monotonic() - began
    print(f"its reader left: ended after {seconds:.1f} s, code {done.returncode}")
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["event"] == "session.started"
    assert done.stderr == f"parley: recording to {tmp_path / 'recording'}\n"
    events = [json.loads(line) for line in (tmp_path / "recording" / "events.jsonl").read_text("utf-8").splitlines()]
    assert events[-1]["event"] == "session.ended"
    assert events[-1]["t"] < 5.0  # long before the file was over


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["for people", "events"])
def test_a_reader_that_leaves_is_missed_while_nothing_is_said(tmp_path: Path, flags: tuple[str, ...]) -> None:
    arguments = [a for a in talk_arguments(tmp_path, scripted(), drawn([], 40.0)) if a != "--json"]
    process = start(tmp_path, [*arguments, *flags])
    assert process.stdout is not None and process.stderr is not None
    with killed_if_stuck(process, 30.0):
        assert process.stdout.readline()
        process.stdout.close()
        code, told = process.wait(), process.stderr.read()
    process.stderr.close()
    assert (code, told) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("buffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_full_disk_behind_standard_output_is_said(tmp_path: Path, buffered: str) -> None:
    talking = [a for a in talk_arguments(tmp_path, scripted(), drawn([(0.5, 1.1)], 1.4)) if a != "--json"]
    for arguments in (["config", "show"], ["config", "path", "--json"], ["say", "Hi.", "-o", "-"], talking):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "assistant", *map(str, arguments)],
                cwd=tmp_path, env=environment(tmp_path, PYTHONUNBUFFERED=buffered), stdout=full, stderr=subprocess.PIPE,
                text=True, timeout=60, check=False,
            )  # fmt: skip
        assert "No space left on device" in one_sentence(done.stderr)
        assert done.returncode == 1


def test_no_standard_output_at_all(tmp_path: Path) -> None:
    def closed(name: str, *flags: str) -> Outcome:
        arguments = [a for a in talk_arguments(tmp_path / name, scripted(), drawn([], 0.2)) if a != "--json"]
        command = shlex.join([sys.executable, "-m", "assistant", *map(str, arguments), *flags])
        return_to = subprocess.run(
            ["sh", "-c", f"{command} >&-"],
            cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return Outcome(return_to.returncode, [], return_to.stderr, tmp_path / name)

    silent, events = closed("silent"), closed("events", "--json")
    assert (silent.code, silent.stderr) == (0, "")
    assert events.code == 2
    assert "standard output is closed" in events.stderr


def test_what_a_person_sees(tmp_path: Path) -> None:
    """On a pipe, without --json: plain lines, each said once."""
    arguments = [a for a in talk_arguments(tmp_path, scripted(), drawn([(0.5, 1.1)], 1.4)) if a != "--json"]
    outcome = run(tmp_path, arguments)
    assert (outcome.code, outcome.stderr) == (0, "")
    shown = "\n".join(outcome.lines)
    assert "\x1b" not in shown
    assert shown.count("what time is it") == 1
    assert shown.count("It is nine.") == 1
    assert "ended: input over" in shown
