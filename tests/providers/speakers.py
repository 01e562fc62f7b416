"""A speaker network that knows the voices of the tests' recordings, and a voice to learn from them.

It has the form of WeSpeaker's (`tests.providers.onnx.voice_model`) and weights that are found here, from half a second
of one of those voices at a time: what separates them best, spread over 256 numbers at random. It tells these few voices
apart and no others; what a real network does is in docs/measurements.md.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from assistant.ports import CAPTURE_RATE, FRAME
from providers._fbank import fbank
from tests.files.media import RECORDED, phrase
from tests.providers.onnx import voice_model

SIZE = 256
LENGTHS = (0.5, 1.0, 2.0)
"""Seconds of the stretches that it learns from."""

Sound = NDArray[np.float64]


def said_by(voice: str) -> Sound:
    """All that a voice of the recordings ("slt", "kal16", ...) says, without its silences."""
    phrases = [phrase(path.stem) for path in sorted(RECORDED.glob(f"{voice}-*.wav"))]
    frames = np.concatenate([one[: len(one) // FRAME * FRAME].reshape(-1, FRAME) for one in phrases])
    power = np.mean(frames**2, axis=1)
    return frames[power > 1e-3 * power.max()].ravel()


@cache
def network() -> bytes:
    """The file."""
    pictures, whose = [], []
    for number, voice in enumerate(VOICES):
        sound = said_by(voice).astype(np.float32)
        for length in LENGTHS:
            size = round(length * CAPTURE_RATE)
            for start in range(0, len(sound) - size + 1, size // 4):
                picture = fbank(sound[start : start + size])
                pictures.append(np.log(np.mean(picture**2, axis=0) + 1e-3))
                whose.append(number)
    seen, voices = np.array(pictures), np.array(whose)
    means = np.array([seen[voices == number].mean(axis=0) for number in range(len(VOICES))])
    offset = means.mean(axis=0)
    # Ridge regression on who speaks: +1 for whose it is, and less for the others, so that they point away from it.
    wanted = (np.eye(len(VOICES)) * (1 + 1 / len(VOICES)) - 1 / len(VOICES))[voices]
    centred = seen - offset
    found = np.linalg.solve(centred.T @ centred + np.eye(centred.shape[1]), centred.T @ wanted)
    spread = np.random.default_rng(0).standard_normal((len(VOICES), SIZE)) / np.sqrt(SIZE)
    return voice_model(offset.astype(np.float32), (found @ spread).astype(np.float32))


VOICES = ("awb", "kal16", "rms", "slt")
