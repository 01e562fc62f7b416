"""A detector in a whole conversation: it is asked in time, its answers move the end, its failure is told once."""

from __future__ import annotations

from pathlib import Path

import pytest

from .talking import Outcome, drawn, scripted, side_by_side, talk

SOURCE = """
from contextlib import asynccontextmanager

from assistant.ports import ProviderError, ProviderUnavailable


class Detector:
    name = "acme"

    def __init__(self, answer):
        self.answer = answer

    async def probability(self, samples):
        assert samples.dtype == "float32" and 0 < len(samples) <= 8 * 16_000
        if self.answer is None:
            raise ProviderError("acme: it broke", provider="acme")
        return self.answer


@asynccontextmanager
async def sure(options):
    yield Detector(0.98)


@asynccontextmanager
async def doubtful(options):
    yield Detector(0.02)


@asynccontextmanager
async def broken(options):
    yield Detector(None)


@asynccontextmanager
async def missing(options):
    raise ProviderUnavailable("acme: there is no model")
    yield
"""
LINES = ((0.5, 2.1, "the red car over there"), (5.0, 6.6, "the red car over there"))


def conversation(folder: Path, policy: str, detector: str) -> Outcome:
    folder.mkdir(parents=True)
    (folder / "acme_turns.py").write_text(SOURCE)
    turn = f'endpointing = "{policy}"\ndetector = "{detector}"\ndrafts = false'
    config = scripted(LINES, stt="final_after = 0.05", turn=turn)
    return talk(folder, config, drawn([line[:2] for line in LINES], 8.5), env={"PYTHONPATH": str(folder)})


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Outcome]:
    folder = tmp_path_factory.mktemp("detector")
    plans = [
        (policy, detector)
        for policy in ("smart-turn", "adaptive")
        for detector in ("acme_turns:sure", "acme_turns:doubtful", "acme_turns:broken", "acme_turns:missing", "")
    ]
    return side_by_side(
        {
            plan: lambda number=number, plan=plan: conversation(folder / str(number), *plan)  # type: ignore[misc]
            for number, plan in enumerate(plans)
        },
        at_once=4,
    )


def waited(outcome: Outcome) -> list[float]:
    assert outcome.code == 0, outcome.stderr
    return [event["waited_ms"] for event in outcome.all("turn.endpoint")]


@pytest.mark.parametrize("policy", ["smart-turn", "adaptive"])
def test_its_answers_move_the_end(outcomes: dict[tuple[str, str], Outcome], policy: str) -> None:
    sure = waited(outcomes[policy, "acme_turns:sure"])
    doubtful = waited(outcomes[policy, "acme_turns:doubtful"])
    assert len(sure) == len(doubtful) == 2
    assert max(sure) + 300 < min(doubtful)


@pytest.mark.parametrize("policy", ["smart-turn", "adaptive"])
@pytest.mark.parametrize(("name", "why"), [("broken", "it broke"), ("missing", "there is no model")])
def test_one_that_fails_is_told_of_once_and_the_words_go_on_deciding(
    outcomes: dict[tuple[str, str], Outcome], policy: str, name: str, why: str
) -> None:
    outcome = outcomes[policy, f"acme_turns:{name}"]
    assert [event["message"] for event in outcome.all("warning")] == [f"acme: {why}"]
    assert waited(outcome) == pytest.approx(waited(outcomes[policy, ""]), abs=150)  # of a busy machine
    assert len(outcome.all("reply.finished")) == 2


@pytest.mark.parametrize("policy", ["smart-turn", "adaptive"])
def test_without_one_nothing_is_said_of_it(outcomes: dict[tuple[str, str], Outcome], policy: str) -> None:
    outcome = outcomes[policy, ""]
    assert outcome.all("warning") == []
    assert outcome.one("session.started")["endpointing"] == policy


def test_smart_turn_without_its_model_says_so_once_and_goes_on(tmp_path: Path) -> None:
    config = scripted(LINES[:1], turn='endpointing = "smart-turn"')
    outcome = talk(tmp_path, config, drawn([LINES[0][:2]], 4.0), env={"HF_HOME": str(tmp_path / "empty")})
    (told,) = outcome.all("warning")
    assert "the Smart Turn model is not on this machine" in told["message"]
    assert len(outcome.all("reply.finished")) == 1


def test_adaptive_without_the_model_says_nothing(tmp_path: Path) -> None:
    config = scripted(LINES[:1], turn='endpointing = "adaptive"')
    outcome = talk(tmp_path, config, drawn([LINES[0][:2]], 4.0), env={"HF_HOME": str(tmp_path / "empty")})
    assert outcome.all("warning") == []
    assert len(outcome.all("reply.finished")) == 1


def test_a_detector_of_an_unknown_name_is_refused(tmp_path: Path) -> None:
    config = scripted(LINES[:1], turn='endpointing = "adaptive"\ndetector = "crystal-ball"')
    outcome = talk(tmp_path, config, drawn([LINES[0][:2]], 2.5))
    assert outcome.code == 2
    assert "there is no turn provider called 'crystal-ball'; choose one of: smart-turn" in outcome.stderr
