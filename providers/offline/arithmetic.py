"""Sums, said or written: exact rational numbers, a small descent parser, nothing evaluated as code.

sum    := term (("+" | "-" | "and") term)*        "100 plus 10 percent" adds a tenth of 100, as calculators do
term   := factor (("*" | "/" | "of" | "mod") factor)*
factor := "-" factor | power
power  := suffixed ("^" factor)?
suffixed := atom ("squared" | "cubed" | "%" | "!" | part)*      part: half, third, quarter ...: "two thirds"
atom   := number | "(" sum ")" | "sqrt" factor | part
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Context
from fractions import Fraction

from providers.offline import numbers, speech
from providers.offline.matcher import words
from providers.offline.skill import Answer, Request, Skill

Item = Fraction | str

_LONGEST = 60
"""Numbers and operators in one sum; more is not a sum that anybody said."""
_BITS = 4096
"""Size of the largest intermediate result, so that no sum can take long."""
_ECHOED = 8
"""A longer sum is not repeated in the answer."""

_SYMBOLS = {
    "×": "*", "·": "*", "÷": "/", ":": "/", "−": "-", "–": "-", "²": "squared", "³": "cubed", "√": "sqrt", "**": "^",
    "=": "equals",
}  # fmt: skip

_SPOKEN = {
    "plus": "+", "minus": "-", "less": "-", "times": "*", "x": "*", "multiplied by": "*", "divided by": "/",
    "over": "/",
    "percent of": "% of", "per cent": "%", "percent": "%", "percentage": "%", "modulo": "mod", "negative": "-",
    "to the power of": "^", "to the power": "^", "raised to": "^", "factorial": "!",
    "the square root of": "sqrt", "square root of": "sqrt", "the root of": "sqrt", "squareroot of": "sqrt",
    "twice": "2 *", "double": "2 *", "triple": "3 *",
}  # fmt: skip
_SPOKEN_PATTERN = re.compile(r"\b(?:" + "|".join(sorted(_SPOKEN, key=len, reverse=True)) + r")\b")

_VERBS: tuple[tuple[str, str, str], ...] = (
    # what begins the sum, what stands between its two sides, and what it means
    (r"(?:add|the sum of|sum of|sum|the total of|total of) ", r" (?:and|to|with|\+) ", r"( {a} ) + ( {b} )"),
    (r"(?:subtract|take away|take|deduct) ", r" (?:away )?from ", r"( {b} ) - ( {a} )"),
    (r"(?:multiply|the product of|product of) ", r" (?:by|with|and) ", r"( {a} ) * ( {b} )"),
    (r"(?:divide|split|share) ", r" (?:by|into) ", r"( {a} ) / ( {b} )"),
    (r"(?:the )?difference (?:between|of) ", r" and ", r"( {a} ) - ( {b} )"),
    (r"(?:the )?square of ", "", r"( {a} ) squared"),
    (r"(?:the )?cube of ", "", r"( {a} ) cubed"),
)

# fmt: off
_BEFORE = frozenset((
    "what", "how", "much", "many", "is", "are", "was", "does", "do", "did", "you", "get", "if", "i", "we", "it", "the",
    "that", "result", "answer", "of", "value", "and", "so", "calculate", "compute", "evaluate", "work", "figure", "out",
    "solve", "find", "give", "me", "when", "can", "could", "will", "would", "tell", "now", "for", "then", "please",
    "parley", "okay", "hello", "hey", "quick", "question", "um", "uh", "well",
))
"""Words that may come before a sum, in any order."""
_AFTER = frozenset((
    "equal", "equals", "is", "make", "makes", "give", "gives", "come", "comes", "to", "be", "in", "total", "altogether",
    "together", "again", "please", "parley", "now", "then", "thanks", "for", "me",
))
"""Words that may come after it."""
# fmt: on

_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10}
_PARTS |= {"halves": 2} | {part + "s": size for part, size in _PARTS.items()}

_ECHO = {
    "+": "plus", "-": "minus", "*": "times", "/": "divided by", "^": "to the power of", "%": "percent",
    "!": "factorial", "sqrt": "the square root of",
}  # fmt: skip


class _NoSum(Exception):
    """These words are not a sum."""


class _NoResult(Exception):
    """A sum without a result that could be said; ``str()`` says why."""


def answer(request: Request) -> Answer | None:
    """None where what was said is not a sum."""
    try:
        items = _items(request.said)
        value = _Parser(items).result()
    except _NoSum:
        return None
    except _NoResult as reason:
        return Answer((str(reason),))
    result = speech.number(value)
    echo = _echo(items)
    return Answer((f"{echo} is {result}." if echo else f"That is {result}.",))


def _items(said: str) -> list[Item]:
    """The sum inside what was said: numbers, operators and brackets in the parser's own spelling."""
    tokens = _tokens(said)
    first = next((at for at, token in enumerate(tokens) if token not in _BEFORE and token != ","), len(tokens))
    # "the" opens a sum ("the sum of"), as "sum" does; the verbs are tried with and without what goes before
    for start in range(first + 1):
        if spelled := _spelled(" ".join(tokens[start:])):
            tokens = spelled.split()
            break
    else:
        tokens = tokens[first:]
    while tokens and tokens[-1] in _AFTER:
        tokens.pop()
    items = numbers.read([token for token in tokens if token != ","])
    if len(items) > _LONGEST or all(isinstance(item, Fraction) or item == "a" or item in _PARTS for item in items):
        raise _NoSum
    return items


