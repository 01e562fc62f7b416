"""Sounds that people and things make while an assistant speaks: real ones from a folder with an INDEX.tsv, synthetic
voices, modelled coughs and knocks. All mono float32 at CAPTURE_RATE, from their first to their last sound."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soxr

from assistant.ports import CAPTURE_RATE, Samples
from providers import _libespeak, espeak
from scripts._soak.echo import decode, trimmed

VOICES = (("en-us", 35), ("en-us+f3", 50), ("en-us+m3", 45), ("de+f2", 60), ("en-us+f5", 70), ("sv", 25))
"""Espeak's voice and pitch."""
HUM = "[[m- h'm-]]"
""" "Mm-hm" in espeak's phonemes; as letters it would spell it."""
SHORT = 0.7
"""Seconds under which a turn inside another's speech counts as a sign of listening."""


async def spoken(voice: str, pitch: int, text: str, speed: float = 1.0) -> Samples:
    """``text`` read out; in double brackets its phonemes."""
    with _phonemes(text.startswith("[[")):
        async with espeak.synthesizer({"voice": voice, "pitch": pitch, "speed": speed}) as reader:
            parts = [chunk.samples async for chunk in reader.speak(text)]
    sound = np.concatenate(parts).astype(np.float32)
    return trimmed(soxr.resample(sound, reader.rate, CAPTURE_RATE).astype(np.float32))


@contextmanager
def _phonemes(wanted: bool) -> Iterator[None]:
    before = _libespeak._UTF8
    _libespeak._UTF8 = before | (0x100 if wanted else 0)
    try:
        yield
    finally:
        _libespeak._UTF8 = before


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "INDEX.tsv").open(encoding="utf-8") as index:
        return list(csv.DictReader(index, delimiter="\t"))


def noises(folder: Path) -> dict[str, Samples]:
    """Every recording that is labelled as no speech, by its path."""
    found = {}
    for row in rows(folder):
        if row["label_type"] == "class":
            sound = decode(folder / row["path"])
            if np.abs(sound).max(initial=0.0) > 1e-3:
                found[row["path"]] = sound
    return found


def held_out(folder: Path) -> dict[str, bool]:
    """Path of each recording whose words or meaning are known -> ``scripts/train_sounding.py`` trains on none of its
    speaker: every second one."""
    speakers: dict[str, int] = {}
    found = {}
    for row in rows(folder):
        if "transcript" not in row["label_type"] and "slots" not in row["label_type"] or "multilingual" in row["path"]:
            continue
        if row["path"].endswith((".wav", ".flac", ".ogg", ".mp3")):
            found[row["path"]] = speakers.setdefault(row["speaker"] or row["path"], len(speakers)) % 2 == 1
    return found


def listening_turns(folder: Path) -> list[list[Samples]]:
    """Turns of less than SHORT seconds inside somebody else's, by meeting."""
    meetings = []
    for row in rows(folder):
        if not row["label_type"].startswith("rttm"):
            continue
        spans = []
        for label in row["label"].split(";"):
            times, _, speaker = label.partition(":")
            start, _, length = times.partition("+")
            spans.append((float(start), float(start) + float(length), speaker))
        sound = None
        turns = []
        for start, end, speaker in spans:
            inside = any(a <= start and end <= b and who != speaker for a, b, who in spans)
            if inside and end - start < SHORT:
                sound = decode(folder / row["path"]) if sound is None else sound
                turns.append(sound[round(start * CAPTURE_RATE) : round(end * CAPTURE_RATE)])
        meetings.append(turns)
    return meetings


