"""One reply is one cancel scope: model -> sentences -> voice -> gate -> loudspeaker, all at once.

Cancelling is one act (`Reply.cancel`): the sound is dropped first and at once, then the scope with its children.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import anyio
import numpy as np
from anyio.abc import ObjectReceiveStream

from assistant.audio.resample import Resampler
from assistant.conversation.events import Happening, ReplyAudible, ReplyFailed, ReplyFinished
from assistant.conversation.history import Message, Spoken, SpokenWord, heard_text, unheard_from, words_of
from assistant.gate import Gate
from assistant.later import Later
from assistant.ports import (
    ChatModel,
    FailedMidway,
    ProviderError,
    Samples,
    SideEffect,
    SpeechChunk,
    StreamingSynthesizer,
    Synthesizer,
)
from assistant.tools import Toolbox
from assistant.writing import Pieces, Tell, Writer

AHEAD = 20.0
"""Seconds of sound made ahead of what has been heard; more would be work thrown away at an interruption."""
SILENT = 0.002
"""Samples under this (-54 dBFS) before the first word of a piece that is waited for are trimmed: no voice engine's own
breath is louder."""
KEPT = 0.004
"""Seconds of the trimmed silence that stay, so that the first sound is not cut into."""
CONTINUATIONS = 3
"""Times that a reply goes on with another model or voice: a chain that only ever breaks off is broken."""

_NOTHING: Samples = np.empty(0, np.float32)


@dataclass
class _Piece:
    """What has been asked of the voice in one call, and the sound that came of it."""

    text: str
    start: float
    """Seconds in the reply's sound."""
    words: list[SpokenWord] = field(default_factory=list)
    seconds: float = 0.0
    complete: bool = False
    trimmed: float = 0.0
    """Seconds of silence taken off its front; the voice's word times count them."""
    placed: list[tuple[str, float, float]] | None = None
    """Its words, once they move no more."""

    def spoken(self) -> Spoken:
        words = (SpokenWord(max(0.0, word.start - self.trimmed), word.offset, word.length) for word in self.words)
        return Spoken(self.text, self.start, self.seconds, tuple(words), self.complete)

    def placed_words(self) -> list[tuple[str, float, float]]:
        """Its words with their beginnings and ends in the reply's sound."""
        if self.placed is not None:
            return self.placed
        words = words_of(self.spoken())
        if self.complete:
            self.placed = words
        return words


