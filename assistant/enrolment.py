"""Enough clear speech of one person, and the voice in it. Frames in, numbers out: no sound is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from assistant.conversation.likeness import OTHER, cosine, joined, likeness
from assistant.errors import ParleyError, ProviderError
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples, SpeakerId

WANTED = 10.0
"""Seconds of speech that a voice is learned from."""
PIECE = 2.0
"""Seconds in the pieces that it is put together from, and that must be alike."""
SPEECH = 0.5
"""Probability from which a frame is speech (silero-vad's own threshold)."""
SOFT = -55.0
"""dBFS under which speech is too soft: 16-bit sound then holds six bits of it."""
LOUD = 0.005
"""Share of the samples of speech at full scale from which it is too loud: the tops of most vowels are cut off."""
FULL = 0.985
"""Of full scale."""
CLEAR = 10.0
"""dB that speech must stand out of what is between the words."""
BETWEEN = 0.5
"""Seconds between words from which that can be told."""


class Unfit(ParleyError):
    """No voice can be learned from what was heard."""

    exit_code = 1


class Speech:
    """Collects the frames that are speech, and what there is to know about the others."""

    def __init__(self) -> None:
        self._frames: list[Samples] = []
        self._power = 0.0
        self._full = 0
        self._between: list[float] = []
        """Power of the frames that are not speech."""

    def push(self, frame: Frame, probability: float) -> None:
        """Take the next frame and its probability of speech."""
        power = float(np.mean(np.square(frame.samples, dtype=np.float64)))
        if probability < SPEECH:
            self._between.append(power)
            return
        self._frames.append(frame.samples.copy())
        self._power += power
        self._full += int(np.count_nonzero(np.abs(frame.samples) >= FULL))

    @property
    def seconds(self) -> float:
        return len(self._frames) * FRAME / CAPTURE_RATE

    @property
    def level(self) -> float:
        """dBFS of the speech."""
        return _decibels(self._power / max(1, len(self._frames)))

    @property
    def contrast(self) -> float | None:
        """dB between the speech and what is between the words; None where nothing is."""
        if len(self._between) * FRAME < BETWEEN * CAPTURE_RATE:
            return None
        return self.level - _decibels(float(np.median(self._between)))

    @property
    def cut_off(self) -> float:
        """Share of the samples at full scale."""
        return self._full / max(1, len(self._frames) * FRAME)

    def samples(self) -> Samples:
        return np.concatenate(self._frames) if self._frames else np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True)
class Learned:
    """A voice."""

    vector: tuple[float, ...]
    seconds: float
    """Of speech that it was learned from."""


def unfit(speech: Speech) -> str | None:
    """Why no voice can be learned from it, and what to do, in a sentence; None where it can."""
    if speech.seconds < WANTED:
        return (
            f"only {speech.seconds:.1f} s of speech were heard and {WANTED:g} s are needed to learn a voice; speak "
            "for longer, or nearer to the microphone"
        )
    if speech.cut_off > LOUD:
        return "the speech is too loud, so that its peaks are cut off; turn the microphone down or move away from it"
    if speech.level < SOFT:
        return f"the speech is too soft ({speech.level:.0f} dBFS); turn the microphone up or move nearer to it"
    if speech.contrast is not None and speech.contrast < CLEAR:
        return (
            f"it is too noisy to learn a voice: speech is only {max(0.0, speech.contrast):.0f} dB louder than what is "
            "between the words; find a quieter place or move nearer to the microphone"
        )
    return None


async def learn(speech: Speech, speaker_id: SpeakerId) -> Learned:
    """The voice in it. Raises Unfit, ProviderError."""
    why = unfit(speech)
    if why is not None:
        raise Unfit(why)
    pieces = await embedded(speech.samples(), speaker_id)
    if not alike(pieces, speaker_id):
        raise Unfit(
            "more than one voice seems to be in it; let one person speak, with no television or radio beside them"
        )
    return Learned(joined(pieces), speech.seconds)


async def embedded(samples: Samples, speaker_id: SpeakerId) -> list[tuple[float, ...]]:
    """The voice in each PIECE; what is left at the end belongs to the last. Raises ProviderError."""
    count = max(1, int(len(samples) / (PIECE * CAPTURE_RATE)))
    ends = [round(PIECE * CAPTURE_RATE) * n for n in range(1, count)]
    pieces = [tuple(map(float, await speaker_id.embedding(piece))) for piece in np.split(samples, ends)]
    if len({len(piece) for piece in pieces}) > 1:
        raise ProviderError(
            f"{speaker_id.model} gives voices of different sizes, which cannot be compared; name another model",
            provider=speaker_id.name,
        )
    return pieces


def alike(pieces: Sequence[Sequence[float]], speaker_id: SpeakerId) -> bool:
    """No two of them are plainly different voices. (Each against all the others together would tell far worse: they
    hold the other voice as well.)"""
    return all(
        likeness(cosine(one, other), speaker_id.chance, speaker_id.spread) > OTHER
        for one, other in combinations(pieces, 2)
    )


def _decibels(power: float) -> float:
    return 10.0 * math.log10(power + 1e-12)
