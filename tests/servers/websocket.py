"""A WebSocket server on a real socket that can misbehave in every way a vendor's can.

The protocol is `websockets`' own, without its I/O, so that what goes over the wire, when and in which pieces is exactly
what a test says. A vendor is a coroutine, `talk`, that has one connection's conversation; the fault in force is applied
where a call's content goes out.
"""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.parse
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol

from tests.servers.listening import Listening
from tests.servers.wire import BIG, RETRY_AFTER, message

HANDSHAKE = ("401", "402", "403", "404", "429", "500", "529", "hang", "cut_at_once", "drip")
"""Faults of the handshake: connections that were made before are cut when one comes into force."""


_SILENT = logging.Logger("server", logging.CRITICAL)
"""What is looked for keys is what the client logs."""


class Gone(Exception):
    """The client has hung up."""


class TakenBack(Exception):
    """The client has cancelled the open call, and stays."""


class Server(Listening):
    """A vendor's WebSocket; a `Playing` of the contract suite."""

    scheme = ("ws", "wss")

    def __init__(self) -> None:
        super().__init__()
        self.key = ""
        """Quoted in the error that rejects it, as vendors do."""
        self.calls = 0
        self.handshakes: list[Handshake] = []
        self.lines: list[Line] = []
        self._fault: str | None = None

    # --- what a vendor brings ---

    async def talk(self, line: Line) -> None:
        """One connection, after its handshake. Returns when the server is to hang up; `Gone` may pass through."""
        raise NotImplementedError

    def error(self, status: int) -> Any:
        """The vendor's body for an HTTP status in answer to the handshake."""
        return {"error": self.message(status)}

    def message(self, status: int) -> str:
        return message(status, self.key)

    def broken(self) -> Any:
        """The message, or messages, with which the vendor tells of an error on an open connection."""
        raise NotImplementedError

    def cancels(self, message: Any) -> bool:
        """It takes back the call that is open. Where a call waits, `TakenBack` comes of it."""
        return False

    # --- faults ---

    @property
    def fault(self) -> str | None:
        return self._fault

    @fault.setter
    def fault(self, fault: str | None) -> None:
        self._fault = fault
        if fault in HANDSHAKE:
            for line in self.lines:
                if line.call is None:
                    line.abort()

    @property
    def query(self) -> dict[str, list[str]]:
        """Of the newest connection's address."""
        return urllib.parse.parse_qs(self.handshakes[-1].path.partition("?")[2])

    # --- life ---

    def hang_up(self) -> None:
        for line in self.lines:
            line.abort()

    async def settle(self) -> None:
        """Wait until whoever was hung up on can know it."""
        await asyncio.sleep(0.05)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(self, reader, writer)
        self.lines.append(line)
        try:
            if await line.accept():
                await self.talk(line)
                await line.close()
        except (Gone, ConnectionError):
            line.given_up()
        finally:
            self.lines.remove(line)
            line.end()


@dataclass
class Call:
    """One utterance, or one text to speak."""

    sent: int = 0
    """Pieces of content so far."""


