"""What the user says in `parley bench --compare`: recordings with their words, laid out as one microphone file."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assistant.audio.resample import Resampler
from assistant.audio.wavfile import WavWriter, open_wav
from assistant.bench.engines import QUESTION
from assistant.bench.report import AGREEMENT_MS
from assistant.bench.work import LEAD, room_noise
from assistant.demo.build import phrase
from assistant.demo.script import LINES
from assistant.errors import ParleyError
from assistant.ports import CAPTURE_RATE, Samples

NAME_OF_BUILT_IN = "built-in"
BUILT_IN = ("hello.wav", "time.wav", "sum.wav")
"""Of the demo's recordings those that every assistant can answer shortly, that leave nothing behind as a timer would,
and that do not end in a consonant of which nobody could say where it ends."""
DATE, TWO = Path(__file__).with_name("date.wav"), Path(__file__).with_name("two.wav")
"""flite's voice awb asking "What is the date today?", its voice slt asking "What is two plus two?", cut to their first
and last voiced samples; -20 dBFS."""
GAP = 8.0
"""Seconds from the end of an utterance to the next one. The microphone is a file and cannot wait for an answer: three
sentences take a voice about so long."""
TAIL = 1.5
"""Seconds of room after the last utterance: its answer is waited for in any case."""
LONGEST = 55.0
"""Seconds of a recording: what is longer than a minute is taken for more than one utterance."""
FILE_COLUMNS, TEXT_COLUMNS = ("file", "path"), ("text", "sentence")
"""Names for the columns that a table of recordings must have; the second are those of Common Voice."""
OWN_AGREEMENT_MS = 200.0
"""By so much the ledger may differ where an end of speech is only as sure as whoever wrote it down, or its loudness."""

STRETCH = 0.005
"""Seconds over which loudness is taken."""
ABOVE_FLOOR, BELOW_TOP = 12.0, 35.0
"""Decibels. Speech is what is so much above the recording's quietest twentieth, and no further below its loudest
stretch. Of 96 recordings whose ends another program had found by loudness, 79 % end within 50 ms of them; the others
have clicks or breaths behind the last word."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A recording of one thing said."""

    name: str
    text: str
    """What is said: the reference of the word error rate."""
    sound: Samples
    """float32 in [-1, 1], CAPTURE_RATE, mono."""
    start: float
    """Second of its first voiced sample in the recording."""
    end: float


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What is said, in order."""

    name: str
    utterances: tuple[Utterance, ...]
    agreement_ms: float = OWN_AGREEMENT_MS
    """The ledger may differ from the waveforms by so much; more is a failure of the measurement."""


@dataclass(frozen=True, slots=True)
class Line:
    """An utterance in the microphone's file; times in seconds from the file's beginning."""

    number: int
    """From 1."""
    name: str
    text: str
    start: float
    """Its first voiced sample."""
    end: float
    """Its last one, from which latencies count."""


def built_in() -> Dialogue:
    """Six short requests in three synthesised voices, cut where they end: this is known to the sample."""
    texts = {line.file: line for line in LINES}
    said = [(name, texts[name].text, _cut(phrase(texts[name]))) for name in BUILT_IN]
    questions = {DATE: "what is the date today", TWO: "what is two plus two", QUESTION: "what time is it"}
    said += [(path.name, text, _sound(path)) for path, text in questions.items()]
    utterances = (Utterance(name, text, sound, 0.0, len(sound) / CAPTURE_RATE) for name, text, sound in said)
    return Dialogue(NAME_OF_BUILT_IN, tuple(utterances), AGREEMENT_MS)


def read(path: Path) -> Dialogue:
    """The recordings that a table lists: a TSV file, or the only one of a folder. Raises ParleyError.

    The table's first line names its columns: ``file`` (relative to the table; or ``path``) and ``text`` (or
    ``sentence``) must be there; ``start`` and ``end``, the seconds of the first and last voiced sample in the
    recording, may be, and are found by loudness where they are not. Other columns do not matter. Columns are separated
    by a tab; nothing is quoted.
    """
    table = _table(path)
    try:
        lines = table.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ParleyError(f"the conversation {table} cannot be read as UTF-8 text ({error}); check the file") from None
    columns = [name.strip().lower() for name in lines[0].split("\t")] if lines else []
    file, text = _column(table, columns, FILE_COLUMNS), _column(table, columns, TEXT_COLUMNS)
    found: list[Utterance] = []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        cells += [""] * (len(columns) - len(cells))
        if not cells[file] or not cells[text]:
            raise ParleyError(f"{table}, line {number}: the file or what is said in it is missing; write both")
        sound = _sound(table.parent / cells[file])
        if len(sound) > LONGEST * CAPTURE_RATE:
            raise ParleyError(
                f"{table}, line {number}: {cells[file]} is longer than {LONGEST:.0f} s; cut it into utterances"
            )
        try:
            start, end = voiced(sound)
        except ValueError:
            raise ParleyError(f"{table}, line {number}: {cells[file]} holds no sound; record it again") from None
        start = _seconds(table, number, columns, cells, "start", start)
        end = _seconds(table, number, columns, cells, "end", end)
        if not 0 <= start < end <= len(sound) / CAPTURE_RATE + STRETCH:
            raise ParleyError(
                f"{table}, line {number}: from {start:g} s to {end:g} s is no part of {cells[file]}, which is "
                f"{len(sound) / CAPTURE_RATE:.2f} s long"
            )
        found.append(Utterance(cells[file], cells[text], sound, start, end))
    if not found:
        raise ParleyError(f"{table} lists no recording; write a line for each: file, a tab, what is said in it")
    return Dialogue(str(path), tuple(found))


def lay_out(path: Path, dialogue: Dialogue, count: int, gap: float = GAP) -> tuple[list[Line], float]:
    """Write the microphone's file with ``count`` utterances (the dialogue over and over).

    Returns where they are, and the file's length in seconds.
    The same every time. They start at random places of the 32 ms grid, so that no figure depends on how they lie to it.
    """
    choose = random.Random(1)
    placed: list[tuple[int, Utterance]] = []
    lines: list[Line] = []
    at = LEAD
    for number in range(count):
        said = dialogue.utterances[number % len(dialogue.utterances)]
        first = round((at + choose.random() * 0.2) * CAPTURE_RATE)
        placed.append((first, said))
        begins = first / CAPTURE_RATE
        lines.append(Line(number + 1, said.name, said.text, begins + said.start, begins + said.end))
        at = max(begins + said.end + gap - said.start, begins + len(said.sound) / CAPTURE_RATE)
    ends = max(first + len(said.sound) for first, said in placed)
    samples = room_noise(ends + round(TAIL * CAPTURE_RATE))
    for first, said in placed:
        samples[first : first + len(said.sound)] += said.sound
    with WavWriter(path, CAPTURE_RATE) as writer:
        writer.append(samples)
    return lines, len(samples) / CAPTURE_RATE


def voiced(sound: Samples) -> tuple[float, float]:
    """The seconds at which the first voiced stretch begins and the last one ends, by loudness.

    Raises ValueError where nothing can be heard.
    """
    step = round(STRETCH * CAPTURE_RATE)
    whole = len(sound) // step
    power = np.square(sound[: whole * step].reshape(whole, step)).mean(axis=1)
    level = 10 * np.log10(power + 1e-12)
    if not whole or level.max() < -70:
        raise ValueError("there is no sound")
    floor, top = float(np.percentile(level, 5)), float(level.max())
    # Speech without any pause has no floor of its own.
    loud = np.flatnonzero(level > max(min(floor + ABOVE_FLOOR, top - 20), top - BELOW_TOP))
    return float(loud[0] * STRETCH), float((loud[-1] + 1) * STRETCH)


def _table(path: Path) -> Path:
    if not path.is_dir():
        if not path.exists():
            raise ParleyError(f"there is no conversation {path}; name a folder with recordings and a TSV file, or that")
        return path
    tables: Sequence[Path] = sorted(path.glob("*.tsv"))
    if len(tables) != 1:
        what = "no TSV file that says" if not tables else f"{len(tables)} TSV files; name the one that says"
        raise ParleyError(f"{path} has {what} what is said in its recordings (columns: file, text)")
    return tables[0]


def _column(table: Path, columns: list[str], names: Sequence[str]) -> int:
    for name in names:
        if name in columns:
            return columns.index(name)
    raise ParleyError(
        f'{table}: the first line names no column "{names[0]}"; it must name the columns, with a tab between them: '
        "file, text, and perhaps start and end"
    )


def _seconds(table: Path, number: int, columns: list[str], cells: list[str], name: str, otherwise: float) -> float:
    given = cells[columns.index(name)] if name in columns else ""
    if not given:
        return otherwise
    try:
        return float(given)
    except ValueError:
        raise ParleyError(f"{table}, line {number}: {name} = {given} is not a number of seconds") from None


def _cut(sound: Samples) -> Samples:
    start, end = voiced(sound)
    return sound[round(start * CAPTURE_RATE) : round(end * CAPTURE_RATE)]


def _sound(path: Path) -> Samples:
    """A recording at CAPTURE_RATE. Raises ParleyError."""
    with open_wav(path) as reader:
        return Resampler(reader.rate, CAPTURE_RATE).push(reader.read(reader.frames), last=True)
