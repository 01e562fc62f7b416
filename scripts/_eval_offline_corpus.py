"""What `scripts/eval_offline` listens to: requests and other speech in synthetic voices, and real recordings.

The voices are split before anything is tuned: thresholds and weights are chosen on TUNING, figures are told of
HELD_OUT. Real recordings are split by file, and the sentences that no skill understands by their place in the list, so
that nothing that is tested was tuned on, but for the wording of the usual requests.
"""

from __future__ import annotations

import csv
import hashlib
import random
import shutil
import subprocess
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs

from assistant.audio.resample import Resampler
from assistant.ports import CAPTURE_RATE, Samples
from providers.offline import grammar
from providers.offline.model import SKILLS

CACHE = Path(platformdirs.user_cache_dir("parley")) / "eval_offline"
LEAD, TAIL = 0.45, 0.13
"""Seconds around the speech: what the session's pre-roll and its pause give a transcriber."""
TOOLS = ("flite", "espeak-ng")


@dataclass(frozen=True, slots=True)
class Voice:
    tool: str
    name: str
    stretch: float = 1.0
    """Of the duration."""
    size: float = 1.0
    """Of the vocal tract, by resampling: below 1 a smaller, higher voice."""


TUNING = (
    Voice("flite", "slt"),
    Voice("flite", "slt", 1.15, 1.06),
    Voice("flite", "slt", 0.9, 0.94),
    Voice("flite", "kal16"),
    Voice("flite", "kal16", 0.95, 0.93),
    Voice("flite", "kal16", 1.1, 1.05),
    Voice("espeak-ng", "en-us"),
    Voice("espeak-ng", "en-us+f3", 1.1),
    Voice("espeak-ng", "en-us+m3", 1.1),
    Voice("espeak-ng", "en-gb", 1.1),
    Voice("espeak-ng", "en-gb+f1", 1.15),
    Voice("espeak-ng", "en-gb-x-gbclan+m2", 1.15),
)
HELD_OUT = (
    Voice("flite", "awb"),
    Voice("flite", "awb", 1.15),
    Voice("flite", "rms"),
    Voice("flite", "rms", 0.9),
    Voice("espeak-ng", "en-us+f4", 1.1),
    Voice("espeak-ng", "en-us-nyc", 1.1),
    Voice("espeak-ng", "en-us+m7", 1.05),
    Voice("espeak-ng", "en-gb-x-rp+f2", 1.15),
)

HERE = Path(__file__).resolve().parent
USUAL = tuple((HERE / "_eval_offline_usual.txt").read_text(encoding="utf-8").splitlines())
"""What people say to such an assistant; half of the requests. The other half is drawn from the grammar."""

OTHER = tuple((HERE / "_eval_offline_other.txt").read_text(encoding="utf-8").splitlines())
"""What no skill answers, some of it made of the requests' own words. Every other sentence is for tuning."""


@dataclass(frozen=True, slots=True)
class Said:
    kind: str
    """"request" (in the grammar), "sentence" (rendered, not in the grammar) or "recording" (real speech)."""
    text: str
    """"" for a recording."""
    voice: str
    sound: Samples
    """16 kHz, with LEAD and TAIL around it and a little noise."""


