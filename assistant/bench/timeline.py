"""A recorded session as a picture: both waveforms on one axis of time, and what was decided between them.

    python -m assistant.bench.timeline SESSION -o turns.svg --from 33 --to 37.3

SESSION is a folder of ``--record``: mic.wav, speaker.wav and events.jsonl. The picture is one SVG that stands alone:
light and dark, no script, nothing fetched, and every mark in words for a screen reader.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from assistant.audio.wavfile import open_wav
from assistant.bench.svg import element
from assistant.ports import ParleyError, Samples

__all__ = ["Mark", "draw", "main", "marks_of"]

WIDTH, LEFT, RIGHT = 960, 104, 14
"""Pixels of the whole picture, and beside the plot."""
EDGE = 8
"""Where the names of the rows begin."""
WAVE, LINE, GAP = 72, 17, 12
"""Pixels: a waveform's height, a line of text, the space between two parts."""
LETTER = 6.3
"""Pixels of a letter, about: system fonts at 12 pixels. Text that would touch goes to another line."""
TICKS = 12
"""Of the axis, at most."""
LONGEST = 120.0
"""Seconds in one picture: of more nothing can be seen."""
QUIETEST = 0.05
"""Peak that fills at least the height of a waveform: noise alone must not look like speech."""

STYLE = """
svg { --page: #fff; --text: #1b1e23; --faint: #5c636e; --rule: #d9dde3; --user: #1d6b32; --ours: #2f5c93; --turn: #aa3377;
  background: var(--page); font: 12px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --page: #14171b; --text: #e6e8eb; --faint: #a2a9b4; --rule: #343a43; --user: #7fd694; --ours: #84b3ee; --turn: #ee8cc4; }
}
.page { fill: var(--page); }
text { fill: var(--text); }
.faint { fill: var(--faint); }
.strong { font-weight: 600; }
.rule { stroke: var(--rule); }
path.user, rect.user, text.user { fill: var(--user); }
path.ours, text.ours { fill: var(--ours); }
text.turn { fill: var(--turn); }
line.user { stroke: var(--user); }
line.ours { stroke: var(--ours); }
line.turn { stroke: var(--turn); }
.mark { stroke-width: 1.25; stroke-dasharray: 3 2; }
.state { fill: none; stroke: var(--faint); }
"""  # noqa: E501

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened or was decided, at a moment of the session's sound."""

    at: float
    style: str
    """user | ours | turn: who did it."""
    text: str


def _waited(data: Data) -> str:
    return f"finished, after {float(data.get('waited_ms', 0)):.0f} ms"


def _decided(data: Data) -> str:
    words = {
        "floor": "it wants the floor", "stop": "a stop word", "backchannel": "a sign of listening",
        "noise": "a noise", "echo": "an echo",
    }  # fmt: skip
    return "decided: " + words.get(str(data.get("kind")), str(data.get("kind")))


MARKS: dict[str, tuple[str, Callable[[Data], str]]] = {
    "user.speech_started": ("user", lambda data: "you speak"),
    "user.speech_ended": ("user", lambda data: "your last sound"),
    "user.ignored": ("turn", lambda data: f"not answered: {data.get('reason')}"),
    "user.superseded": ("turn", lambda data: "you went on"),
    "turn.endpoint": ("turn", _waited),
    "overlap.started": ("user", lambda data: "a voice over it"),
    "overlap.decided": ("turn", _decided),
    "reply.drafted": ("ours", lambda data: "draft begun"),
    "reply.discarded": ("ours", lambda data: "draft thrown away"),
    "reply.audible": ("ours", lambda data: "first sound"),
    "reply.paused": ("ours", lambda data: "ducked" if data.get("ducked") else "held"),
    "reply.resumed": ("ours", lambda data: f"goes on ({data.get('reason')})"),
    "reply.interrupted": ("ours", lambda data: "answer ended"),
    "reply.finished": ("ours", lambda data: "last sound"),
}
"""Event -> whose mark it is, and its words."""


def marks_of(events: Sequence[Data]) -> list[Mark]:
    """The marks of a session, in the order of their moments. One voice over a reply is told of once."""
    over = {_at(data) for data in events if data["event"] == "overlap.started"}
    found = []
    for data in events:
        if data["event"] not in MARKS or (data["event"] == "user.speech_started" and _at(data) in over):
            continue
        style, words = MARKS[data["event"]]
        found.append(Mark(_at(data), style, words(data)))
    return sorted(found, key=lambda mark: mark.at)


def draw(session: Path, start: float, end: float) -> str:
    """The SVG of the seconds from ``start`` to ``end``. Raises ParleyError for what is no recording of them."""
    if not (0 <= start < end <= start + LONGEST):
        raise ParleyError(f"nothing can be drawn from {start:g} to {end:g} s: name {LONGEST:g} s at most.")
    events = _events(session / "events.jsonl")
    return _Picture(session, events, start, end).svg()


