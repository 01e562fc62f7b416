"""The JSON lines, through real pipes."""

from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assistant.observe.events import EventLines, encode
from assistant.ports import Notice


class Pipe:
    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()

    def take(self) -> list[dict[str, Any]]:
        """Close the writing end and read what was written."""
        os.close(self.write_end)
        with os.fdopen(os.dup(self.read_end), "rb") as reader:
            return [json.loads(line) for line in reader]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    for fd in (pipe.read_end, pipe.write_end):
        try:
            os.close(fd)
        except OSError as error:
            assert error.errno == errno.EBADF  # closed by the test


def notice(event: str = "state", t: float = 1.0, **data: object) -> Notice:
    return Notice(t, event, 1, t, data)


def fail() -> None:
    pytest.fail("the reader is there")


# --- one line ---------------------------------------------------------------------------------------------------------


def test_a_line() -> None:
    line = encode(Notice(3.21449, "user.transcript.final", 2, 3.0196, {"text": "Größe 大", "language": None}))
    assert line.decode() == (
        '{"t": 3.214, "event": "user.transcript.final", "turn": 2, "at": 3.02, "text": "Größe 大", "language": null}\n'
    )


@pytest.mark.parametrize(
    "text", ["a\nb", "a\r\nb", "a\u2028b", "a\u2029b", "a\x85b", "a\x0bb", "a\x1cb", "\x1b[2J", "\x00"]
)
def test_nothing_breaks_a_line(text: str) -> None:
    line = encode(notice(text=text)).decode()
    assert len(line.splitlines()) == 1
    assert json.loads(line)["text"] == text


@pytest.mark.parametrize(
    ("value", "told"),
    [(float("nan"), None), (float("inf"), None), ([1.0, float("nan")], [1.0, None]),
     ({"a": float("-inf")}, {"a": None}), (np.float32(0.5), 0.5), (np.int64(3), 3),
     (Path("a/b"), "a/b"), ("\ud800", "?")],
)  # fmt: skip
def test_whatever_a_provider_says_is_json(value: object, told: object) -> None:
    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    assert json.loads(encode(notice(value=value)), parse_constant=refuse)["value"] == told


def test_a_providers_result_for_the_recording() -> None:
    line = encode(Notice(1.23456, "_", 2, 1.2, {"stage": "tts", "what": "audio", "seconds": 0.2}))
    assert json.loads(line) == {"t": 1.235, "turn": 2, "_": {"stage": "tts", "what": "audio", "seconds": 0.2}}


# --- many lines -------------------------------------------------------------------------------------------------------


def test_events_come_out_in_order_and_provider_results_do_not(pipe: Pipe) -> None:
    lines = EventLines(pipe.write_end, fail)
    for number in range(100):
        lines.notice(notice(t=float(number)))
        lines.notice(notice("_", t=float(number)))
    lines.close()
    assert [line["t"] for line in pipe.take()] == list(range(100))


def test_a_line_is_written_at_once(pipe: Pipe) -> None:
    lines = EventLines(pipe.write_end, fail)
    lines.notice(notice(text="now"))
    assert json.loads(os.read(pipe.read_end, 10_000))["text"] == "now"
    lines.close()


def test_a_long_line(pipe: Pipe) -> None:
    lines = EventLines(pipe.write_end, fail)
    lines.notice(notice(text="x" * 30_000))
    lines.notice(notice(text="after"))
    lines.close()
    assert [len(line["text"]) for line in pipe.take()] == [30_000, 5]


def test_a_full_pipe_stalls_nothing_and_what_was_left_out_is_told(pipe: Pipe) -> None:
    lines = EventLines(pipe.write_end, fail, limit=100)
    padding = "x" * 1000
    for number in range(1000):  # a pipe holds 64 KiB: this returns only because nobody waits for it
        lines.notice(notice(t=float(number), text=padding))
    got: list[bytes] = []
    reader = os.fdopen(os.dup(pipe.read_end), "rb")
    got.extend(reader.readline() for _ in range(100))
    while json.loads(got[-1])["event"] != "warning":
        lines.notice(notice(t=2000.0, text=padding))
        got.append(reader.readline())
    lines.close()
    os.close(pipe.write_end)
    events = [json.loads(line) for line in [*got, *reader]]
    reader.close()
    told = [event["t"] for event in events]
    assert told == sorted(told)
    # More than one warning, where the writer made room while the notices came.
    left_out = sum(int(event["message"].split()[0]) for event in events if event["event"] == "warning")
    assert 0 < left_out < 1000
    sent_before = sum(event["t"] < 2000 and event["event"] == "state" for event in events)
    assert sent_before + left_out >= 1000