def pieces(sound: Samples, random: np.random.Generator, count: int, shortest: float, longest: float) -> list[Samples]:
    """Stretches of ``sound``, faded at both ends; those that hold next to nothing are left out."""
    cut = []
    for _ in range(count):
        length = round(random.uniform(shortest, longest) * CAPTURE_RATE)
        if length >= len(sound):
            continue
        at = int(random.integers(0, len(sound) - length))
        piece = sound[at : at + length].copy()
        edge = min(160, length // 4)
        piece[:edge] *= np.linspace(0, 1, edge, dtype=np.float32)
        piece[-edge:] *= np.linspace(1, 0, edge, dtype=np.float32)
        if np.sqrt(np.mean(piece**2)) > 0.1 * np.sqrt(np.mean(sound**2)):
            cut.append(piece)
    return cut


# --- modelled bursts ---


def bursts(seed: int, count: int) -> list[Samples]:
    """Coughs, knocks, claps and thuds in turn, no two alike."""
    random = np.random.default_rng(seed)
    makers = (_cough, _knock, _clap, _thud)
    return [makers[number % len(makers)](random) for number in range(count)]


def _noise(random: np.random.Generator, seconds: float, low: float, high: float) -> Samples:
    size = round(seconds * CAPTURE_RATE)
    spectrum = np.fft.rfft(random.standard_normal(size))
    hz = np.fft.rfftfreq(size, 1 / CAPTURE_RATE)
    spectrum *= 1 / (1 + (low / np.maximum(hz, 1)) ** 4) / (1 + (hz / high) ** 4)
    sound = np.fft.irfft(spectrum, size)
    return (sound / np.abs(sound).max()).astype(np.float32)


def _decay(sound: Samples, seconds: float) -> Samples:
    time = np.arange(len(sound)) / CAPTURE_RATE
    return (sound * np.exp(-time / seconds) * np.minimum(1, time / 0.003)).astype(np.float32)


def _cough(random: np.random.Generator) -> Samples:
    """An explosive burst, noise that falls, often a voiced end (J. Korpas et al., 1996: three phases, 0.3 to 0.5 s)."""
    first = _decay(_noise(random, random.uniform(0.05, 0.1), 300, 4500), 0.04)
    second = _noise(random, random.uniform(0.12, 0.25), 250, 2500) * np.float32(0.4)
    third = np.zeros(0, np.float32)
    if random.random() < 0.6:
        time = np.arange(round(random.uniform(0.05, 0.12) * CAPTURE_RATE)) / CAPTURE_RATE
        pitch = random.uniform(140, 350) * np.exp(-2 * time)
        pulse = sum(np.sin(2 * np.pi * np.cumsum(pitch * k) / CAPTURE_RATE) / k for k in range(1, 12))
        third = (0.15 * pulse * np.hanning(len(time))).astype(np.float32)
    return np.concatenate((first, second * np.linspace(1, 0.4, len(second), dtype=np.float32), third)).astype(
        np.float32
    )


def _knock(random: np.random.Generator) -> Samples:
    time = np.arange(round(0.15 * CAPTURE_RATE)) / CAPTURE_RATE
    modes = [(random.uniform(90, 260), 0.03), (random.uniform(300, 700), 0.015), (random.uniform(900, 2500), 0.006)]
    one = sum(np.sin(2 * np.pi * hz * time) * np.exp(-time / fall) for hz, fall in modes)
    gap = np.zeros(round(random.uniform(0.05, 0.15) * CAPTURE_RATE))
    return np.concatenate([part for _ in range(int(random.integers(1, 4))) for part in (one, gap)][:-1]).astype(
        np.float32
    )


def _clap(random: np.random.Generator) -> Samples:
    return _decay(_noise(random, 0.2, 700, 5000), random.uniform(0.01, 0.04))


def _thud(random: np.random.Generator) -> Samples:
    """A door: a low blow, and what rattles after it."""
    low = _decay(_noise(random, 0.4, 30, 180), random.uniform(0.05, 0.12))
    rattle = _decay(_noise(random, 0.4, 400, 3000), 0.06) * np.float32(0.3)
    return low + rattle


def hums(seed: int, count: int) -> list[Samples]:
    """ "Mm-hm" with the mouth shut: a buzz through a nose (formants at 250, 1000 and 2200 Hz), breath between."""
    random = np.random.default_rng(seed)
    return [_hum(random) for _ in range(count)]


def _hum(random: np.random.Generator) -> Samples:
    base = float(random.uniform(85, 260))

    def syllable(seconds: float, rise: float) -> Samples:
        time = np.arange(round(seconds * CAPTURE_RATE)) / CAPTURE_RATE
        pitch = base * (1 + rise * time / seconds)
        phase = 2 * np.pi * np.cumsum(pitch) / CAPTURE_RATE
        sound = np.zeros(len(time))
        for k in range(1, int(4000 / base)):
            hz = k * base
            gain = 1 / (1 + ((hz - 250) / 120) ** 2) + 0.02 / (1 + ((hz - 1000) / 150) ** 2)
            gain += 0.008 / (1 + ((hz - 2200) / 200) ** 2)
            sound += gain / k**0.5 * np.sin(k * phase)
        edge = np.minimum(1, np.minimum(time, time[::-1]) / 0.04)
        return (sound * edge).astype(np.float32)

    one = syllable(random.uniform(0.12, 0.25), random.uniform(-0.1, 0.1))
    two = syllable(random.uniform(0.15, 0.3), random.uniform(0.05, 0.4))
    breath = _noise(random, random.uniform(0.03, 0.08), 300, 2500) * np.float32(0.02)
    return np.concatenate((one, breath, two)).astype(np.float32)


def mixed(sounds: Sequence[Samples], seed: int) -> list[Samples]:
    order = np.random.default_rng(seed).permutation(len(sounds))
    return [sounds[number] for number in order]
