"""Timers, alarms, and what of them is still to come."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.ports import Message, ParleyError, SideEffect, Text, TextDelta
from providers.offline import chat_model, durations, moments, pending
from providers.offline.model import OfflineModel, answer
from providers.offline.skill import Answer, Pending

AFTERNOON = datetime(2026, 11, 20, 15, 5, tzinfo=timezone(timedelta(hours=1)))
"""A Friday."""
PASTA = Pending(1, "timer", AFTERNOON + timedelta(minutes=4, seconds=10), "pasta")
PLAIN = Pending(2, "timer", AFTERNOON + timedelta(minutes=12, seconds=40))
WAKING = Pending(3, "alarm", AFTERNOON.replace(day=21, hour=7, minute=30))


def asked(text: str, *timers: Pending, before: str = "") -> Answer:
    messages = [Message("user", (Text("Hello."),)), Message("assistant", (Text(before),))] if before else []
    return answer([*messages, Message("user", (Text(text),))], AFTERNOON, 0, timers)


def said(text: str, *timers: Pending) -> str:
    return " ".join(asked(text, *timers).sentences)


@pytest.mark.parametrize(
    ("text", "seconds", "label", "spoken"),
    [
        ("Set a timer for ten minutes.", 600, "", "Your timer for 10 minutes is set."),
        ("Set a pasta timer for eight minutes, please.", 480, "pasta", "Your pasta timer for 8 minutes is set."),
        ("set a ten minute timer for the eggs", 600, "eggs", "Your eggs timer for 10 minutes is set."),
        ("A timer for an hour and a half.", 5400, "", "Your timer for 1 hour and 30 minutes is set."),
        ("timer for two hours and five minutes", 7500, "", "Your timer for 2 hours and 5 minutes is set."),
        ("Start a timer called pizza for 12 minutes", 720, "pizza", "Your pizza timer for 12 minutes is set."),
        ("set a timer for one minute thirty", 90, "", "Your timer for 1 minute and 30 seconds is set."),
        ("Remind me in half an hour to call my mother.", 1800, "call my mother", "Your timer for 30 minutes is set."),
        ("wake me up in three quarters of an hour", 2700, "", "Your timer for 45 minutes is set."),
    ],
)
def test_a_timer_is_set(text: str, seconds: int, label: str, spoken: str) -> None:
    answered = asked(text)
    assert answered.sentences == (spoken,)
    (effect,) = answered.effects
    assert effect.name == "timer"
    assert (effect.arguments["seconds"], effect.arguments["label"]) == (seconds, label)


def rung(text: str) -> str:
    """What is said when that which ``text`` sets rings."""
    (effect,) = asked(text).effects
    return str(effect.arguments["say"])


def test_what_a_timer_says_when_it_rings() -> None:
    assert rung("Set a timer for five minutes.") == "Your 5 minute timer is over."
    assert rung("Set a timer for one minute.") == "Your 1 minute timer is over."
    assert rung("Set a timer for an hour and a half.") == "Your timer for 1 hour and 30 minutes is over."
    assert rung("Set a pasta timer for eight minutes.") == "The pasta timer is over."
    assert rung("Remind me in half an hour to call my mother.") == "Your 30 minute timer is over: call your mother."


def test_what_an_alarm_says_when_it_rings() -> None:
    assert rung("Wake me up at half past seven.") == "This is your alarm for half past seven."
    assert rung("Set a gym alarm for six in the evening.") == "This is your gym alarm for six o'clock."
    assert rung("Remind me at five to feed the cat.") == "This is your alarm for five o'clock: feed the cat."


def test_how_long_is_asked_for_and_understood() -> None:
    question = asked("Set a timer.")
    assert question == Answer(("For how long?",))
    (effect,) = asked("Ten minutes.", before="For how long?").effects
    assert effect.arguments["seconds"] == 600
    assert asked("Ten minutes.", before="Hello.").effects == ()


def test_a_timer_of_more_than_a_day_or_of_nothing_is_not_set() -> None:
    for text in ("Set a timer for two days.", "Set a timer for half a second."):
        assert asked(text) == Answer(("A timer can run for anything from a second to a day.",))


@pytest.mark.parametrize(
    ("text", "at", "spoken"),
    [
        ("Set an alarm for 7:30 am", "2026-11-21T07:30", "half past seven tomorrow morning"),
        ("Set an alarm for four.", "2026-11-20T16:00", "four o'clock this afternoon"),
        ("Set an alarm for three.", "2026-11-21T03:00", "three o'clock tomorrow morning"),
        ("Wake me up at seven.", "2026-11-21T07:00", "seven o'clock tomorrow morning"),
        ("Wake me up at seven in the evening.", "2026-11-20T19:00", "seven o'clock this evening"),
        ("Set an alarm for quarter to nine tonight", "2026-11-20T20:45", "quarter to nine this evening"),
        ("set an alarm for half past six on Monday morning", "2026-11-23T06:30", "half past six on Monday morning"),
        ("set an alarm for Friday at noon", "2026-11-27T12:00", "noon on Friday"),
        ("set an alarm for midnight", "2026-11-21T00:00", "midnight tomorrow"),
        ("set an alarm in ten minutes", "2026-11-20T15:15", "quarter past three this afternoon"),
        ("alarm for nineteen forty five", "2026-11-20T19:45", "quarter to eight this evening"),
        ("alarm at six oh five tomorrow", "2026-11-21T06:05", "five past six tomorrow morning"),
        ("alarm at 6 p.m.", "2026-11-20T18:00", "six o'clock this evening"),
    ],
)
def test_an_alarm_is_set_for_the_next_such_time(text: str, at: str, spoken: str) -> None:
    answered = asked(text)
    assert answered.sentences == (f"Your alarm is set for {spoken}.",)
    (effect,) = answered.effects
    assert effect.name == "alarm"
    assert (effect.arguments["at"], effect.arguments["label"]) == (f"{at}:00+01:00", "")


def test_an_alarm_may_have_a_name() -> None:
    (effect,) = asked("Remind me at five to feed the cat.").effects
    assert (effect.arguments["at"], effect.arguments["label"]) == ("2026-11-20T17:00:00+01:00", "feed the cat")


def test_how_much_time_is_left() -> None:
    assert said("How much time is left?") == "There is no timer running."
    assert said("How much time is left?", PLAIN) == "There are 13 minutes left."
    assert said("How much longer?", PASTA) == "The pasta timer has 4 minutes and 10 seconds left."
    both = "The pasta timer has 4 minutes and 10 seconds left. The timer has 13 minutes left."
    assert said("How much time is left on the timer?", PASTA, PLAIN, WAKING) == both
    assert said("How much time is left on the pasta timer?", PLAIN, PASTA).startswith("The pasta timer has 4")
    due = Pending(4, "timer", AFTERNOON)
    assert said("How much time is left?", due) == "There is 1 second left."


def test_when_the_alarm_rings() -> None:
    assert said("When is my alarm?") == "There is no alarm set."
    assert said("When is my alarm?", PASTA, WAKING) == "Your alarm is set for half past seven tomorrow morning."


def test_what_is_cancelled_is_named() -> None:
    assert asked("Cancel the timer.") == Answer(("There is no timer to cancel.",))
    assert asked("Cancel the timer.", PLAIN, WAKING) == Answer(
        ("The timer is cancelled.",), (SideEffect("cancel", {"id": 2}),)
    )
    assert asked("Stop the pasta timer.", PASTA, PLAIN) == Answer(
        ("The pasta timer is cancelled.",), (SideEffect("cancel", {"id": 1}),)
    )
    assert asked("Turn off my alarm.", PASTA, WAKING) == Answer(
        ("The alarm for half past seven tomorrow morning is cancelled.",), (SideEffect("cancel", {"id": 3}),)
    )
    assert asked("Cancel all timers.", PASTA, PLAIN, WAKING).effects == (
        SideEffect("cancel", {"id": 1}),
        SideEffect("cancel", {"id": 2}),
    )


def test_which_of_several_is_asked() -> None:
    found = asked("Cancel the timer.", PASTA, PLAIN)
    assert found.effects == ()
    assert found.sentences[0] == "There are 2 timers, the pasta timer and the timer."


@pytest.mark.anyio
async def test_the_pending_ones_come_from_an_option() -> None:
    ringing = {"id": "a", "kind": "timer", "at": (AFTERNOON + timedelta(minutes=2)).isoformat(), "label": "tea"}
    options = {"clock": lambda: AFTERNOON, "timers": lambda: [ringing], "effects": ("timer", "cancel")}
    async with chat_model(options) as model:
        deltas = [d async for d in model.reply([Message("user", (Text("Cancel the tea timer."),))])]
    assert deltas[-1] == SideEffect("cancel", {"id": "a"})
    with pytest.raises(ParleyError, match="effects"):
        async with chat_model({"effects": "timer"}):
            pass
    with pytest.raises(ParleyError, match="timers"):
        async with chat_model({"timers": 3}):
            pass
    assert OfflineModel().name == "offline"


@pytest.mark.anyio
async def test_what_nobody_would_carry_out_is_not_promised() -> None:
    async with chat_model({"clock": lambda: AFTERNOON}) as model:
        for wish in ("Set a timer for ten minutes.", "Wake me up at six.", "Speak faster.", "Louder, please."):
            deltas = [d async for d in model.reply([Message("user", (Text(wish),))])]
            assert not any(isinstance(delta, SideEffect) for delta in deltas), wish
            assert isinstance(deltas[0], TextDelta)
            assert deltas[0].text == "I cannot help with that.", wish
        [listed] = [d async for d in model.reply([Message("user", (Text("What can you do?"),))])]
    assert isinstance(listed, TextDelta)
    assert "timer" not in listed.text
    assert "convert" in listed.text


@pytest.mark.anyio
async def test_what_the_host_can_do_is_asked_for_every_reply() -> None:
    able: list[str] = []
    faster = [Message("user", (Text("Speak faster."),))]
    async with chat_model({"effects": lambda: able}) as model:
        assert TextDelta("I cannot help with that.") in [d async for d in model.reply(faster)]
        able.append("speed")
        assert [d async for d in model.reply(faster)][-1] == SideEffect("speed", {"by": 1.25})


def test_the_next_to_ring_comes_first() -> None:
    rows = [{"id": one.id, "kind": one.kind, "at": one.at, "label": one.label} for one in (WAKING, PLAIN, PASTA)]
    assert pending.read(rows) == (PASTA, PLAIN, WAKING)


@given(st.integers(1, 86_399))
def test_a_length_of_time_is_said_as_it_is_read(seconds: int) -> None:
    spoken = durations.said(seconds)
    again = durations.read(spoken.replace(",", "").split())
    assert again is not None
    assert abs(again - seconds) <= (30 if seconds >= 600 else 0)


@pytest.mark.parametrize("text", ["", "ten", "minutes ten", "ten minutes two hours", "ten minutes of fame", "a"])
def test_what_is_no_length_of_time(text: str) -> None:
    assert durations.read(text.split()) is None


def test_parts_of_an_hour() -> None:
    for text, seconds in {"half an hour": 1800, "a quarter of an hour": 900, "two and a half hours": 9000,
                          "an hour thirty": 5400, "a couple of minutes": 120}.items():  # fmt: skip
        assert durations.read(text.split()) == Fraction(seconds)


@given(st.integers(1, 12), st.integers(0, 59))
def test_a_time_of_day_lies_within_the_next_day(hour: int, minute: int) -> None:
    found = moments.read(f"{hour} {minute:02}", AFTERNOON)
    assert found is not None
    assert timedelta(0) < found - AFTERNOON <= timedelta(hours=12)
    assert (found.hour % 12, found.minute) == (hour % 12, minute)
