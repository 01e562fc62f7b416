"""Units turned into one another, and how the answer is said; the answer once more; louder and slower."""

from __future__ import annotations

from datetime import datetime

import pytest

from assistant.ports import Message, SideEffect, Text
from providers.offline.model import answer
from providers.offline.skill import Answer


def asked(text: str, before: str = "") -> Answer:
    earlier = [Message("user", (Text("Hello."),)), Message("assistant", (Text(before),))] if before else []
    return answer([*earlier, Message("user", (Text(text),))], datetime(2026, 11, 20), 0)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("How many feet are in a mile?", "1 mile is 5280 feet."),
        ("Convert ten miles to kilometers.", "10 miles are about 16.09 kilometers."),
        ("What is seventy degrees Fahrenheit in Celsius?", "70 degrees Fahrenheit are about 21.11 degrees Celsius."),
        ("What's minus 40°C in Fahrenheit?", "Minus 40 degrees Celsius are minus 40 degrees Fahrenheit."),
        ("How many grams are in half a pound?", "0.5 pounds are about 226.8 grams."),
        ("how many cups in a gallon", "1 gallon is 16 cups."),
        ("what is 100 kilometres per hour in mph", "100 kilometers per hour are about 62.14 miles per hour."),
        ("How many seconds are in a week?", "1 week is 604,800 seconds."),
        ("Two and a half hours in minutes.", "2.5 hours are 150 minutes."),
        ("Turn 3 millimeters into miles.", "3 millimeters are about 0.00000186 miles."),
        ("zero kelvin in celsius", "0 kelvin are minus 273.15 degrees Celsius."),
        ("How much is five miles in pounds?", "Miles are a length, and pounds a weight."),
    ],
)  # fmt: skip
def test_units(text: str, spoken: str) -> None:
    assert asked(text).sentences == (spoken,)


@pytest.mark.parametrize("text", ["How many grams are in a thought?", "Turn water into wine.", "ten in miles"])
def test_what_is_no_unit_is_left_to_others(text: str) -> None:
    assert "cannot help" in asked(text).sentences[0]


def test_the_last_answer_is_said_again() -> None:
    assert asked("Say that again.").sentences == ("I have not said anything yet.",)
    assert asked("Say that again.", "It is noon. Or so.").sentences == ("It is noon.", "Or so.")
    assert asked("Pardon?", "Once there was a lighthouse,").sentences == ("Once there was a lighthouse.",)


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("Speak slower.", SideEffect("speed", {"by": 0.8})),
        ("Faster, please.", SideEffect("speed", {"by": 1.25})),
        ("Normal speed.", SideEffect("speed", {"to": 1.0})),
        ("Louder!", SideEffect("volume", {"by_db": 6.0})),
        ("Turn it down a bit.", SideEffect("volume", {"by_db": -6.0})),
        ("Set the volume to fifty percent.", SideEffect("volume", {"to": 0.5})),
        ("Normal volume.", SideEffect("volume", {"to": 1.0})),
        ("Full volume!", SideEffect("volume", {"by_db": 60.0})),
        ("Set the volume to normal.", SideEffect("volume", {"to": 1.0})),
        ("Set the volume to maximum.", SideEffect("volume", {"by_db": 60.0})),
    ],
)
def test_the_voice_is_changed_by_the_caller(text: str, effect: SideEffect) -> None:
    assert asked(text).effects == (effect,)


def test_a_volume_that_there_is_not() -> None:
    assert asked("Set the volume to two hundred percent.") == Answer(("The volume goes from 1 to 100 percent.",))