class Reply:
    """Speaks the model's answer to ``messages``, or ``words`` as they are. Start `run` in the session's task group.

    ``happened`` gets ReplyAudible, ReplyFinished or ReplyFailed; ``wanted`` what the model wants done, once the reply
    is audible: then it can no longer be discarded. Nothing of it comes after `cancel`.
    """

    def __init__(
        self,
        *,
        turn: int | None,
        messages: Sequence[Message] = (),
        words: str | None = None,
        model: Later[ChatModel],
        voice: Later[Synthesizer],
        gate: Gate,
        rate: int,
        now: Callable[[], float],
        tell: Tell,
        happened: Callable[[Happening], None],
        wanted: Callable[[SideEffect], None],
        tools: Toolbox | None = None,
    ) -> None:
        self.turn = turn
        self.audible = False
        self._words = words
        self._voice = voice
        self._gate = gate
        self._rate = rate
        self._now = now
        self._tell = tell
        self._happened = happened
        self._wanted = wanted
        self._scope = anyio.CancelScope()
        self._committed = anyio.Event()
        if gate.is_open:
            self._committed.set()
        self._writer = Writer(
            messages=messages,
            model=model,
            voice=voice,
            tools=tools or Toolbox(),
            committed=self._committed,
            tell=lambda event, at, data: self._tell(event, at, data),
            want=self._want,
            broke_off=self._continue_or_give_up,
        )
        self._pieces: list[_Piece] = []
        self._continued = 0
        self._failed = False
        self._all_written = False
        self._changed = anyio.Event()
        self._effects: list[SideEffect] = []
        """What the model wants done, until it can be."""

    # --- from the session ---

    async def run(self) -> None:
        with self._scope:
            send, receive = anyio.create_memory_object_stream[str | None](math.inf)
            async with anyio.create_task_group() as group:
                group.start_soon(self._write, send)
                group.start_soon(self._speak, receive)
                group.start_soon(self._follow)

    def open_gate(self) -> None:
        """The reply is committed: from here on it is heard."""
        self._gate.open()
        self._committed.set()
        self._progress()

    def cancel(self) -> str:
        """Not one more sample, and no more news. Returns the words that were heard."""
        heard = self._gate.close()
        self._scope.cancel()
        self._hang_up()
        return heard_text([piece.spoken() for piece in self._pieces], heard)

    # --- words ---

    @property
    def tokens(self) -> int:
        """Tokens that a model has read and written for it so far: an estimate from the characters."""
        return self._writer.tokens if self._words is None else 0

    @property
    def steps(self) -> list[Message]:
        """What was called for it and what came of that, for whoever answers next. None of what a draft has called:
        it changed nothing."""
        return self._writer.steps if self._gate.is_open else []

    async def _write(self, send: Pieces) -> None:
        async with send:
            try:
                if self._words is not None:
                    self._writer.say(self._words, send)
                else:
                    await self._writer.answer(send)
            except ProviderError:
                self._failed = True
                self._progress()
            except anyio.BrokenResourceError:
                pass  # the voice has failed for good: nobody takes the words

    # --- sentences -> voice -> gate ---

    async def _speak(self, receive: ObjectReceiveStream[str | None]) -> None:
        async with receive:
            try:
                voice = await self._voice.get()
                if voice.abilities.streams_text and self._words is None:
                    await self._speak_streams(voice, receive)
                else:
                    async for text in receive:
                        await self._speak_next(voice, text)
            except ProviderError:
                self._failed = True
            self._all_written = True
            self._progress()

    async def _speak_next(self, voice: Synthesizer, text: str | None) -> None:
        if text is None:
            self._gate.rest()
        else:
            await self._speak_piece(voice, text)

    async def _speak_piece(self, voice: Synthesizer, text: str) -> None:
        rest = text
        while rest:
            piece = self._begin(rest)
            try:
                async with aclosing(voice.speak(rest)) as chunks:  # type: ignore[type-var]
                    await self._take(voice, piece, chunks)
                return
            except FailedMidway as failure:
                rest = self._cut(piece)
                self._continue_or_give_up(failure)
            except ProviderError:
                self._cut(piece)
                raise

    async def _speak_streams(self, voice: Synthesizer, receive: ObjectReceiveStream[str | None]) -> None:
        """What is written up to a rest is one stream: a voice does not say the end of it while more may come."""
        assert isinstance(voice, StreamingSynthesizer)
        words = _Words(receive)
        while True:
            piece = words.piece = self._begin("")
            try:
                async with aclosing(voice.stream(words)) as chunks:  # type: ignore[type-var]
                    await self._take(voice, piece, chunks)
            except FailedMidway as failure:
                words.piece = rest = _Piece(self._cut(piece), 0.0)
                self._continue_or_give_up(failure)
                async for _ in words:
                    pass  # the rest grows by it
                await self._speak_piece(voice, rest.text)
            except ProviderError:
                self._cut(piece)
                raise
            if not await words.more():
                return
            self._gate.rest()

    def _begin(self, text: str) -> _Piece:
        piece = _Piece(text, self._gate.written / self._rate)
        self._pieces.append(piece)
        return piece

    def _continue_or_give_up(self, failure: FailedMidway) -> None:
        """Another provider may go on, so often. Raises ProviderError when that was enough."""
        self._continued += 1
        if self._continued > CONTINUATIONS:
            raise ProviderError("too many providers broke off in one reply", provider=failure.provider) from failure

    def _cut(self, piece: _Piece) -> str:
        """Its voice failed: the piece ends with the sound there is. Returns the words that are still unspoken."""
        rest = unheard_from(piece.spoken(), piece.start + piece.seconds)
        piece.text = piece.text[: len(piece.text) - len(rest)].rstrip()
        piece.complete = True
        return rest

    async def _take(self, voice: Synthesizer, piece: _Piece, chunks: AsyncIterator[SpeechChunk]) -> None:
        resampler = Resampler(voice.rate, self._rate)
        trim: _Trim | None = None
        begun = False
        async for chunk in chunks:
            samples = chunk.samples
            if not begun and len(samples):
                begun = True
                trim = _Trim(voice.rate) if self._dry() else None
            if trim is not None:
                samples = trim.push(samples)
                piece.trimmed = trim.seconds
                if trim.done:
                    trim = None
            piece.words += chunk.words
            if chunk.said is not None:
                piece.text, piece.words = chunk.said, []  # what is kept is what was said
            self._hand_over(piece, resampler.push(samples))
            # The loudspeaker's clock sets no event.
            while self._gate.written / self._rate - self._gate.heard() > AHEAD:  # noqa: ASYNC110
                await anyio.sleep(0.5)
        self._hand_over(piece, resampler.push(_NOTHING, last=True))
        piece.complete = True
        self._progress()

    def _dry(self) -> bool:
        """Somebody waits for the next sound: there is none before it that is still to be heard."""
        return self._gate.heard() >= self._gate.written / self._rate

    def _hand_over(self, piece: _Piece, samples: Samples) -> None:
        if not len(samples):
            return
        self._gate.write(samples)
        piece.seconds += len(samples) / self._rate
        self._tell("_", None, {"stage": "tts", "what": "audio", "seconds": round(len(samples) / self._rate, 4)})
        self._progress()

    # --- loudspeaker -> news ---

    def _progress(self) -> None:
        self._changed.set()

    async def _progressed_within(self, seconds: float = math.inf) -> bool:
        """Wait for something new, at most so long; whether there was."""
        with anyio.move_on_after(seconds):
            await self._changed.wait()
        if not self._changed.is_set():
            return False
        self._changed = anyio.Event()
        return True

    async def _follow(self) -> None:
        """Say when the first sample is heard, each word, and the last sample."""
        while not self._gate.is_open or self._gate.base is None:
            silent = self._all_written and self._gate.written == 0
            if (self._failed and not self._gate.is_open) or (silent and self._gate.is_open):
                if not self._failed:
                    self._tell("warning", None, {"message": "the model's answer has nothing in it that can be spoken"})
                self._over(ReplyFailed(self._now()))
                return
            await self._progressed_within()
        await self._follow_start()
        told = 0
        words = self._spoken_words()
        while True:
            heard = self._gate.heard()
            while told < len(words) and words[told][1] <= heard:
                self._tell("reply.word", self._gate.time_at(words[told][1]), {"word": words[told][0]})
                told += 1
            total = self._gate.written / self._rate
            if self._all_written and heard >= total:
                break
            until = words[told][1] if told < len(words) else total
            if await self._progressed_within(max(until - heard, 0.001) if until > heard else math.inf):
                words = self._spoken_words()
        text = heard_text([piece.spoken() for piece in self._pieces], math.inf)
        at = self._gate.time_at(total) or self._now()
        self._over(ReplyFailed(at, text) if self._failed else ReplyFinished(at, text))

    def _over(self, end: Happening) -> None:
        """Nothing of this reply goes on behind its end."""
        happened = self._happened
        self._hang_up()
        self._scope.cancel()
        happened(end)

    def _hang_up(self) -> None:
        self._tell, self._happened, self._wanted = _untold, _unheard, _undone

    async def _follow_start(self) -> None:
        # A device may move the moment until it has come, and no event tells.
        while (at := self._gate.started_at()) is None or at > self._now():  # noqa: ASYNC110
            await anyio.sleep(0.001 if at is None else max(at - self._now(), 0.0))
        self.audible = True
        self._happened(ReplyAudible(at))
        self._effect()

    def _want(self, effect: SideEffect) -> None:
        self._effects.append(effect)
        self._effect()

    def _effect(self) -> None:
        while self.audible and self._effects:
            self._wanted(self._effects.pop(0))

    def words_around(self, before: float, after: float) -> str:
        """What it says from ``before`` seconds before what is heard now to ``after`` seconds behind."""
        heard = self._gate.heard()
        words = self._spoken_words()
        return " ".join(word for word, start, end in words if start < heard + after and end > heard - before)

    def _spoken_words(self) -> list[tuple[str, float, float]]:
        """All words whose place in the reply's sound is known or can be guessed, with their beginnings and ends."""
        return [word for piece in self._pieces for word in piece.placed_words()]


