"""Units: lengths, weights, temperatures, volumes, speeds and times, turned into one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from providers.offline import matcher, numbers, speech
from providers.offline.matcher import Grammar
from providers.offline.skill import Answer, Request, Skill


@dataclass(frozen=True, slots=True)
class _Unit:
    kind: str
    one: str
    many: str
    size: Fraction
    """In the kind's own unit: metre, kilogram, degree Celsius, litre, metre a second, second."""
    zero: Fraction = Fraction(0)
    """Where its zero lies, in the kind's own unit."""


def _units(kind: str, *rows: tuple[str, str, str]) -> dict[str, _Unit]:
    """Rows of size, name and other spellings ("foot/feet ft"); a name without a slash forms its plural with "s"."""
    found: dict[str, _Unit] = {}
    for size, name, others in rows:
        one, slash, many = name.partition("/")
        unit = _Unit(kind, one, many if slash else one + "s", Fraction(size))
        spellings = [one, unit.many, *others.split(",")]
        found |= {spelling.strip(): unit for spelling in spellings if spelling.strip()}
    return found


# Inch, pound, gallon: exact by definition (international yard and pound agreement, 1959; US liquid gallon, 231 in^3).
_UNITS: dict[str, _Unit] = (
    _units(
        "length",
        ("1", "meter", "metre, metres, m"),
        ("1000", "kilometer", "kilometre, kilometres, km, kms"),
        ("0.01", "centimeter", "centimetre, centimetres, cm, cms"),
        ("0.001", "millimeter", "millimetre, millimetres, mm"),
        ("0.0254", "inch/inches", ""),
        ("0.3048", "foot/feet", "ft"),
        ("0.9144", "yard", "yd, yds"),
        ("1609.344", "mile", "mi"),
        ("1852", "nautical mile", ""),
    )
    | _units(
        "weight",
        ("1", "kilogram", "kilo, kilos, kg, kgs, kilogramme, kilogrammes"),
        ("0.001", "gram", "gramme, grammes, g"),
        ("0.000001", "milligram", "mg"),
        ("1000", "ton", "tonne, tonnes, metric ton, metric tons"),
        ("0.45359237", "pound", "lb, lbs"),
        ("0.028349523125", "ounce", "oz"),
        ("6.35029318", "stone/stone", "stones"),
    )
    | _units(
        "volume",
        ("1", "liter", "litre, litres, l"),
        ("0.001", "milliliter", "millilitre, millilitres, ml"),
        ("0.01", "centiliter", "centilitre, centilitres, cl"),
        ("3.785411784", "gallon", ""),
        ("0.946352946", "quart", ""),
        ("0.473176473", "pint", ""),
        ("0.2365882365", "cup", ""),
        ("0.0295735295625", "fluid ounce", ""),
        ("0.01478676478125", "tablespoon", "tbsp"),
        ("0.00492892159375", "teaspoon", "tsp"),
    )
    | _units(
        "speed",
        ("1", "meter per second/meters per second", "metre per second, metres per second"),
        ("5/18", "kilometer per hour/kilometers per hour", "kilometres per hour, kilometre per hour, kph, kmh, km h"),
        ("0.44704", "mile per hour/miles per hour", "mph"),
        ("463/900", "knot", ""),
    )
    | _units(
        "time",
        ("1", "second", "sec, secs"),
        ("0.001", "millisecond", "ms"),
        ("60", "minute", "min, mins"),
        ("3600", "hour", "hr, hrs"),
        ("86400", "day", ""),
        ("604800", "week", ""),
        ("31536000", "year", ""),
    )
)
_CELSIUS = _Unit("temperature", "degree Celsius", "degrees Celsius", Fraction(1))
_FAHRENHEIT = _Unit("temperature", "degree Fahrenheit", "degrees Fahrenheit", Fraction(5, 9), Fraction(-160, 9))
_KELVIN = _Unit("temperature", "kelvin", "kelvin", Fraction(1), Fraction("-273.15"))
for _name, _scale in (
    ("celsius", _CELSIUS),
    ("centigrade", _CELSIUS),
    ("fahrenheit", _FAHRENHEIT),
    ("kelvin", _KELVIN),
):
    _UNITS |= {_name: _scale, f"degrees {_name}": _scale, f"degree {_name}": _scale}
_SIGNS = {"°c": "celsius", "°f": "fahrenheit", "º": "degrees "}

