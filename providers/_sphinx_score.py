"""Was that a request at all, and the right one? A grammar finds a request in whatever it is given.

Beside the grammar the same sound is decoded with a loop of all phones, which explains any speech as well as this model
can. Where the grammar's words explain it much worse, they were not what was said. A logistic regression weighs that and
a few simpler signs; `scripts/_eval_offline_fit.py` finds its weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

RUN = 20
"""Feature frames (10 ms each) of the shortest stretch that is looked at on its own."""
SILENCE = ("SIL", "+NSN+", "+SPN+")
FILLERS = ("<", "[", "(", "+")
"""How the names of silence and noise begin."""

# From scripts/_eval_offline_fit.py.
BIAS = 5.596
"""Of the log odds that the words were said. The threshold, in it, is 0; a greater bias believes more."""
WEIGHTS = {
    "score": -0.041909,
    "worst score": 0.30388,
    "fit": 0.99219,
    "worst fit": -0.18923,
    "second worst fit": 0.18645,
    "worst run": 0.51381,
    "bad run": 0.095193,
    "worst silence": 0.034136,
    "silences": -0.00027308,
    "voice outside": 0.0029768,
    "phones found": 6.7944,
    "phones shared": -1.0611,
    "log phones": -1.0003,
    "words": 0.96531,
    "frames": -0.014349,
    "slowest": -0.076931,
    "fastest": 0.051107,
    "pace": 0.21396,
    "one or two words": 0.54489,
    "language": 1.4513,
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A word, a phone, or a silence of the best path."""

    name: str
    first: int
    """Its first and last feature frame."""
    last: int
    score: float
    """Log likelihood relative to the best senone of every frame, in tenths of PocketSphinx's unit; 0 is the most."""
    language: float = 0.0
    """Log probability in the grammar, in the same unit."""
    phones: tuple[str, ...] = ()
    """As the dictionary has this pronunciation; () for a silence or a phone."""

    @property
    def frames(self) -> int:
        return self.last - self.first + 1


def believed(path: Sequence[Segment], loop: Sequence[Segment]) -> bool:
    """Were the words of ``path`` said? ``loop``: the phones of the same sound."""
    found = features(path, loop)
    return found is not None and BIAS + sum(WEIGHTS[name] * value for name, value in found.items()) >= 0


def features(path: Sequence[Segment], loop: Sequence[Segment]) -> dict[str, float] | None:
    """What speaks for and against the words of ``path``, given the phones of ``loop``; None without words."""
    words = [segment for segment in path if segment.phones]
    if not words:
        return None
    frames = max(segment.last for segment in (*path, *loop)) + 1
    ours, theirs = _by_frame(path, frames), _by_frame(loop, frames)
    gap = [a - b for a, b in zip(ours, theirs, strict=True)]
    first, last = words[0].first, words[-1].last
    worded = [False] * frames
    for word in words:
        for at in range(word.first, word.last + 1):
            worded[at] = True
    length = sum(worded)
    fits = sorted(_mean(gap[word.first : word.last + 1]) for word in words)
    runs = sorted(_running(gap[first : last + 1]))
    fillers = [sum(gap[segment.first : segment.last + 1]) for segment in path if not segment.phones]
    expected = [phone for word in words for phone in word.phones]
    heard = [
        phone.name
        for phone in loop
        if phone.name not in SILENCE and first - 3 <= (phone.first + phone.last) / 2 <= last + 3
    ]
    common = _in_common(expected, heard)
    paces = [word.frames / len(word.phones) for word in words]
    return {
        "score": sum(word.score for word in words) / length,
        "worst score": min(word.score / word.frames for word in words),
        "fit": sum(gap[at] for at in range(frames) if worded[at]) / length,
        "worst fit": fits[0],
        "second worst fit": fits[min(1, len(fits) - 1)],
        "worst run": runs[0],
        "bad run": runs[len(runs) // 10],
        "worst silence": min(fillers, default=0.0),
        "silences": sum(fillers),
        "voice outside": sum(
            phone.frames
            for phone in loop
            if phone.name not in SILENCE and not worded[(phone.first + phone.last) // 2]
        ),
        "phones found": common / len(expected),
        "phones shared": common / max(len(heard), len(expected)),
        "log phones": math.log(len(expected)),
        "words": len(words),
        "frames": length,
        "slowest": max(paces),
        "fastest": min(paces),
        "pace": length / len(expected),
        "one or two words": float(len(words) <= 2),
        "language": sum(word.language for word in words) / len(words),
    }  # fmt: skip


def _by_frame(segments: Sequence[Segment], frames: int) -> list[float]:
    scores = [0.0] * frames
    for segment in segments:
        for at in range(segment.first, segment.last + 1):
            scores[at] = segment.score / segment.frames
    return scores


def _running(values: Sequence[float]) -> list[float]:
    """Means over every RUN values in a row; of all of them where there are fewer."""
    if len(values) < RUN:
        return [_mean(values)]
    total = sum(values[:RUN])
    means = [total / RUN]
    for old, new in zip(values, values[RUN:], strict=False):
        total += new - old
        means.append(total / RUN)
    return means


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _in_common(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(theirs) + 1)
    for one in ours:
        diagonal = 0
        for at, other in enumerate(theirs, 1):
            diagonal, row[at] = row[at], diagonal + 1 if one == other else max(row[at], row[at - 1])
    return row[-1]
