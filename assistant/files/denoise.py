"""Steady noise taken out of a recording: WebRTC's suppression, block by block, on the recording's own time."""

from __future__ import annotations

import numpy as np

from assistant.audio.echo import BLOCK
from assistant.audio.webrtc import WebRtc
from assistant.ports import Samples


class Denoiser:
    """Push a recording's sound at CAPTURE_RATE in pieces of any size; get as much back, in step. Blocks; in one thread.

    Raises ProviderUnavailable without the package.
    """

    def __init__(self) -> None:
        self._processor = WebRtc(echo=False, noise=True)
        self._late = self._processor.lag
        """Samples that are still to be dropped, so that what comes out is in step with what went in."""
        self._rest = np.empty(0, np.float32)
        self._owed = 0
        """Samples that went in and have not come out."""

    def push(self, samples: Samples, *, last: bool = False) -> Samples:
        """``last``: give all that is left."""
        self._owed += len(samples)
        sound = np.concatenate((self._rest, samples))
        if last:
            sound = np.pad(sound, (0, self._processor.lag))
            sound = np.pad(sound, (0, -len(sound) % BLOCK))
        whole = len(sound) - len(sound) % BLOCK
        self._rest = sound[whole:]
        blocks = np.clip(np.rint(sound[:whole] * 32768.0), -32768, 32767).astype(np.int16).reshape(-1, BLOCK)
        for block in blocks:
            self._processor.process(block)
        out = blocks.reshape(-1)[self._late :]
        self._late -= whole - len(out)
        out = out[: self._owed]
        self._owed -= len(out)
        treated: Samples = out * np.float32(2.0**-15)
        return treated