_IS = "(are there|are|is|is there|go|fit|do you get|do i get|do we have|would be|make|makes|make up)"
_ASKED = (
    Grammar(
        f"how (many|much) {{unit}} {_IS} [in|into|from|to] {{amount}}",
        "how (many|much) {unit} (does|do|will|would) {amount} (make|have|equal|weigh|contain|come to|hold|take)",
        "how (many|much) {unit} (in|to|per|for) {amount}",
        "what (is|are) {unit} (for|from) {amount}",
    ),
    Grammar(
        "(what|how (much|many|far|long|heavy|hot|cold|warm|big|fast|tall|high)) "
        "(is|are|does|would) {amount} [be|make|come out|come] (to|into|in|as) {unit}",
    ),
    Grammar(
        "[convert|change|turn|translate|switch|express|give me|say|show me|calculate|work out|make] "
        "{amount} (to|into|in|as) {unit}",
    ),
)
"""Tried in this order: the last covers, for one, all that the first do, with other words in its places."""


def answer(request: Request) -> Answer | None:
    plain = _plain(request)
    for grammar in _ASKED:
        if (found := grammar.match(plain)) is None:
            continue
        target, measured = _unit(found["unit"].split()), _measured(found["amount"].split())
        if target is not None and measured is not None:
            return _converted(*measured, target)
    return None


def _converted(amount: Fraction, unit: _Unit, target: _Unit) -> Answer:
    if unit.kind != target.kind:
        return Answer((f"{_capital(unit.many)} are {_a(unit.kind)}, and {target.many} {_a(target.kind)}.",))
    result = (amount * unit.size + unit.zero - target.zero) / target.size
    return Answer((f"{_capital(_said(amount, unit))} {'is' if amount == 1 else 'are'} {_rounded(result, target)}.",))


def _plain(request: Request) -> str:
    """With "20°C" and "5 km/h" in words."""
    if not any(sign in request.said for sign in "°º/"):
        return request.plain
    text = request.said.casefold().replace("km/h", "kph").replace("m/s", "meters per second")
    for sign, name in _SIGNS.items():
        text = text.replace(sign, f" {name}")
    return matcher.request(text)


def _measured(words: Sequence[str]) -> tuple[Fraction, _Unit] | None:
    """ "ten miles", "a mile", "half a mile", "minus five degrees celsius", "one foot"."""
    for split in range(len(words)):
        unit = _unit(words[split:])
        if unit is not None:
            amount = _amount(words[:split])
            return None if amount is None else (amount, unit)
    return None


def _amount(words: Sequence[str]) -> Fraction | None:
    if words[:1] in (["minus"], ["negative"]):
        size = _amount(words[1:])
        return None if size is None else -size
    kept = [word for word in words if word not in ("of", "the")]
    if kept in ([], ["a"], ["an"]):
        return Fraction(1)
    if kept in (["half", "a"], ["half", "an"], ["a", "half"], ["half"]):
        return Fraction(1, 2)
    if kept in (["quarter", "a"], ["a", "quarter"], ["a", "quarter", "a"]):
        return Fraction(1, 4)
    match numbers.read(kept):
        case [Fraction() as value]:
            return value
    return None


def _unit(words: Sequence[str]) -> _Unit | None:
    name = " ".join(words)
    for a, b in ((" an hour", " per hour"), (" a second", " per second"), ("degree ", "degrees ")):
        name = name.replace(a, b)
    return _UNITS.get(name)


def _rounded(value: Fraction, unit: _Unit) -> str:
    """Two decimals, or three figures of what is small; "about" where that is not exact."""
    places = 2
    while value and abs(value) * 10**places < 100 and places < 9:
        places += 1
    near = Fraction(round(value * 10**places), 10**places)
    return ("" if near == value else "about ") + _said(near, unit).replace("about ", "")


def _said(amount: Fraction, unit: _Unit) -> str:
    return f"{speech.number(amount)} {unit.one if abs(amount) == 1 else unit.many}"


def _a(kind: str) -> str:
    return f"a {kind}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


SKILL = Skill(
    name="conversion",
    can="convert units",
    examples=(
        "How many feet are in a mile?",
        "Convert ten miles to kilometers.",
        "What is seventy degrees Fahrenheit in Celsius?",
    ),
    answer=answer,
    grammar=(
        "(convert | what is | what are) <number> (<length> (to | in | into) <length>"
        " | <weight> (to | in | into) <weight>"
        " | <volume> (to | in | into) <volume> | <speed> (to | in | into) <speed>"
        " | degrees fahrenheit (to | in | into) celsius | degrees celsius (to | in | into) fahrenheit)"
        " | how many (<length> [are] in (a mile | a kilometer | a foot | <number> <length>)"
        " | <weight> [are] in (a pound | a kilogram | <number> <weight>)"
        " | <volume> [are] in (a gallon | a liter | a cup | <number> <volume>)"
        " | (seconds | minutes | hours | days) [are] in (an hour | a day | a week | a year))"
    ),
)
