"""Recorded phrases as a microphone hears them."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from assistant.ports import CAPTURE_RATE, Samples

SPEECH = Path(__file__).resolve().parent / "data" / "speech"


def recording(name: str) -> Samples:
    """With a faint noise in it, and a second of that behind it."""
    with wave.open(str(SPEECH / f"{name}.wav")) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / np.float32(32768)
    noise = np.random.default_rng(1).standard_normal(len(sound) + CAPTURE_RATE).astype(np.float32) * 5e-4
    noise[: len(sound)] += sound
    return noise
