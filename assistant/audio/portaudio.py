"""The machine's own microphone and loudspeaker, through PortAudio.

One stream for each direction, which is steadier than one for both. The callbacks copy between the device's memory and
ours and wake the event loop; all else is done in the loop. A device that is lost, or falls silent without a word, is
opened again or replaced by the default one, while the conversation goes on: it hears silence meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import numpy as np

from assistant.audio.clocks import AudioClock, PlaceClock
from assistant.audio.devices import Device, Direction, find, list_devices, portaudio, refusal
from assistant.audio.handover import Handover
from assistant.audio.polyphase import Polyphase
from assistant.audio.ring import Ring
from assistant.audio.watchdog import SILENT, Do, Watchdog
from assistant.errors import ParleyError
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples

PLAYBACK_RATE = 24_000
"""Hz of what `play` takes, whatever the device does."""
OUTPUT_BLOCK = 0.01
"""Seconds of sound that the loudspeaker's device asks for at a time."""
WATCH_EVERY = 0.1
TAP_SLIP = 0.01
"""Seconds by which a tap may be off before it is set right."""
CLOSING = 0.5
"""Seconds that a device may take to close; one that hangs is left behind."""

_wall = time.monotonic  # noqa: TID251 - the callbacks' threads have no event loop whose clock they could read


class _Stream:
    """One open direction. What the callback needs, and what it leaves for the loop."""

    def __init__(self, direction: Direction, device: Device) -> None:
        self.direction = direction
        self.device = device
        self.calls = 0
        self.flagged = 0
        """Callbacks with which the device reported that sound was lost, or missing."""
        self.ended = False
        self.latency = 0.0
        self.sd_stream: Any = None

    def open(self, sd: Any, rate: int, block: int, callback: Callable[..., None]) -> None:
        """Open and start. Blocks. Raises what sounddevice raises."""
        make = sd.InputStream if self.direction == "input" else sd.OutputStream
        for channels in (1, 2):  # some hardware has no single channel
            try:
                self.sd_stream = make(
                    device=self.device.index,
                    samplerate=rate,
                    blocksize=block,
                    channels=channels,
                    dtype="float32",
                    latency="low",
                    callback=callback,
                    finished_callback=self._finished,
                )
                break
            except sd.PortAudioError:
                if channels == 2:
                    raise
        self.latency = float(self.sd_stream.latency)
        self.sd_stream.start()

    def _finished(self) -> None:
        self.ended = True

    def close(self, sd: Any) -> None:
        """Blocks."""
        with suppress(sd.PortAudioError):
            self.sd_stream.abort()
        with suppress(sd.PortAudioError):
            self.sd_stream.close()


class _Side:
    """One direction over time: the device wanted, the stream there is, and its watchdog."""

    def __init__(self, direction: Direction, wanted: str) -> None:
        self.direction = direction
        self.wanted = wanted
        self.stream: _Stream | None = None
        self.name = ""
        self.dog = Watchdog(0.0)
        self.calls_seen = 0
        self.flags_before = 0
        """Of streams that are closed."""
        self.told_lost = False

    @property
    def flagged(self) -> int:
        return self.flags_before + (self.stream.flagged if self.stream else 0)


