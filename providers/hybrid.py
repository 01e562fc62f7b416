"""Two transcribers for one utterance: a fast one that is answered, an accurate one that corrects it.

Partials and the first final are the fast one's, so nobody waits for the other. The accurate one's final follows as
another final of the same utterance. The rules of the conversation do the rest: if it means something else and nothing
of the answer was heard yet, the answer begins anew on it; afterwards it corrects the history and the screen. Where one
of the two fails the other goes on alone.

    [stt]
    provider = "hybrid"
    fast = "faster-whisper:base"
    accurate = "faster-whisper:small"
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
from anyio.abc import TaskGroup

from assistant.ports import Transcriber, TranscriberAbilities, TranscriberStream, Transcript
from providers._card import Card, Cards
from providers._ear import Ear, EarStream
from providers._links import Chain, Link
from providers._options import Timeouts
from providers._tasks import owned_tasks
from providers._together import hearing_abilities, named
from providers._wrapping import Wrapper, Wraps, wrapper
from providers.registry import Options

NAME = "hybrid"

WRAPS: Wraps = {"stt": ("fast", "accurate")}
CARDS: Cards = {
    "stt": Card(TranscriberAbilities(), note="`fast` is answered at once, `accurate` corrects what it has understood")
}

HEAD_START = 0.25
"""Seconds that the fast one has for its final before the accurate one is asked for its own, if it does not come sooner:
on this machine both would want the same processor."""
SAME = 0.1
"""Seconds by which two transcripts may differ in their ends and still be about the same sound."""


class HybridOptions(Wrapper, frozen=True, forbid_unknown_fields=True, kw_only=True):
    fast: str = ""
    accurate: str = ""


@asynccontextmanager
async def transcriber(options: Options) -> AsyncIterator[Transcriber]:
    """Both are opened; either may be missing. Raises ParleyError, ProviderUnavailable when neither can be opened."""
    settings, inner = wrapper(HybridOptions, options, NAME, WRAPS["stt"])
    async with owned_tasks() as tasks:
        links = [Link[Transcriber](inner.lazy(name), tasks) for name in (settings.fast, settings.accurate)]
        chain: Chain[Transcriber] = Chain("stt", links, inner.passed_on)
        opened = [transcriber for transcriber in await chain.open_all() if transcriber is not None]
        yield _Hybrid(chain, opened, settings.timeouts)


class _Hybrid:
    keeps_time = True

    def __init__(self, chain: Chain[Transcriber], opened: Sequence[Transcriber], timeouts: Timeouts) -> None:
        fast = opened[0].abilities
        self.name = named(opened)
        # Partials come from the fast one alone, and when it says that the user has finished, so does its correction.
        self.abilities = replace(hearing_abilities(opened), partials=fast.partials, end_of_turn=fast.end_of_turn)
        self._chain = chain
        self._timeouts = timeouts

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[TranscriberStream]:
        async with owned_tasks() as tasks:
            yield _HybridStream(tasks, self._chain, self._timeouts)


class _HybridStream(EarStream):
    def __init__(self, tasks: TaskGroup, chain: Chain[Transcriber], timeouts: Timeouts) -> None:
        super().__init__(tasks, chain.attempts(), timeouts)
        self._fast: Ear | None = None
        self._accurate: Ear | None = None
        self._first: Transcript | None = None
        """The newest final of the fast one's."""
        self._covered = -math.inf
        """Second up to which the accurate one's finals go."""
        self._to_ask = 0
        """Finals that the accurate one is still to be asked for."""
        self._turn = anyio.CancelScope()
        """Waits until it is the accurate one's turn."""
        fast, _ = chain.links
        # One that rests is left alone, unless both do.
        while (link := self._attempts.next()) is not None and (link.rested or self._alone is None):
            self._attempts.take()
            if link is fast:
                self._fast = self._listen(link)
            else:
                self._accurate = self._listen(link, when_asked=True)
        if self._accurate is not None and self._fast is None:
            self._accurate.listen_always()
        tasks.start_soon(self._watch)

    def finish(self) -> None:
        if self._fast is not None:
            self._fast.finish()
        if self._accurate is not None:
            self._to_ask += 1
            if self._fast is None:
                self._ask_accurate()
            else:
                self._turn.deadline = min(self._turn.deadline, anyio.current_time() + HEAD_START)

    @property
    def _alone(self) -> Ear | None:
        return self._fast or self._accurate

    def _ask_accurate(self) -> None:
        self._turn.deadline = math.inf
        asked, self._to_ask = self._to_ask, 0
        if asked and self._accurate is not None:
            self._accurate.finish()  # once for all: it is about the whole utterance

    async def _watch(self) -> None:
        while True:
            with anyio.CancelScope(deadline=self._turn.deadline) as self._turn:
                await anyio.sleep_forever()
            self._turn = anyio.CancelScope()
            self._ask_accurate()

    def _heard(self, ear: Ear, transcript: Transcript) -> None:
        if transcript.final:
            self._attempts.succeeded(ear.link)
        if len(self._ears) == 1:
            self._transcripts.tell(transcript)
        elif ear is self._fast and transcript.final:
            self._fast_final(transcript)
        elif ear is self._fast:
            self._transcripts.tell(transcript)
        elif transcript.final:
            self._accurate_final(transcript)

    def _fast_final(self, transcript: Transcript) -> None:
        if self._until(transcript) > self._covered + SAME:  # else the accurate one has answered for all of it already
            self._first = transcript
            # Without words there is nothing to answer, and the accurate one may have understood some.
            if transcript.text.strip():
                self._transcripts.tell(replace(transcript, provisional=True))
        if self._fast is not None and not self._fast.owed:
            self._ask_accurate()

    def _accurate_final(self, transcript: Transcript) -> None:
        first = self._first
        if first is not None and self._until(first) > self._until(transcript) + SAME:
            return  # more has been said since, and its final is still to come
        self._covered = self._until(transcript)
        if first is not None and not transcript.text.strip():
            transcript = first  # words are not taken back for nothing: somebody may have asked something
        turn_is_over = transcript.end_of_turn or (first is not None and first.end_of_turn)
        self._transcripts.tell(replace(transcript, end_of_turn=turn_is_over))

    def _until(self, transcript: Transcript) -> float:
        if transcript.until is not None:
            return transcript.until
        return self._frames[-1].end if self._frames else 0.0

    def _failed(self, ear: Ear, error: Exception) -> None:
        self._ears.remove(ear)
        if ear is self._fast:
            self._fast = None
        else:
            self._accurate = None
        other = self._alone
        if other is None:
            self._attempts.failed(ear.link, error)
            self._transcripts.tell(self._attempts.nobody())
            return
        self._attempts.failed(ear.link, error, instead=other.link)
        if self._accurate is not None:
            self._accurate.listen_always()
            self._ask_accurate()
        elif self._first is not None and self._until(self._first) > self._covered + SAME:
            self._transcripts.tell(self._first)  # once more: nothing better comes
