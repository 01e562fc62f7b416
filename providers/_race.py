"""One call to two providers: the second begins when the first is late or fails, whoever gives something first has it.

Each is asked in a task of its own, since a stream must be closed where it was opened; the tasks belong to the wrapper
and end with the call.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import anyio
from anyio.abc import ObjectSendStream, TaskGroup

from assistant.ports import FailedMidway
from providers._calls import closing
from providers._lateness import Lateness
from providers._links import Attempts, Link, told
from providers._remote import CLOSING

P = TypeVar("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Rules(Generic[P, T]):
    """What a race is about."""

    ask: Callable[[P, str], AsyncIterator[T]]
    """The provider and its name -> what it gives."""
    begins: Callable[[T], bool]
    """This item can be seen or heard: its provider has won."""
    lateness: Callable[[Link[P]], Lateness]
    hedged: Callable[[str, str, float], None]
    """Told of the first, the second that now begins beside it, and the seconds waited."""


@dataclass(frozen=True)
class _End:
    """A runner's last news."""

    error: Exception | None


@dataclass(eq=False)
class _Runner(Generic[P, T]):
    link: Link[P]
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    done: anyio.Event = field(default_factory=anyio.Event)
    held: list[T] = field(default_factory=list)
    """What came before anything that can be seen or heard."""

    async def run(self, ask: Callable[[P, str], AsyncIterator[T]], send: ObjectSendStream[_News[P, T]]) -> None:
        try:
            with self.scope:
                await send.send((self, await self._hand_over(ask, send)))
        except anyio.BrokenResourceError:
            pass  # it was left to itself, having taken too long to close
        finally:
            self.done.set()

    async def _hand_over(self, ask: Callable[[P, str], AsyncIterator[T]], send: ObjectSendStream[_News[P, T]]) -> _End:
        try:
            provider = await self.link.get()
            async with closing(ask(provider, self.link.name)) as items:
                async for item in items:
                    await send.send((self, item))
        except Exception as error:
            return _End(error)
        return _End(None)


_News = tuple[_Runner[P, T], T | _End]


async def race(tasks: TaskGroup, attempts: Attempts[P], rules: Rules[P, T]) -> AsyncIterator[T]:
    """What the winner gives. Raises FailedMidway when it fails after that and another is left, else ProviderError."""
    contest = _Contest(tasks, attempts, rules)
    try:
        winner, items, ended = await contest.decided()
        for item in items:
            yield item
        while not ended:
            news = await contest.next_of(winner)
            if isinstance(news, _End):
                contest.over(winner, news)
                return
            yield news
    finally:
        await contest.close()


class _Contest(Generic[P, T]):
    def __init__(self, tasks: TaskGroup, attempts: Attempts[P], rules: Rules[P, T]) -> None:
        self._tasks = tasks
        self._attempts = attempts
        self._rules = rules
        self._send, self._receive = anyio.create_memory_object_stream[_News[P, T]](0)
        self._running: list[_Runner[P, T]] = []
        self._all: list[_Runner[P, T]] = []
        self._winner: _Runner[P, T] | None = None

    async def decided(self) -> tuple[_Runner[P, T], list[T], bool]:
        """The winner, what it has given until now, and whether that was all. Raises ProviderError when all fail."""
        began = anyio.current_time()
        first = self._start(self._attempts.take())
        lateness = self._rules.lateness(first.link)
        late_at = began + lateness.limit
        while True:
            news: _News[P, T] | None = None
            with anyio.CancelScope(deadline=late_at):
                news = await self._receive.receive()
            if news is None:
                late_at = math.inf
                self._hedge(first, anyio.current_time() - began)
                continue
            runner, item = news
            if isinstance(item, _End) and item.error is not None:
                self._failed(runner, item.error)
                late_at = math.inf  # there is nobody left to begin, or somebody has just begun
                continue
            if isinstance(item, _End) or self._rules.begins(item):
                if first in self._running:
                    lateness.took(anyio.current_time() - began, overtaken=runner is not first)
                self._won(runner)
                return runner, runner.held + ([] if isinstance(item, _End) else [item]), isinstance(item, _End)
            runner.held.append(item)

    async def next_of(self, winner: _Runner[P, T]) -> T | _End:
        while True:
            runner, item = await self._receive.receive()
            if runner is winner:
                return item

    def over(self, winner: _Runner[P, T], end: _End) -> None:
        """Raises what its end means."""
        if end.error is None:
            return
        if isinstance(midway := told(end.error), FailedMidway):
            raise midway from None  # several themselves, of whom another goes on: that has been told
        self._winner = None
        another = self._attempts.failed(winner.link, end.error, midway=True)
        failure = self._attempts.nobody()
        if another:
            raise FailedMidway(str(failure), provider=winner.link.name)
        raise failure

    async def close(self) -> None:
        """Nobody is left talking to himself."""
        for runner in self._all:
            runner.scope.cancel()
        with anyio.CancelScope(deadline=anyio.current_time() + CLOSING, shield=True):
            for runner in self._all:
                await runner.done.wait()
        self._send.close()
        self._receive.close()
        if self._winner is not None:
            self._attempts.succeeded(self._winner.link)

    def _start(self, link: Link[P] | None) -> _Runner[P, T]:
        assert link is not None
        runner: _Runner[P, T] = _Runner(link)
        self._running.append(runner)
        self._all.append(runner)
        self._tasks.start_soon(runner.run, self._rules.ask, self._send)
        return runner

    def _hedge(self, first: _Runner[P, T], waited: float) -> None:
        second = self._attempts.next()
        if second is not None and second.rested:
            self._start(self._attempts.take())
            self._rules.hedged(first.link.name, second.name, waited)

    def _failed(self, runner: _Runner[P, T], error: Exception) -> None:
        self._running.remove(runner)
        if self._running:
            self._attempts.failed(runner.link, error, instead=self._running[0].link)
        elif self._attempts.failed(runner.link, error):
            self._start(self._attempts.take())
        else:
            raise self._attempts.nobody()

    def _won(self, winner: _Runner[P, T]) -> None:
        self._winner = winner
        for runner in self._running:
            if runner is not winner:
                runner.scope.cancel()
