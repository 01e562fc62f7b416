from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from assistant.audio.resample import Resampler


def tone(rate: int, seconds: float = 1.0, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


@pytest.mark.parametrize(("here", "there"), [(48_000, 16_000), (22_050, 24_000), (8_000, 16_000), (44_100, 16_000)])
def test_pieces_of_any_size_give_the_whole_in_step_with_the_input(here: int, there: int) -> None:
    sound, resampler = tone(here), Resampler(here, there)
    sizes, pieces, at = np.random.default_rng(1).integers(1, 3000, 10_000), [], 0
    for size in sizes:
        last = bool(at + size >= len(sound))
        pieces.append(resampler.push(sound[at : at + size], last=last))
        at += size
        if last:
            break
    out = np.concatenate(pieces)
    assert abs(len(out) - there) <= 1
    middle = slice(there // 10, there * 9 // 10)
    np.testing.assert_allclose(out[middle], tone(there)[: len(out)][middle], atol=1e-3)


def test_equal_rates_pass_through_untouched_without_soxr() -> None:
    sound = tone(16_000)
    assert Resampler(16_000, 16_000).push(sound) is sound
    code = (
        "import sys; from assistant.audio.resample import Resampler; Resampler(1, 1); sys.exit('soxr' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_after_the_last_piece_it_takes_another_stream() -> None:
    resampler = Resampler(48_000, 16_000)
    first = resampler.push(tone(48_000), last=True)
    np.testing.assert_array_equal(resampler.push(tone(48_000), last=True), first)
    assert len(resampler.push(np.zeros(0, np.float32), last=True)) == 0
