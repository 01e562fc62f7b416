"""What turns cost and what a budget does, in virtual time: the money is worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assistant.accounts import Budget
from assistant.session import USED_UP, Session

from .sheet import Trace, read
from .test_sheets import on_virtual_time

A_DOLLAR_A_CHARACTER = {"tts": {"characters": 1000.0}}
TWO_TURNS = """
    user 1.0-1.5 "what time is it"
    user 4.0-4.5 "and the date"
    user 7.0-7.5 "and the weather"
    llm "It is nine." "It is May." "It is dry."
    end 10.0
"""
"""Each answer has ten or eleven characters."""


def held(
    folder: Path, text: str, prices: dict[str, dict[str, Any]], budget: Budget | None = None
) -> tuple[Trace, Session]:
    sheet = read(text)
    sheet.prices = prices
    sheet.budget = budget or Budget()
    return on_virtual_time(sheet, folder)


def costs(trace: Trace) -> list[float | None]:
    return [n.data["cost_usd"] for n in trace.notices if n.event == "turn.metrics"]


def warned(trace: Trace) -> list[tuple[float, str]]:
    return [(n.t, n.data["message"]) for n in trace.notices if n.event == "warning"]


def said(trace: Trace) -> list[str]:
    return [n.data["text"] for n in trace.notices if n.event == "reply.finished"]


def ended(trace: Trace) -> dict[str, Any]:
    assert trace.notices[-1].event == "session.ended"
    return dict(trace.notices[-1].data)


# --- turns -----------------------------------------------------------------------------------------------------------


def test_each_turn_has_its_own_cost_and_the_session_the_sum(tmp_path: Path) -> None:
    trace, _ = held(tmp_path, TWO_TURNS, A_DOLLAR_A_CHARACTER)
    assert costs(trace) == [11.0, 10.0, 10.0]
    cost = ended(trace)["cost"]
    assert (cost["usd"], cost["wasted_usd"], cost["unpriced"]) == (31.0, 0.0, [])
    assert cost["per_minute_usd"] == pytest.approx(31 * 60 / trace.notices[-1].t, rel=1e-6)
    rows = {row["stage"]: row for row in cost["by_provider"]}
    assert rows["tts"] | {"seconds": 0} == {
        "stage": "tts", "provider": "scripted", "model": "", "characters": 31, "seconds": 0, "usd": 31.0,
    }  # fmt: skip
    assert rows["llm"]["usd"] == rows["stt"]["usd"] == 0.0


def test_a_draft_that_is_thrown_away_is_shown_as_wasted(tmp_path: Path) -> None:
    """The user goes on after a pause: what was drafted for the first half is cancelled."""
    text = """
        config silence_ms=1200
        user 1.0-1.5 "what time is it"
        user 2.0-2.5 "and the date"
        llm "It is nine."
        end 6.0
    """
    trace, _ = held(tmp_path, text, A_DOLLAR_A_CHARACTER)
    [turn] = [n.data for n in trace.notices if n.event == "turn.metrics"]
    assert [n.event for n in trace.notices].count("reply.discarded") == 1
    assert turn["wasted_usd"] == len("It is nine.")
    assert turn["cost_usd"] == 2 * len("It is nine.")
    assert ended(trace)["cost"]["wasted_usd"] == len("It is nine.")


def test_an_interrupted_answer_costs_what_was_asked_for_until_then_and_none_of_it_is_wasted(tmp_path: Path) -> None:
    text = """
        user 1.0-1.5 "tell me a story"
        user 3.0-3.5 "stop"
        llm gap=0.05 "One two three four five six seven eight. Nine ten eleven twelve thirteen fourteen." "Fine."
        tts word=0.5
        end 6.0
    """
    trace, _ = held(tmp_path, text, {"llm": {"output": 1_000_000.0}})
    first, second = (n.data for n in trace.notices if n.event == "turn.metrics")
    assert first["interrupted"]
    assert first["cost"]["llm"]["estimated"]
    assert first["cost_usd"] > 0
    assert first["wasted_usd"] == 0.0
    assert second["cost"]["llm"]["output_tokens"] == 2  # "Fine."


def test_sound_is_billed_to_the_turn_whose_utterance_it_was(tmp_path: Path) -> None:
    trace, _ = held(tmp_path, TWO_TURNS, {"stt": {"minute": 60.0}})
    seconds = [n.data["cost"]["stt"]["seconds"] for n in trace.notices if n.event == "turn.metrics"]
    assert costs(trace) == pytest.approx(seconds, abs=0.02)
    assert all(0.5 < each < 2.0 for each in seconds)  # half a second of voice, the pre-roll, the wait for the answer


def test_an_announcement_belongs_to_the_session(tmp_path: Path) -> None:
    trace, _ = held(tmp_path, 'announce 1.0 "The tea is ready."\nend 4.0', A_DOLLAR_A_CHARACTER)
    assert costs(trace) == []
    assert ended(trace)["cost"]["usd"] == len("The tea is ready.")


def test_nothing_is_told_where_nobody_counts(tmp_path: Path) -> None:
    trace, _ = on_virtual_time(read(TWO_TURNS), tmp_path)
    assert "cost" not in ended(trace)
    assert not any("cost_usd" in n.data for n in trace.notices)


def test_recordings_get_every_use_with_its_turn(tmp_path: Path) -> None:
    trace, _ = held(tmp_path, TWO_TURNS, A_DOLLAR_A_CHARACTER)
    uses = [n for n in trace.notices if n.event == "_" and n.data["what"] == "used" and n.data["stage"] == "tts"]
    assert [(n.turn, n.data["characters"], n.data["usd"]) for n in uses] == [
        (1, 11, 11.0),
        (2, 10, 10.0),
        (3, 10, 10.0),
    ]


# --- the budget ------------------------------------------------------------------------------------------------------


def test_it_is_told_at_80_and_at_100_percent_and_the_conversation_goes_on(tmp_path: Path) -> None:
    trace, _ = held(tmp_path, TWO_TURNS, A_DOLLAR_A_CHARACTER, Budget(25.0))
    assert [message for _, message in warned(trace)] == [
        "80 % of this session's budget of $25 is spent ($21)",
        "this session's budget of $25 is used up ($31)",
    ]
    assert said(trace) == ["It is nine.", "It is May.", "It is dry."]
    assert ended(trace)["reason"] == "input_over"


def test_both_are_told_where_one_call_leaps_over_both(tmp_path: Path) -> None:
    trace, _ = held(tmp_path, TWO_TURNS, A_DOLLAR_A_CHARACTER, Budget(5.0))
    assert [message.split(" ")[0] for _, message in warned(trace)] == ["80", "this"]


def test_no_budget_no_warning(tmp_path: Path) -> None:
    assert warned(held(tmp_path, TWO_TURNS, A_DOLLAR_A_CHARACTER)[0]) == []


@pytest.mark.parametrize("usd", [11.0, 15.0, 21.0])
def test_when_it_stops_the_reply_is_finished_goodbye_is_said_and_nothing_paid_begins(
    usd: float, tmp_path: Path
) -> None:
    trace, session = held(tmp_path, TWO_TURNS, A_DOLLAR_A_CHARACTER, Budget(usd, stops=True))
    answers = ["It is nine."] if usd == 11.0 else ["It is nine.", "It is May."]
    assert said(trace) == [*answers, USED_UP]
    assert ended(trace)["reason"] == "goodbye"
    assert [message.split(" ")[0] for _, message in warned(trace)] == ["80", "this"]
    assert session.history.messages()[-1].text.endswith(USED_UP)
    goodbye = next(n.t for n in trace.notices if n.event == "reply.sentence" and n.data["text"] in USED_UP)
    began = [n.t for n in trace.notices if n.event in ("user.speech_started", "reply.drafted", "user.transcript.final")]
    assert max(began) < goodbye
    # Its two sentences are spoken one by one, without the blank between them.
    assert ended(trace)["cost"]["usd"] == sum(map(len, answers)) + len(USED_UP) - 1


def test_who_speaks_over_the_last_answer_or_the_goodbye_is_not_listened_to(tmp_path: Path) -> None:
    text = """
        user 1.0-1.5 "tell me a story"
        user 2.5-3.0 "stop"
        user 6.5-7.0 "wait"
        llm "One two three four five six."
        tts word=0.4
        end 12.0
    """
    trace, _ = held(tmp_path, text, A_DOLLAR_A_CHARACTER, Budget(10.0, stops=True))
    assert said(trace) == ["One two three four five six.", USED_UP]
    assert [n.turn for n in trace.notices if n.event == "user.speech_started"] == [1]
    assert not any(n.event == "reply.interrupted" for n in trace.notices)


def test_what_the_user_is_saying_when_it_is_used_up_is_still_answered(tmp_path: Path) -> None:
    """The ears alone cost: the money runs out at the end of the first utterance's transcription."""
    text = """
        user 1.0-1.5 "what time is it"
        llm "It is nine."
        tts delay=0.5
        end 8.0
    """
    trace, _ = held(tmp_path, text, {"stt": {"minute": 600.0}}, Budget(1.0, stops=True))
    assert said(trace) == ["It is nine.", USED_UP]


