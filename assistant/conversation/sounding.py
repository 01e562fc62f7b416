"""What a sound over the reply sounds like: a voice, a hum ("mm-hm"), a noise, or the assistant's own echo. Pure.

The edge measures a few things on each frame (`assistant.audio.features`); here they are summed up over the frames that
sound and weighed by two logistic regressions. Their weights were found by ``scripts/train_sounding.py``; what they get
right is in docs/measurements.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.conversation.weights import WEIGHTS

Kind = Literal["voice", "hum", "noise", "echo"]

SOUNDS = 15.0
"""dB under the loudest frame from which a frame counts to the sound."""
TAKEN = 8.0
"""dB that the echo canceller took off a frame: more of it was echo than anything else. A voice as loud as the echo
loses some 3 to 6."""
MOSTLY = 0.75
"""Share of such frames from which the rest is echo too."""
DOUBTFUL, HARDLY = 0.4, 0.15
"""Probability of a voice under which a sound is taken for a noise, and under which nothing else is waited for."""
HUMS = 0.8
"""Probability of a hum from which it is one: 96 % of the hums that were held out, and 1.4 % of other short voices."""
PUREST = -34.0
"""dB of flatness: what is purer than a hum in a quiet room is not the more a voice or a noise for it."""
LONG_HUM = 0.25
"""Seconds of sound before a hum is told from the beginning of a word: "m" begins both."""
NAMES = ("probable", "likeliest", "voicing", "voiced", "flat", "low", "high", "attack", "steady", "longer")
"""What is weighed, in the order of ``Summary.values``."""


@dataclass(frozen=True, slots=True)
class Sounding:
    """One frame's measurements."""

    end: float
    """Audio-clock second."""
    probability: float
    """Of speech, 0 to 1."""
    level: float
    """dBFS."""
    voicing: float
    """The strongest autocorrelation between 70 and 400 Hz, 0 to 1: 1 is perfectly periodic."""
    pitch: float
    """Hz at which that is."""
    flatness: float
    """dB, 0 or less: the spectrum's geometric over its arithmetic mean; 0 is white noise."""
    low: float
    """Share of the power under 500 Hz: near 1 with the mouth shut."""
    high: float
    """Share of the power over 3 kHz."""
    attack: float
    """dB by which the loudest 2 ms of the frame lie over those before: large for a knock."""
    taken: float = 0.0
    """dB that the echo canceller took off it."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Of the frames that sound."""

    values: tuple[float, ...]
    """As NAMES has it, each of the order of 1."""
    echo: float
    """Share of the frames that were mostly echo."""
    seconds: float


def summed_up(frames: Sequence[Sounding], seconds_a_frame: float = 0.032) -> Summary | None:
    """None where nothing sounds."""
    if not frames:
        return None
    loudest = max(frame.level for frame in frames)
    heard = [frame for frame in frames if frame.level >= loudest - SOUNDS]
    count = len(heard)

    def mean(of: Sequence[float]) -> float:
        return sum(of) / len(of)

    weights = [frame.voicing for frame in heard]
    level = mean([frame.level for frame in heard])
    values = (
        mean([frame.probability for frame in heard]),
        max(frame.probability for frame in heard),
        mean(weights),
        sum(one > 0.6 for one in weights) / count,
        max(mean([frame.flatness for frame in heard]), PUREST) / 20,
        mean([frame.low for frame in heard]),
        mean([frame.high for frame in heard]),
        max(frame.attack for frame in heard) / 30,
        math.sqrt(mean([(frame.level - level) ** 2 for frame in heard])) / 5,
        min(count * seconds_a_frame, 1.0),
    )
    return Summary(values, sum(frame.taken >= TAKEN for frame in heard) / count, count * seconds_a_frame)


def kind_of(summary: Summary | None) -> Kind:
    """What most likely sounds. Nothing is "noise"."""
    if summary is None:
        return "noise"
    if summary.echo >= MOSTLY:
        return "echo"
    if chance("voice", summary) < DOUBTFUL:
        return "noise"
    return "hum" if summary.seconds >= LONG_HUM and chance("hum", summary) >= HUMS else "voice"


def certainly_noise(summary: Summary | None) -> bool:
    """No transcript need be waited for to know that nobody spoke."""
    return summary is None or summary.echo >= MOSTLY or chance("voice", summary) < HARDLY


def chance(of: str, summary: Summary) -> float:
    """The probability that somebody's voice sounds ("voice"), or that a voice hums ("hum")."""
    model = WEIGHTS[of]
    total = model["bias"] + sum(model[name] * value for name, value in zip(NAMES, summary.values, strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))
