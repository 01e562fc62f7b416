"""What the assistant can do: said when it is asked for, and when nothing else answers."""

from __future__ import annotations

from collections.abc import Sequence

from providers.offline.matcher import Grammar
from providers.offline.skill import Answer, Request, Skill

_ASKED = Grammar(
    "[so] what (can|do|else can) you [actually|also] (do|know|answer|help [me] with|tell me) [for me]",
    "what (can|may|could|should|do) i (ask|say|do|tell you|ask you|say to you|ask you about) [here]",
    "[i need|some] help [me]",
    "(how can you help [me]|how do you work|how does this work|what are your (skills|abilities|talents|commands))",
    "(list|show|name) [me] (your|the|all your) (skills|abilities|commands)",
    "what (are you|is this) (good|useful) for",
    "what (commands|questions|things) (do|can) you (know|understand|answer|do)",
)
_UNKNOWN = ("I cannot help with that.", "I do not know that either.")
UNFINISHED = Answer(("Sorry, I cannot finish that.",))
"""To an answer of another model that broke off."""


def listed(skills: Sequence[Skill]) -> str:
    """ "I can tell the time, the date and jokes, and do sums."."""
    objects: dict[str, list[str]] = {}
    for skill in skills:
        verb, _, thing = skill.can.partition(" ")
        if verb:
            objects.setdefault(verb, []).append(thing)
    *first, last = (f"{verb} {_series(things)}" for verb, things in objects.items())
    return f"I can {', '.join(first)}, and {last}." if first else f"I can {last}."


def _series(things: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(things[:-1]), things[-1])))


def skill(others: Sequence[Skill]) -> Skill:
    """The skill that names what ``others`` can do."""

    def answer(request: Request) -> Answer | None:
        return Answer((listed(others),)) if _ASKED.match(request.plain) is not None else None

    return Skill(
        name="abilities",
        can="",
        examples=("What can you do?", "Help."),
        answer=answer,
        grammar="what (can | else can) you do | what can i (say | ask [you]) | [please] help [me]",
    )


def unknown(skills: Sequence[Skill], answered: str) -> Answer:
    """To what no skill answers. The list is not read out twice in a row: ``answered`` is what was said last."""
    if answered.startswith(_UNKNOWN):
        return Answer((_UNKNOWN[1],))
    return Answer((_UNKNOWN[0], listed(skills)))
