"""English number words -> digits, so that "twenty one" and "21" compare equal."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.conversation.wordlist import in_order, listed

__all__ = ["digits"]

_ONES = {
    word: value
    for value, word in enumerate(
        in_order(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen"
        )
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(in_order("twenty thirty forty fifty sixty seventy eighty ninety"), start=2)
} | {"fourty": 40}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ORDINALS = {
    word: value
    for value, word in enumerate(
        in_order(
            "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
            "fifteenth sixteenth seventeenth eighteenth nineteenth"
        ),
        start=1,
    )
} | {
    "twentieth": 20, "thirtieth": 30, "fortieth": 40, "fiftieth": 50, "sixtieth": 60, "seventieth": 70,
    "eightieth": 80, "ninetieth": 90, "hundredth": 100, "thousandth": 1000, "millionth": 10**6,
}  # fmt: skip
_BEGIN = (
    frozenset(_ONES) | frozenset(_TENS) | frozenset(_SCALES) | frozenset(_ORDINALS) | {"hundred", "minus", "negative"}
)
_MEASURED = listed("timer delay pause break video clip countdown interval alarm window")
"""In "a twenty second timer" the second is a unit of time, not the twenty-second."""


def digits(words: Sequence[str]) -> list[str]:
    """Replace every number in ``words`` (casefolded, without punctuation) by one word of digits.

    "two hundred and five" -> "205"; "three point one four" -> "3.14"; "twenty first" -> "21st"; "minus five" -> "-5";
    "nineteen ninety nine" -> "1999"; three or more single digits in a row are one string ("five five five" -> "555").
    """
    if not any(word in _BEGIN or word[0].isdigit() for word in words):
        return list(words)
    found: list[str] = []
    at = 0
    while at < len(words):
        number, after = _number(words, at)
        if after > at:
            found.append(number)
            at = after
        else:
            found.append(words[at])
            at += 1
    return _joined(found)


def _number(words: Sequence[str], at: int) -> tuple[str, int]:
    """The number that begins at ``at`` and where it ends; ``("", at)`` when there is none."""
    start = at
    sign = ""
    if words[at] in ("minus", "negative") and at + 1 < len(words):
        sign, at = "-", at + 1
    whole, after, ordinal = _whole(words, at)
    if after == at:
        return "", start
    if ordinal:
        return sign + whole + _suffix(int(whole)), after
    if words[after : after + 1] == ["point"]:
        fraction, end = _fraction(words, after + 1)
        if fraction:
            number, after = f"{whole}.{fraction}", end
            if after < len(words) and words[after] in _SCALES:
                number, after = _times(number, _SCALES[words[after]]), after + 1
            return sign + number, after
    if list(words[after : after + 3]) == ["and", "a", "half"]:
        return f"{sign}{whole}.5", after + 3
    return sign + whole, after


def _whole(words: Sequence[str], at: int) -> tuple[str, int, bool]:
    """A whole number from ``at``: its digits, where it ends, and whether it is an ordinal."""
    word = words[at]
    if word[0].isdigit():
        return _numeral(words, at)
    total = 0
    group: int | None = None  # the part below the next scale
    room = 10**15  # scales must get smaller
    begin = at
    while at < len(words):
        word = words[at]
        after_hundred = group is not None and group >= 100 and group % 100 == 0
        fresh = group is None or after_hundred
        if word in _ONES:
            one = _ONES[word]
            after_tens = group is not None and group % 100 >= 20 and group % 10 == 0 and 0 < one < 10
            if not (fresh or after_tens) or (one == 0 and at > begin):
                break
            group = (group or 0) + one
            if one == 0:
                at += 1
                break
        elif word in _TENS and fresh:
            group = (group or 0) + _TENS[word]
        elif word in _ORDINALS:
            value = _ORDINALS[word]
            after_tens = group is not None and group % 100 >= 20 and group % 10 == 0 and value < 10
            unit = word == "second" and at > begin and at + 1 < len(words) and words[at + 1] in _MEASURED
            if unit or not ((fresh and (at == begin or value < 100)) or after_tens):
                break
            return str(total + (group or 0) + value), at + 1, True
        elif word == "hundred" and (group is None or 0 < group < 100):
            group = (group or 1) * 100
        elif word in _SCALES and _SCALES[word] < room and (group is not None or at == begin):
            room = _SCALES[word]
            total += (group or 1) * room
            group = None
        elif word == "and" and at > begin and (after_hundred or (group is None and total)) and _small(words, at + 1):
            pass
        else:
            break
        at += 1
    if at == begin:
        return "", begin, False
    return str(total + (group or 0)), at, False


def _small(words: Sequence[str], at: int) -> bool:
    """Does "and" go on with a number here ("two hundred and five")?"""
    return at < len(words) and (words[at] in _TENS or _ONES.get(words[at], 0) > 0 or words[at] in _ORDINALS)


def _numeral(words: Sequence[str], at: int) -> tuple[str, int, bool]:
    """A number written in digits, perhaps with a scale in words ("2.5 million"), or the tens of an ordinal."""
    number = words[at]
    after = at + 1
    if not number.replace(".", "", 1).isdecimal():
        return number, after, False  # "21st", "2.0.1", "5g": as it is
    while after < len(words) and words[after] in _SCALES:
        number, after = _times(number, _SCALES[words[after]]), after + 1
    if after < len(words) and words[after] == "hundred" and number.isdecimal() and int(number) < 100:
        number, after = str(int(number) * 100), after + 1
    return number, after, False


def _fraction(words: Sequence[str], at: int) -> tuple[str, int]:
    found = ""
    while at < len(words):
        word = words[at]
        if word in ("oh", "o"):
            found += "0"
        elif word in _ONES:
            found += str(_ONES[word])
        elif word.isdecimal():
            found += word
        elif word in _TENS and not found:
            found = str(_TENS[word] + (_ONES.get(words[at + 1], 0) if at + 1 < len(words) else 0))
            return found, at + 1 + (at + 1 < len(words) and 0 < _ONES.get(words[at + 1], 0) < 10)
        else:
            break
        at += 1
    return found, at


def _times(number: str, scale: int) -> str:
    whole, _, fraction = number.partition(".")
    power = len(str(scale)) - 1
    if len(fraction) > power:
        return f"{int(whole + fraction[:power])}.{fraction[power:]}"
    return str(int(whole + fraction.ljust(power, "0")))


def _suffix(value: int) -> str:
    if value % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")


def _joined(words: list[str]) -> list[str]:
    """Numbers said in parts: years, and strings of single digits."""
    found: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        run = _digit_run(words, at)
        if run - at > 1 and (run - at > 2 or "oh" in words[at:run] or "o" in words[at:run]):
            found.append("".join("0" if part in ("oh", "o") else part for part in words[at:run]))
            at = run
        elif len(word) == 2 and word.isdecimal() and 13 <= int(word) <= 20 and _two_digits(words, at + 1):
            found.append(word + words[at + 1])
            at += 2
        elif found and word.isdecimal() and found[-1].isdecimal() and len(word + found[-1]) >= 7:
            found[-1] += word  # a telephone number in groups
            at += 1
        elif found and word == "oh" and found[-1].isdecimal() and _one_digit(words, at + 1):
            found[-1] += "0" + words[at + 1]  # "twenty oh five"
            at += 2
        else:
            found.append(word)
            at += 1
    return found


def _one_digit(words: list[str], at: int) -> bool:
    return at < len(words) and len(words[at]) == 1 and words[at].isdecimal()


def _two_digits(words: list[str], at: int) -> bool:
    return at < len(words) and len(words[at]) == 2 and words[at].isdecimal() and int(words[at]) >= 10


def _digit_run(words: list[str], at: int) -> int:
    """Where the single digits that begin at ``at`` end; "oh" counts as one between digits."""
    if not _one_digit(words, at):
        return at
    while _one_digit(words, at) or (at < len(words) and words[at] in ("oh", "o") and _one_digit(words, at + 1)):
        at += 1
    return at