def _tokens(said: str) -> list[str]:
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", said.casefold())
    text = re.sub(r"(?<=[^\W\d_])['\u2019]s\b", " is", text)
    text = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text)  # "twenty-five"
    found = re.findall(r"\d+(?:\.\d+)?|\.\d+|[^\W\d_]+|\*\*|[-+*/^%()=×·÷−–²³√:,]", text)
    plain = [_SYMBOLS.get(token, token) if not token.isalpha() else words(token) for token in found]
    return _SPOKEN_PATTERN.sub(lambda match: _SPOKEN[match[0]], " ".join(plain)).split()


def _spelled(text: str) -> str:
    """ "add 2 and 3" as "( 2 ) + ( 3 )"; "" where no verb begins the text."""
    for opening, between, meaning in _VERBS:
        if begun := re.match(opening, text):
            rest = re.sub(r" ,( and)?(?= )", " and", text[begun.end() :].removesuffix(" ,"))
            while rest.split(" ")[-1] in _AFTER:
                rest = rest.rpartition(" ")[0]
            if not between:
                return meaning.format(a=rest)
            for joint in re.finditer(between, rest):
                a, b = rest[: joint.start()], rest[joint.end() :]
                if a and b:
                    return meaning.format(a=a, b=b)
    return ""


class _Parser:
    """One pass over the items. Values carry whether they are a bare percentage, for "plus 10 percent"."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._at = 0

    def result(self) -> Fraction:
        value = self._sum()
        if self._at != len(self._items):
            raise _NoSum
        return value

    def _peek(self) -> Item | None:
        return self._items[self._at] if self._at < len(self._items) else None

    def _take(self, *wanted: str) -> str:
        item = self._peek()
        if isinstance(item, str) and item in wanted:
            self._at += 1
            return item
        return ""

    def _sum(self) -> Fraction:
        value, _ = self._term()
        while sign := self._take("+", "-", "and"):
            other, is_percentage = self._term()
            if is_percentage:
                other *= value
            value = _checked(value - other if sign == "-" else value + other)
        return value

    def _term(self) -> tuple[Fraction, bool]:
        value = self._factor()
        is_percentage = self._items[self._at - 1] == "%"
        while operator := self._take("*", "/", "of", "mod"):
            other = self._factor()
            is_percentage = False
            if operator in ("/", "mod") and other == 0:
                raise _NoResult("Nothing can be divided by zero.")
            if operator == "/":
                value = _checked(value / other)
            elif operator == "mod":
                value = value % other
            else:
                value = _checked(value * other)
        return value, is_percentage

    def _factor(self) -> Fraction:
        if self._take("-"):
            return -self._factor()
        self._take("+")
        base = self._suffixed()
        return _power(base, self._factor()) if self._take("^") else base

    def _suffixed(self) -> Fraction:
        value = self._atom()
        while True:
            if suffix := self._take("squared", "cubed"):
                value = _power(value, Fraction(2 if suffix == "squared" else 3))
            elif self._take("%"):
                value /= 100
            elif self._take("!"):
                value = _factorial(value)
            elif part := self._take(*_PARTS):
                value /= _PARTS[part]
            else:
                return value

    def _atom(self) -> Fraction:
        item = self._peek()
        self._at += 1
        if isinstance(item, Fraction):
            return item
        if item == "(":
            value = self._sum()
            if not self._take(")"):
                raise _NoSum
            return value
        if item == "sqrt":
            return _root(self._factor())
        if item == "a" and self._peek() in _PARTS:
            return self._atom()
        if item in _PARTS:
            return Fraction(1, _PARTS[item])
        raise _NoSum


def _checked(value: Fraction) -> Fraction:
    if value.numerator.bit_length() > _BITS or value.denominator.bit_length() > _BITS:
        raise _NoResult("That is too big a number for me.")
    return value


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if base == 0 and exponent < 0:
        raise _NoResult("Nothing can be divided by zero.")
    if exponent.denominator == 2 and exponent > 0:
        return _power(_root(base), Fraction(exponent.numerator))
    if exponent.denominator != 1:
        raise _NoResult("I only do whole powers.")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent) > _BITS or (bits > 1 and bits * abs(exponent) > 2 * _BITS):
        raise _NoResult("That is too big a number for me.")
    return base**exponent.numerator


def _root(value: Fraction) -> Fraction:
    """Exact where there is an exact one, else to 30 digits."""
    if value < 0:
        raise _NoResult("A negative number has no real square root.")
    exact = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
    if exact * exact == value:
        return exact
    context = Context(prec=30)
    return Fraction(context.sqrt(context.divide(value.numerator, value.denominator)))


def _factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or value < 0:
        raise _NoResult("Only whole numbers have a factorial.")
    if value > 400:
        raise _NoResult("That is too big a number for me.")
    return Fraction(math.factorial(value.numerator))


def _echo(items: Sequence[Item]) -> str:
    """The sum as it was understood, "" where it is too long to be repeated."""
    shown = [item for item in items if item not in ("(", ")")]
    if len(shown) > _ECHOED or (len(shown) != len(items) and len(shown) > 3):
        return ""
    text = " ".join(speech.number(item) if isinstance(item, Fraction) else _ECHO.get(item, item) for item in shown)
    return text[0].upper() + text[1:]


SKILL = Skill(
    name="arithmetic",
    can="do sums",
    examples=(
        "What is seven times eight?",
        "Twelve divided by five",
        "What is fifteen percent of eighty?",
        "Add 2.5 and 4.",
    ),
    answer=answer,
    grammar=(
        "(what is | what's | how much is) <number> (plus | minus | times | divided by | multiplied by) <number>"
        " | (what is | what's) <number> percent of <number> | what is the square root of <number>"
        " | what is half of <number>"
    ),
)
