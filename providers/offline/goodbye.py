"""The end of the conversation: the session closes when these words have been heard."""

from __future__ import annotations

from assistant.ports import SideEffect
from providers.offline.matcher import Grammar
from providers.offline.skill import Answer, Request, Skill

_NIGHT = Grammar(
    "[have a] good night [to you|everybody|everyone]",
    "sleep (well|tight)",
    "(i am|i am going|time) [off] to (bed|sleep)",
)
_ASKED = Grammar(
    "(goodbye|good bye|bye|bye bye|farewell|so long|cheerio|ciao) [for now|to you|everybody|everyone|my friend]",
    "see you [later|soon|tomorrow|again|around|next time]",
    "(talk|speak) to you (later|soon|tomorrow)",
    "(until|till) (tomorrow|next time|later)",
    "have a (nice|good|lovely|great) (day|evening|afternoon|weekend|one)",
    "that (is|will be|was) (all|it|everything) [for (today|now)]",
    "(i am|we are) (done|finished|leaving|off) [here|for (today|now)]",
    "(i|we) (have to|must|need to|should) (go|leave|run) [now]",
    "(quit|exit|end the (conversation|call|session)|hang up)",
    "(catch|see) you later",
)


def answer(request: Request) -> Answer | None:
    if _NIGHT.match(request.plain) is not None:
        return Answer(("Good night.",), (SideEffect("goodbye"),))
    if _ASKED.match(request.plain) is not None:
        return Answer(("Goodbye.",), (SideEffect("goodbye"),))
    return None


SKILL = Skill(
    name="goodbye",
    can="",
    examples=("Goodbye.", "See you later.", "That's all.", "Good night."),
    answer=answer,
    grammar=(
        "goodbye | bye [bye] | see you (later | tomorrow) | good night | (that is | that's) all [for (now | today)]"
    ),
)
