"""A simulated room: what the loudspeaker plays comes back into the microphone.

The impulse response is mono, resampled to 16 kHz, cut at its strongest tap and scaled to unit energy; then gain and
delay are applied. So at 0 dB white noise reaches the microphone at the level at which it is played.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.audio.farend import SOONEST, FarEnd
from assistant.audio.resample import Resampler
from assistant.audio.wavfile import open_wav
from assistant.ports import CAPTURE_RATE, FRAME, Frame, ParleyError, Samples

SYNTHETIC = "synthetic"
"""The name of the room that is made here."""
RT60 = 0.3
"""Seconds in which the synthetic room's sound falls by 60 dB: a furnished living room."""
SEED = 20_000
LONGEST = 5.0
"""Seconds of an impulse response that are used: a cathedral."""
LONGEST_DELAY = 5.0


@dataclass(frozen=True, slots=True)
class Acoustics:
    """How loud, how late and on whose clock the loudspeaker is heard."""

    gain_db: float = -12.0
    delay: float = 0.060
    """Seconds from the loudspeaker to the microphone; less than SOONEST (2.7 ms, 0.9 m of air) becomes that."""
    drift_ppm: float = 0.0
    """Millionths by which the loudspeaker's clock is faster than the microphone's. The echo then comes ever earlier (or
    later, when it is negative), until there is no delay left."""
    noise_dbfs: float | None = None
    """The microphone's own white noise, with a fixed seed; None: it has none."""

    def __post_init__(self) -> None:
        """Raises ParleyError for what no room has."""
        if not -120 <= self.gain_db <= 40:
            raise ParleyError(f"an echo gain of {self.gain_db:g} dB cannot be simulated; give one from -120 to 40")
        if not 0 <= self.delay <= LONGEST_DELAY:
            raise ParleyError(
                f"an echo delay of {self.delay * 1000:g} ms cannot be simulated; "
                f"give one from 0 to {LONGEST_DELAY * 1000:g}"
            )
        if not -10_000 <= self.drift_ppm <= 10_000:
            raise ParleyError(f"a drift of {self.drift_ppm:g} ppm cannot be simulated; give one from -10000 to 10000")
        if self.noise_dbfs is not None and not -200 <= self.noise_dbfs <= 0:
            raise ParleyError(f"microphone noise of {self.noise_dbfs:g} dBFS cannot be simulated; give -200 to 0")


class Room:
    """Between a loudspeaker and a microphone: hand it what was played, in step with the frames that are to hold it.

    A frame costs 0.14 ms while something sounds in a room of 0.3 s, and next to nothing while all is silent.
    """

    def __init__(self, response: Samples, playback_rate: int, acoustics: Acoustics | None = None) -> None:
        """``response``: as `impulse_response` or `synthetic` make it. ``playback_rate``: Hz of what is played."""
        acoustics = acoustics or Acoustics()
        self._played = FarEnd(playback_rate)
        self._speed = 1.0 + acoustics.drift_ppm * 1e-6
        self._delay = acoustics.delay
        self._walls = Convolver(response * np.float32(10 ** (acoustics.gain_db / 20)))
        self._noise = 0.0 if acoustics.noise_dbfs is None else 10 ** (acoustics.noise_dbfs / 20)
        self._random = np.random.default_rng(SEED)

    def played(self, samples: Samples) -> None:
        """What left the loudspeaker next, from t = 0 on (a sink for `Duplex.tap`)."""
        self._played.push(samples)

    def jump(self, seconds: float) -> None:
        """From now on the echo comes so much later, as where a device has lost sound."""
        self._delay += seconds

    def hear(self, frame: Frame) -> Frame:
        """``frame`` with the echo, and with the noise, in it. Frames must come in order, from 0 on."""
        # With a fast loudspeaker the delay is used up one day.
        at = min(
            frame.at * self._speed - self._delay,
            frame.at - SOONEST - (self._speed - 1.0) * FRAME / CAPTURE_RATE,
        )
        heard = self._walls.push(self._played.read(at, FRAME, self._speed))
        if self._noise:
            heard = heard + self._random.standard_normal(FRAME, np.float32) * np.float32(self._noise)
        elif not heard.any():
            return frame
        return Frame(np.clip(frame.samples + heard, -1.0, 1.0), frame.start)


