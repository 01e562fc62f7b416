"""Sound on the wire: 16-bit PCM, with and without a WAV header."""

from __future__ import annotations

import struct

import numpy as np

from assistant.ports import Samples

_SCALE = 32768.0


def pcm16(samples: Samples) -> bytes:
    """``samples``, float32 in [-1, 1], as little-endian 16-bit PCM; what is louder is clipped."""
    data: bytes = np.clip(np.rint(samples * _SCALE), -_SCALE, _SCALE - 1).astype("<i2").tobytes()
    return data


def wav(samples: Samples, rate: int) -> bytes:
    """A mono 16-bit WAV file of ``samples``, float32 in [-1, 1] at ``rate`` Hz."""
    data = pcm16(samples)
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16,
                       b"data", len(data)) + data  # fmt: skip


class PcmReader:
    """Little-endian 16-bit mono PCM that comes in pieces of any length -> samples.

    Some servers send a WAV file when asked for bare PCM; its header is taken off. Raises ValueError with a clause when
    the sound is nothing that can be played at ``rate``.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._held = b""
        self._begun = False

    def feed(self, data: bytes) -> Samples:
        self._held += data
        if not self._begun:
            if b"RIFF".startswith(self._held[:4]) or self._held[:4] == b"RIFF":
                at = self._held.find(b"data", 12)
                if at < 0 or len(self._held) < at + 8:
                    if len(self._held) > 4096:
                        raise ValueError("sent a WAV file without sound")
                    return np.zeros(0, np.float32)
                self._check(self._held[:at])
                self._held = self._held[at + 8 :]
            elif self._held[:3] == b"ID3" or self._held[:4] in (b"OggS", b"fLaC"):
                raise ValueError("sent compressed sound where 16-bit PCM was asked for")
            self._begun = True
        whole = len(self._held) // 2 * 2
        samples = np.frombuffer(self._held[:whole], "<i2").astype(np.float32) / np.float32(_SCALE)
        self._held = self._held[whole:]
        return samples

    def _check(self, header: bytes) -> None:
        at = header.find(b"fmt ", 12)
        if at < 0 or len(header) < at + 24:
            raise ValueError("sent a WAV file that cannot be read")
        kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", header, at + 8)
        if (channels, bits) != (1, 16) or kind not in (1, 0xFFFE):
            raise ValueError("sent a WAV file that is not mono 16-bit PCM")
        if rate != self._rate:
            raise ValueError(f"sent sound at {rate} Hz, not {self._rate}; set the option rate = {rate}")
