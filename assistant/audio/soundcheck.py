"""A test of microphone and loudspeaker: is the one heard by the other, how loud, and how late?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
import numpy as np

from assistant.audio.frames import SILENCE
from assistant.audio.portaudio import PortAudioDuplex, open_duplex
from assistant.ports import CAPTURE_RATE, Samples

QUIET = 1.2
"""Seconds of silence before the test sound. The first CALMING of them are not measured: devices click when opened."""
CALMING = 0.4
BURSTS = 5
BURST = 0.25
"""Seconds of the test sound."""
EVERY = 0.7
"""Seconds from one to the next: more than any round trip."""
ALIKE = 0.3
"""Correlation from which a burst counts as heard. Chance reaches 0.1; a bad loudspeaker in a room gets 0.5."""
AGREE = 0.03
"""Seconds by which bursts that were heard may differ."""
NOISY, FAINT, TOO_LOUD = -45.0, -55.0, 0.99
"""dBFS of noise that disturbs; dBFS of a test sound that is hardly heard; amplitude that means overdriven."""


def burst(rate: int) -> Samples:
    """The test sound: a sweep over the band of speech, 300 to 3400 Hz."""
    at = np.arange(round(BURST * rate)) / rate
    phase = 2 * np.pi * (300 * at + (3400 - 300) / (2 * BURST) * at**2)
    fades = np.minimum(1.0, np.minimum(at, BURST - at) / 0.02)
    sound: Samples = (0.4 * fades * np.sin(phase)).astype(np.float32)
    return sound


@dataclass(frozen=True)
class Hearing:
    """What the microphone made of it."""

    noise_dbfs: float
    peak: float
    """Greatest amplitude, 0 to 1."""
    dead: bool
    """Every single sample was 0."""
    heard: int
    """Bursts found."""
    burst_dbfs: float | None = None
    """Loudness of those found."""
    round_trip: float | None = None
    """Seconds from `play` to the microphone's sample: the median."""
    spread: float | None = None
    """Between the shortest and the longest."""


def understand(recording: Samples, played_at: Sequence[float]) -> Hearing:
    """``recording``: all captured sound from second 0 on, (n,) at 16 kHz. ``played_at``: when each burst was handed
    to `play`. Pure."""
    reference = burst(CAPTURE_RATE)
    trips, levels = [], []
    for at in played_at:
        start = round(at * CAPTURE_RATE)
        window = recording[start : start + round(EVERY * CAPTURE_RATE)]
        lag, alike, level = _look(reference, window)
        if alike >= ALIKE:
            trips.append(lag / CAPTURE_RATE)
            levels.append(level)
    middle = float(np.median(trips)) if trips else 0.0
    agreeing = [trip for trip in trips if abs(trip - middle) <= AGREE]
    found = len(agreeing) > len(played_at) // 2
    quiet_until = round(min(played_at) * CAPTURE_RATE) if played_at else len(recording)
    before = recording[round(CALMING * CAPTURE_RATE) : quiet_until]
    return Hearing(
        noise_dbfs=_dbfs(before),
        peak=float(np.abs(recording).max(initial=0.0)),
        dead=not recording.any(),
        heard=len(agreeing) if found else 0,
        burst_dbfs=float(np.median(levels)) if found else None,
        round_trip=middle if found else None,
        spread=max(agreeing) - min(agreeing) if found else None,
    )


def _look(reference: Samples, window: Samples) -> tuple[int, float, float]:
    """Where in ``window`` the reference is: samples, correlation, and its loudness there in dBFS."""
    count = len(window) - len(reference) + 1
    if count <= 0 or not window.any():
        return 0, 0.0, -math.inf
    size = 1 << (len(window) + len(reference)).bit_length()
    spectrum = np.fft.rfft(window, size) * np.conj(np.fft.rfft(reference, size))
    product = np.abs(np.fft.irfft(spectrum, size)[:count])  # a loudspeaker may be wired the wrong way round
    power = np.concatenate(([0.0], np.cumsum(np.square(window, dtype=np.float64))))
    energies = np.maximum(power[len(reference) :] - power[: -len(reference)], 1e-9)
    scores = product / np.sqrt(energies * float(np.vdot(reference, reference)))
    best = int(np.argmax(scores))
    return best, float(scores[best]), _dbfs(window[best : best + len(reference)])


