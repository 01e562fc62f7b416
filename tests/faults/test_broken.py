"""A mistake in a provider's own code (a ValueError in a third party's generator) is a failed call like any other."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio.testing

from tests.conftest import ROOT
from tests.faults.broken import KEY
from tests.faults.conversing import Call, Outcome, hold, settings_of, toml, tone_at, write_wav

FIRST, SECOND = (0.4, 1.0), (4.4, 5.0)
MICROPHONE = tone_at([FIRST, SECOND], 5.3)
HEARD = "hello there"
ANSWER = "One is first. Two is second."
APOLOGY = "Sorry, something went wrong just now. Please say that again."
FACTORY = {"stt": "transcriber", "llm": "chat_model", "tts": "synthesizer"}
WHERE = ("call", "iterating", "midway", "push", "finish")
ONLY_STT = "n/a: only a transcriber's stream is handed things one by one"


@dataclass(frozen=True)
class Cell:
    stage: str
    where: str

    @property
    def verdict(self) -> str:
        return ONLY_STT if self.where in ("push", "finish") and self.stage != "stt" else "told"

    @property
    def id(self) -> str:
        return f"{self.stage}-{self.where}"


CELLS = [Cell(stage, where) for stage in FACTORY for where in WHERE]
cells = pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.verdict == "told"], ids=lambda cell: cell.id)


def tables(stage: str, where: str, *, followed: bool = False) -> dict[str, Any]:
    lines = [{"start": start, "end": end, "text": HEARD} for start, end in (FIRST, SECOND)]
    options = {"stt": {"lines": lines}, "llm": {"replies": [ANSWER]}, "tts": {"delay": 0.05}}
    found: dict[str, Any] = {name: {"provider": "scripted", "options": options[name]} for name in FACTORY}
    broken = {"provider": f"tests.faults.broken:{FACTORY[stage]}", "options": {"breaks": where}}
    if not followed:
        return {**found, stage: broken}
    found[stage] = {"provider": "broken", "fallback": ["well"]}
    return {**found, "providers.broken": broken, "providers.well": {"provider": "scripted", "options": options[stage]}}


def converse(folder: Path, stage: str, where: str, *, followed: bool = False) -> Outcome:
    """On virtual time."""
    clock = trio.testing.MockClock(autojump_threshold=0)
    call = Call(folder, tables(stage, where, followed=followed), MICROPHONE)
    return anyio.run(hold, call, backend="trio", backend_options={"clock": clock})


@cells
def test_it_is_told_apologised_for_and_over_at_the_next_utterance(cell: Cell, tmp_path: Path) -> None:
    outcome = converse(tmp_path, cell.stage, cell.where)
    story = outcome.story()
    assert outcome.reason == "input_over", story
    (failed,) = outcome.all("provider.failed")
    assert failed.data["stage"] == cell.stage
    assert failed.data["provider"] == f"tests.faults.broken:{FACTORY[cell.stage]}"
    assert failed.data["next"] is None
    assert "broke: ValueError: not enough values to unpack" in failed.data["error"]
    assert KEY not in story
    assert outcome.heard(1, "apology"), story
    assert outcome.data("reply.finished", "text") == [APOLOGY, ANSWER], story
    assert outcome.heard(2, "answer"), story


@cells
def test_the_next_provider_goes_on(cell: Cell, tmp_path: Path) -> None:
    outcome = converse(tmp_path, cell.stage, cell.where, followed=True)
    story = outcome.story()
    assert outcome.data("provider.failed", "next") == ["well"], story
    assert outcome.data("reply.started", "kind") == ["answer", "answer"], story
    assert outcome.data("user.transcript.final", "text") == [HEARD, HEARD], story


@pytest.mark.parametrize("stage", FACTORY)
def test_one_that_breaks_while_it_is_opened_is_passed_over_at_the_start(stage: str, tmp_path: Path) -> None:
    outcome = converse(tmp_path, stage, "opening", followed=True)
    assert outcome.data("reply.finished", "text") == [ANSWER, ANSWER], outcome.story()


def test_a_stream_that_breaks_when_it_is_left_does_no_harm(tmp_path: Path) -> None:
    outcome = converse(tmp_path, "stt", "leaving")
    assert outcome.reason == "input_over"
    assert outcome.data("reply.started", "kind") == ["answer", "answer"], outcome.story()


def test_the_traceback_is_kept_for_verbose_without_the_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "parley")
    tables_with_key = tables("llm", "midway")
    tables_with_key["llm"]["options"]["api_key"] = KEY
    settings_of(tmp_path, tables_with_key)  # from now on the key is known for one
    converse(tmp_path, "llm", "midway")
    assert "Traceback" in caplog.text and "in _reply" in caplog.text
    assert KEY not in caplog.text


# --- as a user sees it ------------------------------------------------------------------------------------------------


def parley(folder: Path, stage: str, where: str, *flags: str) -> subprocess.CompletedProcess[str]:
    found = {"vad": {"provider": "scripted"}, "turn": {"endpointing": "fixed", "drafts": False}}
    found |= tables(stage, where)
    (folder / "config.toml").write_text(toml(found), "utf-8")
    mic = write_wav(folder / "mic.wav", tone_at([FIRST], 1.3))
    arguments = ["talk", "--json", "--config", str(folder / "config.toml"), "--mic", str(mic), *flags]
    return subprocess.run(
        [sys.executable, "-m", "assistant", *arguments],
        capture_output=True, text=True, timeout=60, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_on_the_command_line_a_failed_call_is_one_line_and_exit_code_0(tmp_path: Path) -> None:
    done = parley(tmp_path, "llm", "midway")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 1
    assert "broke: ValueError: not enough values to unpack" in done.stderr
    assert KEY not in done.stderr + done.stdout


def test_on_the_command_line_verbose_shows_the_traceback(tmp_path: Path) -> None:
    done = parley(tmp_path, "llm", "midway", "--verbose")
    assert done.returncode == 0, done.stderr
    assert "Traceback" in done.stderr and "in _reply" in done.stderr


def test_on_the_command_line_one_that_cannot_be_opened_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    done = parley(tmp_path, "tts", "opening")
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("parley: tests.faults.broken:synthesizer broke: ValueError: ")
    assert done.stderr.count("\n") == 1


def test_no_cell_is_missing() -> None:
    assert {cell.where for cell in CELLS} == set(WHERE)
    assert all(cell.verdict == "told" or len(cell.verdict) > len("n/a: ") for cell in CELLS)
