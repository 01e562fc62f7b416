"""What is played: recordings without words at several lengths, and short words as they were recorded, and in noise.

The folder has an ``INDEX.tsv`` with the columns ``path``, ``label_type``, ``label``, ``use`` and ``seconds``. The label
type of a recording without speech is "class"; that of a short word begins with "transcript", and it has at most WORDS
words and SHORT seconds.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assistant.errors import ParleyError
from assistant.files.decode import Media
from assistant.ports import CAPTURE_RATE, FRAME, Samples

LENGTHS = (1, 3, 10, 30)
"""Seconds (Baranski et al., 2025)."""
CUTS = 6
"""Pieces of one length from one recording, at most, from end to end of it."""
SHORT = 3.1
WORDS = 4
NOISES = 4
"""Recordings that words are put into."""
SNR = 10.0
"""dB."""
BEFORE = 0.5
"""Seconds of noise before the word."""
ACTIVE = 0.8
"""A word's level is that of its loudest fifth."""


@dataclass(frozen=True, slots=True)
class Piece:
    clip: str
    """The recording that it comes from."""
    kind: str
    """``noise``, ``word``, ``word in noise``, ``synthetic``, or one of `wider`."""
    samples: Samples
    seconds: int = 0
    """The length of a noise; 0: of a word, whatever it has."""
    said: str = ""


def pieces(folder: Path) -> tuple[list[Piece], list[Piece]]:
    """Those without words and those with. Raises ParleyError."""
    rows = index(folder)
    silent = {row["path"]: sound(folder / row["path"]) for row in rows if row["label_type"] == "class"}
    words = [row for row in rows if _is_word(row)]
    if not silent or not words:
        raise ParleyError(f"{folder / 'INDEX.tsv'} lists no recordings without speech, or no short words")
    noises = [silent[row["path"]] for row in rows if row["path"] in silent and "noise" in row["use"].split(";")]
    without = [piece for clip, samples in silent.items() for piece in cut(clip, samples)]
    return without, [piece for row in words for piece in _spoken(row, sound(folder / row["path"]), noises[:NOISES])]


def index(folder: Path) -> list[dict[str, str]]:
    """The rows of its INDEX.tsv. Raises ParleyError."""
    path = folder / "INDEX.tsv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t"))
    except OSError as error:
        raise ParleyError(
            f"{path} cannot be read ({error.strerror}); see docs/measurements.md for what it holds"
        ) from None


def _is_word(row: Mapping[str, str]) -> bool:
    told = row["label_type"].startswith("transcript")
    return told and float(row["seconds"]) <= SHORT and len(row["label"].split()) <= WORDS


def sound(path: Path) -> Samples:
    """A recording at CAPTURE_RATE, its channels mixed."""
    if path.suffix == ".raw":  # headerless, 16 kHz, mono, 16-bit
        return np.fromfile(path, "<i2").astype(np.float32) / np.float32(32768)
    with Media(path) as media:
        samples: Samples = np.concatenate(list(media.blocks()))
    return np.clip(samples, -1.0, 1.0)


def cut(clip: str, samples: Samples, cuts: int = CUTS) -> Iterator[Piece]:
    """Cut out of it or looped, and half as long between digital silence."""
    for seconds in LENGTHS:
        wanted = seconds * CAPTURE_RATE
        spare = len(samples) - wanted
        if spare < 0:
            yield Piece(clip, "noise", np.resize(samples, wanted), seconds)
        else:
            count = min(cuts, max(1, len(samples) // wanted))
            for number in range(count):
                at = spare * number // max(1, count - 1)
                yield Piece(clip, "noise", samples[at : at + wanted], seconds)
        some = samples[: wanted // 2]
        before = (wanted - len(some)) // 2
        yield Piece(clip, "noise", np.pad(some, (before, wanted - before - len(some))), seconds)


def _spoken(row: Mapping[str, str], samples: Samples, noises: Sequence[Samples]) -> Iterator[Piece]:
    yield Piece(row["path"], "word", samples, said=row["label"])
    for noise in noises:
        yield Piece(row["path"], "word in noise", _in_noise(samples, noise), said=row["label"])


def _in_noise(samples: Samples, noise: Samples) -> Samples:
    """At a common level, SNR apart."""
    quiet = np.zeros(round(BEFORE * CAPTURE_RATE), np.float32)
    word = np.concatenate([quiet, samples * np.float32(0.1 / max(_level(samples), 1e-6)), quiet])
    around = np.resize(noise, len(word))
    around = around * np.float32(0.1 * 10 ** (-SNR / 20) / max(float(np.sqrt(np.mean(around**2))), 1e-6))
    return np.clip(word + around, -1.0, 1.0)


def _level(samples: Samples) -> float:
    whole = samples[: len(samples) - len(samples) % FRAME].reshape(-1, FRAME)
    power = np.sort(np.mean(whole**2, axis=1))
    return float(np.sqrt(np.mean(power[round(ACTIVE * len(power)) :])))
