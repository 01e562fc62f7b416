"""`--record DIR`: a session as a folder that others can replay and measure.

mic.wav      raw capture, 16 kHz, before any processing
speaker.wav  what left the loudspeaker, on the microphone's clock
events.jsonl the JSON events, and under "_" every provider result with its arrival time
config.toml  the settings, without secrets
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

from assistant.audio.disk import DiskThread
from assistant.audio.wavfile import WavWriter
from assistant.ports import CAPTURE_RATE, Frame, Notice, ParleyError, Samples

from .events import encode

log = logging.getLogger("parley")

EVERY = 0.5
"""Seconds between two writes: with the writing itself, a kill loses less than one second."""
BACKLOG = 180
"""Jobs that may wait for a disk that hangs: half a minute of sound, about 6 MB."""
PATIENCE = 0.4
"""Seconds that closing waits for the disk, once for what is queued and once for its thread."""


class Recorder:
    """Observer: records one session. All disk work is done in a thread; memory does not grow with time.

    ``folder`` is where it records: the folder asked for if that is new (it is made, with those above it) or empty, else
    a numbered one in it. When the disk fails during the session, ``on_trouble`` gets one sentence (once, on the
    caller's thread, from `captured`) and the session goes on; what was written before stays valid, and writing goes on
    as soon as it can.
    """

    def __init__(self, folder: Path, config_toml: str, playback_rate: int) -> None:
        """``config_toml``: the settings, already redacted. Blocks for the disk: build it before the session starts.

        Raises ParleyError when the folder cannot be made or written; nothing is left behind then.
        """
        self.folder, self._made = _claim(folder)
        self.on_trouble: Callable[[str], None] = log.warning
        """Who is told of a failing disk; may be set to emit a `warning` event."""
        self._begun = False
        self._last = 0.0
        self._frames: list[Frame] = []
        self._played: list[Samples] = []
        self._played_length = 0
        self._lines: list[bytes] = []
        with ExitStack() as failed:
            failed.callback(_remove, self.folder, self._made)
            try:
                (self.folder / "config.toml").write_text(config_toml, encoding="utf-8")
                self._events = failed.enter_context((self.folder / "events.jsonl").open("wb", buffering=0))
            except OSError as error:
                raise _refusal(folder, error.strerror) from None
            self._mic = failed.enter_context(WavWriter(self.folder / "mic.wav", CAPTURE_RATE))
            self._speaker = failed.enter_context(WavWriter(self.folder / "speaker.wav", playback_rate))
            failed.pop_all()
        self._disk = DiskThread(limit=BACKLOG)

    def notice(self, notice: Notice) -> None:
        self._begun = True
        self._lines.append(encode(notice))
        self._write_if_due(notice.t)

    def captured(self, frame: Frame) -> None:
        """The next captured frame, as the microphone gave it. What is missing between two frames becomes silence."""
        self._begun = True
        self._frames.append(frame)
        self._write_if_due(frame.end)
        if error := self._disk.take_error():
            self.on_trouble(f"the recording in {self.folder} has gaps from here on ({error.strerror})")

    def played(self, samples: Samples) -> None:
        """The next stretch that left the loudspeaker (a sink for `Duplex.tap`)."""
        self._begun = True
        self._played.append(samples.copy())

    def close(self) -> None:
        """Write the rest and finish the files; take them back if the session never began. Blocks for the disk, for
        less than a second."""
        self._write()
        if not self._disk.close(self._finish, timeout=PATIENCE):
            log.warning("the disk does not answer: the end of the recording in %s is missing", self.folder)
        elif error := self._disk.take_error():
            log.warning("the end of the recording in %s is missing (%s)", self.folder, error.strerror)

    def _finish(self) -> None:
        with ExitStack() as files:  # closes them all, whichever fails
            for file in (self._events, self._speaker, self._mic):
                files.callback(file.close)
        if not self._begun:
            _remove(self.folder, self._made)

    def _write_if_due(self, t: float) -> None:
        if t - self._last >= EVERY:
            self._last = t
            self._write()

    def _write(self) -> None:
        """Hand what has come to the disk's thread: a job a file, as one's failure must not take the others along."""
        if self._frames:
            self._disk.submit(partial(_append, self._mic, [(frame.start, frame.samples) for frame in self._frames]))
            self._frames = []
        if self._played:
            stretches = []
            for samples in self._played:
                stretches.append((self._played_length, samples))
                self._played_length += len(samples)
            self._disk.submit(partial(_append, self._speaker, stretches))
            self._played = []
        if self._lines:
            self._disk.submit(partial(self._append_lines, b"".join(self._lines)))
            self._lines = []

    def _append_lines(self, lines: bytes) -> None:
        whole = self._events.tell()
        try:
            view = memoryview(lines)
            while view:
                view = view[self._events.write(view) or 0 :]
        except OSError:
            self._events.truncate(whole)  # half a line would spoil the next one
            self._events.seek(whole)
            raise


def _append(wav: WavWriter, stretches: list[tuple[int, Samples]]) -> None:
    """Each stretch at its own sample: after a gap everything is still where it was heard."""
    try:
        for start, samples in stretches:
            wav.append(samples, at=start)
    finally:
        wav.flush()


def _claim(folder: Path) -> tuple[Path, list[Path]]:
    """The folder, or a numbered one in it if there is something in it already; and what was made, inmost first."""
    made: list[Path] = []
    try:
        if not folder.exists():
            made = [place for place in (folder, *folder.parents) if not place.exists()]
            folder.mkdir(parents=True)
            return folder, made
        if not any(folder.iterdir()):
            return folder, []
        number = 1
        while (inner := folder / f"{number:03}").exists():
            number += 1
        inner.mkdir()
        return inner, [inner]
    except NotADirectoryError:
        raise ParleyError(f"cannot record to {folder}: that is a file; give --record a folder") from None
    except OSError as error:
        _unmake(made)
        raise _refusal(folder, error.strerror) from None


def _remove(folder: Path, made: list[Path]) -> None:
    """Take back what was begun in a folder that cannot be recorded to."""
    with suppress(OSError):
        for file in folder.iterdir():
            file.unlink()
        _unmake(made)


def _unmake(folders: list[Path]) -> None:
    """Remove them, inmost first; one that holds something by now stays."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _refusal(folder: Path, why: str | None) -> ParleyError:
    return ParleyError(f"cannot record to {folder} ({why or 'the disk refuses'}); give --record another folder")
