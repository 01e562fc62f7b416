"""What the voices of the servers here sound like: every character is a short tone, so that all times are known."""

from __future__ import annotations

from typing import Any

import numpy as np

CHARACTER = 0.04
"""Seconds of each."""
MESSAGE = 0.1
"""Seconds of sound in a message."""


def sound(text: str, rate: int) -> Any:
    """int16, at ``rate`` Hz."""
    times = np.arange(round(CHARACTER * rate)) / rate
    tones = [np.sin(2 * np.pi * (200 + 7 * (ord(char) % 97)) * times) * 9000 for char in text]
    return np.concatenate(tones).astype("<i2") if tones else np.zeros(0, "<i2")


def heard(text: str, rate: int = 24_000) -> Any:
    """The same as a client has it: float32."""
    return sound(text, rate).astype(np.float32) / 32768


def cut(samples: Any, rate: int) -> list[bytes]:
    """Into messages."""
    size = round(MESSAGE * rate)
    return [samples[at : at + size].tobytes() for at in range(0, len(samples), size)]
