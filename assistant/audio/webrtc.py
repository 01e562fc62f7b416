"""WebRTC's audio processing (echo cancelling, noise suppression), from the ``livekit`` wheel (Apache-2.0).

It needs no hint about the delay. Every block must be 10 ms long to the sample: with any other the library aborts the
whole process. Its automatic gain stays off: it lifts what is left of the echo.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from assistant.audio.echo import BLOCK, Block, EchoCanceller
from assistant.audio.linear import LinearCanceller
from assistant.ports import CAPTURE_RATE, ProviderUnavailable

LAG_ECHO, LAG_NOISE = 128, 96
"""Samples by which its cancelling and its suppression are late (livekit 1.2, found by correlation)."""


class WebRtc:
    """One stream's processing. Loading the library takes 0.1 s the first time and blocks: do it in a thread."""

    def __init__(self, *, echo: bool = True, noise: bool = True) -> None:
        """``echo``: take out the loudspeaker. ``noise``: suppress steady noise. Raises ProviderUnavailable."""
        try:
            rtc: Any = import_module("livekit.rtc")
        except ImportError as error:
            if error.name not in ("livekit", "livekit.rtc"):
                raise  # the package is there, and broken in itself
            raise ProviderUnavailable(
                "echo cancelling needs the Python package 'livekit'; install it with: pip install 'parley-voice[echo]'"
            ) from error
        self._module = rtc.AudioProcessingModule(
            echo_cancellation=echo, noise_suppression=noise, high_pass_filter=False, auto_gain_control=False
        )
        self.lag = LAG_ECHO * echo + LAG_NOISE * noise
        # Made once and filled again for every block.
        self._frame: Any = rtc.AudioFrame(bytearray(2 * BLOCK), CAPTURE_RATE, 1, BLOCK)
        self._samples = np.frombuffer(self._frame.data, np.int16)

    def reference(self, block: Block) -> None:
        self._samples[:] = block
        self._module.process_reverse_stream(self._frame)

    def process(self, block: Block) -> None:
        self._samples[:] = block
        self._module.process_stream(self._frame)
        block[:] = self._samples


def echo_canceller(playback_rate: int, *, echo: bool = True, noise: bool = True, linear: bool = True) -> EchoCanceller:
    """WebRTC's, for a loudspeaker at ``playback_rate`` Hz; ``linear``: with a linear one beside it, if ``echo``. Raises
    ProviderUnavailable without the package. Blocks."""
    beside = LinearCanceller(playback_rate) if echo and linear else None
    return EchoCanceller(WebRtc(echo=echo, noise=noise), playback_rate, beside)