class PortAudioDuplex:
    """A Duplex of sound devices; see `open_duplex`. Its clock starts with ``start``; sound before is discarded."""

    playback_rate = PLAYBACK_RATE
    input_over = False

    def __init__(
        self, input: str | None, output: str | None, on_device_changed: Callable[[str | None, str | None], None] | None
    ) -> None:
        self.on_device_changed = on_device_changed
        """Called in the loop with the old and the new device's name; None where there is none."""
        both: list[tuple[Direction, str | None]] = [("input", input), ("output", output)]
        self._sides = [_Side(direction, name) for direction, name in both if name is not None]
        self._handover = Handover(PLAYBACK_RATE)
        self._places = PlaceClock(PLAYBACK_RATE)
        self._clock = AudioClock()
        self._captured = Ring(10 * 48_000)
        self._arrival = 0.0
        self._input_lag = 0.0
        """Seconds from the microphone to the callback."""
        self._pending = np.empty(0, np.float32)
        self._pushed = 0
        """Samples at CAPTURE_RATE that came since the start, silence for lost ones included."""
        self._frames = 0
        self._converter: Polyphase | None = None
        self._arrived = anyio.Event()
        self._wake = anyio.lowlevel.current_token().native_token.call_soon_threadsafe  # type: ignore[attr-defined]
        self._taps: list[Callable[[Samples], None]] = []
        self._tapped = 0
        """Places of the taps' own count, from t = 0 on."""
        self._tap_zero: int | None = None
        """The place that sounds at t = 0, as the taps see it."""
        self._reported = 0
        self._far = _Far()
        self._started = False
        self._one_at_a_time = anyio.Lock()

    # --- the Duplex ---

    @property
    def underruns(self) -> int:
        return self._handover.underruns + sum(side.flagged for side in self._sides if side.direction == "output")

    @property
    def overflows(self) -> int:
        return sum(side.flagged for side in self._sides if side.direction == "input")

    @property
    def latencies(self) -> dict[str, float]:
        """Seconds from each device to its callback or back, as PortAudio tells."""
        return {side.direction: side.stream.latency for side in self._sides if side.stream is not None}

    @property
    def names(self) -> dict[str, str]:
        """The devices in use, by direction."""
        return {side.direction: side.name for side in self._sides}

    def start(self) -> None:
        """Now is t = 0."""
        self._captured.read()
        self._clock.start(anyio.current_time())
        self._started = True

    def now(self) -> float:
        return self._clock.now(anyio.current_time())

    def frames(self) -> AsyncIterator[Frame]:
        return _Frames(self._next_frame)

    async def _next_frame(self) -> Frame:
        await anyio.lowlevel.checkpoint()
        while True:
            self._collect()
            if len(self._pending) >= FRAME:
                break
            self._arrived = anyio.Event()
            with anyio.move_on_after(self._wait()):
                await self._arrived.wait()
        samples, self._pending = self._pending[:FRAME], self._pending[FRAME:]
        frame = Frame(samples, self._frames * FRAME)
        self._frames += 1
        self._handover.top_up()
        self._pass_on(frame.end)
        return frame

    def play(self, samples: Samples, *, first: bool) -> int:
        return self._handover.write(samples, first=first)

    def pause(self) -> None:
        self._handover.pause()

    def resume(self) -> None:
        self._handover.resume()

    def drop(self) -> int:
        return self._handover.drop()

    def heard(self) -> int:
        """What had left the loudspeaker when the newest captured sound reached the microphone."""
        self._note_places()
        return self._handover.heard(self._places.place(self._clock.wall(self.now()) - self._input_lag))

    def time_of(self, position: int) -> float | None:
        self._note_places()
        place = self._handover.place_of(position)
        if place is None or not self._places.known:
            return None
        return self._places.wall(place) + self._input_lag - self._clock.wall(0.0)

    def tap(self, sink: Callable[[Samples], None]) -> None:
        self._taps.append(sink)

    # --- sound in ---

    def _hear(self, stream: _Stream, rate: int, data: Any, count: int, times: Any, status: Any) -> None:
        """The input callback."""
        stream.calls += 1
        if status.input_overflow:
            stream.flagged += 1
        self._captured.write(data[:, 0])
        self._arrival = _wall()
        late = times.currentTime - times.inputBufferAdcTime - count / rate
        stream.latency = late if 0.0 <= late < 0.5 else stream.latency
        with suppress(RuntimeError):  # the loop has been closed
            self._wake(self._wake_up)

    def _wake_up(self) -> None:
        self._arrived.set()

    def _collect(self) -> None:
        """Take what was captured, and silence for what was not."""
        if not self._started:
            self._captured.read()
            return
        new = self._captured.read()
        if len(new):
            wall = self._arrival
            if self._converter is not None:
                new = self._convert(self._converter, new)
            missing = round(self._clock.now(wall) * CAPTURE_RATE) - self._pushed - len(new)
            if missing > SILENT * CAPTURE_RATE / 2:
                self._push(np.zeros(missing, np.float32))
            self._push(new)
            self._clock.arrived(self._pushed / CAPTURE_RATE, wall)
            for side in self._sides:
                if side.direction == "input" and side.stream is not None:
                    self._input_lag += 0.05 * (side.stream.latency - self._input_lag)
            return
        # A device that is dead is silent, in real time.
        missing = round(self.now() * CAPTURE_RATE) - self._pushed
        if missing >= FRAME and (missing > SILENT * CAPTURE_RATE or self._deaf()):
            self._push(np.zeros(missing // FRAME * FRAME, np.float32))

    def _deaf(self) -> bool:
        return all(side.dog.lost for side in self._sides if side.direction == "input")

    def _wait(self) -> float:
        return FRAME / CAPTURE_RATE if self._deaf() else SILENT

    def _push(self, samples: Samples) -> None:
        self._pending = np.concatenate((self._pending, samples))
        self._pushed += len(samples)

    @staticmethod
    def _convert(converter: Polyphase, new: Samples) -> Samples:
        parts = []
        for start in range(0, len(new), 1024):
            part = new[start : start + 1024]
            converter.inlet(len(part))[:] = part
            out = np.empty(converter.ready(len(part)), np.float32)
            converter.convert(len(part), out)
            parts.append(out)
        return np.concatenate(parts)

    # --- sound out ---

    def _speak(
        self,
        stream: _Stream,
        converter: Polyphase | None,
        mono: Samples,
        data: Any,
        count: int,
        times: Any,
        status: Any,
    ) -> None:  # noqa: E501
        """The output callback."""
        stream.calls += 1
        if status.output_underflow and self._handover.busy:
            stream.flagged += 1
        ahead = times.outputBufferDacTime - times.currentTime
        sounds_at = _wall() + (ahead if 0.0 < ahead < 1.0 else stream.latency)
        if converter is None:
            self._handover.take(mono[:count], sounds_at)
        else:
            needed = converter.needed(count)
            self._handover.take(converter.inlet(needed), sounds_at)
            converter.convert(needed, mono[:count])
        data[:] = mono[:count, None]

    def _note_places(self) -> None:
        place, wall = self._handover.handed
        if place != self._reported:
            self._reported = place
            self._places.reported(place, wall)

    def _pass_on(self, until: float) -> None:
        """Hand the taps what left the loudspeaker up to audio-clock second ``until``."""
        self._note_places()
        if not self._taps:
            self._handover.out.read()
            return
        end = round(until * PLAYBACK_RATE)
        stretch = np.zeros(max(0, end - self._tapped), np.float32)
        self._far.add(self._handover.out.read())
        if self._places.known:
            zero = round((self._clock.wall(0.0) - self._input_lag - self._places.wall(0)) * PLAYBACK_RATE)
            # The clocks' small corrections would be heard as clicks, one a frame: they are made when they matter.
            if self._tap_zero is None or abs(zero - self._tap_zero) > TAP_SLIP * PLAYBACK_RATE:
                self._tap_zero = zero
            self._far.copy(self._tapped + self._tap_zero, stretch)
        self._tapped = max(end, self._tapped)
        for sink in self._taps:
            sink(stretch)

    # --- devices come and go ---

    async def _open(self, side: _Side, *, rescan: bool = False) -> None:
        """Open what is wanted, or else the default. Raises NoDevice."""
        async with self._one_at_a_time:
            if rescan:
                await anyio.to_thread.run_sync(self._rescan, abandon_on_cancel=True)
            await anyio.to_thread.run_sync(self._open_now, side, abandon_on_cancel=True)
        if side.direction == "input":
            self._clock.restarted()

    def _rescan(self) -> None:
        sd = portaudio()
        for side in self._sides:
            self._close_now(side)
        with suppress(sd.PortAudioError):
            sd._terminate()
        sd._initialize()

    def _close_now(self, side: _Side) -> None:
        if side.stream is not None:
            side.flags_before += side.stream.flagged
            stream, side.stream = side.stream, None
            stream.close(portaudio())

    def _open_now(self, side: _Side) -> None:
        sd = portaudio()
        self._close_now(side)
        devices = list_devices()
        device = find(devices, side.wanted, side.direction)
        stream = _Stream(side.direction, device)
        rates = [CAPTURE_RATE if side.direction == "input" else PLAYBACK_RATE, int(device.rate), 48_000, 44_100]
        failure: Exception | None = None
        for rate in dict.fromkeys(rates):
            try:
                self._open_at(sd, side, stream, rate)
            except sd.PortAudioError as error:
                failure = failure or error
                continue
            side.stream, side.name, side.calls_seen = stream, device.name, 0
            return
        assert failure is not None
        raise refusal(side.direction, device.name, failure)

    def _open_at(self, sd: Any, side: _Side, stream: _Stream, rate: int) -> None:
        if side.direction == "input":
            block = FRAME * rate // CAPTURE_RATE
            converter = None if rate == CAPTURE_RATE else Polyphase(rate, CAPTURE_RATE, 1024)

            def hear(data: Any, count: int, times: Any, status: Any) -> None:
                self._hear(stream, rate, data, count, times, status)

            stream.open(sd, rate, block, hear)
            self._converter = converter
            return
        block = round(OUTPUT_BLOCK * rate)
        converter = None if rate == PLAYBACK_RATE else Polyphase(PLAYBACK_RATE, rate, block)
        mono = np.zeros(block, np.float32)

        def speak(data: Any, count: int, times: Any, status: Any) -> None:
            self._speak(stream, converter, mono, data, count, times, status)

        stream.open(sd, rate, block, speak)

    async def _watch(self) -> None:
        while True:
            await anyio.sleep(WATCH_EVERY)
            for side in self._sides:
                await self._look_after(side)

    async def _look_after(self, side: _Side) -> None:
        now = anyio.current_time()
        stream, dog = side.stream, side.dog
        if stream is None or stream.ended:
            dog.ended(now)
        elif stream.calls != side.calls_seen:
            side.calls_seen = stream.calls
            dog.called_back(now)
        do = dog.decide(now, other_busy=self._other_works(side))
        if do is Do.NOTHING:
            return
        before = side.name
        try:
            with anyio.fail_after(5.0):
                await self._open(side, rescan=do is Do.RESCAN)
        except Exception as error:
            if not isinstance(error, ParleyError | TimeoutError | portaudio().PortAudioError):
                raise
            dog.tried(anyio.current_time(), opened=False, rescanned=do is Do.RESCAN)
            if not side.told_lost:
                side.told_lost = True
                self._tell(before, None)
            return
        dog.tried(anyio.current_time(), opened=True, rescanned=do is Do.RESCAN)
        self._tell(None if side.told_lost else before, side.name)
        side.told_lost = False

    def _other_works(self, side: _Side) -> bool:
        return any(other is not side and not other.dog.lost for other in self._sides) and self._handover.busy

    def _tell(self, before: str | None, after: str | None) -> None:
        if self.on_device_changed is not None:
            self.on_device_changed(before, after)

    async def _close(self) -> None:
        with anyio.move_on_after(CLOSING, shield=True):
            for side in self._sides:
                await anyio.to_thread.run_sync(self._close_now, side, abandon_on_cancel=True)


class _Far:
    """The recent past of what the device was handed, by place."""

    def __init__(self) -> None:
        self._sound = np.empty(0, np.float32)
        self._end = 0

    def add(self, sound: Samples) -> None:
        self._sound = np.concatenate((self._sound, sound))[-2 * PLAYBACK_RATE :]
        self._end += len(sound)

    def copy(self, place: int, into: Samples) -> None:
        """Put what sounded from ``place`` on into ``into``; what is not known stays."""
        first = self._end - len(self._sound)
        start, end = max(place, first), min(place + len(into), self._end)
        if start < end:
            into[start - place : end - place] = self._sound[start - first : end - first]


class _Frames:
    """Calls ``following`` for ever."""

    def __init__(self, following: Callable[[], Any]) -> None:
        self._following = following

    def __aiter__(self) -> _Frames:
        return self

    async def __anext__(self) -> Frame:
        frame: Frame = await self._following()
        return frame


@asynccontextmanager
async def open_duplex(
    input: str | None = "",
    output: str | None = "",
    *,
    on_device_changed: Callable[[str | None, str | None], None] | None = None,
) -> AsyncIterator[PortAudioDuplex]:
    """Open microphone and loudspeaker by name ("": the default; None: none). Call ``start`` when the session starts.

    Raises NoDevice.
    """
    duplex = PortAudioDuplex(input, output, on_device_changed)
    async with anyio.create_task_group() as group:
        try:
            for side in duplex._sides:
                await duplex._open(side)
                side.dog = Watchdog(anyio.current_time())
            group.start_soon(duplex._watch)
            yield duplex
        finally:
            group.cancel_scope.cancel()
            await duplex._close()
