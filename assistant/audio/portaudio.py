"""The machine's own microphone and loudspeaker, through PortAudio.

One stream for each direction, which is steadier than one for both. The callbacks copy between the device's memory and
ours and wake the event loop; all else is done in the loop. A device that is lost, or falls silent without a word, is
opened again or replaced by the default one, while the conversation goes on: it hears silence meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial

import anyio
import anyio.lowlevel
import anyio.to_thread

from assistant.audio import capture, playback, server
from assistant.audio.capture import Capture
from assistant.audio.devices import rescan
from assistant.audio.playback import PLAYBACK_RATE, Playback
from assistant.audio.quiet import quiet
from assistant.audio.side import Side
from assistant.audio.watchdog import SILENT, UNHEARD, Do, Watchdog
from assistant.audio.worker import Worker
from assistant.errors import ParleyError
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples

WATCH_EVERY = 0.1
"""Seconds between two looks at the devices."""
OPENING = 5.0
"""Seconds that a lost device may take to open again before that counts as failed."""
CLOSING = 0.5
"""Seconds that the devices may take to close; one that hangs is left behind."""
SEVERAL = 0.1
"""Seconds in which a sound server's changes count as one."""

OnDeviceChanged = Callable[[str | None, str | None], None]

_log = logging.getLogger(__name__)


