"""The last answer once more."""

from __future__ import annotations

import re

from providers.offline.matcher import Grammar
from providers.offline.skill import Answer, Request, Skill

_ASKED = Grammar(
    "(repeat|say) (that|it|this|your answer|the answer|the last answer|what you said|yourself|your last answer) "
    "[again|once more|one more time|for me] [slowly]",
    "repeat",
    "repeat (what|the last thing) you [have] [just] said",
    "(again|once again|once more|one more time|come again|pardon|pardon me|i beg your pardon|say again)",
    "what (did you|have you) [just] (say|said) [again]",
    "what was (that|it|your answer|the answer) [again]",
    "(i did not|i could not|i have not|did not|could not) [quite] "
    "(hear|catch|get|understand|heard|caught) (that|you|it|what you said|the last bit|a word)",
    "(i|we) missed (that|it|what you said)",
    "(can i|could i|let me) hear (that|it) (again|once more|one more time)",
    "(go over|read) (that|it) (again|once more|one more time)",
)


def answer(request: Request) -> Answer | None:
    if _ASKED.match(request.plain) is None:
        return None
    if not request.answered.strip():
        return Answer(("I have not said anything yet.",))
    sentences = re.split(r"(?<=[.?!])\s+", request.answered.strip())
    if sentences[-1][-1] not in ".?!":  # it was cut off there
        sentences[-1] = sentences[-1].rstrip(",;:") + "."
    return Answer(tuple(sentences))


SKILL = Skill(
    name="repeat",
    can="repeat what I said",
    examples=("Say that again.", "Repeat that, please.", "What did you say?", "Pardon?"),
    answer=answer,
    grammar="say (that | it) again | [please] repeat (that | it) | what did you say | come again",
)
