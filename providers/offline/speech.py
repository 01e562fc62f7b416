"""Numbers and times as they are said. Digits stay digits where espeak-ng reads them as a person would."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from fractions import Fraction

# fmt: off
_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# fmt: on
_ORDINAL = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip

_EXACT_BELOW = 10**15
"""Larger numbers are said in powers of ten."""


def cardinal(n: int) -> str:
    """0 to 99 in words."""
    if n < 20:
        return _SMALL[n]
    return _TENS[n // 10] + (f"-{_SMALL[n % 10]}" if n % 10 else "")


def ordinal(n: int) -> str:
    """1 to 99 in words: "twenty-first"."""
    head, dash, last = cardinal(n).rpartition("-")
    return head + dash + (_ORDINAL.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th"))


def clock(at: time) -> str:
    """ "five past three", "quarter to four", "noon"."""
    if at.minute == 0 and at.hour in (0, 12):
        return "noon" if at.hour else "midnight"
    if at.minute == 0:
        return f"{_hour(at.hour)} o'clock"
    past = at.minute <= 30
    minutes = at.minute if past else 60 - at.minute
    if minutes == 15:
        spoken = "quarter"
    elif minutes == 30:
        spoken = "half"
    elif minutes % 5 == 0:
        spoken = cardinal(minutes)
    else:
        spoken = f"{cardinal(minutes)} minute{'s' if minutes > 1 else ''}"
    return f"{spoken} {'past' if past else 'to'} {_hour(at.hour if past else at.hour + 1)}"


def _hour(hour: int) -> str:
    return cardinal((hour - 1) % 12 + 1)


def day(on: date) -> str:
    """ "Friday, the twentieth of November"."""
    return f"{weekday(on)}, the {ordinal(on.day)} of {month(on)}"


def weekday(on: date) -> str:
    return WEEKDAYS[on.weekday()]


def month(on: date) -> str:
    return _MONTHS[on.month - 1]


def year(n: int) -> str:
    """1000 to 9999 as years are said: "twenty twenty-six", "nineteen oh five", "two thousand and one"."""
    century, rest = divmod(n, 100)
    if century % 10 == 0 and rest < 10:
        return f"{cardinal(century // 10)} thousand" + (f" and {cardinal(rest)}" if rest else "")
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def number(value: Fraction) -> str:
    """Exact where that can be said in a breath, else beginning with "about"."""
    size = abs(value)
    sign = "minus " if value < 0 else ""
    if size >= _EXACT_BELOW or 0 < size < Fraction(1, 10**6):
        return _power_of_ten(size, sign)
    places = 0 if size.denominator == 1 else 3 if size >= 1 else 3 + _leading_zeros(size)
    for exact_places in range(7):
        if (size * 10**exact_places).denominator == 1:
            return sign + _decimal(size, exact_places)
    return f"about {sign}{_decimal(size, places)}"


def _decimal(size: Fraction, places: int) -> str:
    """``size`` rounded to so many places, without trailing zeros; thousands marked from 10,000 on."""
    scaled = round(size * 10**places)
    whole, rest = divmod(scaled, 10**places)
    head = f"{whole:,}" if whole >= 10_000 else str(whole)
    tail = f"{rest:0{places}d}".rstrip("0") if places else ""
    return f"{head}.{tail}" if tail else head


def _leading_zeros(size: Fraction) -> int:
    zeros = 0
    while size * 10 < 1:
        size *= 10
        zeros += 1
    return zeros


def _power_of_ten(size: Fraction, sign: str) -> str:
    power = len(str(size.numerator // size.denominator)) - 1 if size >= 1 else -_leading_zeros(size) - 1
    factor = size / Fraction(10) ** power
    rounded = Decimal(round(factor * 100)) / 100
    if rounded >= 10:
        rounded, power = rounded / 10, power + 1
    spoken = f"10 to the power of {'minus ' if power < 0 else ''}{abs(power)}"
    times = "" if rounded == 1 else f"{rounded.normalize():f} times "
    return f"{'' if Fraction(rounded) == factor else 'about '}{sign}{times}{spoken}"
