"""What the tests of recognisers and voices over WebSocket share: an utterance, and waiting for what comes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import anyio
import numpy as np

from assistant.conversation.events import Transcript
from assistant.conversation.words import spans
from assistant.ports import FRAME, Frame, SpeechChunk, SpokenWord
from tests.servers import syllables

START = 16_000
"""Capture sample at which the utterances begin: second 1."""


def wave(frames: int, at: int = 0) -> list[Frame]:
    """Voice, from the frame ``at`` of the utterance on."""
    return [
        Frame(np.sin(np.arange(i * FRAME, (i + 1) * FRAME) * 0.1).astype(np.float32) / 3 + 0.01, i * FRAME + START)
        for i in range(at, at + frames)
    ]


WAVE = wave(20)
"""0.64 s."""


def say(stream: Any, frames: Sequence[Frame] = WAVE) -> None:
    """All at once: what comes of it is as of sound that comes in time."""
    for frame in frames:
        stream.push(frame)


def say_and_pause(stream: Any, frames: Sequence[Frame] = WAVE) -> None:
    say(stream, frames)
    stream.finish()


async def heard(stream: Any, finals: int = 1) -> list[Transcript]:
    """The transcripts that come, up to so many finals."""
    found: list[Transcript] = []
    with anyio.fail_after(5):
        async for transcript in stream:
            found.append(transcript)
            if sum(each.final for each in found) == finals:
                break
    return found


async def spoken(chunks: AsyncIterator[SpeechChunk]) -> tuple[Any, list[SpokenWord]]:
    """All the sound, and all the words."""
    with anyio.fail_after(5):
        found = [chunk async for chunk in chunks]
    samples = [chunk.samples for chunk in found]
    return np.concatenate(samples) if samples else np.zeros(0), [word for chunk in found for word in chunk.words]


TEXTS = [
    "Hello.",
    "It is four o'clock. Shall I wake you at five? Yes, I shall.",
    "Dr. Smith paid 3.50 for it,  and   went home again.   Twice!",
    "Ça va très bien, merci — et toi? “Natürlich”, sagte er. Übermorgen dann.",
    " leading and trailing ",
]
"""In which words are not easily placed."""


def expected_words(text: str, sent: str) -> list[tuple[int, int, float]]:
    """(offset, length, start in seconds) of every word of ``text``, as the servers of `syllables` speak ``sent``."""
    found, at = [], 0
    for begin, end in spans(text):
        at = sent.index(text[begin:end], at)
        found.append((begin, end - begin, round(at * syllables.CHARACTER, 3)))
        at += end - begin
    return found


async def in_two_parts(more: anyio.Event) -> AsyncIterator[str]:
    """ "Hello there friend. How are you?", of which the last two words come once ``more`` is set."""
    for piece in ("Hello", " there", " friend.", " How"):
        yield piece
    await more.wait()
    for piece in (" are", " you?"):
        yield piece


async def until(seen: Callable[[], object]) -> None:
    """The server has it, soon."""
    with anyio.fail_after(2):
        while not seen():  # noqa: ASYNC110 - it is another's list that grows
            await anyio.sleep(0.001)
