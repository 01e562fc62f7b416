"""Phrases -> speech of flite and espeak-ng, with the times of its words and phones."""

from __future__ import annotations

import ctypes
import random
import shutil
import subprocess
import tempfile
import wave
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from phrases import ENGLISH, FOREIGN

from providers import _libespeak

RATE = 16_000
Samples = NDArray[np.float32]

FLITE_VOICES = ["slt", "awb", "kal16"]  # rms is kept out, as an unseen voice
ESPEAK_ENGLISH = ["en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbcwmd", "en-us"]
ESPEAK_VARIANTS = [
    "", "+f1", "+f2", "+f3", "+f5", "+m1", "+m2", "+m3", "+m4", "+m5", "+m6", "+m8", "+klatt", "+Andy", "+Annie",
]  # fmt: skip
UNSEEN_VARIANTS = ["+m7", "+f4"]
"""Never trained on, like flite's voice rms."""
_PITCHES = [0.86, 0.92, 0.96, 1, 1, 1.04, 1.08, 1.14]


@dataclass(frozen=True)
class Job:
    text: str
    language: str
    engine: str
    voice: str
    speed: float
    """flite: the factor by which it is stretched; espeak: words a minute."""
    pitch: float
    """flite: the factor by which it is resampled; espeak: 0 to 99."""


@dataclass
class Rendering:
    job: Job
    samples: NDArray[np.int16]
    """RATE Hz, trimmed to 20 ms before and after the voice, peak at half scale."""
    words: list[tuple[float, float]] | None
    """Seconds at which each word of the text begins and ends, where they are known."""
    phones: list[tuple[float, float, str]]


def jobs(count: int | None = None, *, per_phrase: int = 12, seed: int = 1) -> list[Job]:
    """What to render for training: the first ``count`` phrases of each language, ``per_phrase`` times per engine."""
    rng = random.Random(seed)
    todo = []
    for text in ENGLISH[:count]:
        if shutil.which("flite"):
            for index in range(per_phrase):
                voice = FLITE_VOICES[index % len(FLITE_VOICES)]
                todo.append(Job(text, "en", "flite", voice, round(rng.uniform(0.85, 1.25), 2), rng.choice(_PITCHES)))
        for _ in range(per_phrase):
            voice = rng.choice(ESPEAK_ENGLISH) + rng.choice(ESPEAK_VARIANTS)
            todo.append(Job(text, "en", "espeak", voice, rng.randint(120, 205), rng.randint(25, 75)))
    for language, phrases in FOREIGN.items():
        for text in list(phrases)[:count]:
            for _ in range(3 * per_phrase):
                voice = language + rng.choice(ESPEAK_VARIANTS)
                todo.append(Job(text, language, "espeak", voice, rng.randint(120, 200), rng.randint(30, 70)))
    return todo


def render_all(todo: list[Job]) -> list[Rendering]:
    """In as many processes as there are cores; espeak-ng has one global state a process."""
    with ProcessPoolExecutor() as pool:
        return list(pool.map(render, todo, chunksize=32))


def render(job: Job) -> Rendering:
    if job.engine == "flite":
        samples, words, phones = flite(job.text, job.voice, job.speed)
        samples = soxr.resample(samples, RATE * job.pitch, RATE)
        words = words and [(start / job.pitch, end / job.pitch) for start, end in words]
        phones = [(start / job.pitch, end / job.pitch, name) for start, end, name in phones]
    else:
        samples, words, phones = espeak(job.text, job.voice, round(job.speed), round(job.pitch))
    first, last = _voiced(samples)
    cut, length = first / RATE, (last - first) / RATE
    samples = samples[first:last] / (np.abs(samples).max() + 1e-9) * 0.5
    if words is not None:
        words = [(min(max(start - cut, 0), length), min(max(end - cut, 0), length)) for start, end in words]
        words[-1] = (words[-1][0], length)
    phones = [(max(0.0, start - cut), end - cut, name) for start, end, name in phones if end > cut]
    return Rendering(job, (samples * 32767).astype(np.int16), words, phones)


def _voiced(samples: Samples) -> tuple[int, int]:
    """The first and last sample of the voice, with 20 ms to spare."""
    level = np.sqrt(np.convolve(samples**2, np.ones(160) / 160, "same"))
    loud = np.flatnonzero(level > 0.01 * level.max())
    return max(0, int(loud[0]) - 320), min(len(samples), int(loud[-1]) + 320)


# --- flite ------------------------------------------------------------------------------------------------------------

Timed = tuple[Samples, list[tuple[float, float]] | None, list[tuple[float, float, str]]]


