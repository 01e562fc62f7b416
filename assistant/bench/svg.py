"""Small plots as inline SVG: stacked bars, strips of dots, steps. No script, no style of their own. Pure.

Across, everything is placed in percent and down in pixels, so that a plot is as wide as its page while its text keeps
its size. What it looks like stands in the page's style sheet, under the class names given here; text has the page's
colour. All plots share one scale, milliseconds from 0 on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

LABEL, BAR, BETWEEN, AXIS = 20, 22, 16, 24
"""Pixels: a row's label, its bar, the space under it, the scale at the bottom."""
DOT = 5
"""Radius of a dot."""
TICKS = 5
"""Of a scale, at most, after 0: as many as fit side by side on a telephone."""
STEPS_HEIGHT = 180


@dataclass(frozen=True, slots=True)
class Segment:
    name: str
    style: str
    """Class name, for the colour."""
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    segments: Sequence[Segment]


@dataclass(frozen=True, slots=True)
class Strip:
    label: str
    values: Sequence[float]
    marks: Mapping[str, float]
    """Names and values to be shown by a line across: "p50", "p95"."""


@dataclass(frozen=True, slots=True)
class Steps:
    label: str
    style: str
    values: Sequence[float]


def bars(title: str, rows: Sequence[Bar], unit: str = "ms") -> str:
    """Stacked bars, one below the other. ``title`` is what a screen reader says."""
    scale = _Scale(max((segment.end for row in rows for segment in row.segments), default=0))
    height = len(rows) * (LABEL + BAR + BETWEEN)
    parts = [scale.grid(height, unit)]
    for number, row in enumerate(rows):
        top = number * (LABEL + BAR + BETWEEN)
        parts.append(_text(row.label, 0, top + LABEL - 6, "label"))
        parts += [
            element(
                "rect",
                _title(f"{segment.name}: {segment.start:.0f} to {segment.end:.0f} {unit}"),
                x=scale.at(segment.start), width=scale.width(segment.start, segment.end), y=top + LABEL, height=BAR,
                **{"class": f"bar {segment.style}"},
            )
            for segment in row.segments
        ]  # fmt: skip
    return _plot(title, height + AXIS, parts)


def strips(title: str, rows: Sequence[Strip], unit: str = "ms") -> str:
    """A dot for each value; those that would hide one another are set off a little, the same way every time."""
    scale = _Scale(max((value for row in rows for value in (*row.values, *row.marks.values())), default=0))
    height = len(rows) * (LABEL + BAR + BETWEEN)
    parts = [scale.grid(height, unit)]
    for number, row in enumerate(rows):
        top = number * (LABEL + BAR + BETWEEN)
        parts.append(_text(row.label, 0, top + LABEL - 6, "label"))
        middle = top + LABEL + BAR // 2
        parts += [
            element(
                "circle", _title(f"{value:.0f} {unit}"),
                cx=scale.at(value), cy=middle + (-1, 1, 0)[index % 3] * 5, r=DOT, **{"class": "dot"},
            )
            for index, value in enumerate(sorted(row.values))
        ]  # fmt: skip
        for name, value in row.marks.items():
            at = scale.at(value)
            mark = {"x1": at, "x2": at, "y1": top + LABEL - 2, "y2": top + LABEL + BAR + 2, "class": f"mark {name}"}
            parts.append(element("line", _title(f"{name}: {value:.0f} {unit}"), **mark))
    return _plot(title, height + AXIS, parts)


