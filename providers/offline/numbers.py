"""Number words -> numbers: "three point five", "two hundred and five", "a million", "2.5 million", "two and a half"."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from providers.offline import speech

_UNITS = {speech.cardinal(n): n for n in range(20)}
_TENS = {speech.cardinal(n): n for n in range(20, 100, 10)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {"half": Fraction(1, 2), "quarter": Fraction(1, 4), "third": Fraction(1, 3)}

MOST_DIGITS = 60
"""A longer run of digits is no number that anybody said."""


def read(tokens: Sequence[str]) -> list[Fraction | str]:
    """Replace every run of number words (and digits) by its value; leave all other tokens as they are."""
    out: list[Fraction | str] = []
    at = 0
    while at < len(tokens):
        found = _number(tokens, at)
        if found is None:
            out.append(tokens[at])
            at += 1
        else:
            value, at = found
            out.append(value)
    return out


def _number(tokens: Sequence[str], at: int) -> tuple[Fraction, int] | None:
    whole = _whole(tokens, at)
    value, end = whole if whole is not None else (Fraction(0), at)
    if tokens[end : end + 1] == ["point"] and value.denominator == 1 and (digits := _digits(tokens, end + 1)):
        value += Fraction(int(digits), 10 ** len(digits))
        end += 1 + len(digits)
        if end < len(tokens) and tokens[end] in _SCALES:
            value, end = value * _SCALES[tokens[end]], end + 1
    elif whole is None:
        return None
    if tokens[end : end + 2] in (["and", "a"], ["and", "one"]) and tokens[end + 2 : end + 3]:
        part = _PARTS.get(tokens[end + 2])
        if part is not None and tokens[end + 3 : end + 4] != ["of"]:
            value, end = value + part, end + 3
    return value, end


def _digits(tokens: Sequence[str], at: int) -> str:
    """The digits said one by one after "point"."""
    digits = ""
    for token in tokens[at:]:
        if token == "oh":
            digits += "0"
        elif len(token) == 1 and token.isdecimal():
            digits += token
        elif _UNITS.get(token, 10) < 10:
            digits += str(_UNITS[token])
        else:
            break
    return digits


def _whole(tokens: Sequence[str], at: int) -> tuple[Fraction, int] | None:
    """A number without "point". ``group`` is what the next scale multiplies; scales must fall: "two million three"."""
    total, group, scale, end = Fraction(0), None, 10**15, at
    while end < len(tokens):
        token = tokens[end]
        if group is None and token in ("a", "an") and tokens[end + 1 : end + 2] and _is_scale(tokens[end + 1]):
            group = Fraction(1)
        elif group is None and _is_digits(token):
            group = Fraction(token)
        elif token in _UNITS and (group is None or _room(group, _UNITS[token])):
            group = (group or 0) + Fraction(_UNITS[token])
        elif token in _TENS and (group is None or _room(group, _TENS[token])):
            group = (group or 0) + Fraction(_TENS[token])
        elif token == "hundred" and group is not None and 0 < group < 100:
            group *= 100
        elif token in _SCALES and group is not None and _SCALES[token] < scale:
            scale = _SCALES[token]
            total, group = total + group * scale, None
        elif token == "and" and end > at and _is_scale(tokens[end - 1]):
            if group is None:
                rest = _whole(tokens, end + 1)
                if rest is None or rest[0] >= scale:
                    break  # "one thousand and two thousand" is two numbers
                return total + rest[0], rest[1]
            rest = _below_hundred(tokens, end + 1)
            if rest is None or tokens[rest[1] : rest[1] + 1] == ["hundred"]:
                break
            group, end = group + rest[0], rest[1] - 1
        else:
            break
        end += 1
    return (total + (group or 0), end) if end > at else None


def _below_hundred(tokens: Sequence[str], at: int) -> tuple[Fraction, int] | None:
    if at == len(tokens):
        return None
    if tokens[at] in _TENS:
        unit = _UNITS.get(tokens[at + 1], 0) if at + 1 < len(tokens) else 0
        return (Fraction(_TENS[tokens[at]] + unit), at + 2) if 0 < unit < 10 else (Fraction(_TENS[tokens[at]]), at + 1)
    return (Fraction(_UNITS[tokens[at]]), at + 1) if tokens[at] in _UNITS else None


def _is_scale(token: str) -> bool:
    return token == "hundred" or token in _SCALES


def _is_digits(token: str) -> bool:
    return token.replace(".", "", 1).isdecimal() and token.isascii() and len(token) <= MOST_DIGITS


def _room(group: Fraction, value: int) -> bool:
    """May ``value`` be said after ``group``: "twenty" "five", "three hundred" "twenty"?"""
    if group.denominator != 1 or group == 0 or value == 0:
        return False
    last = group % 100
    return last == 0 if value >= 10 else last == 0 or (last >= 20 and last % 10 == 0)
