from __future__ import annotations

import numpy as np
import pytest

from assistant.audio.frames import levels


def test_a_level_is_the_mean_power_of_two_milliseconds() -> None:
    frame = np.zeros(512, np.float32)
    frame[32:64] = 1.0
    frame[64:96:2] = 0.1
    found = levels(frame)
    assert len(found) == 16
    assert found[0] == pytest.approx(-120.0, abs=1e-3)
    assert found[1] == pytest.approx(0.0, abs=1e-4)
    assert found[2] == pytest.approx(-23.01, abs=0.01)


def test_what_is_left_behind_the_last_block_is_left_out() -> None:
    assert len(levels(np.ones(70, np.float32))) == 2
    assert levels(np.ones(31, np.float32)) == []
