"""A server's life on the loopback: listening, being stopped, listening again on the same port."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Self


class Listening:
    """Serves on an ephemeral port. An async context manager; what both kinds of vendors' servers have in common."""

    scheme = ("http", "https")
    """Of its addresses, without TLS and with it."""
    prefix = ""
    """Behind the host in ``url``."""

    def __init__(self) -> None:
        self.hold: asyncio.Event | None = None
        """When set: a call's last content waits until the event is set."""
        self.asked = asyncio.Event()
        """A call has come."""
        self.disconnected = asyncio.Event()
        """A client went away, or took its call back, before its answer was complete."""
        self.left_at: float | None = None
        """When that was, on the loop's clock."""
        self.connections = 0
        self.sent = 0
        """Bytes of bodies that went out, where they are counted."""
        self.host = "127.0.0.1"
        """As ``url`` names it; it listens on the loopback whatever is written here."""
        self.tls: ssl.SSLContext | None = None
        """Set before it listens: it speaks TLS, and its ``url`` says so."""
        self.refusing = False
        """It has been stopped: whoever still comes through is hung up on."""
        self.port = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme[self.tls is not None]}://{self.host}:{self.port}{self.prefix}"

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def listen(self) -> None:
        """Listen, again on the same port after `stop`."""
        self.refusing = False
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections from now on, and hang up on everybody."""
        assert self._server is not None
        self.refusing = True
        for listener in self._server.sockets:
            asyncio.get_running_loop().remove_reader(listener.fileno())
        # Whoever was accepted a moment ago is given to the server first, and hung up on: closed in between, asyncio of
        # 3.11 would drop the connection and not close its socket.
        for _ in range(5):
            await asyncio.sleep(0)
        self._server.close()
        self.hang_up()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def hang_up(self) -> None:
        """On whoever is connected, where cancelling the tasks that serve them does not do it."""

    def left(self) -> None:
        """A client has gone from an open call. The first time counts."""
        if not self.disconnected.is_set():
            self.left_at = asyncio.get_running_loop().time()
        self.disconnected.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        raise NotImplementedError

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:  # accepted just before `stop`
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self.serve(reader, writer)
        except asyncio.CancelledError:
            return  # `stop` was called; to asyncio.start_server a cancelled handler is an error
        finally:
            self._tasks.discard(task)
