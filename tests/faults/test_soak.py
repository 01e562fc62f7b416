"""`scripts/soak`, in short: both random soaks side by side, and that they tell what breaks."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from assistant.ports import Notice
from scripts._soak.conversations import Plan, hear, judge
from tests.conftest import ROOT
from tests.packaging.test_scripts import state

SOAKS = {"conversations": ("--seconds", "0", "--turns", "1000"), "faults": ("--seconds", "30")}


def test_the_short_soaks_find_nothing() -> None:
    """The seeds are fixed: what is found here can be found again."""
    running = {
        name: subprocess.Popen(
            [sys.executable, "-m", "scripts._soak", name, *length, "--seed", "1"],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for name, length in SOAKS.items()
    }  # fmt: skip
    for name, process in running.items():
        told, wrong = process.communicate(timeout=110)
        print(told)
        assert process.returncode == 0, f"{name}: {told}{wrong}"
        assert re.search(r"[1-9]\d* (answered|apologised)", told), "something was really done"


@pytest.mark.skipif(os.name == "nt", reason="the scripts are for bash")
def test_the_script_says_what_it_can_do(tmp_path: Path) -> None:
    if state(ROOT, "all,dev") != "ready":
        pytest.skip("this environment was not made by scripts/test")
    done = subprocess.run(
        [str(ROOT / "scripts" / "soak"), "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("conversations", "faults", "bench"))


# --- a soak that could not fail would be worth nothing ----------------------------------------------------------------

PLAN = Plan(5)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory):
    held = hear(PLAN, tmp_path_factory.mktemp("soak"))
    assert judge(PLAN, held) == []
    assert held.all("reply.audible")
    return held


def without(outcome, event: str):
    """The outcome, had this event never come."""
    return dataclasses.replace(outcome, notices=[n for n in outcome.notices if n.event != event])


def test_a_turn_without_an_end_is_noticed(outcome) -> None:
    assert any("nothing became of turn" in sentence for sentence in judge(PLAN, without(outcome, "reply.audible")))
    assert any("ends 0 times" in sentence for sentence in judge(PLAN, without(outcome, "turn.metrics")))


def test_a_history_that_says_more_than_was_heard_is_noticed(outcome) -> None:
    last = outcome.entries[-1]
    more = [*outcome.entries[:-1], dataclasses.replace(last, text=f"{last.text} And this.")]
    assert last.role == "assistant"
    found = judge(PLAN, dataclasses.replace(outcome, entries=more))
    assert any("the history has" in sentence for sentence in found)


def test_sound_after_an_interruption_is_noticed(outcome) -> None:
    heard = outcome.all("reply.audible")[0]
    cut = Notice(heard.at + 0.2, "reply.interrupted", heard.turn, heard.at + 0.2, {"heard": ""})
    found = judge(PLAN, dataclasses.replace(outcome, notices=[*outcome.notices[:-1], cut, outcome.notices[-1]]))
    assert any("sound after the interruption" in sentence for sentence in found)


def test_missing_sound_is_noticed(outcome) -> None:
    found = judge(PLAN, dataclasses.replace(outcome, sound=np.zeros_like(outcome.sound)))
    assert any("s of sound for" in sentence for sentence in found)


def test_a_session_that_had_to_be_cut_off_is_noticed(outcome) -> None:
    assert judge(PLAN, dataclasses.replace(outcome, reason="max_seconds")) == ["it ended with max_seconds"]


def test_a_plan_is_its_seeds_alone() -> None:
    assert Plan(7).told() == Plan(7).told() != Plan(8).told()