def test_chatter_is_left_out_first(pipe: Pipe) -> None:
    os.set_blocking(pipe.write_end, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(pipe.write_end, b"\n" * 4096)
    lines = EventLines(pipe.write_end, fail, limit=100)
    for number in range(500):
        lines.notice(notice("reply.word", t=float(number), word="la"))
    lines.notice(notice("reply.finished", t=999.0, text="la la"))
    events: list[dict[str, Any]] = []
    with os.fdopen(os.dup(pipe.read_end), "rb") as reader:
        while not events or events[-1]["event"] != "reply.finished":
            events.extend(json.loads(line) for line in [reader.readline()] if line.strip())
    lines.close()
    assert 0 < sum(event["event"] == "reply.word" for event in events) < 500


def test_a_reader_that_never_reads_holds_nobody_up_at_the_end(pipe: Pipe) -> None:
    lines = EventLines(pipe.write_end, fail)
    for _ in range(200):
        lines.notice(notice(text="x" * 1000))
    lines.close()  # returns
    events = pipe.take()
    assert 0 < len(events) < 200


def test_a_reader_that_goes_away_is_told_once(pipe: Pipe) -> None:
    gone = threading.Semaphore(0)
    lines = EventLines(pipe.write_end, gone.release)
    lines.notice(notice())
    assert os.read(pipe.read_end, 1000)
    os.close(pipe.read_end)
    lines.notice(notice())
    assert gone.acquire(timeout=60)
    for _ in range(100):
        lines.notice(notice())
    lines.close()
    assert not gone.acquire(blocking=False)


def test_a_reader_that_goes_away_is_missed_while_nothing_happens(pipe: Pipe) -> None:
    gone = threading.Semaphore(0)
    lines = EventLines(pipe.write_end, gone.release)
    lines.notice(notice())
    assert os.read(pipe.read_end, 1000)
    assert not gone.acquire(timeout=1.2)  # it is there, and has nothing to read
    os.close(pipe.read_end)
    assert gone.acquire(timeout=60)
    lines.close()
    assert not gone.acquire(blocking=False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_said(caplog: pytest.LogCaptureFixture) -> None:
    gone = threading.Semaphore(0)
    with open("/dev/full", "wb", buffering=0) as full, caplog.at_level(logging.WARNING, "parley"):
        lines = EventLines(full.fileno(), gone.release)
        lines.notice(notice())
        assert gone.acquire(timeout=60)
        lines.close()
    assert [record.getMessage() for record in caplog.records] == [
        "the events cannot be written to standard output (No space left on device)"
    ]


# --- as a program -----------------------------------------------------------------------------------------------------

PROGRAM = """
import ctypes, sys, threading
from assistant.observe.events import EventLines, claimed_stdout
from assistant.ports import Notice, ParleyError
try:
    with claimed_stdout() as fd:
        gone = threading.Event()
        lines = EventLines(fd, gone.set)
        print("a print")
        libc = ctypes.CDLL(None)
        libc.printf(b"a printf\\n"); libc.fflush(None)
        number = 0
        while number < 2000 and not gone.is_set():
            lines.notice(Notice(number, "state", None, number, {"to": "x" * 200}))
            number += 1
            if number % 100 == 0: gone.wait(0.05)
        lines.close()
    if not gone.is_set(): print("afterwards")
except ParleyError as error:
    sys.exit(f"parley: {error}")
"""


def run(redirect: str) -> subprocess.CompletedProcess[str]:
    command = f'{sys.executable} -c "$PROGRAM" {redirect}'
    environ = os.environ | {"PROGRAM": PROGRAM}
    return subprocess.run(
        ["bash", "-c", command], env=environ, capture_output=True, text=True, timeout=100, check=False
    )


def test_standard_output_holds_the_events_and_nothing_else() -> None:
    done = run("")
    *lines, after = done.stdout.splitlines()
    assert [json.loads(line)["t"] for line in lines] == list(range(2000))
    assert after == "afterwards"
    assert sorted(done.stderr.splitlines()) == ["a print", "a printf"]


def test_head_takes_one_line_and_nothing_complains() -> None:
    done = run("| head -1")
    assert json.loads(done.stdout)["event"] == "state"
    assert sorted(done.stderr.splitlines()) == ["a print", "a printf"]


def test_closed_standard_error() -> None:
    done = run("2>&-")
    assert len(done.stdout.splitlines()) == 2001


def test_closed_standard_output() -> None:
    done = run(">&-")
    assert done.stderr == (
        "parley: standard output is closed, so --json has nowhere to write; redirect it to a file or a pipe\n"
    )
