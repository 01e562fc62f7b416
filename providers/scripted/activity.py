"""Voice activity for microphones that hold nothing but rendered speech and silence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np

from assistant.ports import Samples
from providers.registry import Options


@asynccontextmanager
async def voice_activity(options: Options) -> AsyncIterator[LoudnessActivity]:
    yield LoudnessActivity()


class LoudnessActivity:
    """Anything louder than -45 dBFS is speech. For microphones that hold nothing but rendered speech and silence."""

    name = "scripted"

    def probability(self, samples: Samples) -> float:
        power = float(np.dot(samples, samples)) / max(1, len(samples))
        return 0.98 if power > _SPEECH_POWER else 0.02

    def reset(self) -> None:
        """There is nothing to forget."""


_SPEECH_POWER = 10 ** (-45 / 10)
