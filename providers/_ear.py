"""The transcribers that listen to one utterance, for wrappers that have several: side by side, or in turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from assistant.ports import Frame, ProviderError, Transcriber, TranscriberStream, Transcript
from providers._calls import GRACE, closing, keeps_time
from providers._links import Attempts, Link
from providers._options import Timeouts
from providers._transcripts import Transcripts


class Ear:
    """One of them. Start `run` in a task group of the utterance's: a stream must be closed where it was opened.

    It hears the utterance from its first frame on, whenever it begins, and has its time for each final. After `leave`
    nothing is heard of it.
    """

    def __init__(
        self,
        link: Link[Transcriber],
        frames: Sequence[Frame],
        timeouts: Timeouts,
        heard: Callable[[Ear, Transcript], None],
        failed: Callable[[Ear, Exception], None],
        *,
        when_asked: bool = False,
    ) -> None:
        """``frames``: the utterance so far, to which the owner appends before each `push`. ``when_asked``: its
        transcripts are not even looked for until it owes a final, which spares batch models their partials."""
        self.link = link
        self.began = anyio.current_time()
        self.owed = 0
        """Finals that it was asked for and has not given."""
        self._frames = frames
        self._first_byte = timeouts.first_byte
        self._heard = heard
        self._failed = failed
        self._when_asked = when_asked
        self._scope = anyio.CancelScope()
        self._stream: TranscriberStream | None = None
        self._patience = math.inf
        self._failure: Exception | None = None
        """What its stream raised when it was handed something."""
        self._left = False
        self._changed = anyio.Event()

    # --- for the owner ---

    def push(self, frame: Frame) -> None:
        self._hand(lambda stream: stream.push(frame))

    def finish(self) -> None:
        self.owed += 1
        self._hand(lambda stream: stream.finish())
        self._wind()
        self._changed.set()

    def listen_always(self) -> None:
        """From now on, whether it is asked or not."""
        self._when_asked = False
        self._changed.set()

    def leave(self) -> None:
        """It is not needed any more."""
        self._left = True
        self._scope.cancel()

    async def run(self) -> None:
        try:
            await self._run()
        except Exception as error:
            if self._left:
                return  # what breaks now is nobody's business
            await anyio.lowlevel.checkpoint_if_cancelled()  # then it broke because the caller leaves
            self._failed(self, error)

    # --- inside ---

    async def _run(self) -> None:
        name = self.link.name
        transcriber = await self.link.get()
        self._patience = math.inf if keeps_time(transcriber) else self._first_byte + GRACE
        failure: Exception = ProviderError(f"{name} gave no transcript for {self._first_byte:g} s", provider=name)
        with self._scope:
            async with transcriber.stream() as stream:
                try:
                    self._catch_up(stream)
                    await self._listen(stream)
                    failure = ProviderError(f"{name} ended before its transcript was final", provider=name)
                except Exception as error:
                    failure = error  # raised outside: a stream that owns tasks would wrap it in a group
        raise self._failure or failure

    def _catch_up(self, stream: TranscriberStream) -> None:
        for frame in self._frames:
            stream.push(frame)
        self._stream = stream
        if self.owed:
            self.owed = 1  # one final of the whole utterance is the answer to all who asked
            stream.finish()
            self._wind()

    async def _listen(self, stream: TranscriberStream) -> None:
        async with closing(aiter(stream)) as transcripts:
            while True:
                while self._when_asked and not self.owed:
                    self._changed = anyio.Event()
                    await self._changed.wait()
                try:
                    transcript = await anext(transcripts)
                except StopAsyncIteration:
                    return
                if self._left:
                    return  # in the moment in which it came
                if transcript.final:
                    self.owed = max(0, self.owed - 1)
                    self._scope.deadline = math.inf
                    self._wind()
                self._heard(self, transcript)

    def _hand(self, act: Callable[[TranscriberStream], None]) -> None:
        if self._stream is None:
            return
        try:
            act(self._stream)
        except Exception as error:  # it is in the middle of the session's own work: let `run` take it up
            self._failure, self._stream = error, None
            self._scope.cancel()

    def _wind(self) -> None:
        """While it owes a final its time is running."""
        if self.owed and self._stream is not None:
            self._scope.deadline = min(self._scope.deadline, anyio.current_time() + self._patience)


class EarStream:
    """A TranscriberStream over ears, which all get the sound. Subclasses say who listens and whose words count."""

    def __init__(self, tasks: TaskGroup, attempts: Attempts[Transcriber], timeouts: Timeouts) -> None:
        """``tasks``: the utterance's own."""
        self._attempts = attempts
        self._timeouts = timeouts
        self._tasks = tasks
        self._frames: list[Frame] = []
        self._ears: list[Ear] = []
        """Those that listen; the first began first."""
        self._transcripts = Transcripts()

    def push(self, frame: Frame) -> None:
        self._frames.append(frame)
        for ear in self._ears:
            ear.push(frame)

    def finish(self) -> None:
        for ear in self._ears:
            ear.finish()

    def __aiter__(self) -> EarStream:
        return self

    async def __anext__(self) -> Transcript:
        return await self._transcripts.next()

    def _listen(self, link: Link[Transcriber], *, when_asked: bool = False) -> Ear:
        """Let another one listen."""
        ear = Ear(link, self._frames, self._timeouts, self._heard, self._failed, when_asked=when_asked)
        self._ears.append(ear)
        self._tasks.start_soon(ear.run)
        return ear

    def _heard(self, ear: Ear, transcript: Transcript) -> None:
        raise NotImplementedError

    def _failed(self, ear: Ear, error: Exception) -> None:
        raise NotImplementedError
