"""What time it is."""

from __future__ import annotations

from providers.offline import speech
from providers.offline.matcher import Grammar
from providers.offline.skill import Answer, Request, Skill

_HERE = Grammar(
    "what [is the] time [is it|it is|have you got|do you have|is it getting to be] [now|here]",
    "(what is|give me|say|check|read out) the [current|exact|right|correct|local] time [here|now]",
    "the [current|exact|right|local] time [is]",
    "time [check]",
    "(what hour|which hour) is it",
    "how late is it [now|here|already|getting]",
    "[have you|do you have|you have|has anybody] [got] the [right|exact] time [on you]",
    "what does (the|your) (clock|watch) say",
    "(is it|how long until it is) (noon|midnight) [yet]",
    "what is the time (by|on) (the|your) (clock|watch)",
)
_ELSEWHERE = Grammar(
    "what [is the] time [is it|it is] [now] in {place}", "(what is|give me) the time in {place}", "the time in {place}"
)


def answer(request: Request) -> Answer | None:
    now = f"It is {speech.clock(request.now.timetz())}."
    if _HERE.match(request.plain) is not None:
        return Answer((now,))
    if _ELSEWHERE.match(request.plain) is not None:
        return Answer(("I only know what time it is here.", now))
    return None


SKILL = Skill(
    name="time",
    can="tell the time",
    examples=("What time is it?", "What's the time?", "Do you have the time?"),
    answer=answer,
    grammar="(what time is it | what is the time | what's the time) [now] | tell me the time | do you have the time",
)