def steps(title: str, rows: Sequence[Steps], unit: str = "ms") -> str:
    """The share of values that are at most so great (empirical distribution), a line for each row."""
    scale = _Scale(max((value for row in rows for value in row.values), default=0))
    foot, height = STEPS_HEIGHT, STEPS_HEIGHT - 16

    def down(share: float) -> float:
        return round(foot - share * height, 1)

    parts = [scale.grid(foot, unit)]
    for share in (0.5, 0.95, 1.0):
        parts.append(element("line", x1="0%", x2="100%", y1=down(share), y2=down(share), **{"class": "grid"}))
        parts.append(_text(f"{share:.0%}", 0, down(share) - 3 if share != 0.95 else down(share) + 13, "tick"))
    for row in rows:
        style = {"class": f"line {row.style}"}
        ordered, share, before = sorted(row.values), 0.0, 0.0
        lines = []
        for rank, value in enumerate(ordered, 1):
            here, following = scale.at(value), rank / len(ordered)
            lines.append(element("line", x1=scale.at(before), x2=here, y1=down(share), y2=down(share), **style))
            lines.append(element("line", x1=here, x2=here, y1=down(share), y2=down(following), **style))
            share, before = following, value
        if ordered:
            lines.append(element("line", x1=scale.at(before), x2="100%", y1=down(1), y2=down(1), **style))
        parts.append(element("g", _title(row.label) + "".join(lines)))
    return _plot(title, foot + AXIS, parts)


def key(style: str) -> str:
    """A sample of what is drawn in this style, for a legend beside the plot: "bar c1", "line c2", "mark p50"."""
    shape, _, _ = style.partition(" ")
    given = {"class": style}
    if shape == "bar":
        drawn, width = element("rect", x=0, y=0, width=14, height=14, **given), 14
    elif shape == "line":
        drawn, width = element("line", x1=0, x2=28, y1=7, y2=7, **given), 28
    else:
        drawn, width = element("line", x1=2, x2=2, y1=0, y2=14, **given), 4
    return element("svg", drawn, width=width, height=14, **{"class": "key", "aria-hidden": "true"})


def element(name: str, content: str = "", /, **attributes: object) -> str:
    """An element of SVG or HTML. ``content`` is markup; the attributes' values are escaped."""
    given = "".join(f' {key}="{escape(str(value))}"' for key, value in attributes.items())
    return f"<{name}{given}>{content}</{name}>"


def ticks(greatest: float) -> list[float]:
    """Round values from 0 to the first that is at least ``greatest``, TICKS + 1 of them or fewer."""
    greatest = max(greatest, 1.0)
    power = 10.0 ** math.floor(math.log10(greatest / TICKS))
    step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power * TICKS >= greatest * (1 - 1e-9))
    return [number * step for number in range(math.ceil(greatest / step - 1e-9) + 1)]


class _Scale:
    """Milliseconds -> percent of the width."""

    def __init__(self, greatest: float) -> None:
        self._ticks = ticks(greatest * 1.02)
        """A little room for the last dot."""

    def share(self, value: float) -> float:
        return 100 * min(1.0, max(0.0, value / self._ticks[-1]))

    def at(self, value: float) -> str:
        return _percent(self.share(value))

    def width(self, start: float, end: float) -> str:
        return _percent(self.share(end) - self.share(start))

    def grid(self, height: float, unit: str) -> str:
        parts = []
        for number, tick in enumerate(self._ticks):
            at = self.at(tick)
            parts.append(element("line", x1=at, x2=at, y1=0, y2=height, **{"class": "grid"}))
            last = number == len(self._ticks) - 1
            anchor = "end" if last else "middle" if number else "start"
            shown = f"{tick:g} {unit}" if last else f"{tick:g}"
            parts.append(element("text", shown, x=at, y=height + 17, **{"text-anchor": anchor, "class": "tick"}))
        return "".join(parts)


def _plot(title: str, height: float, parts: Sequence[str]) -> str:
    return element("svg", "".join(parts), role="img", width="100%", height=height, **{"aria-label": title})


def _text(text: str, x: int, y: float, style: str) -> str:
    return element("text", escape(text), x=x, y=y, **{"class": style})


def _title(text: str) -> str:
    """What is shown where the pointer rests."""
    return element("title", escape(text))


def _percent(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") + "%"
