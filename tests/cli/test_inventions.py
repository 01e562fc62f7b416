"""A motor that Silero takes for a voice and Whisper for words, then somebody who speaks: talk, listen, transcribe."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.providers.test_guard import buzz

from .talking import REAL, RECORDED, Outcome, read_wav, run, side_by_side, talk_arguments, write_wav

ASKED = 4.0
"""Second at which somebody speaks."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    folder = tmp_path_factory.mktemp("inventions")
    question, rate = read_wav(RECORDED / "slt-what-time-is-it.wav")
    assert rate == 16_000
    motor = buzz()
    room = 1e-3 * np.random.default_rng(1).standard_normal(round(ASKED * rate) - len(motor))
    mic = write_wav(folder / "mic.wav", np.concatenate([motor, room, question, np.zeros(rate)]))
    config = folder / "config.toml"
    config.write_text(REAL, "utf-8")
    common = ("--config", config)
    return side_by_side(
        {
            "talk": lambda: run(folder, talk_arguments(folder / "talk", REAL, mic)),
            "listen": lambda: run(folder, ["listen", "--json", "--mic", mic, *common]),
            "transcribe": lambda: run(folder, ["transcribe", mic, "--format", "json", *common]),
            "subtitles": lambda: run(folder, ["transcribe", mic, "--format", "srt", *common]),
        },
        at_once=2,
    )


@pytest.mark.parametrize("command", ["talk", "listen"])
def test_it_is_not_answered_and_said_to_be_invented(command: str, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[command]
    assert outcome.code == 0, outcome.stderr
    ignored = outcome.one("user.ignored")
    assert ignored["reason"] == "invented"
    assert ignored["text"], "the words that Whisper made up"
    assert ignored["why"] == "no voice"
    before = [event for event in outcome.events if event["t"] < ASKED]
    assert {event["event"] for event in before} & {
        "reply.drafted",
        "reply.committed",
        "user.transcript.partial",
    } == set()
    finals = [event["text"] for event in outcome.all("user.transcript.final")]
    assert finals == ["", "What time is it?"]


def test_who_speaks_afterwards_is_answered(outcomes: dict[str, Outcome]) -> None:
    (started,) = outcomes["talk"].all("reply.started")
    assert (started["turn"], started["kind"]) == (2, "answer")


def test_subtitles_hold_what_was_said_and_nothing_else(outcomes: dict[str, Outcome]) -> None:
    for command in ("transcribe", "subtitles"):
        assert outcomes[command].code == 0, outcomes[command].stderr
    found: Any = json.loads("\n".join(outcomes["transcribe"].lines))
    assert "What time is it?" in json.dumps(found)
    text = [line for line in outcomes["subtitles"].lines if line and "-->" not in line and not line.isdigit()]
    assert text == ["What time is it?"]
