"""The short converter against scipy's and soxr's: counts exact, the band of speech untouched, nothing folded back."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.audio.polyphase import Polyphase

PAIRS = [(48_000, 16_000), (44_100, 16_000), (24_000, 48_000), (24_000, 44_100), (96_000, 16_000), (8_000, 16_000)]


def converted(sound: np.ndarray, from_rate: int, to_rate: int, *, block: int = 480) -> np.ndarray:
    converter = Polyphase(from_rate, to_rate, block)
    parts = []
    for start in range(0, len(sound), block):
        part = sound[start : start + block]
        converter.inlet(len(part))[:] = part
        out = np.empty(converter.ready(len(part)), np.float32)
        converter.convert(len(part), out)
        parts.append(out)
    return np.concatenate(parts)


def tone(hz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate).astype(np.float32)


def level_db(sound: np.ndarray) -> float:
    """Of its middle, against a full-scale sine."""
    middle = sound[len(sound) // 4 : -len(sound) // 4]
    return float(10 * np.log10(2 * np.mean(np.square(middle, dtype=np.float64)) + 1e-20))


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_tones_of_speech_pass_and_what_the_new_rate_cannot_hold_does_not(from_rate: int, to_rate: int) -> None:
    lower = min(from_rate, to_rate)
    for share in (0.01, 0.1, 0.25, 0.4):  # of the lower rate: to 6400 Hz at 16 kHz
        assert abs(level_db(converted(tone(share * lower, from_rate), from_rate, to_rate))) < 0.1, share
    if from_rate > to_rate:
        for share in (0.56, 0.65, 0.9):
            if share * to_rate < from_rate / 2:
                assert level_db(converted(tone(share * to_rate, from_rate), from_rate, to_rate)) < -60, share
    else:  # the images of a tone lie above the old half rate
        hz = 0.35 * from_rate
        out = converted(tone(hz, from_rate), from_rate, to_rate)
        spectrum = np.abs(np.fft.rfft(out[len(out) // 4 : -len(out) // 4] * np.hanning(len(out) - 2 * (len(out) // 4))))
        frequencies = np.fft.rfftfreq(len(out) - 2 * (len(out) // 4), 1 / to_rate)
        images = spectrum[frequencies > 0.55 * from_rate].max()
        assert 20 * np.log10(images / spectrum.max()) < -55


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_it_is_soxr_s_sound_a_known_delay_later(from_rate: int, to_rate: int) -> None:
    rng = np.random.default_rng(1)
    spectrum = np.fft.rfft(rng.standard_normal(from_rate))
    spectrum[np.fft.rfftfreq(from_rate, 1 / from_rate) > 0.4 * min(from_rate, to_rate)] = 0
    sound = (0.1 * np.fft.irfft(spectrum, from_rate)).astype(np.float32)
    ours = converted(sound, from_rate, to_rate).astype(np.float64)
    theirs = soxr.resample(sound, from_rate, to_rate, quality="VHQ").astype(np.float64)
    delay = Polyphase(from_rate, to_rate, 480).delay
    count = min(len(ours), len(theirs))
    shift = np.exp(-2j * np.pi * np.fft.rfftfreq(count, 1 / to_rate) * delay)
    late = np.fft.irfft(np.fft.rfft(theirs[:count]) * shift, count)
    middle = slice(count // 4, -count // 4)
    error = np.sum((ours[:count][middle] - late[middle]) ** 2) / np.sum(late[middle] ** 2)
    assert 10 * np.log10(error) < -45
    assert delay < 0.003


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PAIRS), st.lists(st.integers(1, 480), min_size=1, max_size=30))
def test_counts_are_exact_however_it_is_cut(pair: tuple[int, int], cuts: list[int]) -> None:
    """And so is the sound: a device may ask for blocks of any length."""
    from_rate, to_rate = pair
    sound = np.random.default_rng(2).standard_normal(sum(cuts)).astype(np.float32)
    whole = converted(sound, from_rate, to_rate)
    assert len(whole) == -(-len(sound) * to_rate // from_rate)
    converter = Polyphase(from_rate, to_rate, 480)
    parts, start = [], 0
    for count in cuts:
        converter.inlet(count)[:] = sound[start : start + count]
        out = np.empty(converter.ready(count), np.float32)
        converter.convert(count, out)
        parts.append(out)
        start += count
    assert np.allclose(np.concatenate(parts), whole, atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PAIRS), st.lists(st.integers(1, 480), min_size=1, max_size=30))
def test_a_device_gets_as_many_samples_as_it_asks_for(pair: tuple[int, int], asked: list[int]) -> None:
    from_rate, to_rate = pair
    converter = Polyphase(from_rate, to_rate, 480)
    used = 0
    for count in asked:
        needed = converter.needed(count)
        converter.inlet(needed)[:] = 1.0
        out = np.full(count, np.nan, np.float32)
        converter.convert(needed, out)
        assert not np.isnan(out).any()
        used += needed
    assert used == sum(asked) * from_rate // to_rate
