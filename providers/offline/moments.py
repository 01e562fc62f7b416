"""Times of day: "half past six tomorrow morning" -> the moment that is meant."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from fractions import Fraction

from providers.offline import numbers, speech

_WEEKDAYS = "|".join(day.casefold() for day in speech.WEEKDAYS)
_DAY = re.compile(
    rf"\b(?:on |this |next )?(?:(today|tomorrow|tonight)|(?:{_WEEKDAYS}))\b(?: (morning|afternoon|evening|night))?"
)
_PART = re.compile(r"\b(?:in the |this |at )(morning|afternoon|evening|night)\b")
_HALF = re.compile(r" (a ?m|p ?m)$")
_FRACTIONS = {"quarter": 15, "half": 30}


def read(text: str, now: datetime, *, woken: bool = False) -> datetime | None:
    """The next moment that ``text`` (as `matcher.words` spells it) may mean, None where it is no time of day.

    Without "in the morning" or the like, the nearer of both halves of the day is meant; for somebody who wants to be
    ``woken``, and on another day than today, the morning.
    """
    rest, day, part = text.removeprefix("at ").removeprefix("for "), "", ""
    if found := _DAY.search(rest):
        day = found[1] or next(name for name in _WEEKDAYS.split("|") if name in found[0])
        part = found[2] or ("night" if day == "tonight" else "")
        rest = _without(rest, found)
    if found := _PART.search(rest):
        part = part or found[1]
        rest = _without(rest, found)
    if found := _HALF.search(rest):
        part = found[1].replace(" ", "")
        rest = rest[: found.start()]
    for joint in ("at ", "for "):
        rest = rest.removeprefix(joint)
    time = _clock(rest)
    if time is None:
        return None
    hour, minute, exact = time
    if exact or hour > 12 or hour == 0:
        hours = [hour]
    elif part:
        hours = [_placed(hour, part)]
    elif woken or day not in ("", "today"):
        hours = [hour % 12 if hour == 12 or hour >= 4 else hour + 12] if not woken else [hour % 12]
    else:
        hours = [hour % 12, hour % 12 + 12]
    return min(_next(now, hour, minute, day) for hour in hours)


def _without(text: str, found: re.Match[str]) -> str:
    return " ".join((text[: found.start()] + " " + text[found.end() :]).split())


def _placed(hour: int, part: str) -> int:
    """An hour of 1 to 12 in the named part of the day."""
    if part in ("am", "morning") or (part == "night" and (hour < 5 or hour == 12)):
        return hour % 12
    return hour % 12 + 12


def _clock(text: str) -> tuple[int, int, bool] | None:
    """Hour, minute, and whether the half of the day is in the words."""
    if text in ("noon", "midday", "midnight"):
        return 0 if text == "midnight" else 12, 0, True
    text = re.sub(r" (?:oclock|hours|sharp|exactly|on the dot)$", "", text)
    if found := re.fullmatch(r"(?:a )?(.+?)(?: minutes?)? (past|after|to|before|till) (.+)", text):
        minutes = _FRACTIONS.get(found[1], _whole(found[1], 59))
        noon = {"noon": 12, "midnight": 24}.get(found[3])
        hour = noon if noon is not None else _whole(found[3], 23)
        if minutes is None or hour is None:
            return None
        at = hour * 60 + (minutes if found[2] in ("past", "after") else -minutes)
        exact = noon is not None
        hours = at // 60 % 24
        return (hours, at % 60, exact) if exact or hours else (12, at % 60, False)
    items = [item for item in numbers.read(text.split()) if item != "oh"]
    if not 1 <= len(items) <= 2 or not all(isinstance(item, Fraction) and item.denominator == 1 for item in items):
        return None
    hour, minute = int(items[0]), int(items[1]) if len(items) == 2 else 0
    return (hour % 24, minute, hour == 24) if hour <= 24 and minute < 60 else None


def _whole(text: str, most: int) -> int | None:
    match numbers.read(text.split()):
        case [Fraction() as value] if value.denominator == 1 and 0 <= value <= most:
            return int(value)
    return None


def _next(now: datetime, hour: int, minute: int, day: str) -> datetime:
    """The first moment after ``now`` on which a clock shows that time."""
    if day == "tonight" and hour < 5:
        day = ""
    at = _wall(now, 0, hour, minute)
    if day == "tomorrow":
        return _wall(now, 1, hour, minute)
    if day.capitalize() in speech.WEEKDAYS:
        days = (speech.WEEKDAYS.index(day.capitalize()) - now.weekday()) % 7
        at = _wall(now, days, hour, minute)
        return at if at > now else _wall(now, days + 7, hour, minute)
    return at if at > now else _wall(now, 1, hour, minute)


def _wall(now: datetime, days: int, hour: int, minute: int) -> datetime:
    """A time on the clock so many days from now; on the machine's own clock also over the start of summer time."""
    there = (now + timedelta(days=days)).replace(hour=hour, minute=minute, second=0, microsecond=0)
    machine = now.replace(tzinfo=None).astimezone()
    if machine.utcoffset() == now.utcoffset():
        return there.replace(tzinfo=None).astimezone()
    return there


def part_of_day(hour: int) -> str:
    if hour >= 22:
        return "night"
    return "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
