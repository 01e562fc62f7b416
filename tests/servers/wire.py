"""An HTTP/1.1 server on a real socket that can misbehave in every way a vendor's can.

Raw asyncio streams, so that chunk boundaries, cuts and silences are exactly what a test says. A protocol is a function
from a `Request` to a `Reply`; the fault in force is applied when the reply goes over the wire.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import io
import json
import wave
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tests.servers.listening import Listening

Fault = Literal[
    "refused", "401", "402", "403", "404", "429", "500", "529", "error_in_200", "hang", "hang_after_headers",
    "hang_midway", "cut_at_once", "cut_midway", "malformed", "big_line", "drip", "split", "crlf", "comments",
]  # fmt: skip

RETRY_AFTER = 7.0
BIG = 50 << 20
"""Bytes in the line of "big_line"."""


_MESSAGES = {
    400: "Bad request.",
    401: "Wrong key: {key}.",
    402: "Out of credits.",
    403: "Not for this key: {key}.",
    404: "No such model.",
    429: "Slow down.",
    500: "Something broke while {key} was served.",
    503: "Not now.",
    529: "Too many requests at once.",
}


def message(status: int, key: str) -> str:
    """What a vendor might say with an HTTP status; some quote the key."""
    return _MESSAGES[status].format(key=key)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, list[bytes]]:
        """A multipart body's fields; several of one name are a list."""
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        message = email.message_from_bytes(head + self.body, policy=email.policy.HTTP)
        fields: dict[str, list[bytes]] = {}
        for part in message.iter_parts():
            fields.setdefault(str(part.get_param("name", header="content-disposition")), []).append(
                part.get_payload(decode=True)
            )
        return fields


@dataclass(frozen=True)
class Reply:
    """What a healthy server answers. Several pieces go out chunked, one by one; one goes with a Content-Length."""

    pieces: list[bytes]
    content_type: str = "text/event-stream"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, body: Any, status: int = 200, **headers: str) -> Reply:
        return cls([json.dumps(body).encode()], "application/json", status, headers)


