"""One utterance, heard by one transcriber, and by a second when the first one's final is late or the first fails."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from assistant.ports import Frame, ProviderError, Transcriber, TranscriberStream, Transcript
from providers._calls import GRACE, keeps_time
from providers._lateness import Lateness
from providers._links import Chain, Link
from providers._options import Timeouts


@dataclass(eq=False)
class _Ear:
    """A transcriber that listens, in a task of its own."""

    link: Link[Transcriber]
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    stream: TranscriberStream | None = None
    began: float = field(default_factory=anyio.current_time)
    owed: int = 0
    """Finals that it was asked for and has not given."""
    patience: float = math.inf
    """Seconds that it has for a final."""
    failure: Exception | None = None


class HedgedStream:
    """A TranscriberStream. The second gets the utterance from its first frame on; whoever gives the final goes on."""

    def __init__(
        self,
        tasks: TaskGroup,
        chain: Chain[Transcriber],
        timeouts: Timeouts,
        lateness: Callable[[Link[Transcriber]], Lateness],
        hedged: Callable[[str, str, float], None],
    ) -> None:
        self._tasks = tasks
        self._attempts = chain.attempts()
        self._timeouts = timeouts
        self._lateness = lateness
        self._hedged = hedged
        self._frames: list[Frame] = []
        self._owed = 0
        """Finals that the caller waits for."""
        self._asked_at = 0.0
        """When the oldest of them was asked for."""
        self._ears: list[_Ear] = []
        """Those that listen; the first began first."""
        self._results: deque[Transcript | ProviderError] = deque()
        self._changed = anyio.Event()
        self._late = anyio.CancelScope()
        self._begin()
        tasks.start_soon(self._watch)

    # --- for the caller ---

    def push(self, frame: Frame) -> None:
        self._frames.append(frame)
        self._with_each(lambda stream: stream.push(frame))

    def finish(self) -> None:
        if not self._owed:
            self._asked_at = anyio.current_time()
        self._owed += 1
        self._with_each(lambda stream: stream.finish())
        for ear in self._ears:
            ear.owed += ear.stream is not None
        self._wind()

    def __aiter__(self) -> HedgedStream:
        return self

    async def __anext__(self) -> Transcript:
        while not self._results:
            self._changed = anyio.Event()
            await self._changed.wait()
        result = self._results[0]
        if isinstance(result, ProviderError):
            raise result  # and stays: nobody is left
        return self._results.popleft()  # type: ignore[return-value]

    # --- who listens ---

    def _begin(self) -> bool:
        """Let the next one listen. Returns whether there is one."""
        link = self._attempts.take()
        if link is not None:
            ear = _Ear(link)
            self._ears.append(ear)
            self._tasks.start_soon(self._listen, ear)
        return link is not None

    async def _listen(self, ear: _Ear) -> None:
        try:
            await self._hear_with(ear)
        except Exception as error:
            if ear not in self._ears:
                return  # another has won: what breaks now is nobody's business
            await anyio.lowlevel.checkpoint_if_cancelled()  # then it broke because the caller leaves
            self._failed(ear, error)

    async def _hear_with(self, ear: _Ear) -> None:
        name, patience = ear.link.name, self._timeouts.first_byte
        transcriber = await ear.link.get()
        failure: Exception = ProviderError(f"{name} gave no transcript for {patience:g} s", provider=name)
        ear.patience = math.inf if keeps_time(transcriber) else patience + GRACE
        with ear.scope:
            async with transcriber.stream() as stream:
                try:
                    self._catch_up(ear, stream)
                    async for transcript in stream:
                        self._heard(ear, transcript)
                    failure = ProviderError(f"{name} ended before its transcript was final", provider=name)
                except Exception as error:
                    failure = error  # raised outside: a stream that owns tasks would wrap it in a group
        raise ear.failure or failure

    def _catch_up(self, ear: _Ear, stream: TranscriberStream) -> None:
        for frame in self._frames:
            stream.push(frame)
        ear.stream = stream
        if self._owed:
            ear.owed = 1  # one final of the whole utterance is the answer to all who asked
            stream.finish()
            self._wind()

    def _with_each(self, act: Callable[[TranscriberStream], None]) -> None:
        for ear in self._ears:
            if ear.stream is None:
                continue
            try:
                act(ear.stream)
            except Exception as error:  # it is in the middle of the session's own work: let `_listen` take it up
                ear.failure, ear.stream = error, None
                ear.scope.cancel()

    # --- what they say ---

    def _heard(self, ear: _Ear, transcript: Transcript) -> None:
        first = self._ears[0]
        if not transcript.final:
            if ear is first:
                self._tell(transcript)
            return
        now = anyio.current_time()
        if self._owed and first.began <= self._asked_at:
            self._lateness(first.link).took(now - self._asked_at, overtaken=ear is not first)
        ear.owed = max(0, ear.owed - 1)
        self._owed, self._asked_at = ear.owed, now
        for other in self._ears:
            if other is not ear:
                self._attempts.spare(other.link)
                other.scope.cancel()
        self._ears = [ear]
        self._attempts.succeeded(ear.link)
        ear.scope.deadline = math.inf
        self._wind()
        self._tell(transcript)

    def _failed(self, ear: _Ear, error: Exception) -> None:
        self._ears.remove(ear)
        if self._ears:
            self._attempts.failed(ear.link, error, instead=self._ears[0].link)
        elif self._attempts.failed(ear.link, error):
            self._begin()
        else:
            self._tell(self._attempts.nobody())

    def _tell(self, result: Transcript | ProviderError) -> None:
        self._results.append(result)
        self._changed.set()

    # --- time ---

    def _wind(self) -> None:
        """While a final is owed the time of those who listen is running, and so is the wait for the second."""
        now = anyio.current_time()
        for ear in self._ears:
            if self._owed and ear.stream is not None:
                ear.scope.deadline = min(ear.scope.deadline, now + ear.patience)
        alone = self._owed and len(self._ears) == 1
        self._late.deadline = self._asked_at + self._lateness(self._ears[0].link).limit if alone else math.inf

    async def _watch(self) -> None:
        """Let the second begin whenever the first is late."""
        while True:
            with anyio.CancelScope(deadline=self._late.deadline) as self._late:
                await anyio.sleep_forever()
            self._late = anyio.CancelScope()
            following = self._attempts.next()
            if self._owed and len(self._ears) == 1 and following is not None and following.rested:
                self._hedged(self._ears[0].link.name, following.name, anyio.current_time() - self._asked_at)
                self._begin()
