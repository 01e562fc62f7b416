"""The ledger on sequences of events as a session emits them."""

from __future__ import annotations

from typing import Any

import pytest

from assistant.conversation.ledger import Figures, Ledger

NOTHING: Figures = {
    "speech_end_at": None, "endpoint_ms": None, "transcript_ms": None, "first_token_ms": None,
    "first_sentence_ms": None, "first_audio_ms": None, "audible_ms": None, "latency_ms": None, "drafts": 0,
    "draft_used": False, "interrupted": False, "drafts_wasted": 0, "tokens_wasted": 0,
}  # fmt: skip
SOUND = {"stage": "tts", "what": "audio", "seconds": 0.2}

Row = tuple[float, str] | tuple[float, str, float] | tuple[float, str, float, dict[str, Any]]


def figures(*rows: Row, turn: int = 1) -> Figures:
    """Each row: (t, event[, at[, data]])."""
    ledger = Ledger()
    for t, event, *rest in rows:
        at, data = (*rest, *(t, {})[len(rest) :])
        ledger.take(event, t, at, turn, data)
    return ledger.close(turn)


PLAIN: list[Row] = [
    (1.0, "user.speech_started"),
    (2.1, "user.transcript.final"),
    (2.2, "user.speech_ended", 2.0),
    (2.2, "turn.endpoint", 2.2, {"waited_ms": 200.0, "policy": "fixed"}),
    (2.2, "reply.committed"),
    (2.2, "reply.started", 2.2, {"kind": "answer"}),
    (2.4, "_", 2.4, {"stage": "llm", "what": "delta", "text": "Sure"}),
    (2.4, "reply.first_token"),
    (2.45, "reply.sentence", 2.45, {"text": "Sure."}),
    (2.55, "_", 2.55, SOUND),
    (2.56, "reply.audible", 2.58),
    (3.5, "reply.finished"),
]
MEASURED: Figures = {
    "speech_end_at": 2.0, "endpoint_ms": 200.0, "transcript_ms": 100.0, "first_token_ms": 400.0,
    "first_sentence_ms": 450.0, "first_audio_ms": 550.0, "audible_ms": 580.0, "latency_ms": 580.0, "drafts": 0,
    "draft_used": False, "interrupted": False, "drafts_wasted": 0, "tokens_wasted": 0,
}  # fmt: skip


def test_a_plain_turn() -> None:
    assert figures(*PLAIN) == MEASURED


def test_audible_is_when_the_loudspeaker_sounds_not_when_it_was_told() -> None:
    told_late = [row if row[1] != "reply.audible" else (9.0, "reply.audible", 2.58) for row in PLAIN]
    assert figures(*told_late) == MEASURED


def test_a_turn_of_which_nothing_is_known() -> None:
    assert Ledger().close(1) == NOTHING


def test_a_draft_that_is_used_has_stages_before_the_commit_and_before_the_end_of_the_speech() -> None:
    told = figures(
        (1.0, "user.speech_started"),
        (1.9, "user.transcript.partial"),
        (1.95, "user.transcript.final"),
        (1.95, "reply.drafted"),
        (1.99, "reply.first_token"),
        (2.1, "reply.sentence"),
        (2.15, "_", 2.15, SOUND),
        (2.2, "user.speech_ended", 2.0),
        (2.2, "turn.endpoint", 2.2, {"waited_ms": 200.0}),
        (2.2, "reply.committed"),
        (2.2, "reply.audible", 2.22),
    )
    assert told == NOTHING | {
        "speech_end_at": 2.0, "endpoint_ms": 200.0, "transcript_ms": -50.0, "first_token_ms": -10.0,
        "first_sentence_ms": 100.0, "first_audio_ms": 150.0, "audible_ms": 220.0, "latency_ms": 220.0, "drafts": 1,
        "draft_used": True,
    }  # fmt: skip


