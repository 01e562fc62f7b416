"""More that has no words in it: the same recordings in other rooms, at other levels and mixed, and between words.

It is far more than `pieces` has and far less than it looks like, for most of it is made of the same recordings. What
lies between the words of people's recordings is of many other rooms and microphones.

Between words: in ``PAUSES.tsv`` (``path``, ``split``, ``speech_start``, ``speech_end``, ``trailing_silence`` and
``pauses`` as "from-to;from-to", seconds), where the folder has one, and outside the segments of recordings whose label
type begins with "rttm" ("from+length:speaker;...").
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from assistant.bench.inventions.pieces import Piece, cut, index, sound
from assistant.ports import CAPTURE_RATE, Samples

CUTS = 2
"""Pieces of one length from one recording, at most, and the padded one."""
LOUDEST = 0.9
QUIETER = (-20.0, -40.0)
"""dB."""
MARGIN = 0.25
"""Seconds that a gap keeps away from the words on both sides: they were found by their energy."""
SHORTEST = 0.5
"""Seconds of gap that are left."""
SILENT = 1e-4
"""Root mean square under which a gap is a gate's work: -80 dBFS."""


KINDS = ("in a room", "loud", "soft", "mixed", "between words")
"""Of its pieces."""


def wider(folder: Path) -> Iterator[tuple[Piece, int]]:
    """Each with the half of its recording, one by one, for all of them would fill the memory. Raises ParleyError."""
    rows = index(folder)
    silent = {row["path"]: sound(folder / row["path"]) for row in rows if row["label_type"] == "class"}
    halves = {clip: number % 2 for number, clip in enumerate(sorted(silent))}
    rooms = [sound(folder / row["path"]) for row in rows if row["label_type"] == "RIR"]
    for clip, samples in silent.items():
        peak = float(np.abs(samples).max())
        made = [("in a room", _level_of(samples, _in_room(samples, room))) for room in rooms]
        made += [("loud", samples * np.float32(LOUDEST / peak))] if peak else []
        made += [("soft", samples * np.float32(10 ** (gain / 20))) for gain in QUIETER]
        yield from ((piece, halves[clip]) for kind, one in made for piece in _pieces(clip, one, kind))
    for half in (0, 1):
        clips = [clip for clip in sorted(silent) if halves[clip] == half and _rms(silent[clip]) > SILENT]
        for one, other in pairwise([*clips, *clips[:1]]):
            mixed = _mixed(silent[one], silent[other])
            yield from ((piece, half) for piece in _pieces(f"{one} and {other}", mixed, "mixed"))
    for number, (clip, room) in enumerate(_between(folder, rows)):
        yield from ((piece, number % 2) for piece in _pieces(clip, room, "between words"))


def _pieces(clip: str, samples: Samples, kind: str) -> Iterator[Piece]:
    return (replace(piece, kind=kind) for piece in cut(clip, samples, CUTS))


def _between(folder: Path, rows: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, Samples]]:
    """The gaps of a recording in a row are one room."""
    paused = _paused(folder)
    for row in sorted(rows, key=lambda row: row["path"]):
        gaps = _outside(row) if row["label_type"].startswith("rttm") else paused.get(row["path"], [])
        long = [(start, end) for start, end in gaps if end - start >= SHORTEST + 2 * MARGIN]
        if not long:
            continue
        samples = sound(folder / row["path"])
        inner = [(round((start + MARGIN) * CAPTURE_RATE), round((end - MARGIN) * CAPTURE_RATE)) for start, end in long]
        room = np.concatenate([samples[start:end] for start, end in inner])
        if len(room) >= SHORTEST * CAPTURE_RATE and _rms(room) > SILENT:
            yield row["path"], room


def _outside(row: Mapping[str, str]) -> list[tuple[float, float]]:
    """Where nobody speaks."""
    spoken = []
    for segment in row["label"].split(";"):
        start, _, length = segment.partition(":")[0].partition("+")
        spoken.append((float(start), float(start) + float(length)))
    gaps, until = [], 0.0
    for begin, end in sorted(spoken):
        gaps.append((until, begin))
        until = max(until, end)
    return [*gaps, (until, float(row["seconds"]))]


def _paused(folder: Path) -> Mapping[str, list[tuple[float, float]]]:
    """By recording: before the words, after them, and in their pauses."""
    try:
        with (folder / "PAUSES.tsv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except OSError:
        return {}
    found = {}
    for row in rows:
        pauses = [pause.partition("-") for pause in row["pauses"].split(";") if pause]
        end = float(row["speech_end"])
        found[row["path"]] = [
            (0.0, float(row["speech_start"])),
            *((float(start), float(until)) for start, _, until in pauses),
            (end, end + float(row["trailing_silence"])),
        ]
    return found


def _in_room(samples: Samples, room: Samples) -> Samples:
    size = 1 << (len(samples) + len(room)).bit_length()
    product = np.fft.rfft(samples, size) * np.fft.rfft(room, size)
    heard: Samples = np.fft.irfft(product, size)[: len(samples)].astype(np.float32)
    return heard


def _level_of(samples: Samples, other: Samples) -> Samples:
    """``other`` as loud as ``samples``."""
    alike: Samples = np.clip(other * np.float32(_rms(samples) / max(_rms(other), 1e-9)), -1.0, 1.0)
    return alike


def _mixed(one: Samples, other: Samples) -> Samples:
    """Both at the level of the first; the shorter begins anew."""
    length = max(len(one), len(other))
    first, second = np.resize(one, length), np.resize(other, length)
    both: Samples = np.clip(first + _level_of(one, second), -1.0, 1.0)
    return both


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