class _Words:
    """The words of a piece, as they are written, up to the next rest. No generator: a voice that is cancelled while it
    waits for the next one must not end them for its successor."""

    def __init__(self, receive: ObjectReceiveStream[str | None]) -> None:
        self._receive = receive
        self._next: str | None = None
        """The first word behind a rest."""
        self._resting = False
        self.piece = _Piece("", 0.0)
        """Grows by the words that are taken."""

    def __aiter__(self) -> _Words:
        return self

    async def __anext__(self) -> str:
        if self._resting:
            raise StopAsyncIteration
        word, self._next = self._next, None
        word = await anext(self._receive) if word is None else word
        if word is None:
            self._resting = True
            raise StopAsyncIteration
        self.piece.text += word
        return word

    async def more(self) -> bool:
        """Wait for the end of the rest: whether there are more words."""
        if not self._resting:
            return False
        async for word in self._receive:
            if word is not None:
                self._next, self._resting = word, False
                return True
        return False


class _Trim:
    """Takes the silence off the front of a voice's sound."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self.seconds = 0.0
        """Taken off so far."""
        self.done = False

    def push(self, samples: Samples) -> Samples:
        loud = (abs(samples) > SILENT).nonzero()[0]
        if not len(loud):
            self.seconds += len(samples) / self._rate
            return samples[:0]
        start = max(0, int(loud[0]) - int(KEPT * self._rate))
        self.seconds += start / self._rate
        self.done = True
        return samples[start:]


def _untold(event: str, at: float | None, data: dict[str, object]) -> None:
    """The line has been cut."""


def _unheard(happening: Happening) -> None:
    """The line has been cut."""


def _undone(effect: SideEffect) -> None:
    """The line has been cut."""
