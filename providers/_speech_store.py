"""Synthesised sound on disk, by key: bounded, and safe against other processes, a crash and a full disk.

A file is written beside its place, whole, and then moved there, so nobody ever reads half of one; and it ends with a
checksum, so that what a crash or a bad disk has left is thrown away. Reading marks a file as used; when all of them are
too large together, those that were not used for longest go. Nothing here raises for what is wrong with the disk, and
nothing waits for another process: it costs the cache, not the conversation. Call it from a worker thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assistant.ports import Samples, SpokenWord

log = logging.getLogger("parley")

FORMAT = 1
"""Of the files. Part of every key as well: what another version wrote is not looked at."""
_MAGIC = b"parley speech 1\n"
_DIGEST = 32
_ENDING, _UNFINISHED = ".speech", ".part"

STALE = 3600.0
"""Seconds after which an unfinished file is nobody's any more: its process was killed."""
ROOM = 0.9
"""Of the limit, what is left after throwing away: so that it is not done at every new file."""
LARGEST = 0.1
"""Of the limit, what one file may have."""


@dataclass(frozen=True)
class Recording:
    """A complete synthesis."""

    rate: int
    """Hz."""
    samples: Samples
    words: tuple[SpokenWord, ...]


class SpeechStore:
    def __init__(self, folder: Path, limit: int) -> None:
        """``limit``: bytes. The folder is made when something is first kept."""
        self.folder = folder
        self.limit = limit
        self._size: int | None = None
        """Bytes in the folder as far as this process knows; None: it has not looked yet."""
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._warned = False

    def get(self, key: str) -> Recording | None:
        """What was kept under ``key``, if it is there and whole."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        recording = unpacked(data)
        with contextlib.suppress(OSError):
            if recording is None:
                path.unlink()
            else:
                os.utime(path)
        return recording

    def has(self, key: str) -> bool:
        return self._path(key).is_file()

    def put(self, key: str, recording: Recording) -> bool:
        """Keep it. Returns whether it is kept; warns once when it cannot be written."""
        data = packed(recording)
        if len(data) > LARGEST * self.limit:
            return False
        with self._lock:
            try:
                self._write(self._path(key), data)
            except OSError as error:
                self._warn(error)
                return False
            self._bound(len(data))
        return True

    def _write(self, path: Path, data: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.stem}.{os.getpid()}.{next(self._numbers)}{_UNFINISHED}")
        try:
            with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
            os.replace(unfinished, path)
        except OSError:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise

    def _bound(self, added: int) -> None:
        """Throw away what was not used for longest, if it is too much."""
        if self._size is not None:
            self._size += added
            if self._size <= self.limit:
                return
        files = sorted(self._files())
        self._size = sum(size for _, size, _ in files)
        if self._size <= self.limit:
            return
        for _, size, path in files:
            with contextlib.suppress(OSError):  # another process was quicker
                path.unlink()
            self._size -= size
            if self._size <= ROOM * self.limit:
                return

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """When each was last used, its bytes and its path. Unfinished ones that nobody will finish go at once."""
        try:
            entries = list(os.scandir(self.folder))
        except OSError:
            return
        for entry in entries:
            with contextlib.suppress(OSError):
                stat = entry.stat()
                if entry.name.endswith(_ENDING):
                    yield stat.st_mtime, stat.st_size, Path(entry.path)
                elif entry.name.endswith(_UNFINISHED) and time.time() - stat.st_mtime > STALE:  # noqa: TID251
                    os.unlink(entry.path)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{_ENDING}"

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            log.warning(
                "speech cannot be kept in %s (%s); it is made anew each time", self.folder, error.strerror or error
            )


def packed(recording: Recording) -> bytes:
    """The file. Sound that came as 16 bit, as nearly all does, is kept as that, and comes back exactly as it was."""
    scaled = recording.samples * np.float32(32768)
    whole = scaled.astype("<i2") if np.all((scaled >= -32768) & (scaled <= 32767)) else None
    kind = "i2" if whole is not None and np.array_equal(whole, scaled) else "f4"
    head = {
        "rate": recording.rate,
        "kind": kind,
        "words": [[word.start, word.offset, word.length] for word in recording.words],
    }
    sound = whole if kind == "i2" and whole is not None else recording.samples.astype("<f4")
    body = _MAGIC + json.dumps(head, separators=(",", ":")).encode() + b"\n" + sound.tobytes()
    return body + hashlib.sha256(body).digest()


def unpacked(data: bytes) -> Recording | None:
    """None for anything but a whole file of this format."""
    body, digest = data[:-_DIGEST], data[-_DIGEST:]
    if not body.startswith(_MAGIC) or hashlib.sha256(body).digest() != digest:
        return None
    line, _, sound = body[len(_MAGIC) :].partition(b"\n")
    head = json.loads(line)
    samples = np.frombuffer(sound, f"<{head['kind']}").astype(np.float32)
    if head["kind"] == "i2":
        samples /= np.float32(32768)
    return Recording(head["rate"], samples, tuple(SpokenWord(*word) for word in head["words"]))
