from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.observe.metrics import Metrics, money, percentile
from assistant.ports import Notice


def turn(**figures: object) -> Notice:
    return Notice(1.0, "turn.metrics", 1, 1.0, figures)


@pytest.mark.parametrize(
    ("values", "p", "told"),
    [([7.0], 50, 7.0), ([7.0], 95, 7.0), ([1, 2], 50, 1), ([3, 1, 2], 50, 2), (range(1, 101), 95, 95),
     (range(1, 11), 95, 10)],
)  # fmt: skip
def test_nearest_rank(values: list[float], p: int, told: float) -> None:
    assert percentile(values, p) == told


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.integers(1, 100))
def test_nearest_rank_is_what_numpy_calls_inverted_cdf(values: list[float], p: int) -> None:
    assert percentile(values, p) == np.percentile(values, p, method="inverted_cdf")


def test_summary() -> None:
    metrics = Metrics()
    metrics.notice(
        turn(endpoint_ms=200.0, latency_ms=580.0, first_token_ms=None, drafts=2, draft_used=True, tokens_wasted=90)
    )
    metrics.notice(turn(endpoint_ms=210.0, latency_ms=None, drafts=0, draft_used=False, interrupted=True))
    metrics.notice(Notice(1.0, "reply.audible", 1, 1.0, {"latency_ms": 1.0}))
    assert metrics.summary() == {
        "turns": 2,
        "interrupted": 1,
        "drafts": 2,
        "drafts_used": 1,
        "tokens_wasted": 90,
        "stages": {
            "endpoint_ms": {"p50": 200.0, "p95": 210.0, "n": 2},
            "latency_ms": {"p50": 580.0, "p95": 580.0, "n": 1},
        },
    }


def test_table() -> None:
    metrics = Metrics()
    for latency in (580.0, 1403.4, 75.0):
        metrics.notice(turn(endpoint_ms=200.0, latency_ms=latency, drafts=1, draft_used=True))
    assert metrics.table().splitlines() == [
        "after the last word     p50      p95  n",
        "end of turn decided  200 ms   200 ms  3",
        "reply heard          580 ms  1403 ms  3",
        "3 turns, 3 of 3 drafts used",
    ]


def test_what_was_thrown_away_stands_behind_the_drafts() -> None:
    metrics = Metrics()
    metrics.notice(turn(latency_ms=580.0, drafts=2, draft_used=True, tokens_wasted=412))
    assert metrics.table().splitlines()[-1] == "1 turn, 1 of 2 drafts used, about 412 tokens thrown away"


def test_what_was_passed_over_is_no_answered_turn() -> None:
    metrics = Metrics()
    metrics.notice(turn(latency_ms=580.0))
    metrics.notice(turn(latency_ms=None))
    assert metrics.table().splitlines()[-1] == "2 turns, 1 without an answer"


def test_no_table_without_turns() -> None:
    assert Metrics().table() == ""


def row(stage: str, usd: float | None, provider: str = "p") -> dict[str, object]:
    return {"stage": stage, "provider": provider, "model": "m", "usd": usd}


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        ({}, ""),
        ({"usd": 0.0, "per_minute_usd": 0.0, "by_provider": [row("stt", 0.0), row("tts", 0.0)], "unpriced": []}, ""),
        (
            {
                "usd": 0.0123456,
                "per_minute_usd": 0.0041152,
                "unpriced": [],
                "by_provider": [row("stt", 0.0031), row("llm", 0.001), row("llm", 0.0002), row("tts", 0.0)],
            },
            "$0.012 ($0.0041 a minute): stt $0.0031, llm $0.0012",
        ),
        (
            {
                "usd": 0.00008,
                "per_minute_usd": 0.00001,
                "unpriced": ["tts eleven:v4: your plan: it decides"],
                "by_provider": [row("llm", 0.00008), row("tts", None)],
            },
            "$0.00008 ($0.00001 a minute): llm $0.00008; no known price: tts eleven:v4",
        ),
        (
            {
                "usd": 0.0,
                "per_minute_usd": 0.0,
                "unpriced": ["tts a: why", "llm b:c: why"],
                "by_provider": [row("tts", None)],
            },
            "no known price: tts a, llm b:c",
        ),
        (
            {"usd": 12.5, "per_minute_usd": 2.0, "unpriced": [], "by_provider": [row("llm", 12.5)]},
            "$12.50 ($2.00 a minute): llm $12.50",
        ),
    ],
)
def test_money_is_one_short_line_and_nothing_where_all_is_free(cost: dict[str, object], said: str) -> None:
    assert money(cost) == said
