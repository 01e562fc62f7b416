"""Any audio or video file -> mono sound at CAPTURE_RATE, piece by piece, through PyAV (FFmpeg's libraries).

Its channels are averaged here: libswresample mixes stereo down to mono with a factor of 0.707 each, so a float sum of
two equal channels would be 3 dB too loud and clip. The rate is changed by soxr, as for live sound.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from assistant.audio.resample import Resampler
from assistant.ports import CAPTURE_RATE, ParleyError, Samples
from providers.registry import importable

WHO = "reading audio and video files"
EXTRA = "files"
SLACK = 0.05
"""Seconds by which a packet's own time may be off before it is believed to follow a gap."""
LONGEST_GAP = 6 * 3600.0
"""Seconds. A time stamp further ahead than that is a mistake, not a gap."""
NO_PROTOCOL = {"protocol_whitelist": "none"}
"""A playlist that calls itself a recording must not make this program open other files or addresses."""


class Media:
    """An open file. Iterate `blocks` once; use it as a context manager. Decoding blocks: do it in a thread."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Raises ParleyError: no such file, unreadable, not media, or without a sound track."""
        self.path = Path(path)
        self.damaged = 0
        """Packets that could not be decoded so far; what they held is missing."""
        self._av: Any = importable("av", provider=WHO, extra=EXTRA)
        self._file = _open(self.path)
        try:
            self._container = self._opened()
        except BaseException:
            self._file.close()
            raise
        self.seconds = self._seconds()
        """How long it says that it is; None where it does not say."""

    def blocks(self) -> Iterator[Samples]:
        """All of its sound in order: mono float32 at CAPTURE_RATE, on the file's own time (silence where it has none).

        Raises ParleyError when nothing in it can be decoded.
        """
        mono = _Mono(self._av)
        origin = self._origin()
        resampler: Resampler | None = None
        written = 0.0
        """Seconds handed to the resampler."""
        for frame in self._frames():
            rate = frame.sample_rate
            if resampler is None or rate != resampler.from_rate:
                if resampler is not None:
                    yield resampler.push(np.empty(0, np.float32), last=True)
                resampler = Resampler(rate, CAPTURE_RATE)
            gap = 0.0 if frame.time is None else frame.time - origin - written
            if SLACK < gap < LONGEST_GAP:
                for silence in _silence(round(gap * rate)):
                    yield resampler.push(silence)
                written += gap
            samples = mono.of(frame)
            written += len(samples) / rate
            yield resampler.push(samples)
        if resampler is None:
            raise ParleyError(f"{self.path} holds a sound track in which nothing can be decoded; try another copy")
        yield resampler.push(np.empty(0, np.float32), last=True)

    def close(self) -> None:
        self._container.close()
        self._file.close()

    def __enter__(self) -> Media:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _opened(self) -> Any:
        try:
            # From an open file, since FFmpeg takes names for addresses and patterns ("http:", "take%02d.wav").
            container = self._av.open(self._file, metadata_errors="ignore", options=NO_PROTOCOL)
        except (self._av.FFmpegError, OSError, ValueError) as error:
            raise ParleyError(f"{self.path} is no audio or video file that can be read ({_reason(error)})") from None
        if not container.streams.audio:
            kind = "a video without sound" if container.streams.video else "a file without sound"
            container.close()
            raise ParleyError(f"{self.path} is {kind}; name a file with a sound track")
        return container

    def _frames(self) -> Iterator[Any]:
        """Decoded frames; damaged packets are counted and left out, and a file that is cut short just ends."""
        stream = self._container.streams.audio[0]
        packets = self._container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except (self._av.FFmpegError, OSError):
                self.damaged += 1
                return
            if packet is None:
                return
            try:
                yield from packet.decode()
            except self._av.FFmpegError:
                self.damaged += 1

    def _origin(self) -> float:
        """The time stamp that is the file's beginning: a video's sound may start after its picture."""
        start = self._container.start_time
        return start / self._av.time_base if start is not None else 0.0

    def _seconds(self) -> float | None:
        stream = self._container.streams.audio[0]
        if self._container.duration:
            return float(self._container.duration / self._av.time_base)
        return float(stream.duration * stream.time_base) if stream.duration else None


class _Mono:
    """Frames of any sample format -> mono float32."""

    def __init__(self, av: Any) -> None:
        self._av = av
        self._form: tuple[str, str, int] | None = None
        self._convert: Any = None

    def of(self, frame: Any) -> Samples:
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form:  # it may change within a stream
            self._form = form
            self._convert = self._av.AudioResampler(format="fltp", layout=frame.layout, rate=frame.sample_rate)
        planes = [converted.to_ndarray() for converted in self._convert.resample(frame)]
        if not planes:
            return np.empty(0, np.float32)
        sound = np.concatenate(planes, axis=1).mean(axis=0, dtype=np.float32)
        clipped: Samples = np.clip(np.nan_to_num(sound), -1.0, 1.0).astype(np.float32)
        return clipped


def _open(path: Path) -> BinaryIO:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise ParleyError(f"there is no file {path}; check the path") from None
    except IsADirectoryError:
        raise ParleyError(f"{path} is a folder; name the files in it") from None
    except OSError as error:
        raise ParleyError(f"{path} cannot be read ({error.strerror}); check its permissions") from None
    if not file.peek(1):
        file.close()
        raise ParleyError(f"{path} is empty; record it again or name another file")
    return file


def _silence(samples: int) -> Iterator[Samples]:
    block = np.zeros(min(samples, CAPTURE_RATE), np.float32)
    while samples > 0:
        yield block[:samples]
        samples -= len(block)


def _reason(error: Exception) -> str:
    """FFmpeg's own words without its number and our file object."""
    return str(getattr(error, "strerror", "") or error).split(":")[0] or type(error).__name__