class Server(Listening):
    """A vendor's API over HTTP.

    ``fault`` may be changed at any time; it acts on POST requests, so that warming up (HEAD, GET) is left alone.
    """

    key = ""

    def __init__(self, fault: Fault | None = None, *, pause: float = 0.0) -> None:
        super().__init__()
        self.fault: Fault | None = fault
        self.pause = pause
        """Seconds between pieces."""
        self.requests: list[Request] = []

    @property
    def posts(self) -> list[Request]:
        return [request for request in self.requests if request.method == "POST"]

    @property
    def calls(self) -> int:
        """POST requests so far."""
        return len(self.posts)

    # --- what a protocol says ---

    def reply(self, request: Request) -> Reply:
        """The healthy answer."""
        raise NotImplementedError

    def error(self, status: int) -> Any:
        """The vendor's error body for an HTTP status."""
        raise NotImplementedError

    def message(self, status: int) -> str:
        return message(status, self.key)

    def status(self, status: int) -> int:
        """What the vendor answers with where others answer with ``status``."""
        return status

    def error_headers(self, status: int) -> dict[str, str]:
        """Further headers of that answer."""
        return {"retry-after": f"{RETRY_AFTER:g}"} if status == 429 else {}

    def error_in_200(self, request: Request) -> list[bytes]:
        """What the vendor sends when something breaks after it has said 200."""
        raise NotImplementedError

    # --- the wire ---

    async def settle(self) -> None:
        """A fault is in force at once: it acts on requests."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                if request.method == "POST":
                    self.asked.set()
                if not await self._answer(request, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left()
        finally:
            writer.transport.abort() if self.fault in ("cut_at_once", "cut_midway") else writer.close()

    async def _answer(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; True when the connection may be used again."""
        sending = asyncio.ensure_future(self._send(request, writer))
        leaving = asyncio.ensure_future(_gone(reader))
        self._tasks |= {sending, leaving}
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                self.left()
                return False
            return sending.result()
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
            self._tasks -= {sending, leaving}

    async def _send(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        fault = self.fault if request.method == "POST" else None
        if fault == "hang":
            await asyncio.Event().wait()
        if fault == "cut_at_once":
            return False
        if fault is not None and fault.isdigit():
            status = int(fault)
            reply = Reply.of(self.error(status), self.status(status), **self.error_headers(status))
        else:
            reply = self.reply(request)
        pieces = reply.pieces
        if fault == "error_in_200":
            pieces = self.error_in_200(request)
        elif fault == "malformed":
            reply = _malformed(reply)
            pieces = reply.pieces
        elif fault == "big_line":
            reply = _big(reply)
            pieces = reply.pieces
        elif fault == "crlf":
            pieces = [_otherwise_ended(piece) for piece in pieces]
        elif fault == "comments":
            pieces = [part for piece in pieces for part in (b": ping\n\n", piece)]
        elif fault in ("split", "drip"):
            pieces = [bytes([byte]) for byte in b"".join(pieces)]
        elif fault == "hang_midway" or fault == "cut_midway":
            whole = b"".join(pieces)
            pieces = pieces if len(pieces) > 1 else [whole[: len(whole) // 2], whole[len(whole) // 2 :]]
        chunked = len(pieces) > 1 or fault is not None
        head = [f"HTTP/1.1 {reply.status} X", f"content-type: {reply.content_type}"]
        head += [f"{name}: {value}" for name, value in reply.headers.items()]
        head += ["transfer-encoding: chunked"] if chunked else [f"content-length: {sum(map(len, pieces))}"]
        writer.write(("\r\n".join(head) + "\r\n\r\n").encode())
        await writer.drain()
        if fault == "hang_after_headers":
            await asyncio.Event().wait()
        for index, piece in enumerate(pieces):
            if fault in ("hang_midway", "cut_midway") and index == (len(pieces) + 1) // 2:
                await writer.drain()
                if fault == "cut_midway":
                    # Long enough for what was sent to be read: a reset may overtake it otherwise.
                    await asyncio.sleep(0.02)
                    return False
                await asyncio.Event().wait()
            if self.hold is not None and index == len(pieces) - 1:
                await self.hold.wait()
            if request.method != "HEAD" and piece:
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
                await writer.drain()
                self.sent += len(piece)
            if fault == "drip":
                await asyncio.sleep(1.0)
            elif self.pause:
                await asyncio.sleep(self.pause)
        if chunked and request.method != "HEAD":
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        return True


def uploaded(server: Server, language: str = "language") -> dict[str, Any]:
    """What the last upload of a WAV file told of its language (in the form's field ``language``) and its rate (Hz)."""
    form = server.posts[-1].form
    with wave.open(io.BytesIO(form["file"][0])) as file:
        return {"language": form[language][0].decode() if language in form else None, "rate": file.getframerate()}


def _malformed(reply: Reply) -> Reply:
    """An event that breaks off, half a document, or a proxy's error page in the place of sound."""
    if reply.content_type == "text/event-stream":
        broken = b'event: broken\ndata: {"type": "broken", "choi\n\n'
        return replace(reply, pieces=[reply.pieces[0], broken, *reply.pieces[1:]])
    if reply.content_type == "application/json":
        return replace(reply, pieces=[b"".join(reply.pieces)[:-2]])
    return Reply([b"<html><body>Bad gateway</body></html>"], "text/html")


def _otherwise_ended(lines: bytes) -> bytes:
    return lines.replace(b"\r\n", b"\n") if b"\r\n" in lines else lines.replace(b"\n", b"\r\n")


def _big(reply: Reply) -> Reply:
    """A line that does not end for 50 MB: an event's, or a document's in the place of an answer or of sound."""
    block = b"x" * (64 << 10)
    blocks = [block] * (BIG // len(block))
    if reply.content_type == "text/event-stream":
        return replace(reply, pieces=[reply.pieces[0], b'data: {"text": "', *blocks, b'"}\n\n', *reply.pieces[1:]])
    return Reply([b'{"text": "', *blocks, b'"}'], "application/json")


async def _gone(reader: asyncio.StreamReader) -> None:
    """Wait for the client to hang up. Looks, and reads nothing: it may be the next request that comes."""
    while not reader.at_eof() and reader.exception() is None:  # noqa: ASYNC110 - a StreamReader has no such event
        await asyncio.sleep(0.002)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection; None at its end."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = b""
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readline()
    return Request(method, path, headers, body)