class Line:
    """One connection, as a vendor's server sees it."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._protocol = ServerProtocol(max_size=None, logger=_SILENT)
        self._incoming: asyncio.Queue[Any] = asyncio.Queue()
        self._fragments = b""
        self._text = True
        self._pump: asyncio.Task[None] | None = None
        self.handshake: Handshake | None = None
        self.call: Call | None = None
        """The one that is open."""
        self.received: list[Any] = []
        """Documents and sounds, as they came."""
        self.closed_by_client: tuple[int, str] | None = None

    @property
    def path(self) -> str:
        assert self.handshake is not None
        return self.handshake.path.partition("?")[0]

    @property
    def query(self) -> dict[str, list[str]]:
        assert self.handshake is not None
        return urllib.parse.parse_qs(self.handshake.path.partition("?")[2])

    @property
    def headers(self) -> Mapping[str, str]:
        assert self.handshake is not None
        return self.handshake.headers

    # --- the vendor's side ---

    async def receive(self) -> Any:
        """The next message: a document, or bytes. Raises Gone at the end."""
        message = await self._incoming.get()
        if message is None:
            self._incoming.put_nowait(None)
            raise Gone
        self.received.append(message)
        return message

    def begin(self) -> Call:
        """A call begins with what was just received."""
        self.call = Call()
        self._server.calls += 1
        self._server.asked.set()
        return self.call

    def over(self) -> None:
        """The call's last content has gone out."""
        self.call = None

    def given_up(self) -> None:
        """The client does not want the rest of the call."""
        if self.call is not None:
            self.call = None
            self._server.left()

    async def send(self, message: Any) -> None:
        """A message that is no content of a call: it comes through in spite of all but the grossest faults."""
        await self._write(message)

    async def content(self, message: Any, *, last: bool = False) -> None:
        """A piece of the open call's content (a transcript, a sound), under the fault in force."""
        call, fault = self.call, self._server.fault
        assert call is not None, "no call is open"
        first = call.sent == 0
        if fault == "hang_after_headers" or (fault == "hang_midway" and not first):
            await self._until_gone()
        if fault == "cut_midway" and not first:
            await asyncio.sleep(0.02)  # what was sent before is read first: a reset may overtake it
            self.abort()
            raise Gone
        if first and fault == "error_in_200":
            said = self._server.broken()
            for each in said if isinstance(said, list) else [said]:
                await self._write(each)
            await self._until_gone()
        if first and fault == "malformed":
            await self._frame(Opcode.TEXT, b'{"type": "broken", "te')
        if first and fault == "big_line":
            self._writer.write(_header(BIG))
            for _ in range(BIG >> 16):
                if self._writer.is_closing():
                    raise Gone
                self._writer.write(b"x" * (1 << 16))
                await self._drain()
                self._server.sent += 1 << 16
        if self._server.hold is not None and last:
            hold = asyncio.ensure_future(self._server.hold.wait())
            gone = asyncio.ensure_future(self._until_gone())
            try:
                await asyncio.wait({hold, gone}, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    gone.result()
            finally:
                for task in (hold, gone):
                    task.cancel()
                await asyncio.gather(hold, gone, return_exceptions=True)
        if fault == "comments":
            await self._frame(Opcode.PING, b"are you there")
        call.sent += 1
        await self._write(message, pieces=fault == "split")

    async def hang_up(self, code: int, reason: str = "") -> None:
        """Close with the vendor's own code, and wait for the client to go."""
        self._protocol.send_close(code, reason)
        await self._flush()
        await self._until_gone()

    # --- the wire ---

    async def accept(self) -> bool:
        """The handshake. False: refused."""
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            more = await self._reader.read(4096)
            if not more:
                raise Gone
            data += more
        self._protocol.receive_data(data)
        [request] = self._protocol.events_received()
        assert isinstance(request, Handshake)
        self.handshake = request
        self._server.handshakes.append(request)
        fault = self._server.fault
        if fault in HANDSHAKE:
            self.begin()
        if fault == "hang":
            await self._reader.read(1)
            raise Gone
        if fault == "cut_at_once":
            self.abort()
            return False
        if fault is not None and fault.isdigit():
            body = json.dumps(self._server.error(int(fault))).encode()
            head = [f"HTTP/1.1 {fault} X", "content-type: application/json", f"content-length: {len(body)}"]
            head += [f"retry-after: {RETRY_AFTER:g}"] if fault == "429" else []
            self._writer.write("\r\n".join([*head, "", ""]).encode() + body)
            await self._drain()
            return False
        self._protocol.send_response(self._protocol.accept(request))
        if fault == "drip":
            for byte in b"".join(self._protocol.data_to_send()):
                self._writer.write(bytes([byte]))
                await self._drain()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._reader.read(1), 1.0)  # it has nothing to say before the handshake
                    raise Gone
        await self._flush()
        self._pump = asyncio.ensure_future(self._read())
        return True

    async def _read(self) -> None:
        try:
            while data := await self._reader.read(1 << 16):
                self._protocol.receive_data(data)
                for event in self._protocol.events_received():
                    self._take(event)
                await self._flush()
        except (ConnectionError, ProtocolError):
            pass
        finally:
            self._incoming.put_nowait(None)

    def _take(self, frame: Any) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._text, self._fragments = frame.opcode is Opcode.TEXT, b""
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._fragments += frame.data
            if frame.fin:
                self._incoming.put_nowait(_read(self._fragments) if self._text else bytes(self._fragments))
        elif frame.opcode is Opcode.CLOSE:
            code = self._protocol.close_rcvd
            self.closed_by_client = (code.code, code.reason) if code is not None else None
            self._incoming.put_nowait(None)

    async def _write(self, message: Any, *, pieces: bool = False) -> None:
        opcode = Opcode.BINARY if isinstance(message, bytes) else Opcode.TEXT
        data = message if isinstance(message, bytes) else json.dumps(message, ensure_ascii=False).encode()
        if not pieces:
            await self._frame(opcode, data)
            return
        cuts = [data[at : at + 7] for at in range(0, len(data), 7)][:200]
        cuts.append(data[sum(map(len, cuts)) :])
        for index, cut in enumerate(cuts):
            await self._frame(opcode if index == 0 else Opcode.CONT, cut, fin=index == len(cuts) - 1)

    async def _frame(self, opcode: Opcode, data: bytes, *, fin: bool = True) -> None:
        if self._writer.is_closing():
            raise Gone
        self._writer.write(Frame(opcode, data, fin).serialize(mask=False))
        await self._drain()

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data and not self._writer.is_closing():
                self._writer.write(data)
        await self._drain()

    async def _drain(self) -> None:
        try:
            await self._writer.drain()
        except ConnectionError:
            raise Gone from None

    async def _until_gone(self) -> None:
        """Say nothing more; raises Gone when the client hangs up, TakenBack when it cancels the call."""
        while True:
            message = await self.receive()
            if self.call is not None and self._server.cancels(message):
                raise TakenBack

    async def close(self) -> None:
        if not self._writer.is_closing() and self._protocol.state is State.OPEN:
            self._protocol.send_close(1000)
            await self._flush()

    def abort(self) -> None:
        self._writer.transport.abort()

    def end(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
        self._writer.close()


def _read(text: bytes) -> Any:
    """A document; some vendors' commands are bare words."""
    try:
        return json.loads(text)
    except ValueError:
        return text.decode()


def _header(length: int) -> bytes:
    """Of a text frame that says it is so long."""
    return b"\x81\x7f" + length.to_bytes(8, "big")
