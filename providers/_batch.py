"""A recogniser of whole recordings, made to stream: one wrapper for every batch model.

The utterance is buffered and decoded as a whole. When the user pauses, that decode is the final. While the user speaks
it is decoded now and then for a partial, whose prefix is shown as settled once two decodes in a row agree on it
(LocalAgreement-2: Liu, Spanakis and Niehues, "Low-Latency Sequence-to-Sequence Speech Recognition", 2020).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol

import anyio
import numpy as np

from assistant.conversation.events import Invention, Sureness, Transcript, Word
from assistant.conversation.transcript import Agreement
from assistant.ports import CAPTURE_RATE, Frame, ProviderError, Samples, TranscriberAbilities
from providers._worker import Dropped

LONGEST = 65.0
"""Seconds of one utterance; what comes after is not listened to."""
FIRST_PARTIAL = 0.7
"""Seconds of voice before the first partial: less is rarely a word that stays."""
PARTIAL_INTERVAL = 0.5
"""Seconds of sound between partials, at least."""
PARTIAL_SHARE = 0.3
"""Of the time, at most this much may go into decoding partials."""
PARTIAL_PATIENCE = 0.25
"""Seconds for which a partial that is due waits for a gap between words. A decode that begins in a gap has only whole
words; and when the gap turns out to be the end, it has heard everything and is the final."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a batch model makes of a recording."""

    text: str
    language: str | None = None
    words: tuple[Word, ...] = ()
    """Their times count from the first sample."""
    sureness: Sureness | None = None
    invention: Invention | None = None
    """What the model wrote and did not believe itself; ``text`` is empty then."""


class Decode(Protocol):
    """A batch model. An optional decode (a partial) may raise Dropped instead; cancelling must return at once."""

    async def __call__(self, samples: Samples, *, optional: bool) -> Heard:
        """``samples``: mono, at CAPTURE_RATE, at most LONGEST seconds. Raises ProviderError."""
        ...


class BatchTranscriber:
    """A Transcriber around a batch model."""

    def __init__(self, decode: Decode, *, name: str, abilities: TranscriberAbilities, decode_time: float = 0.0) -> None:
        self.name = name
        self.abilities = abilities
        self._decode = decode
        self._decode_time = decode_time

    @property
    def decode_time(self) -> float:
        """Seconds that the last decode took, its waiting for other work included."""
        return self._decode_time

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[BatchStream]:
        stream = BatchStream(self)
        try:
            yield stream
        finally:
            stream.close()

    async def decode(self, samples: Samples, *, optional: bool) -> Heard:
        """Decode and measure it."""
        began = anyio.current_time()
        heard = await self._decode(samples, optional=optional)
        self._decode_time = anyio.current_time() - began
        return heard


