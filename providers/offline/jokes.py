"""Jokes: never the same one twice in a row, and the next one is known from the conversation alone."""

from __future__ import annotations

from providers.offline.matcher import Grammar
from providers.offline.skill import Answer, Request, Skill

_ASKED = Grammar(
    "[give me|say|let us have|let me hear|i want to hear|i would like to hear|i could use|i need|i would like|do] "
    "(a|another|one more|some|any|your best|your favourite|your favorite|the next|the best) "
    "[good|better|short|quick|silly|bad|new|funny|different] (joke|jokes) [of yours]",
    "(joke|jokes|joke about {topic})",
    "(have you got|do you have|got|you got|have you) any [good|more|new|other] jokes",
    "(something|anything) (funny|silly|amusing)",
    "(say|do) something (funny|silly|amusing)",
    "(make|try to make) me (laugh|smile|giggle)",
    "(cheer me up|amuse me|entertain me|be funny)",
    "(a|another) (joke|funny one|good one) about {topic}",
    "i (want|feel like|am in the mood for) a [good] (joke|laugh)",
    "(what is|crack) (a|another|your best|your favourite|your favorite) [good] joke",
)
_MORE = Grammar(
    "(another|another one|one more|more|next|the next one|more jokes|a better one|a different one|once more)"
)

JOKES: tuple[tuple[str, ...], ...] = (
    (
        "A robot walks into a library and asks for a book about patience.",
        "The librarian says that it will take five minutes to find.",
        "So the robot waits five minutes, then an hour, then the whole afternoon.",
        "When the lights go out, the librarian asks why it is still standing there.",
        "Ah, says the robot, this must be the last chapter.",
    ),
    ("Why did the microphone leave the loudspeaker?", "It was tired of being the only one who listened."),
    ("I had an argument with my clock.", "It told me off, and twelve hours later it told me again."),
    ("Why does nobody invite the echo to parties?", "It always has to have the last word."),
    ("What did the decimal number say to the whole number?", "I am sorry, but you have no point."),
    ("How does a lighthouse answer the telephone?", "Briefly, and then again every ten seconds."),
    ("I taught my parrot to talk to the kitchen.", "Now there are four hundred crackers on the shopping list."),
    ("Why did the zero keep quiet all evening?", "It felt that it had nothing to add."),
    ("My umbrella is a true friend.", "It only opens up when things get bad."),
    ("What music does a snail listen to?", "Nobody can say, it has not come to the end of the first song."),
    ("Why did the road map go to the doctor?", "It folded every time it was under pressure."),
    ("My new keyboard is very polite.", "It has never said a word unless I pressed it."),
)


def answer(request: Request) -> Answer | None:
    if _ASKED.match(request.plain) is None and _MORE.match(request.plain) is None:
        return None
    told = 0
    for text in request.earlier:  # "another one" asks for a joke once there has been one
        told += _ASKED.match(text) is not None or (told > 0 and _MORE.match(text) is not None)
    if not told and _ASKED.match(request.plain) is None:
        return None
    return Answer(JOKES[(request.seed + told) % len(JOKES)])


SKILL = Skill(
    name="joke",
    can="tell jokes",
    examples=("Tell me a joke.", "Tell me another joke.", "Make me laugh."),
    answer=answer,
    grammar=(
        "tell me (a | another) [funny] joke | another (joke | one) | make me laugh"
        " | say something funny | do you know any jokes"
    ),
)
