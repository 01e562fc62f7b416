"""A Hugging Face hub on a local socket: one model repository, and the ways in which a download goes wrong."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the server has and how it behaves; ``requests`` is what it was asked, as "METHOD path [range]"."""

    repository: str
    folder: Path
    """The files of the repository."""
    large: str = ".bin"
    """The ending of those that are stored as large files, with a redirect and a SHA-256."""
    hang: bool = False
    """Take requests and never answer."""
    stall_after: int | None = None
    """Send this many bytes of a large file, then nothing."""
    cut_after: int | None = None
    """Send this many bytes of a large file, then close the connection."""
    damage: bool = False
    """Send other bytes than promised."""
    url: str = ""
    requests: list[str] = field(default_factory=list)
    tokens: list[tuple[str, str | None]] = field(default_factory=list)
    """The first part of each requested path, and the token that came with it."""
    closing: threading.Event = field(default_factory=threading.Event)

    def file(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = _Server(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield hub
    finally:
        hub.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        hub, path = self.hub, urlsplit(self.path).path
        hub.requests.append(" ".join(filter(None, [self.command, path, self.headers.get("Range", "")])))
        hub.tokens.append((path.split("/")[1], self.headers.get("Authorization")))
        if hub.hang:
            hub.closing.wait()
            self.close_connection = True
            return
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self._api("/".join(parts[2:4]), parts[4:])
        elif len(parts) >= 5 and "/".join(parts[:2]) == hub.repository and parts[2] == "resolve":
            self._resolve("/".join(parts[4:]))
        elif parts[0] == "storage":
            self._storage("/".join(parts[1:]))
        else:
            self._missing()

    def _api(self, repository: str, rest: list[str]) -> None:
        if repository != self.hub.repository:
            return self._missing()
        names = sorted(path.name for path in self.hub.folder.iterdir())
        if rest[:1] == ["revision"]:
            return self._json({"id": repository, "sha": COMMIT, "siblings": [{"rfilename": name} for name in names]})
        if rest[:1] == ["tree"]:
            return self._json([self._entry(name) for name in names])
        return self._missing()

    def _entry(self, name: str) -> dict[str, object]:
        content = self.hub.file(name) or b""
        entry: dict[str, object] = {"type": "file", "path": name, "size": len(content), "oid": _sha1(content)}
        if name.endswith(self.hub.large):
            entry["lfs"] = {"oid": _sha256(content), "size": len(content), "pointerSize": 134}
        return entry

    def _resolve(self, name: str) -> None:
        content = self.hub.file(name)
        if content is None:
            return self._missing()
        if name.endswith(self.hub.large):
            self.send_response(302)
            elsewhere = self.hub.url.replace("127.0.0.1", "localhost")  # another host, as the real hub's storage is
            self.send_header("Location", f"{elsewhere}/storage/{name}")
            self.send_header("X-Linked-Etag", f'"{_sha256(content)}"')
            self.send_header("X-Linked-Size", str(len(content)))
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        return self._bytes(content, {"ETag": f'"{_sha1(content)}"', "X-Repo-Commit": COMMIT})

    def _storage(self, name: str) -> None:
        content = self.hub.file(name)
        if content is None:
            return self._missing()
        if self.hub.damage:
            content = bytes(len(content))
        first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Length", str(len(content) - first))
        self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        limit = self.hub.stall_after if self.hub.stall_after is not None else self.hub.cut_after
        last = len(content) if limit is None else min(len(content), first + limit)
        self.wfile.write(content[first:last])
        if self.hub.stall_after is not None:
            self.wfile.flush()
            self.hub.closing.wait()
        self.close_connection = last < len(content)
        return None

    def _json(self, value: object) -> None:
        self._bytes(json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _bytes(self, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _missing(self) -> None:
        body = b'{"error":"Repository not found"}'
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
