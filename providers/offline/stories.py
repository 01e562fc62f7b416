"""Stories: long enough to be interrupted."""

from __future__ import annotations

from providers.offline.matcher import Grammar
from providers.offline.skill import Answer, Request, Skill

_ASKED = Grammar(
    "[give me|read me|read|i (want|would like) [to hear]|let (us have|me hear)] (a|another|one more|your best) "
    "[good|long|short|little|bedtime|different|new] (story|tale|fairy tale)",
    "(a|another) [good|long|short|little] (story|tale) about {topic}",
    "(story|story time)",
    "(have you got|do you have|got|you know) any [good|more] (stories|tales)",
    "(some|more) stories",
)

STORIES: tuple[tuple[str, ...], ...] = (
    (
        "Once there was a lighthouse keeper who could not sleep in the dark.",
        "Every night he lit the great lamp, and every night the ships thanked him with their horns.",
        "One winter the lamp went out, and he sat on the stairs and was afraid.",
        "Then, far out on the black water, a little boat lit a candle.",
        "A second boat lit another, and a third, until the whole sea was full of small lights.",
        "They had come to show him the way home.",
    ),
    (
        "An old clockmaker had one clock that was always seven minutes late.",
        "People laughed at it, but he never mended it, and he never sold it.",
        "One day a girl came running for the last train, and it had just gone.",
        "The clockmaker pointed at the wall, and by that clock there were still seven minutes.",
        "She sat down, drank a cup of tea with him, and they talked until the next train came.",
        "Some clocks, he told her, are for telling the time, and some are for giving it.",
    ),
)


def answer(request: Request) -> Answer | None:
    if _ASKED.match(request.plain) is None:
        return None
    told = sum(_ASKED.match(text) is not None for text in request.earlier)
    return Answer(STORIES[(request.seed + told) % len(STORIES)])


SKILL = Skill(
    name="story",
    can="tell stories",
    examples=("Tell me a story.", "Tell me another story."),
    answer=answer,
    grammar="(tell me | read me) (a | another) [short | long | bedtime] story",
)
