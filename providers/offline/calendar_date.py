"""What day it is, was or will be."""

from __future__ import annotations

from datetime import date, timedelta

from providers.offline import speech
from providers.offline.matcher import Grammar
from providers.offline.skill import Answer, Request, Skill

_OFFSETS = {
    "the day after tomorrow": 2, "the day before yesterday": -2, "tomorrow": 1, "yesterday": -1, "today": 0,
}  # fmt: skip
"""Longest first: the first one found is meant."""
_DAY = "(" + "|".join(_OFFSETS) + ")"
_DATE = "(date|day|weekday|day of the week|day of the month)"

_DATES = Grammar(
    f"(what|which) {_DATE} [is|was|will be] [it] {_DAY}",
    f"(what|which) {_DATE} (is it|was it|will it be|it is|do we have|have we got|are we on|is this) [now|{_DAY}]",
    f"(what (is|was|will be|will)|give me|say|check) [the] [current|exact] {_DATE} [be] [of|for|on] [now|{_DAY}]",
    f"(what|which) [the] {_DATE} (is|was|will be) [{_DAY}]",
    f"(what is|what was|what will) {_DAY} [be]",
    f"(what is|what was|what will|say|give me) {_DAY} {_DATE} [be]",
    f"the [current] {_DATE} [of|for] [{_DAY}]",
    f"{_DAY} {_DATE}",
    f"date [{_DAY}]",
    f"is (it|{_DAY}) [a] {{weekday}} [today]",
)
_MONTH = Grammar(
    "(what|which) month (is it|it is|are we in|is this|do we have) [now]", "(what is|say) [the] [current] month"
)
_YEAR = Grammar(
    "(what|which) year (is it|it is|are we in|is this|do we have) [now]", "(what is|say) [the] [current] year"
)


def answer(request: Request) -> Answer | None:
    today = request.now.date()
    if _MONTH.match(request.plain) is not None:
        return Answer((f"It is {speech.month(today)}.",))
    if _YEAR.match(request.plain) is not None:
        return Answer((f"It is {speech.year(today.year)}.",))
    if (found := _DATES.match(request.plain)) is None:
        return None
    name, days = next(((name, days) for name, days in _OFFSETS.items() if name in request.plain), ("today", 0))
    spoken = f"{name} {_verb(days)} {_said(today, days)}."
    if asked := found.get("weekday"):
        if asked.capitalize() not in speech.WEEKDAYS:
            return None
        right = asked.capitalize() == speech.weekday(today + timedelta(days))
        return Answer((f"{'Yes' if right else 'No'}, {spoken}",))
    return Answer((spoken[0].upper() + spoken[1:],))


def _verb(days: int) -> str:
    return "was" if days < 0 else "will be" if days > 1 else "is"


def _said(today: date, days: int) -> str:
    return speech.day(today + timedelta(days))


SKILL = Skill(
    name="date",
    can="tell the date",
    examples=("What is the date today?", "What day is it?", "What is tomorrow's date?", "What month is it?"),
    answer=answer,
    grammar=(
        "what is the date [today | tomorrow] | what's the date [today] | (what is | what's) (today's | tomorrow's) date"
        " | what day is it [today | tomorrow] | what day is (today | tomorrow) | what (month | year) is it"
        " | is it <weekday> [today]"
    ),
)