def test_of_two_drafts_only_the_used_one_counts() -> None:
    told = figures(
        (2.05, "user.transcript.final"),
        (2.05, "reply.drafted"),
        (2.1, "reply.first_token"),
        (2.12, "reply.sentence"),
        (2.15, "_", 2.15, SOUND),
        (2.18, "user.transcript.final"),
        (2.18, "reply.discarded"),
        (2.18, "reply.drafted"),
        (2.2, "user.speech_ended", 2.0),
        (2.2, "turn.endpoint", 2.2, {"waited_ms": 200.0}),
        (2.2, "reply.committed"),
        (2.3, "reply.first_token"),
        (2.4, "reply.sentence"),
        (2.5, "_", 2.5, SOUND),
        (2.6, "reply.audible"),
    )
    assert told == MEASURED | {
        "transcript_ms": 180.0, "first_token_ms": 300.0, "first_sentence_ms": 400.0, "first_audio_ms": 500.0,
        "audible_ms": 600.0, "latency_ms": 600.0, "drafts": 2, "draft_used": True, "drafts_wasted": 1,
    }  # fmt: skip


def test_a_discarded_draft_followed_by_a_plain_reply() -> None:
    draft: list[Row] = [
        (1.5, "reply.drafted"),
        (1.6, "reply.first_token"),
        (1.7, "_", 1.7, SOUND),
        (1.8, "reply.discarded"),
    ]
    assert figures(PLAIN[0], *draft, *PLAIN[1:]) == MEASURED | {"drafts": 1, "drafts_wasted": 1}


def test_what_was_thrown_away_is_counted() -> None:
    thrown: Row = (1.8, "_", 1.8, {"stage": "llm", "what": "thrown_away", "tokens": 412})
    told = figures(PLAIN[0], (1.5, "reply.drafted"), thrown, (1.8, "reply.discarded"), *PLAIN[1:])
    assert told == MEASURED | {"drafts": 1, "drafts_wasted": 1, "tokens_wasted": 412}


def test_speech_that_resumes_after_the_commit_moves_the_end_and_forgets_the_reply() -> None:
    told = figures(
        *PLAIN[:-2],
        (2.56, "reply.discarded"),
        (2.56, "user.speech_started", 2.5),
        (3.2, "user.transcript.partial"),
        (4.1, "user.transcript.final"),
        (4.3, "user.speech_ended", 4.0),
        (4.3, "turn.endpoint", 4.3, {"waited_ms": 300.0}),
        (4.3, "reply.committed"),
        (4.5, "reply.first_token"),
        (4.6, "reply.sentence"),
        (4.7, "_", 4.7, SOUND),
        (4.8, "reply.audible", 4.81),
    )
    assert told == MEASURED | {
        "speech_end_at": 4.0, "endpoint_ms": 300.0, "first_token_ms": 500.0, "first_sentence_ms": 600.0,
        "first_audio_ms": 700.0, "audible_ms": 810.0, "latency_ms": 810.0,
    }  # fmt: skip


def test_speech_that_resumes_and_is_never_answered_has_no_endpoint() -> None:
    told = figures(*PLAIN[:-2], (2.56, "reply.discarded"), (2.56, "user.speech_started", 2.5))
    assert told == NOTHING | {"speech_end_at": 2.0, "transcript_ms": 100.0}


def test_a_draft_begun_on_a_partial_counts_the_first_final_after_it() -> None:
    told = figures(
        (1.5, "user.transcript.final"),  # of the first half: overtaken
        (2.0, "user.transcript.partial"),
        (2.0, "reply.drafted"),
        (2.1, "user.transcript.final"),
        (2.2, "user.speech_ended", 2.0),
        (2.2, "reply.committed"),
        (2.3, "user.transcript.revised"),
    )
    assert told["transcript_ms"] == 100.0


def test_a_reply_begun_again_on_a_revised_transcript() -> None:
    told = figures(
        *PLAIN[:8], (2.5, "user.transcript.revised"), (2.5, "reply.discarded"), (2.5, "reply.committed"),
        (2.7, "reply.first_token"), (2.8, "reply.audible"),
    )  # fmt: skip
    assert told == MEASURED | {
        "transcript_ms": 500.0, "first_token_ms": 700.0, "first_sentence_ms": None, "first_audio_ms": None,
        "audible_ms": 800.0, "latency_ms": 800.0,
    }  # fmt: skip


