"""The phrases of the script -> one microphone file."""

from __future__ import annotations

import wave
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.demo.script import LENGTH, LINES, NOISE_DBFS, Line
from assistant.ports import CAPTURE_RATE, Samples

_SEED = 20_261_120


def render_microphone(path: Path) -> list[Line]:
    """Write what the demo's microphone hears: 16 kHz, mono, 16 bit, LENGTH seconds, every time the same.

    Returns the lines in the order in which they are said. Raises OSError when the file cannot be written.
    """
    write(path, microphone())
    return list(LINES)


def microphone() -> Samples:
    """The phrases at their times over the noise of a room: float32, shape (LENGTH * 16000,), within [-1, 1]."""
    # RandomState's stream is frozen by numpy's policy (NEP 19); Generator's may change with a release.
    noise = np.random.RandomState(_SEED).standard_normal(round(LENGTH * CAPTURE_RATE))
    sound: NDArray[np.float64] = noise * 10 ** (NOISE_DBFS / 20)
    for line in LINES:
        first = round(line.start * CAPTURE_RATE)
        said = phrase(line)
        sound[first : first + len(said)] += said
    heard: Samples = sound.clip(-1, 1).astype(np.float32)
    return heard


def phrase(line: Line) -> Samples:
    """One recording: float32 in [-1, 1], shape (n,), 16 kHz."""
    with files("assistant.demo").joinpath("data", line.file).open("rb") as file, wave.open(file) as recording:
        samples = np.frombuffer(recording.readframes(recording.getnframes()), "<i2")
    said: Samples = samples.astype(np.float32) / np.float32(32768)
    return said


def write(path: Path, sound: Samples) -> None:
    """Write ``sound`` (full scale is 1) as 16 kHz, mono, 16 bit."""
    with path.open("wb") as file, wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(CAPTURE_RATE)
        recording.writeframes((sound * 32767).round().astype("<i2").tobytes())