class PortAudioDuplex:
    """A Duplex of sound devices; see `open_duplex`. Its clock starts with ``start``; sound before is discarded."""

    playback_rate = PLAYBACK_RATE
    input_over = False

    def __init__(self, input: str | None, output: str | None, on_device_changed: OnDeviceChanged | None) -> None:
        """Call it in the event loop."""
        self.on_device_changed = on_device_changed
        """Called in the loop with the old and the new device's name; None where there is none."""
        self._wake = anyio.lowlevel.current_token().native_token.call_soon_threadsafe  # type: ignore[attr-defined]
        self._arrived = anyio.Event()
        self._capture = Capture(self._captured)
        self._playback = Playback()
        self._sides: list[Side] = []
        if input is not None:
            self._sides.append(
                Side("input", input, rate=CAPTURE_RATE, block=capture.block, callback=self._capture.callback)
            )
        if output is not None:
            self._sides.append(
                Side("output", output, rate=PLAYBACK_RATE, block=playback.block, callback=self._playback.callback)
            )
        self._worker = Worker()

    # --- the Duplex ---

    @property
    def underruns(self) -> int:
        return self._playback.handover.underruns + sum(side.lost for side in self._of("output"))

    @property
    def overflows(self) -> int:
        return sum(side.lost for side in self._of("input"))

    @property
    def lost(self) -> int:
        """Times that a device lost sound, so that from then on an echo comes sooner or later than before."""
        return sum(side.lost for side in self._sides)

    @property
    def latencies(self) -> dict[str, float]:
        """Seconds from each device to its callback or back, by direction, as the device tells."""
        return {side.direction: side.stream.latency for side in self._sides if side.stream is not None}

    @property
    def names(self) -> dict[str, str]:
        """The devices in use, by direction, with what the sound server has behind them: "default (Headset)"."""
        return {side.direction: side.name for side in self._sides}

    def start(self) -> None:
        """Now is t = 0."""
        self._capture.start(anyio.current_time())

    def now(self) -> float:
        return self._capture.clock.now(anyio.current_time())

    def frames(self) -> AsyncIterator[Frame]:
        return _Frames(self)

    async def next_frame(self) -> Frame:
        """The next captured frame. What must be done now and then is done here."""
        await anyio.lowlevel.checkpoint()
        while True:
            deaf = all(side.dog.lost for side in self._of("input"))
            frame = self._capture.next(anyio.current_time(), dead=deaf)
            if frame is not None:
                break
            self._arrived = anyio.Event()
            with anyio.move_on_after(FRAME / CAPTURE_RATE if deaf else SILENT):
                await self._arrived.wait()
        self._playback.handover.top_up()
        if not self._of("output"):
            self._playback.discard(anyio.current_time())
        self._playback.pass_on(frame.end, self._at_the_loudspeaker(0.0))
        return frame

    def play(self, samples: Samples, *, first: bool) -> int:
        return self._playback.handover.write(samples, first=first)

    def pause(self) -> None:
        self._playback.handover.pause()

    def resume(self) -> None:
        self._playback.handover.resume()

    def duck(self, gain: float) -> None:
        self._playback.handover.duck(gain)

    def drop(self) -> int:
        return self._playback.handover.drop()

    def heard(self) -> int:
        """What had left the loudspeaker when the newest captured sound reached the microphone."""
        return self._playback.heard(self._at_the_loudspeaker(self.now()))

    def time_of(self, position: int) -> float | None:
        at = self._playback.sounds_at(position)
        return None if at is None else at - self._at_the_loudspeaker(0.0)

    def tap(self, sink: Callable[[Samples], None], *, early: bool = False) -> None:
        self._playback.tap(sink, early=early)

    def _at_the_loudspeaker(self, second: float) -> float:
        """The loop's time at which sound must leave the loudspeaker to be heard at that second of the audio clock."""
        return self._capture.clock.wall(second) - self._capture.lag

    def _captured(self) -> None:
        """In the input callback's thread."""
        with suppress(RuntimeError):  # the loop has been closed
            self._wake(self._wake_up)

    def _wake_up(self) -> None:
        self._arrived.set()

    def _of(self, direction: str) -> list[Side]:
        return [side for side in self._sides if side.direction == direction]

    # --- devices come and go ---

    async def open(self) -> None:
        """Open what is wanted. Raises NoDevice."""
        for side in self._sides:
            await self._open(side, following=False)
            side.dog = Watchdog(anyio.current_time())
            side.announced = side.name

    async def close(self) -> None:
        """Takes CLOSING at most."""
        for side in self._sides:
            side.over = True
        with anyio.move_on_after(CLOSING, shield=True):
            await self._worker.call(self._close_all)
        self._worker.end()

    async def watch(self) -> None:
        """Look after the devices for ever."""
        while True:
            acted = [await self._look_after(side) for side in self._sides]
            # To look for devices anew closes all of them: the next one is waiting to be opened again.
            await anyio.sleep(0 if any(acted) else WATCH_EVERY)

    async def follow(self) -> None:
        """Tell where the sound server leads the streams, which PortAudio does not know."""
        async with aclosing(server.changes()) as changes:  # its process ends here, not some time later
            async for _ in changes:
                await anyio.sleep(SEVERAL)
                await self._look_behind()

    async def _look_behind(self) -> None:
        state = await anyio.to_thread.run_sync(server.ask, abandon_on_cancel=True)
        for side in self._sides:
            behind = state.behind(side.direction) if state is not None else ""
            if behind:
                side.behind = behind
                if not side.dog.lost:
                    self._announce(side, side.name)

    async def _look_after(self, side: Side) -> bool:
        """Open what must be opened; says whether anything was done."""
        now = anyio.current_time()
        stream, dog = side.stream, side.dog
        if stream is None or stream.ended or stream.failure:
            if stream is not None and stream.failure:
                _log.error("the %s's callback broke: %r", side.direction, stream.failure)
            dog.ended(now)
        elif stream.calls != side.calls_seen:
            side.calls_seen = stream.calls
            dog.called_back(now)
            self._announce(side, side.name)
        elif dog.lost_for(now) > UNHEARD:
            self._announce(side, None)
        if self._steadier(side, now):
            with suppress(ParleyError, TimeoutError):  # the watchdog will see to it
                await self._open_again(side, rescanned=False)
            return True
        do = dog.decide(now, other_busy=self._other_works(side))
        if do is Do.NOTHING:
            return False
        try:
            await self._open_again(side, rescanned=do is Do.RESCAN)
        except (ParleyError, TimeoutError):
            dog.tried(anyio.current_time(), opened=False, rescanned=do is Do.RESCAN)
            self._announce(side, None)
        else:
            dog.tried(anyio.current_time(), opened=True, rescanned=do is Do.RESCAN)
        return True

    def _steadier(self, side: Side, now: float) -> bool:
        """The loudspeaker ran dry too often: it is to be opened again, with more in advance."""
        new, side.lost_seen = side.lost - side.lost_seen, side.lost
        if side.direction != "output" or side.stream is None or side.dog.lost:
            return False
        side.steadiness.ran_dry(new, now)
        return side.steadiness.raised(now, busy=self._playback.handover.busy, latency=side.stream.latency)

    async def _open_again(self, side: Side, *, rescanned: bool) -> None:
        with anyio.fail_after(OPENING):
            if rescanned:
                await self._worker.call(self._rescan)
            await self._open(side, following=True)

    async def _open(self, side: Side, *, following: bool) -> None:
        names = side.order(following=following)
        await self._worker.call(partial(side.open, names, any_will_do=following))
        now = anyio.current_time()
        side.steadiness.opened(now)
        if side.direction == "input":
            self._capture.clock.restarted()

    def _rescan(self) -> None:
        self._close_all()
        rescan()

    def _close_all(self) -> None:
        for side in self._sides:
            side.close()

    def _other_works(self, side: Side) -> bool:
        return any(other is not side and not other.dog.lost for other in self._sides) and self._playback.handover.busy

    def _announce(self, side: Side, name: str | None) -> None:
        if side.announced == name:
            return
        before, side.announced = side.announced, name
        if self.on_device_changed is not None:
            self.on_device_changed(before, name)


class _Frames:
    """The frames of a duplex, without end."""

    def __init__(self, duplex: PortAudioDuplex) -> None:
        self._duplex = duplex

    def __aiter__(self) -> _Frames:
        return self

    async def __anext__(self) -> Frame:
        return await self._duplex.next_frame()


@asynccontextmanager
async def open_duplex(
    input: str | None = "", output: str | None = "", *, on_device_changed: OnDeviceChanged | None = None
) -> AsyncIterator[PortAudioDuplex]:
    """Open microphone and loudspeaker by name ("": the default; None: none). Call ``start`` when the session starts.

    Raises NoDevice.
    """
    with quiet():
        duplex = PortAudioDuplex(input, output, on_device_changed)
        try:
            await duplex.open()
            async with anyio.create_task_group() as group:
                group.start_soon(duplex.watch)
                group.start_soon(duplex.follow)
                yield duplex
                group.cancel_scope.cancel()
        finally:
            await duplex.close()