def _dbfs(sound: Samples) -> float:
    return 10 * math.log10(float(np.mean(np.square(sound, dtype=np.float64))) + SILENCE) if len(sound) else -120.0


@dataclass(frozen=True)
class Check:
    """The outcome of a test."""

    names: dict[str, str]
    hearing: Hearing
    latencies: dict[str, float]
    underruns: int
    overflows: int
    off: float | None
    """Seconds by which the bursts reached the microphone later than `time_of` had said. A loudspeaker 30 cm away adds
    1 ms, a sound server may add more than it tells."""
    bursts: int = BURSTS
    changes: list[tuple[str | None, str | None]] = field(default_factory=list)
    """Devices that changed meanwhile."""

    @property
    def works(self) -> bool:
        return not self.hearing.dead


async def check(microphone: str, speaker: str | None) -> Check:
    """Play and listen for some 5 s. ``speaker`` None: listen only. Raises NoDevice."""
    changes: list[tuple[str | None, str | None]] = []
    async with open_duplex(
        microphone, speaker, on_device_changed=lambda before, after: changes.append((before, after))
    ) as duplex:
        recording: list[Samples] = []
        played_at: list[float] = []
        said_for: list[float | None] = []
        duplex.start()
        async with anyio.create_task_group() as group:
            group.start_soon(_listen, duplex, recording)
            await anyio.sleep(QUIET)
            for _ in range(BURSTS if speaker is not None else 0):
                played_at.append(duplex.now())
                position = duplex.play(burst(duplex.playback_rate), first=True)
                await anyio.sleep(EVERY / 2)
                said_for.append(duplex.time_of(position))
                await anyio.sleep(EVERY / 2)
            await anyio.sleep(EVERY / 2)
            group.cancel_scope.cancel()
        hearing = understand(np.concatenate(recording or [np.zeros(0, np.float32)]), played_at)
        off = None
        if hearing.round_trip is not None:
            planned = [said - at for said, at in zip(said_for, played_at, strict=True) if said is not None]
            off = hearing.round_trip - float(np.median(planned)) if planned else None
        return Check(
            names=duplex.names,
            hearing=hearing,
            latencies=duplex.latencies,
            underruns=duplex.underruns,
            overflows=duplex.overflows,
            off=off,
            bursts=len(played_at),
            changes=changes,
        )


async def _listen(duplex: PortAudioDuplex, recording: list[Samples]) -> None:
    async for frame in duplex.frames():
        recording.append(frame.samples)  # noqa: PERF401 - it ends by being cancelled, and what came until then counts


def verdicts(check: Check) -> list[str]:
    """What is to be said of it, and what to do: a sentence each."""
    hearing, said = check.hearing, []
    if hearing.dead:
        said.append(
            "The microphone gives nothing, not even noise: it is muted, or the system withholds it (see its privacy "
            "settings), or another program has it."
        )
    elif hearing.peak >= TOO_LOUD:
        said.append("The microphone is overdriven: turn its level down.")
    elif hearing.noise_dbfs > NOISY:
        said.append("It is noisy: move the microphone away from the fan, or turn its level down.")
    if check.bursts and not hearing.heard and not hearing.dead:
        said.append(
            "The test sound was not heard by the microphone: as it should be with headphones; otherwise turn the "
            "loudspeaker up, and see that it is the right one."
        )
    elif hearing.burst_dbfs is not None and hearing.burst_dbfs < FAINT:
        said.append("The test sound was hardly heard: turn the loudspeaker or the microphone up.")
    if check.underruns:
        said.append(
            f"The loudspeaker ran dry {check.underruns} times: the machine is busy. A conversation then hands over "
            "more in advance, by itself."
        )
    if check.overflows:
        said.append(f"Sound of the microphone was lost {check.overflows} times: the machine is busy.")
    said += [f"The device changed from {before} to {after} meanwhile." for before, after in check.changes]
    return said or ["Microphone and loudspeaker work." if check.bursts else "The microphone works."]