def missing() -> list[str]:
    """The programs that are needed and not here."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def requests(voices: tuple[Voice, ...], count: int, seed: int) -> Iterator[Said]:
    """``count`` requests, half usual ones and half drawn from the grammar, each skill as often."""
    chance = random.Random(seed)
    usual = list(USUAL)
    chance.shuffle(usual)
    told = [skill for skill in SKILLS if skill.grammar]
    for number in range(count):
        if number % 2:
            text = usual[number // 2 % len(usual)]
        else:
            text = grammar.sentence(told[number // 2 % len(told)].grammar, chance)
        voice = chance.choice(voices)
        yield Said("request", text, voice.name, placed(render(voice, text), chance))


def sentences(voices: tuple[Voice, ...], part: int, seed: int) -> Iterator[Said]:
    """Half of OTHER: ``part`` 0 is for tuning, 1 is held out."""
    chance = random.Random(seed)
    for text in OTHER[part::2]:
        voice = chance.choice(voices)
        yield Said("sentence", text, voice.name, placed(render(voice, text), chance))


def recordings(folder: Path, part: int, seed: int, most: int) -> Iterator[Said]:
    """Stretches of 1 to 4 s of real English speech, cut at its quietest moments; at most eight from one file."""
    chance = random.Random(seed)
    with (folder / "INDEX.tsv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["language"] == "en"]
    names = sorted({row["path"] for row in rows if row["path"].endswith(".wav")})
    found = [
        Said("recording", "", name.split("/")[0], placed(piece, chance))
        for name in names[part::2]
        for piece in _pieces(_read(folder / name), chance)[:8]
    ]
    chance.shuffle(found)
    yield from found[:most]


def render(voice: Voice, text: str) -> Samples:
    """``text`` in ``voice`` at 16 kHz; kept in CACHE."""
    key = hashlib.sha256(repr((voice, text)).encode()).hexdigest()[:24]
    path = CACHE / f"{key}.wav"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        if voice.tool == "flite":
            stretch = f"duration_stretch={voice.stretch / voice.size:.3f}"
            command = ["flite", "-voice", voice.name, "--setf", stretch, "-t", text, "-o", str(part)]
        else:
            speed = str(round(165 / voice.stretch))
            command = ["espeak-ng", "-v", voice.name, "-s", speed, "-w", str(part), text]
        subprocess.run(command, check=True, capture_output=True)
        part.rename(path)
    return _read(path, voice.size)


def _read(path: Path, size: float = 1.0) -> Samples:
    """A WAV file as mono at 16 kHz, made longer by ``size``."""
    try:
        with wave.open(str(path)) as file:
            if file.getsampwidth() != 2:
                return np.zeros(0, np.float32)
            rate = file.getframerate() / size
            data = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
    except wave.Error:  # a kind of WAV that is not read here
        return np.zeros(0, np.float32)
    sound = data.mean(axis=1).astype(np.float32) / np.float32(32768)
    return sound if rate == CAPTURE_RATE else Resampler(round(rate), CAPTURE_RATE).push(sound, last=True)


def placed(speech: Samples, chance: random.Random) -> Samples:
    """Silence cut off, its level drawn, LEAD and TAIL put around it, noise 25 to 45 dB below it added."""
    block = CAPTURE_RATE // 100
    levels = np.sqrt(np.mean(speech[: len(speech) // block * block].reshape(-1, block) ** 2, axis=1))
    loud = np.flatnonzero(levels > 0.02 * levels.max())
    speech = speech[loud[0] * block : (loud[-1] + 1) * block]
    peak = 10 ** (chance.uniform(-20, -3) / 20)
    speech = speech * np.float32(peak / np.abs(speech).max())
    sound = np.concatenate([
        np.zeros(int(LEAD * CAPTURE_RATE), np.float32), speech, np.zeros(int(TAIL * CAPTURE_RATE), np.float32)
    ])  # fmt: skip
    power = np.sqrt(np.mean(speech**2)) * 10 ** (-chance.uniform(25, 45) / 20)
    noise = np.random.default_rng(chance.randrange(2**32)).normal(0, power, len(sound))
    placed: Samples = np.clip(sound + noise, -1, 1).astype(np.float32)
    return placed


def _pieces(sound: Samples, chance: random.Random) -> list[Samples]:
    """1 to 4 s long, from quiet moment to quiet moment, without those that are nearly silent."""
    block = CAPTURE_RATE // 50
    levels = np.sqrt(np.mean(sound[: len(sound) // block * block].reshape(-1, block) ** 2, axis=1))
    pieces, start = [], 0
    while start + 50 <= len(levels):
        shortest, longest = start + 50, min(len(levels), start + round(chance.uniform(75, 200)))
        end = (
            shortest + int(np.argmin(levels[shortest : max(longest, shortest + 1)])) if longest > shortest else longest
        )
        piece = levels[start:end]
        if len(piece) and piece.max() > 0.01 and np.mean(piece > 0.1 * levels.max()) > 0.3:
            pieces.append(sound[start * block : end * block])
        start = max(end, start + 1)
    chance.shuffle(pieces)
    return pieces
