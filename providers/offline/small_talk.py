"""Greetings and thanks."""

from __future__ import annotations

from providers.offline.matcher import Grammar
from providers.offline.skill import Answer, Request, Skill

_TALK: tuple[tuple[Grammar, tuple[str, ...]], ...] = (
    (
        Grammar(
            "(hello|hi|hey|hello there|hi there|hey there|hello again|greetings|howdy|parley|welcome|good day)",
            "good (morning|afternoon|evening) [to you|there]",
            "(are|anybody|anyone|is anybody|is anyone) [you] (there|here|listening|home)",
            "(nice|good|pleased|lovely) to (meet|see|hear) you [again]",
        ),
        ("Hello.", "What can I do for you?"),
    ),
    (
        Grammar(
            "how (are|do) you [doing|do|feeling|feel] [today|there]",
            "how is it going [today]",
            "(what is up|how are things|are you well|are you okay|how have you been|you okay)",
        ),
        ("I am well, thank you.", "What can I do for you?"),
    ),
    (
        Grammar(
            "(thank you|thanks|many thanks|cheers|much appreciated|i appreciate it) [so|very] [much|a lot] [indeed]",
            "thanks (a lot|a million|again|so much)",
            "(that was|that is|you are|how) [very|so|really] (great|good|nice|helpful|kind|lovely|wonderful|funny)",
            "(well done|good job|nice one|very good|perfect|great|wonderful)",
        ),
        ("You are welcome.",),
    ),
    (
        Grammar(
            "(who|what) are you [exactly]",
            "what is your name",
            "what (are you called|do they call you|should i call you)",
            "(who am i talking to|introduce yourself|do you have a name|have you got a name)",
            "are you (a|an) {kind}",
        ),
        ("I am Parley, a voice assistant.", "All of me runs on this machine."),
    ),
)


def answer(request: Request) -> Answer | None:
    for grammar, sentences in _TALK:
        if grammar.match(request.plain) is not None:
            return Answer(sentences)
    return None


SKILL = Skill(
    name="small talk",
    can="",
    examples=("Hello.", "How are you?", "Thank you.", "What is your name?"),
    answer=answer,
    grammar=(
        "hello [there] | hi [there] | good (morning | afternoon | evening) | [hello] how are you [today | doing]"
        " | thank you [very much | so much] | thanks [a lot] | (what is | what's) your name | who are you"
        " | are you there"
    ),
)