class BatchStream:
    """One utterance. It decodes while, and only while, its transcripts are waited for."""

    def __init__(self, transcriber: BatchTranscriber) -> None:
        self._transcriber = transcriber
        self._sound = _Sound()
        self._agreement = Agreement()
        self._owed = 0
        self._decoded: _Decoded | None = None
        self._decoding: tuple[anyio.CancelScope, int, bool] | None = None
        self._partials = transcriber.abilities.partials
        self._last_partial = 0
        self._closed = False
        self._changed = anyio.Event()
        self.decoded: list[float] = []
        """Seconds of sound in each decode that was begun and has not failed: what a vendor bills."""

    def push(self, frame: Frame) -> None:
        self._sound.push(frame)
        self._changed.set()

    def finish(self) -> None:
        self._owed += 1
        if self._decoding is not None:
            scope, samples, optional = self._decoding
            if optional and not self._sound.only_silence_since(samples):
                scope.cancel()  # a partial that lacks the last words: the final must not wait for it
        self._changed.set()

    def close(self) -> None:
        """Cancel what is under way; the iteration ends."""
        self._closed = True
        if self._decoding is not None:
            self._decoding[0].cancel()
        self._changed.set()

    def __aiter__(self) -> BatchStream:
        return self

    async def __anext__(self) -> Transcript:
        while not self._closed:
            if self._owed:
                if self._answered() or await self._final():
                    self._owed -= 1
                    return self._transcript(final=True)
            elif self._partial_due():
                if await self._partial() and not self._owed:
                    return self._transcript(final=False)
            else:
                self._changed = anyio.Event()
                await self._changed.wait()
        raise StopAsyncIteration

    def _answered(self) -> bool:
        """Has everything that was said been decoded? More silence changes no transcript."""
        return self._decoded is not None and self._sound.only_silence_since(self._decoded.samples)

    async def _final(self) -> bool:
        if self._sound.samples == 0:
            self._decoded = _Decoded(Heard(""), 0)
            return True
        try:
            return await self._run(optional=False)
        except ProviderError:
            self._owed -= 1
            raise

    async def _partial(self) -> bool:
        """A partial that fails is no failure of the utterance: its final decides. There are no more, then."""
        self._last_partial = self._sound.samples
        try:
            return await self._run(optional=True)
        except Dropped:
            return False
        except ProviderError:
            self._partials = False
            return False

    async def _run(self, *, optional: bool) -> bool:
        """Decode all there is. False when it was cancelled because it had become useless."""
        samples = self._sound.samples
        with anyio.CancelScope() as scope:
            self._decoding = scope, samples, optional
            self.decoded.append(samples / CAPTURE_RATE)
            try:
                heard = await self._transcriber.decode(self._sound.all(), optional=optional)
            except (ProviderError, Dropped):
                self.decoded.pop()
                raise
            finally:
                self._decoding = None
            self._decoded = _Decoded(heard, samples)
            return True
        return False

    def _partial_due(self) -> bool:
        sound = self._sound
        if not self._partials or sound.voiced < FIRST_PARTIAL or self._answered():
            return False
        interval = max(PARTIAL_INTERVAL, self._transcriber.decode_time / PARTIAL_SHARE)
        since = (sound.samples - self._last_partial) / CAPTURE_RATE
        overdue = min(since - interval, sound.voiced - FIRST_PARTIAL)
        return overdue >= (0 if sound.quiet else PARTIAL_PATIENCE)

    def _transcript(self, *, final: bool) -> Transcript:
        assert self._decoded is not None
        heard, samples = self._decoded.heard, self._decoded.samples
        text = heard.text
        if not final:
            stable, tail = self._agreement.push(text)
            text = f"{stable} {tail}".strip() if " " in text else stable + tail
        if self._answered():
            samples = self._sound.samples  # the rest is silence, which has been listened to as well
        start = self._sound.start
        offset = start / CAPTURE_RATE
        return Transcript(
            text=text,
            final=final,
            until=(start + samples) / CAPTURE_RATE if samples else None,
            language=heard.language,
            provider=self._transcriber.name,
            words=tuple(replace(word, start=word.start + offset, end=word.end + offset) for word in heard.words),
            sureness=heard.sureness,
            invention=heard.invention,
        )


@dataclass(frozen=True, slots=True)
class _Decoded:
    heard: Heard
    samples: int
    """How many of the utterance's samples it covers."""


class _Sound:
    """The utterance so far, and where in it there is voice.

    Silence is judged by energy alone, and only to save a decode that cannot change anything; so a frame counts as
    quiet only when it is near the utterance's own noise floor and far below its loudest frame. When in doubt it is
    voice, and is decoded.
    """

    QUIET_OVER_FLOOR = 1.4
    """3 dB over the floor."""
    QUIET_UNDER_PEAK = 0.1
    """20 dB under the loudest frame, whatever the floor seems to be (an utterance without a pause has none)."""
    SILENT_UNDER_PEAK = 0.01
    """40 dB under the loudest frame: quiet, whatever the floor."""

    def __init__(self) -> None:
        self._frames: list[Samples] = []
        self._levels: list[float] = []  # sorted
        self.start = 0
        """Capture index of the first sample."""
        self.samples = 0
        self.voiced = 0.0
        """Seconds of voice."""
        self.quiet = True
        """The last frame was quiet."""
        self._last_voice = 0

    def push(self, frame: Frame) -> None:
        if self.samples >= LONGEST * CAPTURE_RATE:
            return
        if not self._frames:
            self.start = frame.start
        samples = frame.samples
        self._frames.append(samples)
        self.samples += len(samples)
        level = float(np.sqrt(np.dot(samples, samples) / max(1, len(samples))))
        insort(self._levels, level)
        count = len(self._levels)
        floor, peak = self._levels[count // 10], self._levels[-1 - count // 20]  # a knock is no voice's peak
        limit = min(self.QUIET_OVER_FLOOR * floor, self.QUIET_UNDER_PEAK * peak)
        self.quiet = level <= max(limit, self.SILENT_UNDER_PEAK * peak)
        if not self.quiet:
            self.voiced += len(samples) / CAPTURE_RATE
            self._last_voice = self.samples

    def only_silence_since(self, samples: int) -> bool:
        """Is there no voice after the first ``samples`` samples?"""
        return self._last_voice <= samples

    def all(self) -> Samples:
        return np.concatenate(self._frames)