class Convolver:
    """A stream, FRAME by FRAME, through an impulse response of any length, without delay.

    Uniformly partitioned overlap-save (T. G. Stockham, "High-speed convolution and correlation", 1966; partitions as in
    W. G. Gardner, "Efficient convolution without input-output delay", 1995): one forward and one inverse transform of
    two frames, and a product for each frame of the response.
    """

    def __init__(self, response: Samples) -> None:
        partitions = -(-len(response) // FRAME)
        padded = np.zeros((partitions, 2 * FRAME), np.float32)
        padded[:, :FRAME].flat[: len(response)] = response
        # Backwards, and behind each other twice, so that the newest block can stand in any row.
        self._filter: NDArray[np.complex64] = np.fft.rfft(padded).astype(np.complex64)
        self._spectra = np.zeros_like(self._filter)
        """Of the newest inputs; row ``_row`` is the newest, the next one the one before it, around the end."""
        self._row = 0
        self._sounding = 0
        """Rows that hold anything but silence, at most."""
        self._input = np.zeros(2 * FRAME, np.float32)

    def push(self, samples: Samples) -> Samples:
        """Take the next FRAME samples; returns as many of the output."""
        silent = not samples.any() and not self._input[FRAME:].any()
        self._sounding = max(0, self._sounding - 1) if silent else len(self._filter)
        if not self._sounding:
            return np.zeros(FRAME, np.float32)
        self._input[:FRAME] = self._input[FRAME:]
        self._input[FRAME:] = samples
        self._row = (self._row - 1) % len(self._filter)
        self._spectra[self._row] = np.fft.rfft(self._input)
        newest = len(self._filter) - self._row  # rows from the newest to the end
        total = np.einsum("ij,ij->j", self._spectra[self._row :], self._filter[:newest])
        if self._row:
            total += np.einsum("ij,ij->j", self._spectra[: self._row], self._filter[newest:])
        output: Samples = np.fft.irfft(total)[FRAME:].astype(np.float32)
        return output


def room_response(name: str) -> Samples:
    """The impulse response called ``name``: "synthetic", or the path of a WAV file. Raises ParleyError. Blocks."""
    return synthetic() if name == SYNTHETIC else impulse_response(Path(name))


def synthetic() -> Samples:
    """A room of RT60 0.3 s, the same every time: Gaussian noise that decays exponentially (Polack's model, 1988)."""
    time = np.arange(round(RT60 * CAPTURE_RATE)) / CAPTURE_RATE
    noise = np.random.default_rng(SEED).standard_normal(len(time))
    return _shaped(noise * 10 ** (-3.0 * time / RT60))


def impulse_response(path: Path) -> Samples:
    """A measured room from a WAV file of any rate; two channels are averaged. Raises ParleyError for an unfit one."""
    with open_wav(path) as file:
        recorded = file.read(round(2 * LONGEST * file.rate))
        sound = Resampler(file.rate, CAPTURE_RATE).push(recorded, last=True)
    if not sound.any():
        raise ParleyError(f"{path} is silent, so it is no room's impulse response; name another file, or synthetic")
    return _shaped(sound)


def _shaped(response: NDArray[Any]) -> Samples:
    """Cut at the strongest tap, of unit energy."""
    response = response[int(np.argmax(np.abs(response))) :][: round(LONGEST * CAPTURE_RATE)]
    shaped: Samples = (response / np.sqrt(np.sum(np.square(response, dtype=np.float64)))).astype(np.float32)
    return shaped
