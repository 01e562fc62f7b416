"""What was measured, as tables and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from assistant.bench.inventions.measure import Outcome
from assistant.bench.inventions.pieces import LENGTHS
from assistant.bench.inventions.wider import KINDS as WIDER
from assistant.bench.report import table

HALVES = ("chosen on", "reported on", "all")
KINDS = {"word": "recorded words", "word in noise": "the same in noise, 10 dB", "synthetic": "synthetic words"}


def in_json(found: Mapping[str, Sequence[Outcome]]) -> dict[str, object]:
    return {
        model: {
            "without_words": [
                _without(_of(outcomes, half), half, seconds) for half in HALVES for seconds in (*LENGTHS, 0)
            ],
            "more_without_words": [
                _more(_of(outcomes, half), half, kind) for kind in (*WIDER, "all") for half in HALVES
            ],
            "words": [_words(_of(outcomes, half), half, kind) for kind in KINDS for half in HALVES],
            "why": dict(Counter(one.why for one in outcomes if one.piece.kind == "noise" and one.why)),
            "left": [[one.piece.clip, one.piece.seconds, one.filtered] for one in outcomes if _left(one)],
            "suppressed": [
                [one.piece.kind, one.piece.clip, one.piece.said, one.raw, one.why]
                for one in outcomes
                if _suppressed(one)
            ],
        }
        for model, outcomes in found.items()
    }


def in_text(found: Mapping[str, Sequence[Outcome]]) -> str:
    lines = []
    for model, outcomes in found.items():
        lines += [model, ""]
        heading = ["no words in them", "seconds", "pieces", "text, raw %", "own thresholds %", "filtered %"]
        rows = [_without(_of(outcomes, half), half, seconds) for half in HALVES for seconds in (*LENGTHS, 0)]
        lines += [table([heading, *([*row.values()] for row in rows)]), ""]
        heading = ["more without words", "half", "recordings", "pieces", "voice heard", "filtered %"]
        rows = [_more(_of(outcomes, half), half, kind) for kind in (*WIDER, "all") for half in HALVES]
        lines += [table([heading, *([*row.values()] for row in rows if row["pieces"])]), ""]
        heading = ["", "half", "pieces", "no voice heard", "suppressed", "%", "right, raw", "right, filtered"]
        rows = [_words(_of(outcomes, half), half, kind) for kind in KINDS for half in HALVES]
        lines += [table([heading, *([*row.values()] for row in rows if row["pieces"])]), ""]
    lines.append(
        "Halves by recording: the guard's constants were chosen on one, and had no say on the other. Suppressed: a\n"
        "voice was heard, the recogniser wrote something, and the guard took it out; of those with a voice heard."
    )
    return "\n".join(lines)


def _of(outcomes: Sequence[Outcome], half: str) -> list[Outcome]:
    return [one for one in outcomes if half == "all" or one.half == HALVES.index(half)]


def _without(outcomes: Sequence[Outcome], half: str, seconds: int) -> dict[str, object]:
    """``seconds`` 0: all lengths."""
    some = [one for one in outcomes if one.piece.kind == "noise" and seconds in (0, one.piece.seconds)]
    return {
        "half": half,
        "seconds": seconds or "all",
        "pieces": len(some),
        "raw": _share(sum(bool(one.raw) for one in some), len(some)),
        "own": _share(sum(bool(one.kept) for one in some), len(some)),
        "filtered": _share(sum(bool(one.filtered) for one in some), len(some)),
    }


def _more(outcomes: Sequence[Outcome], half: str, kind: str) -> dict[str, object]:
    some = [one for one in outcomes if one.piece.kind in WIDER and kind in ("all", one.piece.kind)]
    return {
        "kind": kind,
        "half": half,
        "recordings": len({one.piece.clip for one in some}),
        "pieces": len(some),
        "heard": sum(one.heard for one in some),
        "filtered": _share(sum(bool(one.filtered) for one in some), len(some), 2),
    }


def _words(outcomes: Sequence[Outcome], half: str, kind: str) -> dict[str, object]:
    some = [one for one in outcomes if one.piece.kind == kind]
    suppressed = sum(_suppressed(one) for one in some)
    return {
        "kind": KINDS[kind],
        "half": half,
        "pieces": len(some),
        "unheard": sum(not one.heard for one in some),
        "suppressed": suppressed,
        "share": _share(suppressed, sum(one.heard for one in some)),
        "right": sum(one.raw == one.piece.said for one in some),
        "right_filtered": sum(one.filtered == one.piece.said for one in some),
    }


def _left(one: Outcome) -> bool:
    return one.piece.kind in ("noise", *WIDER) and bool(one.filtered)


def _suppressed(one: Outcome) -> bool:
    return one.piece.kind in KINDS and one.heard and bool(one.raw) and not one.filtered


def _share(some: int, of: int, digits: int = 1) -> float | None:
    return round(100 * some / of, digits) if of else None
