"""Words nobody said, kept from everybody: a transcriber around one whose abilities say that it is ``generative``.

In front of it: while the voice activity detector has heard no voice in an utterance, none of its sound is handed on,
and a final that is asked for is given at once, without words. Behind it: what `assistant.conversation.invented` does
not believe is no partial at all, and a final without words that says what was taken out, and why.

It knows the detector's mind from the frames' ``speech``. Where nobody asked the detector, the recogniser's own doubts
and the text decide alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import numpy as np

from assistant.audio.periodic import periodic, spectrum
from assistant.conversation.events import Invention
from assistant.conversation.invented import LEAST, VOICED, Track, invented
from assistant.ports import CAPTURE_RATE, Frame, Transcriber, TranscriberStream, Transcript
from providers._wrapping import Leaf

SOFTEST = 1e-10
"""Mean square of what counts as digital silence: -100 dBFS."""


@asynccontextmanager
async def guarded(
    opening: AbstractAsyncContextManager[Transcriber], leaf: Leaf, *, voiced: float = VOICED
) -> AsyncIterator[Transcriber]:
    """An `Around` for transcribers: those that invent nothing are left as they are.

    ``voiced``: the probability of speech from which on a frame counts as voice.
    """
    async with opening as transcriber:
        yield Guarded(transcriber, voiced) if transcriber.abilities.generative else transcriber


class Guarded:
    """A Transcriber. Whatever else the one inside has, it has too."""

    def __init__(self, inner: Transcriber, voiced: float = VOICED) -> None:
        self._inner = inner
        self._voiced = voiced
        self.name = inner.name
        self.abilities = inner.abilities

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[TranscriberStream]:
        async with self._inner.stream() as inner:
            yield _Stream(inner, self.name, self._voiced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Stream:
    def __init__(self, inner: TranscriberStream, name: str, voiced: float) -> None:
        self._inner = inner
        self._name = name
        self._voiced = voiced
        self._track: Track | None = None
        """None: nobody asked the detector."""
        self._held: list[Frame] | None = []
        """The sound so far, while there is no voice in it."""
        self._end = 0.0
        self._answers: deque[Transcript] = deque()
        self._changed = anyio.Event()
        self._transcripts = aiter(inner)

    def push(self, frame: Frame) -> None:
        self._end = frame.end
        if frame.speech is not None:
            self._track = self._track or Track(self._voiced)
            voicing = periodic(spectrum(frame.samples))[0] if frame.speech >= self._voiced else 0.0
            self._track.push(len(frame.samples) / CAPTURE_RATE, frame.speech, _level(frame), voicing)
        if self._held is None:
            self._inner.push(frame)
            return
        self._held.append(frame)
        if self._track is None or self._track.seconds >= LEAST:
            held, self._held = self._held, None
            for each in held:
                self._inner.push(each)
            self._changed.set()

    def finish(self) -> None:
        if self._held is None:
            self._inner.finish()
            return
        nothing = Invention("", "no voice")
        self._answers.append(Transcript("", True, self._end, provider=self._name, invention=nothing))
        self._changed.set()

    def __aiter__(self) -> _Stream:
        return self

    async def __anext__(self) -> Transcript:
        while True:
            if self._answers:
                return self._answers.popleft()
            if self._held is not None:
                self._changed = anyio.Event()
                await self._changed.wait()
                continue
            if (transcript := self._judged(await anext(self._transcripts))) is not None:
                return transcript

    def _judged(self, transcript: Transcript) -> Transcript | None:
        """None: a partial that is none."""
        voice = None if self._track is None else self._track.voice
        why = invented(transcript.text, voice=voice, sureness=transcript.sureness)
        if why is None:
            return transcript
        if not transcript.final:
            return None
        return replace(transcript, text="", words=(), invention=Invention(transcript.text.strip(), why))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _level(frame: Frame) -> float:
    """dBFS."""
    power = float(np.dot(frame.samples, frame.samples)) / max(1, len(frame.samples))
    return 10 * float(np.log10(max(power, SOFTEST)))
