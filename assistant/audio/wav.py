"""WAV files in the place of a microphone and a loudspeaker, in real time.

t = 0 is the moment of ``start``. Both files are paced by anyio's clock from there: a loop that was blocked gets the
microphone's sound late and all at once, and sound that is queued late is late in the speaker's file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import TracebackType

import anyio
import anyio.lowlevel
import anyio.to_thread
import numpy as np

from assistant.audio.disk import DiskThread
from assistant.audio.playout import Playout, PlayoutSide
from assistant.audio.resample import Resampler
from assistant.audio.wavfile import WavReader, WavWriter, open_wav
from assistant.ports import CAPTURE_RATE, FRAME, Frame, ParleyError, Samples

READ_FRAMES = 8
"""Frames read from the microphone's file at a time: a read costs about 0.1 ms, whatever the file's format."""
WRITE_FRAMES = 30
"""Frames (0.96 s) between two writes to the speaker's file, which refresh its header too."""

_SILENCE = np.zeros(FRAME, np.float32)
_SILENCE.flags.writeable = False  # one array for every silent frame


class WavDuplex(PlayoutSide):
    """A Duplex of two WAV files, either of which may be missing: then nobody speaks, or nobody listens.

    Use it as an async context manager, which opens the files (ParleyError if they cannot be) and completes them; call
    ``start`` when the session starts.
    """

    def __init__(
        self,
        mic: Path | None,
        speaker: Path | None,
        *,
        playback_rate: int = 24_000,
        on_warning: Callable[[str], None] | None = None,
    ) -> None:
        """``on_warning`` gets a sentence, once, when the speaker's file can no longer be written; it must return at
        once."""
        self.playback_rate = playback_rate
        self.overflows = 0
        self._mic_path = mic
        self._speaker_path = speaker
        self._on_warning = on_warning
        self._playout = Playout(playback_rate)
        self._mic: _Microphone | None = None
        self._speaker: _SpeakerFile | None = None
        self._taps: list[Callable[[Samples], None]] = []
        self._started: float | None = None
        self._frames = 0
        """Frames handed over."""

    async def __aenter__(self) -> WavDuplex:
        # In a thread: to replace a long file can take 100 ms. Not to be cancelled, for the files need an owner.
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._open)
        return self

    def _open(self) -> None:
        mic, speaker = self._mic_path, self._speaker_path
        if mic is not None and speaker is not None and mic.exists() and speaker.exists() and mic.samefile(speaker):
            raise ParleyError(f"{mic} is to be heard and written at once; give the loudspeaker another file")
        if self._mic_path is not None:
            self._mic = _Microphone(open_wav(self._mic_path))
        if self._speaker_path is not None:
            try:
                self._speaker = _SpeakerFile(self._speaker_path, self.playback_rate)
            except BaseException:
                self._close_mic()
                raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_mic()
        self._pass_on(self._playout.take(self.now()))
        if self._speaker is not None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._speaker.close)
            self._warn()

    def start(self) -> None:
        """Now is t = 0."""
        self._started = anyio.current_time()

    def now(self) -> float:
        """Seconds since ``start``; 0 before it."""
        return 0.0 if self._started is None else anyio.current_time() - self._started

    @property
    def input_over(self) -> bool:
        """The last frame with sound of the microphone's file was handed over. At once True without a file."""
        return self._mic is None or self._mic.over

    def frames(self) -> AsyncIterator[Frame]:
        """Frame n as soon as it is over, (n + 1) * 32 ms after the start; silent ones when the file has ended.

        Not a generator: whoever takes the frames may stop at any time, and go on later with another iterator.
        """
        return _Frames(self._next_frame)

    async def _next_frame(self) -> Frame:
        if self._started is None:
            raise RuntimeError("start() marks the first frame's time: call it before taking frames")
        number = self._frames
        wait = self._started + (number + 1) * FRAME / CAPTURE_RATE - anyio.current_time()
        if wait > 0:
            await anyio.sleep(wait)
        else:
            await anyio.lowlevel.checkpoint()  # late: catch up, but let others run
        self._frames += 1
        samples = _SILENCE if self._mic is None else self._mic.read()
        write = self._frames % WRITE_FRAMES == 0
        # A tap is fed every frame, since an echo must be there before the microphone hears it.
        if self._taps or write:
            self._pass_on(self._playout.take(self.now()))
        if self._speaker is not None and write:
            self._speaker.write()
            self._warn()
        return Frame(samples, number * FRAME)

    def tap(self, sink: Callable[[Samples], None], *, early: bool = False) -> None:
        """``early`` changes nothing: files sound when they say."""
        self._taps.append(sink)

    def _pass_on(self, stretch: Samples) -> None:
        if not len(stretch):
            return
        for sink in self._taps:
            sink(stretch)
        if self._speaker is not None:
            self._speaker.add(stretch)

    def _warn(self) -> None:
        if self._speaker is None or self._on_warning is None:
            return
        error = self._speaker.take_error()
        if error is not None:
            self._on_warning(f"{self._speaker_path} cannot be written any further ({error.strerror}); make room for it")

    def _close_mic(self) -> None:
        if self._mic is not None:
            self._mic.close()


class _Frames:
    """Calls ``following`` for ever."""

    def __init__(self, following: Callable[[], Awaitable[Frame]]) -> None:
        self._following = following

    def __aiter__(self) -> _Frames:
        return self

    async def __anext__(self) -> Frame:
        return await self._following()


class _Microphone:
    """A WAV file in frames of FRAME samples at CAPTURE_RATE, the last one filled up with zeros, then silence."""

    def __init__(self, file: WavReader) -> None:
        self._file = file
        self._resampler = Resampler(file.rate, CAPTURE_RATE)
        self._read_at_once = max(1, READ_FRAMES * FRAME * file.rate // CAPTURE_RATE)
        self._block = _SILENCE[:0]
        self._offset = 0
        self._ended = False
        self._load()

    @property
    def over(self) -> bool:
        return self._ended and self._offset >= len(self._block)

    def read(self) -> Samples:
        if self.over:
            return _SILENCE
        frame = self._block[self._offset : self._offset + FRAME]
        self._offset += FRAME
        if len(frame) < FRAME:
            frame = np.concatenate((frame, _SILENCE[len(frame) :]))
        self._load()
        return frame

    def close(self) -> None:
        self._file.close()

    def _load(self) -> None:
        """Have a whole frame ready, or all that is left."""
        while not self._ended and len(self._block) - self._offset < FRAME:
            read = self._file.read(self._read_at_once)
            self._ended = self._file.position >= self._file.frames
            new = self._resampler.push(read, last=self._ended)
            self._block = np.concatenate((self._block[self._offset :], new)) if self._offset < len(self._block) else new
            self._offset = 0


class _SpeakerFile:
    """What left the loudspeaker, on its way to the disk."""

    def __init__(self, path: Path, rate: int) -> None:
        self._file = WavWriter(path, rate)
        self._disk = DiskThread()
        self._stretches: list[Samples] = []
        self._length = 0
        self.take_error = self._disk.take_error

    def add(self, stretch: Samples) -> None:
        self._stretches.append(stretch)

    def write(self) -> None:
        """Hand on what was added. Each stretch knows its place, so that one that is lost does not move the next."""
        stretches, start = self._stretches, self._length
        self._stretches = []
        self._length += sum(map(len, stretches))

        def job() -> None:
            if stretches:
                self._file.append(np.concatenate(stretches), at=start)
            self._file.flush()

        self._disk.submit(job)

    def close(self) -> None:
        """Write out the rest; blocks."""
        self.write()
        self._disk.close(self._file.close)
