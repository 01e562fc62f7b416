"""Keyphrases in a process of its own: see `_sphinx_worker`, whose messages it speaks.

to the worker     GRAMMAR  JSON {jsgf, vocabulary}: the phrases
                  SOUND    the next frame of a stretch of sound that begins a little before a voice does
                  FORGET   nobody wants this stretch any more
                  ASK      is anybody there?
from the worker   READY, FAILED, HEARD (JSON {phrase, first, last}: seconds in the stretch), HERE (the answer to ASK)

A stretch is listened to whenever its voice falls quiet, the newest stretch alone: a phrase is all that was said so far.
"""

from __future__ import annotations

import json

from providers._sphinx_worker import (
    ASK,
    FORGET,
    HEARD,
    HERE,
    LEVEL,
    SOUND,
    Messages,
    Recogniser,
    Tell,
    arrived,
    loaded,
    serve,
)


def main() -> None:
    serve(_work)


def _work(messages: Messages, tell: Tell) -> None:
    recogniser = loaded(messages, tell)
    if recogniser is None:
        return
    from providers._keyphrase_stretch import Stretch

    newest, stretch = 0, Stretch()
    while True:
        for kind, number, body in arrived(messages, wait=not stretch.due):
            if kind == ASK:
                tell(HERE)
                continue
            if number > newest:
                newest, stretch = number, Stretch()
            if number < newest:
                continue
            if kind == FORGET:
                stretch = Stretch()
            elif kind == SOUND:
                stretch.push(body[LEVEL.size :], LEVEL.unpack_from(body)[0])
        if stretch.due:
            stretch.found = spotted(recogniser, stretch)
        if (certain := stretch.certain()) is not None:
            tell(HEARD, newest, json.dumps(certain).encode())


def spotted(recogniser: Recogniser, stretch: object) -> dict[str, object] | None:
    """The phrase that is all of what was said in it, if it is one: ``phrase``, ``first`` and ``last`` second."""
    from providers._keyphrase_score import believed
    from providers._keyphrase_stretch import Stretch
    from providers._sphinx_decoder import FRAME_RATE
    from providers._sphinx_utterance import RATE

    assert isinstance(stretch, Stretch)
    pcm, start = stretch.sound()
    path, phones = recogniser.paths(pcm)
    if not believed(path, phones):
        return None
    words = [segment for segment in path if segment.phones]
    return {
        "phrase": " ".join(word.name for word in words),
        "first": start / RATE + words[0].first / FRAME_RATE,
        "last": start / RATE + (words[-1].last + 1) / FRAME_RATE,
    }


if __name__ == "__main__":
    main()
