"""One direction of sound over time: the device wanted, the stream there is, and what is known of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from assistant.audio import server
from assistant.audio.devices import Device, Direction, find, list_devices, portaudio, refusal
from assistant.audio.steadiness import Steadiness
from assistant.audio.stream import Callback, Stream
from assistant.audio.watchdog import Watchdog
from assistant.errors import ParleyError

MORE_RATES = (48_000, 44_100)
"""Hz to try where a device takes neither the rate that is best for us nor the one it prefers."""


class Side:
    """What blocks is called in the thread of PortAudio's calls; the rest belongs to the loop."""

    def __init__(
        self,
        direction: Direction,
        wanted: str,
        *,
        rate: int,
        block: Callable[[int], int],
        callback: Callable[[Stream], Callback],
    ) -> None:
        """``wanted``: a device's name, "" for the default. ``rate``: Hz to ask for first. ``block``: samples in a
        callback at a rate. ``callback``: what a stream is to call."""
        self.direction = direction
        self.wanted = wanted
        self.stream: Stream | None = None
        self.behind = ""
        """Where the sound server leads the stream."""
        self.announced: str | None = None
        """The name last told; None: none works."""
        self.dog = Watchdog(0.0)
        self.calls_seen = 0
        self.steadiness = Steadiness()
        self.lost_seen = 0
        self.over = False
        """The duplex is being closed: a stream that is still being opened is not wanted any more."""
        self._device: Device | None = None
        self._rate, self._block, self._callback = rate, block, callback
        self._lost_before = 0
        """Of streams that are closed."""

    @property
    def name(self) -> str:
        """The device in use, or the last one that was: PortAudio's name, and what stands behind it."""
        if self._device is None:
            return self.wanted
        own = self._device.name
        if self._device.target:
            return self.behind or own
        return f"{own} ({self.behind})" if self.behind and self.behind != own else own

    @property
    def lost(self) -> int:
        """Callbacks at which sound was lost, or missing."""
        return self._lost_before + (self.stream.lost if self.stream is not None else 0)

    @property
    def failure(self) -> Exception | None:
        return self.stream.failure if self.stream is not None else None

    def order(self, *, following: bool) -> tuple[str, ...]:
        """Names to try. A lost device may open and never say a word: so every second attempt begins elsewhere."""
        if not following or not self.wanted:
            return (self.wanted,)
        return ("", self.wanted) if self.dog.attempts % 2 else (self.wanted, "")

    def open(self, names: Sequence[str], *, any_will_do: bool) -> None:
        """Close what is open and open the first of ``names`` that can be. Blocks. Raises NoDevice."""
        self.close()
        sd = portaudio()
        state = server.ask()
        failure: ParleyError | None = None
        for name in names:
            try:
                device = find(_devices(sd, self.direction, state), name, self.direction, any_will_do=any_will_do)
                stream = self._opened(sd, device)
            except ParleyError as error:
                failure = failure or error
                continue
            self._take(stream, device)
            return
        assert failure is not None
        raise failure

    def close(self) -> None:
        """Blocks."""
        stream, self.stream = self.stream, None
        if stream is not None:
            self._lost_before += stream.lost
            stream.close(portaudio())

    def _take(self, stream: Stream, device: Device) -> None:
        state = server.ask()
        self.behind = state.behind(self.direction) if state is not None else ""
        self._device, self.calls_seen = device, 0
        self.stream = stream
        if self.over:
            self.close()

    def _opened(self, sd: Any, device: Device) -> Stream:
        failure: Exception | None = None
        for rate in dict.fromkeys((self._rate, int(device.rate), *MORE_RATES)):
            stream = Stream(self.direction, device, rate)
            try:
                stream.open(sd, self._block(rate), self.steadiness.seconds, self._callback(stream))
            except sd.PortAudioError as error:
                failure = failure or error
                continue
            if device.target:
                try:
                    server.move(self.direction, device.target)
                except ParleyError as error:
                    stream.close(sd)
                    raise refusal(self.direction, device.name, error) from None
            return stream
        assert failure is not None
        raise refusal(self.direction, device.name, failure)


def _devices(sd: Any, direction: Direction, state: server.ServerState | None) -> list[Device]:
    try:
        return list_devices(state)
    except sd.PortAudioError as error:
        raise refusal(direction, "", error) from None
