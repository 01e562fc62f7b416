"""From two waveforms and the events of a conversation to what became of each utterance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assistant.bench.judge import Turn, failed_providers, sentence, turns_of
from assistant.bench.waveform import Sounds
from tests.bench.invented import lines

LINES = lines(3, ("hello", "what time is it", "tell me a joke"))
"""Spoken from 1 to 2 s, from 11 to 12 s, from 21 to 22 s."""


def heard(*stretches: tuple[float, float]) -> Sounds:
    wave = np.zeros(32 * 24_000, np.float32)
    for start, end in stretches:
        wave[round(start * 24_000) : round(end * 24_000)] = 0.3
    sounds = Sounds(24_000)
    sounds.add(wave)
    return sounds


def event(name: str, turn: int | None, at: float, **data: Any) -> dict[str, Any]:
    return {"t": at, "event": name, "turn": turn, "at": at, **data}


def answered(turn: int, start: float, end: float, text: str, audible: float, kind: str = "answer", **metrics: Any):
    """The events of a turn: its speech, its transcript, its reply and its figures."""
    figures = {"latency_ms": (audible - end) * 1000, "endpoint_ms": 200.0, "interrupted": False, "cost_usd": 0.001}
    return [
        event("user.speech_started", turn, start),
        event("user.transcript.final", turn, end, text=text),
        event("reply.started", turn, audible, kind=kind),
        event("reply.audible", turn, audible),
        event("turn.metrics", turn, audible + 1, **(figures | metrics)),
    ]


ONE = answered(1, 1.0, 2.0, "hello", 2.3)
TWO = answered(2, 11.0, 12.0, "what time is it", 12.4)
THREE = answered(3, 21.0, 22.0, "tell me a choke", 22.5)
ALL = ((2.3, 4.0), (12.39, 14.0), (22.5, 25.0))


def outcomes(sounds: Sounds, *events: dict[str, Any]) -> list[Turn]:
    return turns_of(LINES, sounds, events)


def test_latency_is_read_off_the_waveforms_and_the_ledger_stands_beside_it() -> None:
    found = outcomes(heard(*ALL), *ONE, *TWO, *THREE)
    assert [turn.what for turn in found] == ["answered"] * 3
    assert [turn.latency for turn in found] == [pytest.approx(ms, abs=1) for ms in (300, 390, 500)]
    assert found[1].ledger == pytest.approx(400)
    assert found[1].disagreement == pytest.approx(10, abs=1)
    assert found[1].stages["endpoint_ms"] == 200.0
    assert found[1].cost == 0.001


def test_what_was_understood_stands_beside_what_was_said() -> None:
    found = outcomes(heard(*ALL), *ONE, *TWO, *THREE)
    assert [turn.heard for turn in found] == ["hello", "what time is it", "tell me a choke"]
    assert [(pair.said, pair.heard) for pair in found[2].pairs if pair.kind != "same"] == [("joke", "choke")]


def test_the_newest_transcript_of_a_turn_counts() -> None:
    better = event("user.transcript.revised", 3, 22.0, text="tell me a joke", before="tell me a choke")
    assert outcomes(heard(*ALL), *ONE, *TWO, *THREE, better)[2].heard == "tell me a joke"


def test_an_apology_is_no_answer() -> None:
    sorry = answered(2, 11.0, 12.0, "what time is it", 12.4, kind="apology")
    found = outcomes(heard(*ALL), *ONE, *sorry, *THREE)[1]
    assert (found.what, found.latency) == ("apology", None)
    assert sentence(found, 20) == "utterance 2 was answered with an apology"


def test_an_utterance_that_was_ignored_is_not_answered_and_says_why() -> None:
    ignored = [event("user.speech_started", 2, 11.0), event("user.ignored", 2, 12.1, reason="unintelligible", text="")]
    found = outcomes(heard(ALL[0], ALL[2]), *ONE, *ignored, *THREE)[1]
    assert (found.what, found.latency, found.heard) == ("nothing", None, "")
    assert [pair.kind for pair in found.pairs] == ["missing"] * 4
    assert sentence(found, 20) == "utterance 2 was not answered (ignored: unintelligible)"


def test_a_timer_that_rings_first_is_not_the_answer() -> None:
    ring = [event("reply.started", None, 12.1, kind="announcement"), event("reply.audible", None, 12.1)]
    found = outcomes(heard(ALL[0], (12.1, 12.3), (12.39, 14.0), ALL[2]), *ONE, *ring, *TWO, *THREE)
    assert found[1].latency == pytest.approx(390, abs=1)


def test_the_rest_of_a_long_answer_is_not_the_next_one() -> None:
    """The answer to the first utterance goes on, with a pause in it, beyond the second one."""
    found = outcomes(heard((2.3, 12.05), (12.1, 12.3), ALL[2]), *ONE, *THREE)
    assert [turn.what for turn in found] == ["answered", "nothing", "answered"]


def test_an_answer_that_begins_while_the_user_still_speaks_cuts_in() -> None:
    """The rest of the utterance becomes a turn of its own, which is answered after the true end."""
    half = answered(2, 11.0, 11.3, "what time", 11.6)
    rest = answered(3, 11.7, 12.0, "is it", 12.4)
    later = answered(4, 21.0, 22.0, "tell me a joke", 22.5)
    found = outcomes(heard(ALL[0], (11.6, 11.8), (12.4, 14.0), ALL[2]), *ONE, *half, *rest, *later)[1]
    assert found.cut_in
    assert found.latency == pytest.approx(400, abs=1)
    assert found.heard == "what time is it"
    assert all(pair.kind == "same" for pair in found.pairs)


def test_an_utterance_answered_only_before_it_was_over_is_not_answered() -> None:
    half = answered(2, 11.0, 11.3, "what time", 11.6)
    found = outcomes(heard(ALL[0], (11.6, 13.0), ALL[2]), *ONE, *half, *THREE)[1]
    assert sentence(found, 20) == "utterance 2 was answered only before it was over"


def test_two_utterances_taken_as_one_are_told_apart() -> None:
    """Nothing was heard before the user spoke again, so both are one turn with one transcript."""
    both = [event("user.speech_started", 1, 1.0), *answered(1, 11.0, 12.0, "hello what time is it", 12.4)]
    found = outcomes(heard(*ALL[1:]), *both, *THREE)
    assert [turn.what for turn in found] == ["nothing", "answered", "answered"]
    assert [[pair.said for pair in turn.pairs] for turn in found[:2]] == [["hello"], ["what", "time", "is", "it"]]
    assert all(pair.kind == "same" for turn in found[:2] for pair in turn.pairs)


def test_a_ledger_that_differs_too_much_is_a_failure_of_the_measurement() -> None:
    found = outcomes(heard(*ALL), *ONE, *TWO, *THREE)[1]
    assert sentence(found, 20) == ""
    assert sentence(found, 5) == "utterance 2: the ledger says 400.0 ms, the waveforms 390.0 ms"


def test_a_sound_and_an_answer_that_do_not_fit_are_a_failure_of_the_measurement() -> None:
    found = outcomes(heard(ALL[0], (12.9, 14.0), ALL[2]), *ONE, *TWO, *THREE)[1]
    assert found.what == "unknown sound"
    assert sentence(found, 20).startswith("utterance 2: the sound after it")


def test_failed_calls_are_put_to_the_utterance_in_which_they_failed() -> None:
    failed = {"stage": "llm", "provider": "brain", "error": "refused", "next": None}
    found = failed_providers(LINES, [event("provider.failed", None, at, **failed) for at in (0.2, 12.3)])
    assert [each.line for each in found] == [None, 2]
    assert (found[1].stage, found[1].provider, found[1].error, found[1].next) == ("llm", "brain", "refused", None)
