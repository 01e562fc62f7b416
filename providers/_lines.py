"""Connections to one server, of which one is kept warm, alive and read empty for whoever comes next."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import anyio.abc

from assistant.ports import ProviderError
from providers._remote import WARMING
from providers._tasks import owned_tasks
from providers._ws import Dialler, Message, Server, Socket


class Lines:
    """Connections to one server, of which one is kept open for whoever comes next. Enter it before use.

    ``alive``: sent over the idle one every ``every`` seconds, so that the server keeps it; ``idle``: seconds after
    which it is given up all the same. ``idle`` 0 keeps none, for servers that bill the time for which one is open.
    ``oldest``: seconds after which one is not used again, for servers that end it then.
    """

    def __init__(
        self,
        server: Server,
        *,
        greeting: Sequence[Message] = (),
        farewell: Sequence[Message] = (),
        alive: Message | None = None,
        every: float = 4.0,
        idle: float = 60.0,
        oldest: float = math.inf,
    ) -> None:
        """``greeting``: what a new connection is told first; ``farewell``: what one is told before it is closed."""
        self.server = server
        self._greeting = greeting
        self._farewell = farewell
        self._alive = alive
        self._every = every
        self._idle = idle
        self._oldest = oldest
        self._dialler = Dialler(server)
        self._spare: _Spare | None = None
        self._dialling = False
        self._tasks: anyio.abc.TaskGroup

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Lines]:
        """Own the idle connection; the first is dialled now, and waited for a second at most."""
        async with owned_tasks() as self._tasks:
            if self._idle:
                self._dialling = True
                ready = anyio.Event()
                self._tasks.start_soon(self._keep_one, ready)
                with anyio.move_on_after(WARMING):
                    await ready.wait()
            yield self

    def start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run ``work`` in a task that the connections own; it must end by itself, soon after whoever needs it has."""
        self._tasks.start_soon(work)

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Lease]:
        """A connection for one call. It is closed at the end unless `Lease.keep` was called. Raises ProviderError."""
        lease = Lease(await self._take())
        try:
            yield lease
        finally:
            young = anyio.current_time() - lease.socket.since < self._oldest
            if lease.kept and young and lease.socket.is_open and self._idle and self._spare is None:
                self._hold(lease.socket)
            else:
                await lease.socket.close(*self._farewell)
                if self._idle and self._spare is None and not self._dialling:
                    self._dialling = True
                    self._tasks.start_soon(self._keep_one, anyio.Event())

    async def _take(self) -> Socket:
        spare, self._spare = self._spare, None
        if spare is not None:
            socket = await spare.release()
            if socket.is_open:
                return socket
        return await self._connect()

    async def _connect(self) -> Socket:
        socket = await self._dialler.dial()
        try:
            for message in self._greeting:
                await socket.send(message)
        except BaseException:
            await socket.close()
            raise
        return socket

    async def _keep_one(self, ready: anyio.Event) -> None:
        """Dial one for the next call. What goes wrong now will be said when it is asked for."""
        try:
            socket = await self._connect()
        except ProviderError:
            return
        finally:
            self._dialling = False
            ready.set()
        if self._spare is None:
            self._hold(socket)
        else:
            await socket.close(*self._farewell)

    def _hold(self, socket: Socket) -> None:
        self._spare = spare = _Spare(socket)
        self._tasks.start_soon(self._mind, spare)

    async def _mind(self, spare: _Spare) -> None:
        """Keep it alive and read away what still comes, until it is wanted, is over, or has waited long enough."""
        try:
            with spare.scope, anyio.move_on_after(self._idle):
                async with anyio.create_task_group() as both:
                    both.start_soon(_read_away, spare.socket, both.cancel_scope)
                    while self._alive is not None:
                        await anyio.sleep(self._every)
                        await spare.socket.send(self._alive)
                        spare.socket.alive += 1
                    await anyio.sleep_forever()
        except* ProviderError:
            pass  # it is over: the next call dials anew
        finally:
            spare.free.set()
            if not spare.wanted:
                if self._spare is spare:
                    self._spare = None
                await spare.socket.close(*self._farewell)


async def _read_away(socket: Socket, scope: anyio.CancelScope) -> None:
    with suppress(ProviderError):
        while True:
            await socket.receive()
    scope.cancel()


class Lease:
    """A connection in use."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.kept = False

    def keep(self) -> None:
        """The call is over and left the connection in order: the next one may use it."""
        self.kept = True


class _Spare:
    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.scope = anyio.CancelScope()
        self.free = anyio.Event()
        self.wanted = False

    async def release(self) -> Socket:
        self.wanted = True
        self.scope.cancel()
        with anyio.CancelScope(shield=True):
            await self.free.wait()
        return self.socket
