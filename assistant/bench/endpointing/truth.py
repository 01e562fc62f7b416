"""What is known of the recordings: where speech ends, where it only pauses, who speaks, what is said.

``truth.json`` is a list of objects, one a recording:

- ``path``: relative to the folder of recordings;
- ``group``: "main" (utterances), "extra" (long readings, for their pauses), "short" (answers of a word), "meeting"
  (for their long pauses), or anything else for what is left out, save that weights may be fitted to it;
- ``start``, ``end``: seconds of the first and last speech; ``hold``: [[start, end], ...] the pauses in it that count;
- ``total_s``: seconds after which the recording is over; what is missing is filled with the recording's own room tone;
- ``no_eot``: its end is not judged, only its pauses (optional);
- ``speaker``, ``text`` (verbatim): optional; else the columns of that name, or ``label`` where ``label_type`` begins
  with "transcript", are taken from ``INDEX.tsv`` beside the recordings.

A recording whose speaker is not known is a speaker of its own.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from assistant.errors import ParleyError

LEAST, MOST = 0.2, 5.0
"""Seconds of a pause that counts (eot-bench)."""
GROUPS = ("main", "extra", "short", "meeting")
SPARE = "spare"
"""The group of those that are in no other: no figure is about them, but weights may be fitted to their pauses."""
UNKNOWN_SPEAKERS = ("", ">50 unnamed", "unknown")
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Recording:
    path: str
    group: str
    speaker: str
    start: float
    end: float
    holds: tuple[tuple[float, float], ...]
    seconds: float
    no_end: bool
    """Only its pauses are judged."""
    text: str | None
    """English, verbatim, in lower case and without punctuation, as recognisers stream it; None: not known."""


class _Row(msgspec.Struct, frozen=True):
    path: str
    group: str
    start: float
    end: float
    hold: tuple[tuple[float, float], ...] = ()
    total_s: float = 0.0
    no_eot: bool = False
    speaker: str | None = None
    text: str | None = None
    lang: str = "en"


def read(folder: Path, truth: Path | None) -> list[Recording]:
    """The recordings in ``folder`` of which ``truth`` knows. Raises ParleyError."""
    truth = truth or next(
        (p for p in (folder / "truth.json", folder.parent / "eot" / "truth.json") if p.is_file()), None
    )
    if truth is None:
        raise ParleyError(f"there is no truth.json in {folder}; name the file with --truth")
    try:
        rows = msgspec.json.decode(truth.read_bytes(), type=list[_Row])
    except OSError as error:
        raise ParleyError(f"{truth} cannot be read ({error.strerror})") from error
    except msgspec.MsgspecError as error:
        raise ParleyError(f"{truth} is no list of recordings: {error}") from error
    index = _index(folder / "INDEX.tsv")
    known = [_recording(row, index.get(row.path, {})) for row in rows if row.group in GROUPS]
    taken = {each.path for each in known}
    left = [row for row in rows if row.group not in GROUPS and row.path not in taken and (folder / row.path).is_file()]
    known += [_recording(structs.replace(row, group=SPARE), index.get(row.path, {})) for row in left]
    missing = [each.path for each in known if not (folder / each.path).is_file()]
    if missing:
        raise ParleyError(f"{folder} lacks {len(missing)} of {len(known)} recordings, {missing[0]} among them")
    if not any(row.group == "meeting" for row in rows):
        known += _meetings(index)
    if not any(each.group == "main" and not each.no_end for each in known):
        raise ParleyError(f'{truth} holds no utterance (group "main") whose end is known')
    return known


def _index(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file, delimiter="\t")}


def _recording(row: _Row, known: Mapping[str, Any]) -> Recording:
    speaker = row.speaker if row.speaker is not None else known.get("speaker", "")
    text = row.text
    if text is None and known.get("label_type", "").startswith("transcript"):
        text = known["label"]
    if row.lang != "en":
        text = None
    return Recording(
        row.path,
        row.group,
        row.path if speaker in UNKNOWN_SPEAKERS else speaker,
        row.start,
        row.end,
        row.hold,
        row.total_s or row.end + 4.0,
        row.no_eot,
        " ".join(_WORDS.findall(text.lower())) or None if text else None,
    )


def _meetings(index: Mapping[str, Mapping[str, str]]) -> list[Recording]:
    """Of recordings with a label of "start+duration:speaker;...": pauses after which the same person goes on."""
    found = []
    for path, row in index.items():
        if not row.get("label_type", "").startswith("rttm"):
            continue
        spans = sorted(_span(each) for each in row["label"].split(";"))
        holds, until, who = [], spans[0][1], {spans[0][2]}
        for start, end, speaker in spans[1:]:
            if start >= until:
                if speaker in who and LEAST <= start - until <= MOST:
                    holds.append((until, start))
                until, who = end, {speaker}
            elif end > until:
                until, who = end, {speaker}
        found.append(
            Recording(
                path, "meeting", path, spans[0][0], max(end for _, end, _ in spans), tuple(holds),
                float(row["seconds"]), True, None,
            )
        )  # fmt: skip
    return found


def _span(label: str) -> tuple[float, float, str]:
    times, speaker = label.split(":", 1)
    start, duration = times.split("+")
    return float(start), float(start) + float(duration), speaker
