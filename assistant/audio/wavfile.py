"""WAV files, read block by block and written so that they are whole at any moment.

The layout is Microsoft's RIFF/WAVE ("Multimedia Programming Interface and Data Specifications 1.0", 1991, and the
WAVEFORMATEXTENSIBLE page of its documentation). No sound library is imported.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from assistant.ports import ParleyError, Samples

PCM, FLOAT, EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
UNKNOWN_SIZE = 0xFFFFFFFF
HEADER = struct.Struct("<4sI4s 4sIHHIIHH 4sI")

_CODECS = {
    0x0002: "Microsoft ADPCM",
    0x0006: "A-law",
    0x0007: "mu-law",
    0x0011: "IMA ADPCM",
    0x0031: "GSM 6.10",
    0x0055: "MP3",
}

_Decoder = Callable[[bytes], NDArray[np.float32]]


def _pcm8(data: bytes) -> NDArray[np.float32]:
    return (np.frombuffer(data, np.uint8).astype(np.float32) - 128.0) / np.float32(128.0)


def _pcm16(data: bytes) -> NDArray[np.float32]:
    return np.frombuffer(data, "<i2") * np.float32(2.0**-15)


def _pcm24(data: bytes) -> NDArray[np.float32]:
    wide = np.zeros((len(data) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)  # into the upper three bytes: the sign comes along
    return wide.view("<i4").reshape(-1).astype(np.float32) * np.float32(2.0**-31)


def _pcm32(data: bytes) -> NDArray[np.float32]:
    return np.frombuffer(data, "<i4").astype(np.float32) * np.float32(2.0**-31)


def _floats(kind: str) -> _Decoder:
    def decode(data: bytes) -> NDArray[np.float32]:
        # Clipped in its own type: float64 may hold what float32 cannot.
        sound = np.nan_to_num(np.frombuffer(data, kind), nan=0.0, posinf=1.0, neginf=-1.0)
        clipped: NDArray[np.float32] = np.clip(sound, -1.0, 1.0).astype(np.float32)
        return clipped

    return decode


_DECODERS: dict[tuple[int, int], _Decoder] = {
    (PCM, 8): _pcm8,
    (PCM, 16): _pcm16,
    (PCM, 24): _pcm24,
    (PCM, 32): _pcm32,
    (FLOAT, 32): _floats("<f4"),
    (FLOAT, 64): _floats("<f8"),
}


@dataclass(frozen=True, slots=True)
class _Format:
    codec: int
    channels: int
    rate: int
    bits: int


class WavReader:
    """An open WAV file: mono float32 in [-1, 1], in order. Two channels are averaged. Use it as a context manager."""

    def __init__(self, file: BinaryIO, form: _Format, start: int, frames: int) -> None:
        self.rate = form.rate
        """Hz."""
        self.channels = form.channels
        self.frames = frames
        """Samples of each channel."""
        self.position = 0
        """Samples read so far."""
        self._file = file
        self._channels = form.channels
        self._frame_bytes = form.channels * form.bits // 8
        self._decode = _DECODERS[form.codec, form.bits]
        file.seek(start)

    @property
    def seconds(self) -> float:
        return self.frames / self.rate

    def read(self, count: int) -> Samples:
        """The next ``count`` samples at ``rate``; fewer at the end, then none."""
        count = min(count, self.frames - self.position)
        data = self._file.read(count * self._frame_bytes)
        if len(data) < count * self._frame_bytes:  # cut short since it was opened
            count = len(data) // self._frame_bytes
            self.frames = self.position + count
            data = data[: count * self._frame_bytes]
        self.position += count
        samples = self._decode(data)
        return samples if self._channels == 1 else samples.reshape(-1, self._channels).mean(axis=1, dtype=np.float32)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> WavReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_wav(path: str | os.PathLike[str]) -> WavReader:
    """Open a WAV file for reading: PCM of 8, 16, 24 or 32 bits or float of 32 or 64, 1-2 channels, any rate.

    A file whose writer was killed (sizes left at 0 or 0xFFFFFFFF) or that was cut short is read to its end. Raises
    ParleyError with one sentence for anything else.
    """
    try:
        file = open(path, "rb", opener=_at_once)  # noqa: SIM115 - the reader owns it
    except FileNotFoundError:
        raise ParleyError(f"there is no sound file {path}; check the path") from None
    except IsADirectoryError:
        raise ParleyError(f"{path} is a folder; name a WAV file in it") from None
    except OSError as error:
        raise ParleyError(f"the sound file {path} cannot be read ({error.strerror}); check its permissions") from None
    try:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _Unfit("is no file but a pipe or a device; save its sound in a WAV file first")
        form, start, frames = _parse(file)
        return WavReader(file, form, start, frames)
    except _Unfit as why:
        file.close()
        raise ParleyError(f"{path} {why}") from None
    except OSError as error:
        file.close()
        raise ParleyError(f"the sound file {path} cannot be read ({error.strerror}); try a copy of it") from None


def _at_once(path: str, flags: int) -> int:
    """To open a named pipe would wait for its other end, for ever perhaps, and no Ctrl+C would reach the thread."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)


