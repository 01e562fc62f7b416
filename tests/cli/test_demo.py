"""`parley demo`, once: three quarters of a minute in real time, in a file of its own so that others run beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant.demo.script import LINES

from .talking import Outcome, read_wav, run, sounds


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What a newcomer's first command does on a machine where nothing is set up."""
    folder = tmp_path_factory.mktemp("demo")
    return run(folder, ["talk", "--or-demo"])


@pytest.fixture(scope="module")
def recording(demo: Outcome) -> Path:
    (session,) = (demo.folder / "home").glob("**/sessions/demo-*")
    return session


@pytest.fixture(scope="module")
def events(recording: Path) -> list[dict]:
    lines = (recording / "events.jsonl").read_text("utf-8").splitlines()
    return [event for event in map(json.loads, lines) if "event" in event]


def test_it_ends_well(demo: Outcome, recording: Path) -> None:
    print("\n".join(demo.lines), demo.stderr, sep="\n")
    assert demo.code == 0
    assert "Traceback" not in demo.stderr
    assert str(recording) in demo.stderr


def test_every_line_is_understood_and_answered(events: list[dict]) -> None:
    finals = {event["turn"]: event["text"] for event in events if event["event"] == "user.transcript.final"}
    assert list(finals.values()) == [line.text for line in LINES]
    assert {event["kind"] for event in events if event["event"] == "reply.started"} == {"answer"}
    metrics = [event for event in events if event["event"] == "turn.metrics"]
    assert [event["turn"] for event in metrics] == list(range(1, len(LINES) + 1))
    cut = [number for number, line in enumerate(LINES, 1) if line.interrupts]
    assert [event["turn"] + 1 for event in metrics if event["interrupted"]] == cut
    assert events[-1]["reason"] == "goodbye"


def test_a_person_can_read_it(demo: Outcome, events: list[dict]) -> None:
    shown = "\n".join(demo.lines)
    for line in LINES:
        assert line.text in shown
    heard = next(event["heard"] for event in events if event["event"] == "reply.interrupted")
    assert heard
    assert " ".join(heard.split()[:3]) in shown
    for figure in ("p50", "p95"):
        assert figure in shown


def test_the_recording_holds_both_voices(recording: Path, events: list[dict]) -> None:
    heard, rate = read_wav(recording / "mic.wav")
    assert len(heard) / rate == pytest.approx(events[-1]["t"], abs=1.0)
    audible = [event["at"] for event in events if event["event"] == "reply.audible"]
    starts = [start for start, _ in sounds(recording / "speaker.wav", hole=0.3)]
    assert all(min(abs(start - at) for start in starts) < 0.02 for at in audible)
