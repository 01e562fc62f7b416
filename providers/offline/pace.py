"""Speaking slower and faster. How fast it speaks now is the caller's to know."""

from __future__ import annotations

from assistant.ports import SideEffect
from providers.offline.matcher import Grammar
from providers.offline.skill import Answer, Request, Skill

_SPEAK = "(speak|talk|go|read|say it|say that|be)"
_BIT = "[a bit|a little|a little bit|much|a lot|even|still|way] [more]"
_YOU = "(you are|you speak|you talk|that is|that was|this is)"
_SLOWER = Grammar(
    f"[{_SPEAK}] {_BIT} (slower|slowly|slow)",
    "slow (down|it down|down your speech|your speech down) [a bit|a little]",
    f"{_YOU} [speaking|talking|going] [much|far|way] too (fast|quick|quickly)",
    "not so (fast|quick|quickly)",
    "(reduce|lower|decrease) [the|your] (speed|pace|speaking rate|rate)",
)
_FASTER = Grammar(
    f"[{_SPEAK}] {_BIT} (faster|quicker|quickly|fast|quick)",
    "(speed up|hurry up|speed it up|hurry|speed your speech up) [a bit|a little]",
    f"{_YOU} [speaking|talking|going] [much|far|way] too (slow|slowly)",
    "not so (slow|slowly)",
    "(increase|raise) [the|your] (speed|pace|speaking rate|rate)",
)
_NORMAL = Grammar(
    f"{_SPEAK} (normally|at normal speed|at the normal speed|at your normal speed|at a normal pace)",
    "(normal|usual|default) (speed|pace)",
    "(reset|restore) [the|your] (speed|pace)",
)
STEP = 1.25
"""One step of the pace; slower is its inverse."""


def answer(request: Request) -> Answer | None:
    if _SLOWER.match(request.plain) is not None:
        return Answer(("Okay, slower from now on.",), (SideEffect("speed", {"by": 1 / STEP}),))
    if _FASTER.match(request.plain) is not None:
        return Answer(("Okay, faster from now on.",), (SideEffect("speed", {"by": STEP}),))
    if _NORMAL.match(request.plain) is not None:
        return Answer(("Okay, at my usual speed.",), (SideEffect("speed", {"to": 1.0}),))
    return None


SKILL = Skill(
    name="pace",
    can="speak slower or faster",
    examples=("Slower, please.", "Speak faster.", "Slow down.", "Normal speed."),
    answer=answer,
    effects=frozenset({"speed"}),
    grammar="[speak | talk] [a little] (slower | faster) | slow down | speed up | normal speed",
)