class _Unfit(Exception):
    """What is wrong with the file and what to do: the sentence's part after its path."""


def _parse(file: BinaryIO) -> tuple[_Format, int, int]:
    """The format, the offset of the first sample, and the number of frames."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if not head:
        raise _Unfit("is empty; record it again or name another file")
    if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        raise _Unfit("is not a WAV file; convert it first, for example with: ffmpeg -i FILE -ac 1 -ar 16000 out.wav")
    riff_size = struct.unpack_from("<I", head, 4)[0]
    form: _Format | None = None
    long_size = None
    while len(chunk := file.read(8)) == 8:
        name, length = struct.unpack("<4sI", chunk)
        start = file.tell()
        if name == b"data":
            if form is None:
                raise _Unfit("is a broken WAV file (its sound comes before its format); convert it again")
            if length == UNKNOWN_SIZE:
                length = size if long_size is None else long_size
            elif length == 0 and riff_size + 8 < size:
                length = size  # its writer was killed before it could say how much there is
            frame_bytes = form.channels * form.bits // 8
            return form, start, min(length, size - start) // frame_bytes
        if name == b"fmt ":
            form = _format(file.read(min(length, 40)))
        elif name == b"ds64" and length >= 16:
            sizes = file.read(16)
            if len(sizes) < 16:
                raise _Unfit("is a broken WAV file (its sizes are cut short); convert it again")
            long_size = struct.unpack_from("<8xQ", sizes)[0]
        file.seek(start + length + length % 2)
    raise _Unfit("is a WAV file without sound data; record it again or name another file")


def _format(chunk: bytes) -> _Format:
    if len(chunk) < 16:
        raise _Unfit("is a broken WAV file (its format is cut short); convert it again")
    codec, channels, rate, _, align, bits = struct.unpack_from("<HHIIHH", chunk)
    if codec == EXTENSIBLE and len(chunk) >= 26:
        codec = struct.unpack_from("<H", chunk, 24)[0]  # the first field of the sub-format's GUID
    if (codec, bits) not in _DECODERS:
        name = _CODECS.get(codec, f"{bits}-bit sound" if codec in (PCM, FLOAT) else f"codec 0x{codec:04X}")
        raise _Unfit(f"holds {name}, which Parley does not read; convert it to 16-bit PCM")
    if channels not in (1, 2):
        raise _Unfit(f"has {channels} channels; mix it down to one or two")
    if rate == 0 or align != channels * bits // 8:
        raise _Unfit("is a broken WAV file (its format contradicts itself); convert it again")
    return _Format(codec, channels, rate, bits)


class WavWriter:
    """A 16-bit mono WAV file that is valid whenever it is looked at; ``flush`` makes its header count all of it.

    Writes go straight to the file: a call blocks for as long as the disk does, so call it in a thread.
    """

    def __init__(self, path: str | os.PathLike[str], rate: int) -> None:
        """Create or replace the file. Raises ParleyError where that is not possible."""
        self.rate = rate
        self.length = 0
        """Samples written so far, those included that a full disk refused."""
        try:
            self._file: Any = open(path, "wb", buffering=0, opener=_at_once)  # noqa: SIM115 - open until ``close``
            self.flush()
        except FileNotFoundError:
            folder = Path(path).parent
            if folder.is_dir():  # it is one of the system's own, which takes no files
                raise ParleyError(f"{path} cannot be written in that folder; choose another place") from None
            raise ParleyError(f"{path} cannot be written: there is no folder {folder}; create it first") from None
        except OSError as error:
            raise ParleyError(f"{path} cannot be written ({error.strerror}); choose another place") from None

    def append(self, samples: NDArray[Any], *, at: int | None = None) -> None:
        """Write float32 in [-1, 1] (clipped) or int16 behind all that was written, or from sample ``at`` on.

        What lies between the end and ``at`` is silence. Raises OSError, on a full disk for instance; what is appended
        after that still lands at its own time in the file.
        """
        if samples.dtype != np.int16:
            samples = np.clip(np.rint(samples * 32768.0), -32768, 32767)
        first = self.length if at is None else at
        self.length = max(self.length, first + len(samples))
        self._put(HEADER.size + 2 * first, samples.astype("<i2").tobytes())

    def flush(self) -> None:
        """Let the header say what the file holds. Raises OSError."""
        held = max(0, os.fstat(self._file.fileno()).st_size - HEADER.size)
        data = min(2 * self.length, held - held % 2, UNKNOWN_SIZE - HEADER.size)
        fields = (b"fmt ", 16, PCM, 1, self.rate, 2 * self.rate, 2, 16)
        self._put(0, HEADER.pack(b"RIFF", HEADER.size - 8 + data, b"WAVE", *fields, b"data", data))

    def close(self) -> None:
        """Flush and close. Raises OSError; the file is closed all the same."""
        if not self._file.closed:
            try:
                self.flush()
            finally:
                self._file.close()

    def _put(self, start: int, data: bytes) -> None:
        self._file.seek(start)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
