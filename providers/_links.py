"""Several providers of one stage under one name: who is asked first, who is left, and who is told of a failure.

Whatever a provider's own code raises is that provider's failure, and nothing that it does can end the conversation: a
ProviderError says itself what it is; a ParleyError means that it cannot be built; any other exception is a mistake in
the provider, told as "NAME broke: ValueError: ..." with the exception as the ``__cause__``, and treated alike.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

from assistant.ports import ParleyError, ProviderError, ProviderUnavailable, Stage
from providers import breaker
from providers._errors import Refusal, Rejected, scrubbed

log = logging.getLogger("parley")

P = TypeVar("P")

OnFailure = Callable[[Stage, str, ProviderError, str | None], None]
"""Told of every failure: the stage, who failed, how, and who is next (None: nobody is left)."""

OPENING = 30.0
"""Seconds that opening a provider may take once it is needed in the middle of a conversation."""


@dataclass(frozen=True)
class Lazy(Generic[P]):
    """A provider that is opened when it is first needed, and kept."""

    name: str
    open: Callable[[], AbstractAsyncContextManager[P]]


@dataclass
class _Opening:
    """Of a provider: under way, or over, one way or the other."""

    over: anyio.Event = field(default_factory=anyio.Event)
    failure: Exception | None = None
    """Why it cannot be opened; or why it broke down later."""


class Link(Generic[P]):
    """One of the providers."""

    def __init__(self, provider: P | Lazy[P], tasks: TaskGroup) -> None:
        self.name: str = getattr(provider, "name")  # noqa: B009 - every provider has one, and P cannot say so
        self.health = breaker.Health()
        self._lazy: Lazy[P] | None = provider if isinstance(provider, Lazy) else None
        self._provider: P | None = None if isinstance(provider, Lazy) else provider
        self._tasks = tasks
        self._opening: _Opening | None = None
        """The newest one."""

    @property
    def rested(self) -> bool:
        return self.health.rests_until <= anyio.current_time()

    async def get(self, within: float = OPENING) -> P:
        """The provider, opened. Raises ProviderError, ParleyError when it cannot be built, or what broke in it.

        One that broke down after it was opened says so once, and is opened again the next time.
        """
        if self._provider is None and self._lazy is not None:
            if (opening := self._opening) is None:
                # In a task of the chain's own: it outlives the reply that happens to need it first.
                opening = self._opening = _Opening()
                self._tasks.start_soon(self._hold, self._lazy, opening)
            with anyio.move_on_after(within):
                await opening.over.wait()
            if opening.failure is not None:
                if self._opening is opening:
                    self._opening = None
                raise opening.failure
        if self._provider is None:
            raise ProviderError(f"{self.name} is still being opened after {within:g} s", provider=self.name)
        return self._provider

    async def _hold(self, lazy: Lazy[P], opening: _Opening) -> None:
        try:
            async with lazy.open() as self._provider:
                opening.over.set()
                await anyio.sleep_forever()
        except Exception as error:
            if self._tasks.cancel_scope.cancel_called:
                log.warning("while it was being closed: %s", as_failure(error, self.name))
            self._provider, opening.failure = None, error  # whoever waits for it, or asks for it next, is told
            opening.over.set()


class Chain(Generic[P]):
    """The links in the order in which they are asked, and whom to tell of failures."""

    def __init__(self, stage: Stage, links: Sequence[Link[P]], on_failure: OnFailure) -> None:
        if not links:
            raise ValueError("a chain needs a provider")
        self.stage = stage
        self.links = links
        self._on_failure = on_failure

    async def open(self) -> P:
        """The first provider that can be opened.

        Raises ProviderUnavailable when none can, and any other ParleyError at once: a mistake in the configuration is
        to be mended, not passed over.
        """
        reasons: list[ProviderError] = []
        for link, following in zip(self.links, [*self.links[1:], None], strict=True):
            opened = await self._try(link)
            if not isinstance(opened, ProviderError):
                return opened
            reasons.append(opened)
            self.tell(link, opened, following)
        raise ProviderUnavailable("; ".join(str(reason) for reason in reasons))

    async def open_all(self) -> list[P | None]:
        """All of them side by side, in their order; None for one that cannot be opened, which is told.

        Raises as `open` does.
        """
        opened: dict[Link[P], P] = {}
        failed: dict[Link[P], ProviderError] = {}
        mistakes: list[ParleyError] = []

        async def attempt(link: Link[P]) -> None:
            try:
                result = await self._try(link)
            except ParleyError as error:
                mistakes.append(error)
                return
            if isinstance(result, ProviderError):
                failed[link] = result
            else:
                opened[link] = result

        async with anyio.create_task_group() as opening:
            for link in self.links:
                opening.start_soon(attempt, link)
        if mistakes:
            raise mistakes[0]
        if not opened:
            raise ProviderUnavailable("; ".join(str(failed[link]) for link in self.links))
        instead = next(link for link in self.links if link in opened)
        for link, failure in failed.items():
            self.tell(link, failure, instead)
        return [opened.get(link) for link in self.links]

    async def _try(self, link: Link[P]) -> P | ProviderError:
        """Open it, for as long as it takes: a first start may download a model for minutes."""
        try:
            return await link.get(within=math.inf)
        except Exception as error:
            reason = told(error)
            if isinstance(reason, ParleyError) and not isinstance(reason, ProviderUnavailable):
                raise reason from None
            failure = as_failure(error, link.name)
            self.rest(link, failure)
            return failure

    def attempts(self, links: Sequence[Link[P]] | None = None) -> Attempts[P]:
        """``links``: all of them, in the order that is right for this call."""
        return Attempts(self, self.links if links is None else links)

    def rest(self, link: Link[P], error: ProviderError) -> None:
        if not isinstance(error, Refusal):  # it is well, and only would not answer this
            link.health = breaker.failed(
                link.health,
                anyio.current_time(),
                lasting=isinstance(error, Rejected),
                retry_after=error.retry_after,
            )

    def tell(self, link: Link[P], error: ProviderError, following: Link[P] | None) -> None:
        self._on_failure(self.stage, link.name, error, following.name if following is not None else None)


class Attempts(Generic[P]):
    """One call's way along the links: take one after the other, and report each one's outcome.

    Nobody is asked twice, and of the resting one at most: somebody may be waiting for an apology.
    """

    def __init__(self, chain: Chain[P], links: Sequence[Link[P]]) -> None:
        self._chain = chain
        self._links = links
        self._tried: list[Link[P]] = []
        self._asked_resting = False
        self.error: ProviderError | None = None
        """How the newest of them failed."""

    def __iter__(self) -> Iterator[Link[P]]:
        while (link := self.take()) is not None:
            yield link

    def next(self) -> Link[P] | None:
        """Who would be taken now."""
        untried = [link for link in self._links if link not in self._tried]
        for index in breaker.order([link.health for link in untried], anyio.current_time()):
            if untried[index].rested or not self._asked_resting:
                return untried[index]
        return None

    def take(self) -> Link[P] | None:
        """The next one to ask; None when nobody is left. You must report how it went."""
        link = self.next()
        if link is not None:
            self._tried.append(link)
            self._asked_resting = self._asked_resting or not link.rested
            link.health = breaker.called(link.health, anyio.current_time())
        return link

    def failed(self, link: Link[P], error: Exception, *, midway: bool = False, instead: Link[P] | None = None) -> bool:
        """``link`` failed. Returns whether there is another, in this call or (``midway``) in a new one.

        ``instead``: who has been asked already and goes on.
        """
        self.error = as_failure(error, link.name)
        self._chain.rest(link, self.error)
        following = instead or (self._first() if midway else self.next())
        following = None if following is link else following
        self._chain.tell(link, self.error, following)
        return following is not None

    def succeeded(self, link: Link[P]) -> None:
        link.health = breaker.succeeded()

    def spare(self, link: Link[P]) -> None:
        """It was not needed after all, and may be asked again."""
        self._tried.remove(link)

    def nobody(self) -> ProviderError:
        """What to raise at the chain's end."""
        assert self.error is not None
        return self.error

    def _first(self) -> Link[P]:
        """Who would be asked first by a call that begins now."""
        return self._links[breaker.order([link.health for link in self._links], anyio.current_time())[0]]


def as_failure(error: Exception, name: str) -> ProviderError:
    """Anything that a provider's code raised, as that provider's failure."""
    reason = told(error)
    if isinstance(reason, ProviderError):
        return reason
    if isinstance(reason, ParleyError):  # what cannot be built will not be built by asking again soon
        failure: ProviderError = Rejected(str(reason), provider=name)
    else:
        what = scrubbed(f"{type(reason).__name__}: {reason}".strip(": "))
        failure = ProviderError(f"{name} broke: {what}", provider=name)
        failure.__cause__ = error
    return failure


def told(error: Exception) -> Exception:
    """The error itself, or the one that says most of those that a provider's task group gathered."""
    if not isinstance(error, ExceptionGroup):
        return error
    found = [told(inner) for inner in error.exceptions]
    return next((inner for inner in found if isinstance(inner, ProviderError | ParleyError)), found[0])