def flite(text: str, voice: str, stretch: float = 1.0) -> Timed:
    """Sound, words and phones. A word's time is found by counting phones, and given up where the counts differ."""
    samples, phones = _flite(text, voice, stretch)
    spoken = [phone for phone in phones if phone[2] != "pau"]
    words = []
    for word in text.split():
        count = _phones_in(word, voice)
        if count > len(spoken):
            return samples, None, phones
        words.append((spoken[0][0], spoken[count - 1][1]))
        spoken = spoken[count:]
    return samples, None if spoken else words, phones


@cache
def _phones_in(word: str, voice: str) -> int:
    return sum(name != "pau" for _, _, name in _flite(word, voice, 1.0)[1])


def _flite(text: str, voice: str, stretch: float) -> tuple[Samples, list[tuple[float, float, str]]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch}", "-psdur", "-t", text, "-o", path]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        samples = read_wav(path)
    phones, start = [], 0.0
    for phone in printed.split():
        name, end = phone.rsplit(":", 1)
        phones.append((start, float(end), name))
        start = float(end)
    return samples, phones


def read_wav(path: Path) -> Samples:
    """A mono 16-bit file at RATE Hz."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2), path
        data = file.readframes(file.getnframes())
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)


# --- espeak-ng --------------------------------------------------------------------------------------------------------


def espeak(text: str, voice: str, speed: int, pitch: int) -> Timed:
    """Sound, words and phones, as its own events tell them."""
    library = _libespeak.load(_libespeak.PHONEME_EVENTS)
    chunks: list[NDArray[np.int16]] = []
    begins: list[tuple[int, float]] = []  # character position, seconds
    names: list[tuple[float, str]] = []
    ends: list[float] = []

    def heard(sound: ctypes._Pointer[ctypes.c_short], count: int, events: ctypes._Pointer[_libespeak.Event]) -> int:
        if count > 0:
            chunks.append(np.ctypeslib.as_array(sound, (count,)).copy())
        index = 0
        while events[index].type != _libespeak.LIST_END:
            event = events[index]
            seconds = event.sample / _libespeak.RATE
            if event.type == _libespeak.WORD:
                begins.append((event.text_position - 1, seconds))
            elif event.type == _libespeak.PHONEME:
                names.append((seconds, event.id.string.decode("utf-8", "replace")))
            elif event.type == _libespeak.END:
                ends.append(seconds)
            index += 1
        return 0

    callback = _libespeak.Callback(heard)
    library.espeak_SetSynthCallback(callback)
    assert library.espeak_SetVoiceByName(voice.encode()) == 0, voice
    library.espeak_SetParameter(_libespeak.PARAMETERS["rate"], speed, 0)
    library.espeak_SetParameter(_libespeak.PARAMETERS["pitch"], pitch, 0)
    _libespeak.synthesize(text.encode())
    sound = np.concatenate(chunks).astype(np.float32) / np.float32(32768)
    samples = soxr.resample(sound, _libespeak.RATE, RATE)
    length = len(samples) / RATE
    words = _word_spans(text, begins, ends[-1] if ends else length)
    phone_ends = [seconds for seconds, _ in names[1:]] + [length]
    phones = [
        (start, end, "pau" if not name or name.startswith("_") else name.rstrip("0123456789#"))
        for (start, name), end in zip(names, phone_ends, strict=True)
    ]
    return samples, words, phones


def _word_spans(text: str, begins: list[tuple[int, float]], end: float) -> list[tuple[float, float]]:
    """Words that espeak-ng runs together share their time by their letters."""
    words = text.split()
    offsets, at = [], 0
    for word in words:
        offsets.append(text.index(word, at))
        at = offsets[-1] + len(word)
    starts: list[float | None] = [None] * len(words)
    for position, seconds in begins:
        word = max((index for index, offset in enumerate(offsets) if offset <= position), default=0)
        if starts[word] is None:
            starts[word] = seconds
    starts[0] = starts[0] or 0.0
    known = [index for index, start in enumerate(starts) if start is not None] + [len(words)]
    times = [start for start in starts if start is not None] + [end]
    spans = []
    for (first, last), (since, until) in zip(_pairs(known), _pairs(times), strict=True):
        shares = np.cumsum([0] + [len(word) for word in words[first:last]]) / sum(map(len, words[first:last]))
        spans += [(float(since + (until - since) * a), float(since + (until - since) * b)) for a, b in _pairs(shares)]
    return spans


def _pairs(items):
    return list(zip(items[:-1], items[1:], strict=True))
