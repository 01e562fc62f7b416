"""What calls used -> the money of turns and of the session."""

from __future__ import annotations

import pytest

from assistant.conversation.costs import Bill, Costs, Seller, Used

EARS = Seller("stt", "openai", "gpt-transcribe", as_of="2026-11-20")
MODEL = Seller("llm", "anthropic", "claude-haiku-5-5", as_of="2026-11-04")
OTHER = Seller("llm", "openai", "gpt-6-luna", as_of="2026-11-20")
FREE = Seller("tts", "espeak-ng", "")
UNKNOWN = Seller("tts", "elevenlabs", "eleven_flash_v2_5", unpriced="your plan decides")


def tokens(bill: Bill, usd: float, seller: Seller = MODEL, *, count: int = 100, **more: bool) -> Used:
    return Used(seller, bill, {"input_tokens": count, "output_tokens": 10}, usd, **more)


def test_a_turn_is_the_sum_of_its_stages() -> None:
    costs, bill = Costs(), Bill(1)
    costs.take(Used(EARS, bill, {"seconds": 2.004}, 0.00015))
    costs.take(tokens(bill, 0.0002))
    costs.take(tokens(bill, 0.0001, OTHER))
    costs.take(Used(FREE, bill, {"characters": 40, "seconds": 2.5}, 0.0))
    assert costs.close(1) == {
        "cost_usd": 0.00045,
        "wasted_usd": 0.0,
        "cost": {
            "stt": {"seconds": 2.0, "usd": 0.00015},
            "llm": {"input_tokens": 200, "output_tokens": 20, "usd": 0.0003},
            "tts": {"characters": 40, "seconds": 2.5, "usd": 0.0},
        },
    }


def test_a_turn_in_which_nothing_was_used_cost_nothing() -> None:
    assert Costs().close(3) == {"cost_usd": 0.0, "wasted_usd": 0.0, "cost": {}}


def test_a_turn_with_an_unknown_price_has_no_sum_and_its_other_stages_have() -> None:
    costs, bill = Costs(), Bill(1)
    costs.take(tokens(bill, 0.0002))
    costs.take(Used(UNKNOWN, bill, {"characters": 40}, None))
    told = costs.close(1)
    assert told["cost_usd"] is None
    assert (told["cost"]["llm"]["usd"], told["cost"]["tts"]["usd"]) == (0.0002, None)


def test_turns_are_counted_apart_and_nothing_is_added_to_one_that_is_over() -> None:
    costs = Costs()
    costs.take(tokens(Bill(1), 0.1))
    costs.take(tokens(Bill(2), 0.2))
    assert costs.close(1)["cost_usd"] == 0.1
    costs.take(tokens(Bill(1), 0.4))  # late
    costs.take(tokens(Bill(None), 0.8))  # an announcement, a cache
    assert costs.close(2)["cost_usd"] == 0.2
    assert costs.close(1)["cost_usd"] == 0.0
    assert costs.spent == pytest.approx(1.5)
    assert costs.session(60)["usd"] == 1.5


def test_a_draft_that_is_thrown_away_is_wasted_before_and_after() -> None:
    costs, draft, answer = Costs(), Bill(1), Bill(1)
    costs.take(tokens(draft, 0.1))
    costs.discard(draft)
    costs.take(tokens(draft, 0.01))  # it is told later what it had used when it was cancelled
    costs.take(tokens(answer, 0.2))
    assert costs.close(1)["wasted_usd"] == 0.11
    costs.take(tokens(draft, 0.001))
    costs.take(tokens(answer, 0.002))
    assert costs.session(60)["wasted_usd"] == 0.111


def test_a_call_that_lost_is_wasted_and_the_reply_it_was_for_is_not() -> None:
    costs, bill = Costs(), Bill(1)
    costs.take(tokens(bill, 0.1, wasted=True))
    costs.take(tokens(bill, 0.2, OTHER))
    assert costs.close(1) | {"cost": {}} == {"cost_usd": 0.3, "wasted_usd": 0.1, "cost": {}}
    assert costs.session(60)["wasted_usd"] == 0.1


def test_what_lost_in_a_reply_that_is_then_discarded_is_wasted_once() -> None:
    costs, bill = Costs(), Bill(1)
    costs.take(tokens(bill, 0.1, wasted=True))
    costs.take(tokens(bill, 0.2, OTHER))
    costs.discard(bill)
    assert costs.close(1)["wasted_usd"] == 0.3


def test_an_estimate_is_marked_and_may_be_corrected() -> None:
    costs, bill = Costs(), Bill(1)
    costs.take(tokens(bill, 0.3, count=300, estimated=True))
    costs.take(Used(MODEL, bill, {"input_tokens": -50, "output_tokens": -10}, -0.05))
    told = costs.close(1)
    assert told["cost_usd"] == 0.25
    assert told["cost"]["llm"] == {"input_tokens": 250, "usd": 0.25, "estimated": True}


def test_the_session_has_a_row_for_everybody_who_was_asked() -> None:
    costs = Costs()
    for turn in (1, 2):
        costs.take(Used(EARS, Bill(turn), {"seconds": 2.0}, 0.00015))
        costs.take(tokens(Bill(turn), 0.0002))
        costs.close(turn)
    costs.take(Used(UNKNOWN, Bill(None), {"characters": 40}, None))
    costs.take(Used(FREE, Bill(None), {"characters": 10}, 0.0))
    assert costs.session(30.0) == {
        "usd": 0.0007,
        "wasted_usd": 0.0,
        "per_minute_usd": 0.0014,
        "by_provider": [
            {"stage": "stt", "provider": "openai", "model": "gpt-transcribe", "seconds": 4.0, "usd": 0.0003},
            {
                "stage": "llm", "provider": "anthropic", "model": "claude-haiku-5-5",
                "input_tokens": 200, "output_tokens": 20, "usd": 0.0004,
            },
            {"stage": "tts", "provider": "elevenlabs", "model": "eleven_flash_v2_5", "characters": 40, "usd": None},
            {"stage": "tts", "provider": "espeak-ng", "model": "", "characters": 10, "usd": 0.0},
        ],
        "unpriced": ["tts elevenlabs:eleven_flash_v2_5: your plan decides"],
        "prices_as_of": "2026-11-04",
    }  # fmt: skip


def test_a_session_that_cost_nothing() -> None:
    assert Costs().session(0.0) == {
        "usd": 0.0,
        "wasted_usd": 0.0,
        "per_minute_usd": None,
        "by_provider": [],
        "unpriced": [],
        "prices_as_of": None,
    }
