"""What is measured on a frame of captured sound."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from assistant.ports import Samples

BLOCK = 32
"""Samples in a block: 2 ms at 16 kHz, the resolution to which the ends of the voice are found."""
SILENCE = 1e-12
"""Power added to every block, so that digital silence is -120 dBFS instead of minus infinity."""


def levels(samples: Samples) -> list[float]:
    """Mean power of each BLOCK in turn, in dBFS (a full-scale square wave is 0): 16 of them for a frame of 512.

    Samples behind the last whole block are left out.
    """
    blocks = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK)
    power: NDArray[np.float32] = np.vecdot(blocks, blocks)
    power *= 1.0 / BLOCK
    power += SILENCE
    np.log10(power, out=power)
    power *= 10.0
    return cast(list[float], power.tolist())
