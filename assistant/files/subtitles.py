"""What was said and when -> txt, srt, vtt or json. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assistant.conversation.events import Word

LINE = 42
"""Characters of a line, and two lines a subtitle: the customary limits (Netflix's English timed text guide)."""
SHORTEST = 0.7
"""Seconds for which a subtitle is shown at least, where the next one leaves it the time."""


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance. Times are seconds in the file."""

    start: float
    end: float
    text: str
    language: str | None = None
    words: tuple[Word, ...] = ()


def txt(lines: Sequence[Line], duration: float) -> str:
    """One utterance a line."""
    return "".join(f"{line.text}\n" for line in lines)


def srt(lines: Sequence[Line], duration: float) -> str:
    """SubRip."""
    return "\n".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{_two_lines(cue.text)}\n"
        for number, cue in enumerate(cues(lines), 1)
    )


def vtt(lines: Sequence[Line], duration: float) -> str:
    """WebVTT (W3C): &, < and > are markup there."""
    escaped = ((cue, cue.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")) for cue in cues(lines))
    body = (f"\n{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_two_lines(text)}\n" for cue, text in escaped)
    return "WEBVTT\n" + "".join(body)


def to_json(lines: Sequence[Line], duration: float) -> str:
    """``{"duration", "text", "segments": [{"start", "end", "text", "language"?, "words"?}]}``, times in seconds."""
    segments = []
    for line in lines:
        segment: dict[str, object] = {"start": round(line.start, 3), "end": round(line.end, 3), "text": line.text}
        if line.language:
            segment["language"] = line.language
        if line.words:
            segment["words"] = [
                {"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3)} for word in line.words
            ]
        segments.append(segment)
    whole = {"duration": round(duration, 3), "text": " ".join(line.text for line in lines), "segments": segments}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


FORMATS: dict[str, Callable[[Sequence[Line], float], str]] = {"txt": txt, "srt": srt, "vtt": vtt, "json": to_json}


def cues(lines: Sequence[Line]) -> list[Line]:
    """Lines that are short enough to be read at a glance, each shown long enough, none over the next."""
    pieces = [piece for line in lines for piece in _pieces(line)]
    shown = []
    for index, piece in enumerate(pieces):
        until = pieces[index + 1].start if index + 1 < len(pieces) else float("inf")
        end = min(max(piece.end, piece.start + SHORTEST), max(until, piece.start + 0.001))
        shown.append(Line(piece.start, end, piece.text))
    return shown


def _pieces(line: Line) -> list[Line]:
    """A long utterance in parts that fit into two lines: by its words' own times, else in proportion to the letters."""
    texts = _split(line.text)
    if len(texts) == 1:
        return [line]
    ends = _word_times(line, texts) or _shares(line, texts)
    starts = [line.start, *ends[:-1]]
    return [Line(start, end, text) for start, end, text in zip(starts, ends, texts, strict=True)]


def _split(text: str) -> list[str]:
    """Parts of at most two lines, cut after punctuation where that leaves no scrap."""
    longest = 2 * LINE
    parts = []
    while len(text) > longest:
        head = text[: longest + 1]
        stops = [
            at + 1 for at in range(longest // 2, longest) if head[at] in ".?!,;:…" and head[at + 1 : at + 2] == " "
        ]
        space = head.rfind(" ")
        cut = stops[-1] if stops else space if space > 0 else longest
        parts.append(text[:cut].strip())
        text = text[cut:].strip()
    return [*parts, text] if text or not parts else parts


def _word_times(line: Line, texts: Sequence[str]) -> list[float]:
    """The end of each text by the times of its words; empty where they do not match."""
    counts = [len(text.split()) for text in texts]
    if sum(counts) != len(line.words):
        return []
    at, ends = 0, []
    for count in counts:
        at += count
        ends.append(line.words[at].start if at < len(line.words) else line.end)
    return ends


def _shares(line: Line, texts: Sequence[str]) -> list[float]:
    total, done, ends = sum(map(len, texts)), 0, []
    for text in texts:
        done += len(text)
        ends.append(line.start + (line.end - line.start) * done / total)
    return ends


def _two_lines(text: str) -> str:
    """Broken near the middle when it is too long for one line."""
    text = " ".join(text.split())
    if len(text) <= LINE:
        return text
    spaces = [at for at, character in enumerate(text) if character == " "]
    if not spaces:
        return text
    middle = min(spaces, key=lambda at: abs(at - len(text) / 2))
    return f"{text[:middle]}\n{text[middle + 1 :]}"


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(max(0.0, seconds) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"