def test_money_that_is_spent_between_turns_ends_the_session_at_once(tmp_path: Path) -> None:
    text = 'announce 1.0 "The tea is ready."\nuser 6.0-6.5 "what time is it"\nllm "Nine."\nend 10.0'
    trace, _ = held(tmp_path, text, A_DOLLAR_A_CHARACTER, Budget(10.0, stops=True))
    assert said(trace) == ["The tea is ready.", USED_UP]
    assert ended(trace)["reason"] == "goodbye"
    assert not any(n.event == "user.speech_started" for n in trace.notices)


def test_who_is_muted_is_said_goodbye_to_as_well(tmp_path: Path) -> None:
    text = """
        user 1.0-1.5 "what time is it"
        mute 1.9
        llm "It is nine."
        end 8.0
    """
    trace, _ = held(tmp_path, text, A_DOLLAR_A_CHARACTER, Budget(5.0, stops=True))
    assert said(trace) == ["It is nine.", USED_UP]
    assert ended(trace)["reason"] == "goodbye"


def test_it_ends_although_the_goodbye_cannot_be_spoken(tmp_path: Path) -> None:
    text = """
        user 1.0-1.5 "what time is it"
        llm "It is nine."
        fault tts call=2 kind=refused
        end 30.0
    """
    trace, _ = held(tmp_path, text, A_DOLLAR_A_CHARACTER, Budget(5.0, stops=True))
    assert said(trace) == ["It is nine."]
    assert ended(trace)["reason"] == "goodbye"
    assert trace.notices[-1].t < 5.0


def test_who_presses_the_key_during_the_goodbye_has_heard_enough(tmp_path: Path) -> None:
    text = """
        user 1.0-1.5 "what time is it"
        llm "It is nine."
        tts word=0.4
        key 4.0
        end 30.0
    """
    trace, _ = held(tmp_path, text, A_DOLLAR_A_CHARACTER, Budget(5.0, stops=True))
    assert ended(trace)["reason"] == "goodbye"
    assert trace.notices[-1].t == pytest.approx(4.0, abs=0.1)


def test_a_use_without_a_known_price_spends_nothing(tmp_path: Path) -> None:
    """What cannot be counted is told of before: see `assistant.forewarn`."""
    trace, _ = held(tmp_path, TWO_TURNS, {"tts": {"unpriced": "your plan decides"}}, Budget(0.01, stops=True))
    assert costs(trace) == [None, None, None]
    assert ended(trace)["cost"]["unpriced"] == ["tts scripted: your plan decides"]
    assert ended(trace)["reason"] == "input_over"
