"""One open stream of one direction: what its callback needs, and what it leaves for the event loop."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from assistant.audio.devices import Device, Direction

Callback = Callable[[Any, int, Any, Any], None]
"""What sounddevice calls: with the sound (count, channels), count, times and status flags."""


class Stream:
    """Opened and closed in the thread of PortAudio's calls; its fields may be read anywhere."""

    def __init__(self, direction: Direction, device: Device, rate: int) -> None:
        """``rate`` in Hz."""
        self.direction = direction
        self.device = device
        self.rate = rate
        self.calls = 0
        """How often it has called back."""
        self.lost = 0
        """Callbacks at which sound was lost, or missing."""
        self.ended = False
        """The device said that it is gone."""
        self.failure: Exception | None = None
        """A defect of ours, found by a callback, which must not raise."""
        self.latency = 0.0
        """Seconds from the device to the callback or back."""
        self._live = True
        self._sd_stream: Any = None

    def open(self, sd: Any, block: int, latency: float | None, work: Callback) -> None:
        """Open and start, with ``block`` samples a callback and ``latency`` seconds (None: the device's least).

        Blocks. Raises what sounddevice raises.
        """
        make = sd.InputStream if self.direction == "input" else sd.OutputStream
        for channels in (1, 2):  # some hardware has no single channel
            try:
                self._try(sd, channels)
                self._sd_stream = make(
                    device=self.device.index,
                    samplerate=self.rate,
                    blocksize=block,
                    channels=channels,
                    dtype="float32",
                    latency="low" if latency is None else latency,
                    callback=self._guarded(work),
                    finished_callback=self._finished,
                )
                break
            except sd.PortAudioError:
                if channels == 2:
                    raise
        self.latency = float(self._sd_stream.latency)
        try:
            self._sd_stream.start()
        except sd.PortAudioError:
            self.close(sd)
            raise

    def _try(self, sd: Any, channels: int) -> None:
        """Raises what opening it would raise, where a failure to open could be the end of the process.

        PortAudio's ALSA part notes the error of a call in a variable that all threads share. Where the thread of
        another stream overwrites it, a stream that could not be opened counts as opened, and an assertion ends the
        process; a mere question is answered wrongly, and that both are is next to impossible. Two servers, one of which
        died, ended in one of four trials without the question, in none of 90 with it.
        """
        if sys.platform == "linux":
            check = sd.check_input_settings if self.direction == "input" else sd.check_output_settings
            check(device=self.device.index, channels=channels, dtype="float32", samplerate=self.rate)

    def close(self, sd: Any) -> None:
        """Blocks, at worst for ever. From now on its callback does nothing."""
        self._live = False
        if self._sd_stream is not None:
            with suppress(sd.PortAudioError):
                self._sd_stream.abort()
            with suppress(sd.PortAudioError):
                self._sd_stream.close()

    def _guarded(self, work: Callback) -> Callback:
        """Whatever happens, nothing is raised into PortAudio's thread, and what is played is sound or silence."""

        def callback(data: Any, count: int, times: Any, status: Any) -> None:
            try:
                if self._live:
                    self.calls += 1
                    work(data, count, times, status)
                    return
            except Exception as error:
                self.failure = self.failure or error
            if self.direction == "output":
                data.fill(0.0)

        return callback

    def _finished(self) -> None:
        self.ended = True
