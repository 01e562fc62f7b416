"""PocketSphinx: hears the offline assistant's requests, without a network, a download or much of a processor.

It listens for those sentences alone (`offline.grammar`) and says so when it heard others: the final is then
``unintelligible``. It decodes in a process of its own while the user speaks (`_sphinx_worker`, `_sphinx_utterance`).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import numpy as np
from anyio import to_thread

from assistant.conversation.events import Transcript, Word
from assistant.ports import CAPTURE_RATE, Frame, ParleyError, ProviderError, ProviderUnavailable, TranscriberAbilities
from providers._card import Card, Cards
from providers._language import primary
from providers._options import Timeouts, read
from providers._sphinx_process import Process
from providers._sphinx_worker import FAILED, FINISH, FORGET, GRAMMAR, HEARD, LEVEL, READY, SOUND
from providers._worker import _tell_loop
from providers.registry import importable

__all__ = ["Options", "PocketSphinx", "transcriber"]

NAME = "pocketsphinx"
MODEL = "en-us"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = MODEL
    """There is but one, which comes with the package."""
    language: str = "auto"
    """"en", or "auto", which means the same here."""
    patience: float = 5.0
    """Seconds without an answer after which its process is held to hang, is ended and started again."""
    timeouts: Timeouts = Timeouts()
    """Taken so that one config fits all; there is no server to wait for."""


@asynccontextmanager
async def transcriber(options: Mapping[str, Any]) -> AsyncIterator[PocketSphinx]:
    """Start the process and load the model in it. Raises ParleyError, ProviderUnavailable."""
    settings = read(Options, options, NAME)
    if settings.model not in ("", MODEL):
        raise ParleyError(f"{NAME}: there is no model {settings.model!r}; it has one, {MODEL!r}: leave the option out")
    if primary(settings.language) not in (None, "en"):
        raise ParleyError(
            f"{NAME}: it understands English alone, not {settings.language!r}; choose another provider for [stt], or "
            f'language = "en"'
        )
    importable("pocketsphinx", provider=NAME, extra="pocketsphinx")
    engine = _Engine(settings.patience)
    try:
        try:
            await engine.ensure()
        except ProviderError as error:
            raise ProviderUnavailable(f"{NAME} cannot be started: {error}") from error
        yield PocketSphinx(engine)
    finally:
        engine.close()


class PocketSphinx:
    """A Transcriber."""

    name = NAME
    abilities = TranscriberAbilities(partials=True, word_times=True, languages=("en",))

    def __init__(self, engine: _Engine) -> None:
        self._engine = engine

    @property
    def pid(self) -> int | None:
        """Of the process that decodes; None while there is none."""
        return self._engine.pid

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[SphinxStream]:
        """Raises ProviderError when the process died and cannot be started again."""
        await self._engine.ensure()
        stream = SphinxStream(self._engine)
        try:
            yield stream
        finally:
            stream.close()


CARDS: Cards = {
    "stt": Card(
        PocketSphinx.abilities,
        model=MODEL,
        package="pocketsphinx",
        extra="pocketsphinx",
        rates=(CAPTURE_RATE,),
        note="hears what the offline assistant can be asked, and nothing else",
    )
}


class SphinxStream:
    """One utterance."""

    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self._start: int | None = None
        self._owed = 0
        self._closed = False
        self._inbox: deque[dict[str, Any] | ProviderError] = deque()
        self._changed = anyio.Event()
        self._last = ""
        self._number = engine.open(self)

    def push(self, frame: Frame) -> None:
        samples = frame.samples
        if self._start is None:
            self._start = frame.start
        level = float(np.sqrt(np.dot(samples, samples) / max(1, len(samples))))
        pcm = (np.clip(samples, -1, 1) * np.float32(32767)).astype("<i2")
        self._engine.send(SOUND, self._number, LEVEL.pack(level) + pcm.tobytes())

    def finish(self) -> None:
        self._owed += 1
        self._engine.send(FINISH, self._number)
        self._changed.set()  # from now on there is a limit to the wait

    def close(self) -> None:
        """Nobody wants it any more; the iteration ends."""
        self._closed = True
        self._engine.forget(self._number)
        self._changed.set()

    def take(self, message: dict[str, Any] | ProviderError) -> None:
        """Called by the engine, in the event loop."""
        self._inbox.append(message)
        self._changed.set()

    def __aiter__(self) -> SphinxStream:
        return self

    async def __anext__(self) -> Transcript:
        await anyio.lowlevel.checkpoint()
        while not self._closed:
            while self._inbox:
                message = self._inbox.popleft()
                if isinstance(message, ProviderError):
                    raise message
                final = bool(message["final"])
                if final or message["text"] not in ("", self._last):
                    self._owed -= final
                    self._last = message["text"]
                    return self._transcript(message, final)
            await self._wait()
        raise StopAsyncIteration

    async def _wait(self) -> None:
        """Until something has changed. A process that owes an answer and does not give it is ended."""
        self._changed = anyio.Event()
        if not self._owed:
            await self._changed.wait()
            return
        with anyio.move_on_after(self._engine.patience) as scope:
            await self._changed.wait()
        if scope.cancelled_caught:
            self._engine.end()
            raise ProviderError(f"{NAME} did not answer for {self._engine.patience:g} s", provider=NAME)

    def _transcript(self, message: dict[str, Any], final: bool) -> Transcript:
        start = (self._start or 0) / CAPTURE_RATE
        return Transcript(
            text=message["text"],
            final=final,
            until=start + message["until"] / CAPTURE_RATE if message["until"] else None,
            language="en",
            provider=NAME,
            words=tuple(Word(text, start + first, start + last) for text, first, last in message["words"]),
            unintelligible=message["unintelligible"],
        )


class _Engine:
    """The process, started again when it has died, and who waits for what it hears. Used in the event loop alone."""

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self._token = anyio.lowlevel.current_token()
        self._lock = anyio.Lock()
        self._process: Process | None = None
        self._ready = anyio.Event()
        self._failure: ProviderError | None = None
        self._streams: dict[int, SphinxStream] = {}
        self._opened = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.alive else None

    async def ensure(self) -> None:
        """Have a process that is ready. Raises ProviderError."""
        async with self._lock:
            if self.pid is None:
                self.end()  # one that has died and of which that is not yet known
                self._ready, self._failure = anyio.Event(), None
                try:
                    self._process = await to_thread.run_sync(self._start)
                except OSError as error:
                    raise ProviderError(f"no process can be started ({error})", provider=NAME) from error
                with anyio.move_on_after(self.patience) as scope:
                    # Imports the whole offline assistant, while the process starts.
                    from providers import _sphinx_grammar

                    self.send(GRAMMAR, 0, _sphinx_grammar.message())
                    await self._ready.wait()
                if scope.cancelled_caught:
                    self._failure = ProviderError(f"it was not ready within {self.patience:g} s", provider=NAME)
            if (failure := self._failure) is not None:
                self.end()
                raise failure

    def _start(self) -> Process:
        """In a thread: it takes some milliseconds."""
        process: Process

        def tell(kind: bytes, utterance: int, body: bytes) -> None:
            _tell_loop(self._token, lambda: self._told(process, kind, utterance, body))

        process = Process(tell, lambda: _tell_loop(self._token, lambda: self._ended(process)))
        return process

    def open(self, stream: SphinxStream) -> int:
        self._opened += 1
        self._streams[self._opened] = stream
        return self._opened

    def send(self, kind: bytes, utterance: int, body: bytes = b"") -> None:
        if self._process is not None:
            self._process.send(kind, utterance, body)

    def forget(self, utterance: int) -> None:
        if self._streams.pop(utterance, None) is not None:
            self.send(FORGET, utterance)

    def end(self) -> None:
        """End the process at once, and tell who waits for it; the next utterance starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
        self._fail(ProviderError("its process ended", provider=NAME))

    def close(self) -> None:
        self.end()

    def _told(self, process: Process, kind: bytes, utterance: int, body: bytes) -> None:
        if process is not self._process:
            return  # the last words of one that has been ended
        if kind == READY:
            self._ready.set()
        elif kind == FAILED:
            self._failure = ProviderError(body.decode(), provider=NAME)
            self._ready.set()
        elif kind == HEARD and utterance in self._streams:
            self._streams[utterance].take(json.loads(body))

    def _ended(self, process: Process) -> None:
        """Of itself. One that was ended is no longer ours."""
        if process is self._process:
            self.end()

    def _fail(self, error: ProviderError) -> None:
        if not self._ready.is_set():
            self._failure = error
            self._ready.set()
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.take(error)