def test_interrupted_and_nothing_later_changes_what_was_measured() -> None:
    told = figures(
        *PLAIN[:-1], (3.0, "user.speech_started"), (3.0, "reply.interrupted", 3.0, {"heard": "Sure"}),
        (3.4, "user.speech_ended", 3.3), (3.5, "turn.endpoint", 3.5, {"waited_ms": 999.0}),
        (3.5, "reply.sentence"), (3.5, "reply.discarded"), (3.5, "reply.audible"),
    )  # fmt: skip
    assert told == MEASURED | {"interrupted": True}


def test_ignored_speech() -> None:
    told = figures(
        (1.0, "user.speech_started"), (2.05, "user.transcript.final"), (2.2, "user.speech_ended", 2.0),
        (2.2, "turn.endpoint", 2.2, {"waited_ms": 200.0}), (2.2, "user.ignored", 2.2, {"reason": "empty", "text": ""}),
    )  # fmt: skip
    assert told == NOTHING | {"speech_end_at": 2.0, "endpoint_ms": 200.0, "transcript_ms": 50.0}


def test_an_apology_for_a_reply_that_failed_unheard_has_its_own_stages() -> None:
    told = figures(
        *PLAIN[:9], (2.6, "reply.committed"), (2.6, "reply.started", 2.6, {"kind": "apology"}),
        (2.62, "_", 2.62, SOUND), (2.65, "reply.audible"),
    )  # fmt: skip
    assert told == MEASURED | {
        "first_token_ms": None, "first_sentence_ms": None, "first_audio_ms": 620.0, "audible_ms": 650.0,
        "latency_ms": 650.0,
    }  # fmt: skip


def test_an_apology_for_a_used_draft_means_that_the_draft_was_not_used() -> None:
    told = figures(
        (2.0, "reply.drafted"), (2.2, "reply.committed"), (2.5, "reply.committed"),
        (2.5, "reply.started", 2.5, {"kind": "apology"}),
    )  # fmt: skip
    assert (told["drafts"], told["draft_used"]) == (1, False)


def test_an_apology_after_part_of_the_reply_was_heard_leaves_the_latency() -> None:
    apology: list[Row] = [
        (3.0, "reply.committed"),
        (3.0, "reply.started", 3.0, {"kind": "apology"}),
        (3.2, "reply.audible"),
    ]
    assert figures(*PLAIN[:-1], *apology) == MEASURED


def test_announcements_have_no_stages() -> None:
    ledger = Ledger()
    for t, event, *rest in PLAIN:
        at, data = (*rest, *(t, {})[len(rest) :])
        ledger.take(event, t, at, 1, data)
        ledger.take(event, t + 0.01, at + 0.01, None, data)
    assert ledger.close(1) == MEASURED


def test_two_turns_at_once() -> None:
    ledger = Ledger()
    for t, event, *rest in PLAIN:
        at, data = (*rest, *(t, {})[len(rest) :])
        ledger.take(event, t, at, 1, data)
        ledger.take(event, t + 5, at + 5, 2, data)
    assert ledger.close(2) == MEASURED | {"speech_end_at": 7.0}
    assert ledger.close(1) == MEASURED


def test_what_arrives_after_the_end_of_its_turn_is_forgotten() -> None:
    ledger = Ledger()
    ledger.close(1)
    ledger.take("user.speech_ended", 2.0, 2.0, 1, {})
    assert ledger.close(1) == NOTHING


def test_sound_of_no_length_is_no_audio() -> None:
    told = figures(*PLAIN[:9], (2.5, "_", 2.5, SOUND | {"seconds": 0.0}), *PLAIN[9:])
    assert told["first_audio_ms"] == 550.0


@pytest.mark.parametrize(("moment", "told"), [(2.123449, 123.4), (2.12346, 123.5), (1.9, -100.0), (2.0, 0.0)])
def test_rounded_to_a_tenth_of_a_millisecond(moment: float, told: float) -> None:
    assert figures((2.0, "user.speech_ended"), (2.1, "reply.audible", moment))["audible_ms"] == told