class _Picture:
    def __init__(self, session: Path, events: Sequence[Data], start: float, end: float) -> None:
        self._session, self._events, self._start, self._end = session, events, start, end
        self._parts: list[str] = []
        self._y = 8.0

    def svg(self) -> str:
        marks = [mark for mark in marks_of(self._events) if self._start <= mark.at <= self._end]
        self._row_of_speech()
        top = self._y
        self._wave("Microphone", "user", "mic.wav")
        self._labels(marks, top)
        self._wave("Loudspeaker", "ours", "speaker.wav")
        self._row_of_words()
        self._states()
        self._axis()
        height = round(self._y)
        told = "; ".join(f"{mark.at:.2f} s: {mark.text}" for mark in marks)
        title = element("title", "A conversation from " + escape(f"{self._start:g} s to {self._end:g} s"), id="t")
        about = "Above what the microphone hears, below what the loudspeaker plays. " + told
        return element(
            "svg",
            title
            + element("desc", escape(about), id="d")
            + element("style", STYLE)
            + element("rect", width=WIDTH, height=height, **{"class": "page"})
            + "\n".join(self._parts),
            xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height}", role="img",
            **{"aria-labelledby": "t d"},
        ) + "\n"  # fmt: skip

    def _x(self, at: float) -> float:
        share = (min(max(at, self._start), self._end) - self._start) / (self._end - self._start)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def _put(self, text: str, x: float, y: float, style: str = "", anchor: str = "start") -> None:
        self._parts.append(element("text", escape(_plain(text)), x=x, y=y, **{"class": style, "text-anchor": anchor}))

    def _row_of_speech(self) -> None:
        """The user's utterances as bars with their words."""
        self._put("You", EDGE, self._y + LINE - 4, "strong user")
        ends = {data.get("turn"): _at(data) for data in self._events if data["event"] == "user.speech_ended"}
        words = {
            data.get("turn"): str(data.get("text", ""))
            for data in self._events
            if data["event"] == "user.transcript.final"
        }
        for data in self._events:
            turn, since = data.get("turn"), _at(data)
            until = ends.get(turn, since)
            if data["event"] != "user.speech_started" or until < self._start or since > self._end:
                continue
            left, right = self._x(since), self._x(until)
            bar = {"x": left, "y": self._y + LINE, "width": round(max(1.0, right - left), 1), "height": 4}
            self._parts.append(element("rect", **bar, **{"class": "user"}))
            if words.get(turn):
                self._put(f"“{words[turn]}”", left, self._y + LINE - 5)
        self._y += LINE + GAP

    def _wave(self, name: str, style: str, file: str) -> None:
        samples, rate = _sound(self._session / file, self._start, self._end)
        middle = self._y + WAVE / 2
        columns = round(WIDTH - LEFT - RIGHT)
        edges = np.linspace(0, (self._end - self._start) * rate, columns + 1).astype(int)
        full = max(QUIETEST, float(np.abs(samples).max(initial=0.0)))
        upper, lower = [], []
        for column, (first, last) in enumerate(zip(edges, edges[1:], strict=False)):
            piece = samples[first:last]
            high, low = (float(piece.max()), float(piece.min())) if len(piece) else (0.0, 0.0)
            upper.append(f"{LEFT + column} {middle - max(0.4, high / full * WAVE / 2):.1f}")
            lower.append(f"{LEFT + column} {middle + max(0.4, -low / full * WAVE / 2):.1f}")
        self._put(name, EDGE, middle + 4, f"strong {style}")
        drawn = "M" + "L".join(upper) + "L" + "L".join(reversed(lower)) + "Z"
        self._parts.append(element("path", element("title", escape(name)), d=drawn, **{"class": style}))
        self._y += WAVE + GAP

    def _labels(self, marks: Sequence[Mark], top: float) -> None:
        """A line across both waveforms for each mark, its words between them; what would touch has its own row."""
        self._put("Decisions", EDGE, self._y + LINE - 4, "strong turn")
        ends: list[float] = []
        placed = []
        for mark in marks:
            x, width = self._x(mark.at), len(mark.text) * LETTER + 8
            flipped = x + width > WIDTH
            left, right = (x - width, x) if flipped else (x, x + width)
            row = next((number for number, end in enumerate(ends) if end <= left), len(ends))
            ends[row:] = [right] if row == len(ends) else [right, *ends[row + 1 :]]
            placed.append((mark, x, row, flipped))
        bottom = self._y + max(1, len(ends)) * LINE + GAP + WAVE
        for mark, x, _, _ in placed:
            line = {"x1": x, "x2": x, "y1": round(top), "y2": round(bottom)}
            shown = element("title", escape(_plain(f"{mark.at:.2f} s: {mark.text}")))
            self._parts.append(element("line", shown, **line, **{"class": f"mark {mark.style}"}))
        for mark, x, row, flipped in placed:
            y = self._y + row * LINE + LINE - 4
            width = round(len(mark.text) * LETTER)
            behind = {"x": x - width - 3 if flipped else x + 2, "y": y - 11, "width": width, "height": 14}
            self._parts.append(element("rect", **behind, **{"class": "page"}))
            self._put(mark.text, x - 4 if flipped else x + 4, y, mark.style, "end" if flipped else "start")
        self._y = bottom - WAVE

    def _row_of_words(self) -> None:
        """What was heard of the assistant, word by word; two rows where words would touch."""
        self._put("Parley", EDGE, self._y + LINE - 4, "strong ours")
        ends = [0.0, 0.0]
        for data in self._events:
            if data["event"] != "reply.word" or not self._start <= _at(data) <= self._end:
                continue
            word, x = str(data.get("word", "")), self._x(_at(data))
            row = 0 if ends[0] <= x else 1
            if x + len(word) * LETTER <= WIDTH:
                ends[row] = x + len(word) * LETTER + 3
                self._put(word, x, self._y + (row + 1) * LINE - 4)
        self._y += (2 if ends[1] else 1) * LINE + GAP

    def _states(self) -> None:
        self._put("State", EDGE, self._y + 14, "strong faint")
        changes = [(_at(data), str(data.get("to"))) for data in self._events if data["event"] == "state"]
        before = [name for at, name in changes if at <= self._start]
        spans = [(self._start, before[-1] if before else "Listening")]
        spans += [(at, name) for at, name in changes if self._start < at < self._end]
        for (since, name), (until, _) in zip(spans, [*spans[1:], (self._end, "")], strict=True):
            left, right = self._x(since), self._x(until)
            shown = element("title", escape(_plain(f"{name}: {since:.2f} to {until:.2f} s")))
            box = {"x": left, "y": self._y, "width": round(right - left, 1), "height": 20, "class": "state"}
            self._parts.append(element("rect", shown, **box))
            if right - left > len(name) * LETTER + 6:
                self._put(name, round((left + right) / 2, 1), self._y + 14, "faint", "middle")
        self._y += 20 + GAP / 2

    def _axis(self) -> None:
        step = next(step for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if (self._end - self._start) / step <= TICKS)
        first, last = math.ceil(self._start / step - 1e-9), math.floor(self._end / step + 1e-9)
        for number in range(first, last + 1):
            x = self._x(number * step)
            self._parts.append(element("line", x1=x, x2=x, y1=self._y, y2=self._y + 4, **{"class": "rule"}))
            self._put(f"{number * step:g} s", x, self._y + LINE + 1, "faint", "end" if x > WIDTH - 24 else "middle")
        self._y += LINE + GAP


