"""The way of a sound from the loudspeaker to the microphone: how late it comes, and how much softer. Pure.

Two measurements. `of_chirps` is exact and needs a test sound. `of_speech` takes whatever the assistant said, and so
needs nobody's patience: it is made beside a conversation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assistant.audio.frames import SILENCE
from assistant.audio.modes import EchoPath
from assistant.ports import CAPTURE_RATE, Samples

CHIRP = 0.25
"""Seconds of the test sound."""
LOW, HIGH = 200.0, 7000.0
"""Hz between which it sweeps: the more of the band, the sharper its arrival."""
LOUDNESS = 0.2
"""Its amplitude: -17 dBFS, about as loud as a voice at -20."""
EARLIEST, LATEST = -0.05, 0.5
"""Seconds at which an echo is looked for. Early: a device that plays a little sooner than it says."""
RINGS = 0.35
"""Seconds behind a sound in which its room is listened to."""
STANDS_OUT = 10.0
"""Times by which an arrival must exceed the rest of the response. Noise alone reaches 4 to 5 in as many lags."""
CLEAR = 6.0
"""The same where loudness has told already that there is an echo, and about when."""
STEP = 32
"""Samples (2 ms) in which loudness is told."""
FOLLOWS = 6.0
"""Standard deviations by which agreement in loudness must exceed that at other delays."""
BEHIND = 0.008
"""Seconds by which it does so where nothing finer is found: 0 in one room, 12 to 16 ms in three."""
SOFTEST = 40.0
"""dB of return loss up to which speech tells an echo from what loudness seems to follow by chance (49 dB, once)."""
DIFFUSE = 0.06
"""Seconds by which loudness may follow later than the first arrival."""
ONSET = 0.4
"""Share of the strongest arrival from which the first one counts: reflections may gather to more than it."""
LEAST = 70.0
"""dB of return loss beyond which what seemed to arrive did not."""
BLOCK = CAPTURE_RATE // 2
"""Samples of speech that are compared at a time."""
LOUD = 0.01
"""Root mean square (-40 dBFS) from which such a block of what is played says anything."""
ENOUGH = 4
"""Such blocks that say something together."""


def chirp(rate: int) -> Samples:
    """A sweep from LOW to HIGH with a fade at either end; float32 at ``rate`` Hz."""
    at = np.arange(round(CHIRP * rate)) / rate
    phase = 2 * np.pi * (LOW * at + (HIGH - LOW) / (2 * CHIRP) * at**2)
    fades = np.minimum(1.0, np.minimum(at, CHIRP - at) / 0.015)
    sound: Samples = (LOUDNESS * fades * np.sin(phase)).astype(np.float32)
    return sound


def of_chirps(near: Samples, far: Samples, about: Sequence[float], quiet_from: float = 0.0) -> EchoPath:
    """``near``: what the microphone heard; ``far``: what the loudspeaker played; both at 16 kHz on one clock.

    ``about``: when each chirp was to be played, in seconds; each is looked for in ``far`` from 0.1 s before to 0.6 s
    after. Between ``quiet_from`` and the first one the microphone hears only its own noise.
    """
    reference = chirp(CAPTURE_RATE)
    noise = _power(near[round(quiet_from * CAPTURE_RATE) : max(0, round(min(about) * CAPTURE_RATE))])
    places, responses = [], []
    for at in about:
        start = max(0, round((at - 0.1) * CAPTURE_RATE))
        played = _arrival(_response(far[start : start + round(0.95 * CAPTURE_RATE)], reference))
        if played is not None:
            window = _cut(near, start + played + _FIRST, start + played + _LAST + len(reference))
            responses.append(_response(window, reference))
            places.append(start + played)
    # In the middle of all: what else sounds is not at the same place each time. A drift moves it by a sample or so.
    alike = [np.maximum.reduce([np.roll(one, by) for by in (-1, 0, 1)]) for one in responses if len(one)]
    arrived = _arrival(np.median(alike, axis=0)) if len(alike) > 1 else None
    losses = []
    for place in places if arrived is not None else ():
        first = place + _FIRST + (arrived or 0)
        heard = _cut(near, first, first + len(reference) + round(RINGS * CAPTURE_RATE))
        energy = len(heard) * (_power(heard) - noise)
        losses.append(-10 * math.log10(max(SILENCE, energy) / _energy(_cut(far, place, place + len(reference)))))
    loss = float(np.median(losses)) if losses else math.inf
    if arrived is None or loss > LEAST:
        return EchoPath(False, noise_dbfs=_db(noise))
    return EchoPath(True, (_FIRST + arrived) / CAPTURE_RATE, loss, _db(noise))


def of_speech(stretches: Sequence[tuple[Samples, Samples]]) -> EchoPath | None:
    """Each stretch: what was played and what the microphone heard at the same time, at 16 kHz. Both may hold silence,
    and the latter somebody's voice: what counts is what agrees. None: too little was played to say."""
    pairs = [
        (far[at : at + BLOCK], _cut(near, at + _FIRST, at + BLOCK + _LAST))
        for far, near in stretches
        for at in range(0, len(far) - BLOCK + 1, BLOCK)
        if _power(far[at : at + BLOCK]) >= LOUD**2
    ]
    if len(pairs) < ENOUGH:
        return None
    quiet = _quiet([near for _, near in stretches])
    about = _followed(stretches)
    if about is None:
        return EchoPath(False, noise_dbfs=_db(quiet))
    alike = np.sum([_whitened(near, far) for far, near in pairs], axis=0)
    first = max(0, about - round(DIFFUSE * CAPTURE_RATE))
    arrived = _arrival(alike[first : about + round(DIFFUSE * CAPTURE_RATE) // 2], CLEAR)
    lag = max(0, about - round(BEHIND * CAPTURE_RATE)) if arrived is None else first + arrived
    ratios = [max(SILENCE, _power(near[lag : lag + BLOCK]) - quiet) / _power(far) for far, near in pairs]
    # A voice over it makes single ratios greater, and never smaller.
    loss = -10 * math.log10(float(np.median(ratios)))
    if loss > SOFTEST:
        return EchoPath(False, noise_dbfs=_db(quiet))
    return EchoPath(True, (lag + _FIRST) / CAPTURE_RATE, loss, _db(quiet))


def _followed(stretches: Sequence[tuple[Samples, Samples]]) -> int | None:
    """About how many samples behind ``_FIRST`` the microphone's loudness follows the loudspeaker's; None: it does not.

    Loudness knows neither a diffuse room nor drifting clocks, and is late by what the room adds: some hundredths.
    """
    total: NDArray[np.float64] | float = 0.0
    lags = (_LAST - _FIRST) // STEP
    for far, near in stretches:
        played, heard = _swell(far), _swell(_cut(near, _FIRST, len(far) // STEP * STEP + _LAST))
        size = 1 << (len(played) + len(heard)).bit_length()
        total = total + np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(played, size)), size)[:lags]
    found = np.asarray(total)
    peak = int(np.argmax(found))
    others = np.delete(found, slice(max(0, peak - 30), peak + 30))
    if found[peak] - np.mean(others) < FOLLOWS * float(np.std(others)):
        return None
    return peak * STEP


def _swell(sound: Samples) -> NDArray[np.float64]:
    """By how many dB the sound swells from one STEP to the next two; 0 where it does not."""
    power = np.mean(np.square(sound[: len(sound) // STEP * STEP].reshape(-1, STEP), dtype=np.float64), axis=1)
    floor = max(1e-9, float(np.mean(power)) * 1e-2)
    loud = np.convolve(10 * np.log10(power + floor), np.ones(4) / 4, "same")
    return np.maximum(0.0, np.diff(loud, prepend=loud[:1]))


_FIRST, _LAST = round(EARLIEST * CAPTURE_RATE), round(LATEST * CAPTURE_RATE)


def _response(window: Samples, reference: Samples) -> NDArray[np.float64]:
    """Size of the impulse response that makes ``window`` of ``reference``, lag by lag; as far as its band goes."""
    count = len(window) - len(reference) + 1
    if count <= 0 or not window.any():
        return np.zeros(0)
    size = 1 << (len(window) + len(reference)).bit_length()
    spectrum = np.fft.rfft(reference, size)
    power = np.abs(spectrum) ** 2
    found = np.fft.rfft(window, size) * np.conj(spectrum) / (power + 0.05 * power.max())
    return np.abs(np.fft.irfft(found, size)[:count])


def _whitened(window: Samples, reference: Samples) -> NDArray[np.float64]:
    """Agreement of the two lag by lag: a correlation in which all frequencies weigh nearly the same, for those of a
    voice alone would ring (C. Knapp, G. Carter, "The generalized correlation method", 1976)."""
    size = 1 << (len(window) + len(reference)).bit_length()
    cross = np.fft.rfft(window, size) * np.conj(np.fft.rfft(reference, size))
    cross /= np.maximum(np.abs(cross), 1e-9) ** 0.8
    return np.abs(np.fft.irfft(cross, size)[: len(window) - len(reference) + 1])


def _arrival(response: NDArray[np.float64], stands_out: float = STANDS_OUT) -> int | None:
    """The first lag at which something certainly arrives."""
    if not len(response):
        return None
    peak = float(response.max())
    if peak < stands_out * float(np.median(response)) / _MEDIAN or peak == 0.0:
        return None
    return int(np.argmax(response >= ONSET * peak))


_MEDIAN = 0.6745
"""The median of a normal distribution's size, in standard deviations."""


def _quiet(sounds: Sequence[Samples]) -> float:
    """Power of the microphone's noise: that of the softest twentieth of 32 ms."""
    powers = [
        np.mean(np.square(sound[: len(sound) // 512 * 512].reshape(-1, 512), dtype=np.float64), axis=1)
        for sound in sounds
    ]
    return float(np.percentile(np.concatenate(powers), 5)) if powers else 0.0


def _cut(sound: Samples, first: int, end: int) -> Samples:
    """Samples [first, end), zeros where there are none."""
    cut = np.zeros(end - first, np.float32)
    here = sound[max(0, first) : max(0, end)]
    cut[max(0, -first) : max(0, -first) + len(here)] = here
    return cut


def _energy(sound: Samples) -> float:
    return float(np.sum(np.square(sound, dtype=np.float64))) + SILENCE


def _power(sound: Samples) -> float:
    return _energy(sound) / len(sound) if len(sound) else 0.0


def _db(power: float) -> float:
    return 10 * math.log10(power + SILENCE)
