"""The user wants silence. The loop has already stopped talking when this is asked."""

from __future__ import annotations

from providers.offline.matcher import Grammar
from providers.offline.skill import Answer, Request, Skill

_ASKED = Grammar(
    "[you can] stop [it|that|there|right there|talking|speaking|reading|this] [stop]",
    "(cancel|cancel that|cancel it|pause|halt|hold on|hang on|wait|wait a (moment|minute|second))",
    "[be|keep|stay] (quiet|silent)",
    "(silence|hush|shush|shut up|enough|that is enough|that will do|no more|not another word)",
    "(leave it|forget it|never mind|do not worry about it)",
    "(i|i have) [have] heard enough",
    "(do not|you do not have to) (go on|continue|bother|finish)",
)


def answer(request: Request) -> Answer | None:
    return Answer(("Okay.",)) if _ASKED.match(request.plain) is not None else None


SKILL = Skill(
    name="stop",
    can="",
    examples=("Stop.", "Cancel.", "Be quiet.", "Never mind."),
    answer=answer,
    grammar="stop [it | that | talking] | be quiet | never mind | (that is | that's) enough",
)