def _events(file: Path) -> list[Data]:
    try:
        lines = file.read_text("utf-8").splitlines()
        found = [json.loads(line) for line in lines if line]
    except OSError as error:
        raise ParleyError(f"{file} cannot be read: {error.strerror}. Name a folder that `--record` made.") from None
    except ValueError:
        raise ParleyError(f"{file} holds something else than events. Name a folder that `--record` made.") from None
    return [data for data in found if isinstance(data, dict) and "event" in data]


def _sound(file: Path, start: float, end: float) -> tuple[Samples, int]:
    with open_wav(file) as reader:
        if start >= reader.seconds:
            raise ParleyError(f"{file} ends after {reader.seconds:.1f} s; name seconds before that.")
        reader.read(round(start * reader.rate))
        return reader.read(round((end - start) * reader.rate)), reader.rate


def _at(data: Data) -> float:
    """Seconds of captured sound at which it happened; some events have none, and then when they were told."""
    at = data.get("at")
    return float(data.get("t", 0.0) if at is None else at)


def _plain(text: str) -> str:
    """Characters that XML allows, in one line."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m assistant.bench.timeline", description="Draw a recorded session.")
    parser.add_argument("session", type=Path, help="a folder that --record made")
    parser.add_argument("-o", dest="file", type=Path, required=True, help="the SVG to write")
    parser.add_argument("--from", dest="start", type=float, default=0.0, metavar="S", help="seconds")
    parser.add_argument("--to", dest="end", type=float, default=10.0, metavar="S", help="seconds")
    args = parser.parse_args(given)
    try:
        args.file.write_text(draw(args.session, args.start, args.end), "utf-8")
    except (ParleyError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
