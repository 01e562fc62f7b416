"""One utterance, heard by one transcriber, and by a second when the first one's final is late or the first fails."""

from __future__ import annotations

import math
from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup

from assistant.ports import Transcriber, Transcript
from providers._ear import Ear, EarStream
from providers._lateness import Lateness
from providers._links import Chain, Link
from providers._options import Timeouts


class HedgedStream(EarStream):
    """A TranscriberStream. The second gets the utterance from its first frame on; whoever gives the final goes on."""

    def __init__(
        self,
        tasks: TaskGroup,
        chain: Chain[Transcriber],
        timeouts: Timeouts,
        lateness: Callable[[Link[Transcriber]], Lateness],
        hedged: Callable[[str, str, float], None],
    ) -> None:
        super().__init__(tasks, chain.attempts(), timeouts)
        self._lateness = lateness
        self._hedged = hedged
        self._owed = 0
        """Finals that the caller waits for."""
        self._asked_at = 0.0
        """When the oldest of them was asked for."""
        self._late = anyio.CancelScope()
        self._begin()
        tasks.start_soon(self._watch)

    def finish(self) -> None:
        if not self._owed:
            self._asked_at = anyio.current_time()
        self._owed += 1
        super().finish()
        self._wind()

    # --- who listens ---

    def _begin(self) -> None:
        """Let the next one listen."""
        if (link := self._attempts.take()) is not None:
            ear = self._listen(link)
            if self._owed:
                ear.finish()

    def _heard(self, ear: Ear, transcript: Transcript) -> None:
        first = self._ears[0]
        if not transcript.final:
            if ear is first:
                self._transcripts.tell(transcript)
            return
        now = anyio.current_time()
        if self._owed and first.began <= self._asked_at:
            self._lateness(first.link).took(now - self._asked_at, overtaken=ear is not first)
        self._owed, self._asked_at = ear.owed, now
        for other in self._ears:
            if other is not ear:
                self._attempts.spare(other.link)
                other.leave()
        self._ears = [ear]
        self._attempts.succeeded(ear.link)
        self._wind()
        self._transcripts.tell(transcript)

    def _failed(self, ear: Ear, error: Exception) -> None:
        self._ears.remove(ear)
        if self._ears:
            self._attempts.failed(ear.link, error, instead=self._ears[0].link)
        elif self._attempts.failed(ear.link, error):
            self._begin()
        else:
            self._transcripts.tell(self._attempts.nobody())

    # --- time ---

    def _wind(self) -> None:
        """While a final is owed by one alone, the wait for the second is running."""
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
