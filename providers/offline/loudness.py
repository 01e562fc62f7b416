"""Speaking louder and quieter. How loud it is now is the caller's to know."""

from __future__ import annotations

from fractions import Fraction

from assistant.ports import SideEffect
from providers.offline import numbers
from providers.offline.matcher import Grammar
from providers.offline.skill import Answer, Request, Skill

_SPEAK = "(speak|talk|be|say it|say that|make it|play it)"
_BIT = "[a bit|a little|a little bit|much|a lot|even|still|way] [more]"
_VOLUME = "[the|your] (volume|sound|voice|loudness)"
_LOUDER = Grammar(
    f"[{_SPEAK}] {_BIT} (louder|loudly|loud)",
    "(speak up|louder|volume up|more volume|pump it up) [a bit|a little]",
    f"(turn|crank|put) (up {_VOLUME}|{_VOLUME} up|it up|yourself up) [a bit|a little|a notch]",
    f"(raise|increase|boost) {_VOLUME} [a bit|a little]",
    "(you are|that is|that was|it is|this is) [speaking] [much|far|way] too (quiet|soft|low|faint)",
    "i can not hear you [well|properly]",
)
_QUIETER = Grammar(
    f"[{_SPEAK}] {_BIT} (quieter|softer|quietly|softly)",
    "(volume down|less volume|lower your voice|keep it down|not so loud) [a bit|a little]",
    f"(turn|put) (down {_VOLUME}|{_VOLUME} down|it down|yourself down) [a bit|a little|a notch]",
    f"(lower|decrease|reduce) {_VOLUME} [a bit|a little]",
    "(you are|that is|that was|it is|this is) [speaking] [much|far|way] too loud",
)
_SET = Grammar(
    f"[set|put|turn] {_VOLUME} [up|down] (to|at) {{level}} [percent|per cent]",
    "volume {level} [percent|per cent]",
    "[at] {level} [percent|per cent] volume",
)
_LEVELS = {"half": 50, "minimum": 10, "normal": 100}
_MOST = frozenset(("full", "maximum", "max"))
STEP_DB = 6.0
_EVERYTHING_DB = 60.0
"""Louder than any caller goes: as loud as it does go. 100 percent is the normal loudness, and that may be less."""


def answer(request: Request) -> Answer | None:
    if _LOUDER.match(request.plain) is not None:
        return Answer(("Okay, louder.",), (SideEffect("volume", {"by_db": STEP_DB}),))
    if _QUIETER.match(request.plain) is not None:
        return Answer(("Okay, quieter.",), (SideEffect("volume", {"by_db": -STEP_DB}),))
    if (found := _SET.match(request.plain)) is None:
        return None
    if found["level"] in _MOST:
        return Answer(("Okay, as loud as I can.",), (SideEffect("volume", {"by_db": _EVERYTHING_DB}),))
    level = _level(found["level"].split())
    if level is None:
        return None
    if not 0 < level <= 100:
        return Answer(("The volume goes from 1 to 100 percent.",))
    return Answer((f"The volume is {level} percent.",), (SideEffect("volume", {"to": level / 100}),))


def _level(words: list[str]) -> int | None:
    if len(words) == 1 and words[0] in _LEVELS:
        return _LEVELS[words[0]]
    match numbers.read(words):
        case [Fraction() as value] if value.denominator == 1:
            return int(value)
    return None


SKILL = Skill(
    name="volume",
    can="speak louder or quieter",
    examples=("Louder, please.", "Turn the volume down.", "Speak up.", "Set the volume to fifty percent."),
    answer=answer,
    effects=frozenset({"volume"}),
    grammar=(
        "[speak | talk] [a little] (louder | quieter) | speak up | turn (the volume | it) (up | down)"
        " | volume (up | down) | set the volume to <number> percent"
    ),
)
