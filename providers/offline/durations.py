"""Lengths of time: "an hour and a half" -> seconds, and back into words."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from providers.offline import numbers

MINUTE, HOUR, DAY = 60, 3600, 86_400

_UNITS = {"second": 1, "sec": 1, "minute": MINUTE, "min": MINUTE, "hour": HOUR, "hr": HOUR, "day": DAY}
_UNITS |= {name + "s": size for name, size in _UNITS.items()}
_PARTS = {"half": Fraction(1, 2), "quarter": Fraction(1, 4), "third": Fraction(1, 3)}
_PARTS |= {name + "s": size for name, size in _PARTS.items()}


def read(words: Sequence[str]) -> Fraction | None:
    """The seconds that all of ``words`` (as `matcher.words` spells them) mean, None where they are no length of time.

    Units must fall: "two hours and five minutes", "an hour and a half", "five minutes thirty".
    """
    items = numbers.read(words)
    total, unit, at = Fraction(0), 0, 0
    while at < len(items):
        if unit and items[at] == "and":
            at += 1
        amount, at = _amount(items, at)
        if amount is None:
            return None
        following = items[at] if at < len(items) else ""
        size = _UNITS.get(following, 0) if isinstance(following, str) else 0
        if size and (not unit or size < unit):
            total, unit, at = total + amount * size, size, at + 1
        elif unit and at == len(items):  # "an hour and a half", "five minutes thirty"
            total, unit = total + (amount * unit if amount < 1 else amount * unit / 60), 0
        else:
            return None
    return total or None


def _amount(items: Sequence[Fraction | str], at: int) -> tuple[Fraction | None, int]:
    """A number, "a", "half an", "a quarter of an", "three quarters of an", "a couple of", and where it ends."""
    rest = list(items[at : at + 5])
    if not rest:
        return None, at
    begun = 1 if isinstance(rest[0], Fraction) or rest[0] in ("a", "an") else 0
    count = rest[0] if isinstance(rest[0], Fraction) else Fraction(1)
    if rest[begun : begun + 2] in (["couple", "of"], ["few", "more"]):
        return Fraction(2 if rest[begun] == "couple" else 3), at + begun + 2
    name = rest[begun] if begun < len(rest) else ""
    if isinstance(name, str) and name in _PARTS:
        end = begun + 1
        if rest[end : end + 1] == ["of"]:
            end += 1
        if rest[end : end + 1] in (["a"], ["an"]):
            end += 1
        return count * _PARTS[name], at + end
    return (count, at + 1) if begun else (None, at)


def said(seconds: int) -> str:
    """ "1 hour and 30 minutes". From ten minutes on without seconds, unless they are few and all there is to say."""
    if seconds >= HOUR or (seconds >= 10 * MINUTE and seconds % MINUTE):
        seconds = (seconds + MINUTE // 2) // MINUTE * MINUTE
    parts = []
    for name, size in (("day", DAY), ("hour", HOUR), ("minute", MINUTE), ("second", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}{'s' if count > 1 else ''}")
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else "0 seconds"
