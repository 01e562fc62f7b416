"""The stage times of all turns: median and 95th percentile.

Percentiles are by nearest rank: the smallest measured value that at least p percent of the values do not exceed. Every
figure shown was really measured, and with fewer than 20 turns the p95 is the worst of them.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from assistant.ports import Notice

STAGES = {
    "endpoint_ms": "end of turn decided",
    "transcript_ms": "final transcript",
    "first_token_ms": "first token",
    "first_sentence_ms": "first sentence",
    "first_audio_ms": "first audio",
    "latency_ms": "reply heard",
}
"""Fields of `turn.metrics` that are shown, in the order in which they usually happen, and what people call them."""


def percentile(values: Sequence[float], p: int) -> float:
    """The ``p``-th percentile (1 to 100) of at least one value, by nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, -(-p * len(ordered) // 100) - 1)]


class Metrics:
    """Observer: collects `turn.metrics`. Eight bytes a stage and turn."""

    def __init__(self) -> None:
        self._values = {stage: array("d") for stage in STAGES}
        self.turns = 0
        self.unanswered = 0
        self.interrupted = 0
        self.drafts = 0
        self.drafts_used = 0
        self.tokens_wasted = 0

    def notice(self, notice: Notice) -> None:
        if notice.event != "turn.metrics":
            return
        figures = notice.data
        self.turns += 1
        self.unanswered += "latency_ms" in figures and figures["latency_ms"] is None
        self.interrupted += bool(figures.get("interrupted"))
        self.drafts += figures.get("drafts") or 0
        self.drafts_used += bool(figures.get("draft_used"))
        self.tokens_wasted += figures.get("tokens_wasted") or 0
        for stage, values in self._values.items():
            value = figures.get(stage)
            if value is not None:
                values.append(value)

    def summary(self) -> dict[str, Any]:
        """``{"turns", "interrupted", "drafts", "drafts_used", "tokens_wasted", "stages": {field: {...}}}``, and of each
        field ``{"p50", "p95", "n"}``.

        Milliseconds after the last voiced sample, to 0.1. A stage that never happened is left out.
        """
        stages = {
            stage: {"p50": round(percentile(values, 50), 1), "p95": round(percentile(values, 95), 1), "n": len(values)}
            for stage, values in self._values.items()
            if values
        }
        return {
            "turns": self.turns,
            "interrupted": self.interrupted,
            "drafts": self.drafts,
            "drafts_used": self.drafts_used,
            "tokens_wasted": self.tokens_wasted,
            "stages": stages,
        }

    def table(self) -> str:
        """The summary for people: aligned ASCII text without a final newline; empty when no turn was measured."""
        stages = self.summary()["stages"]
        if not stages:
            return ""
        rows = [("after the last word", "p50", "p95", "n")]
        rows += [
            (name, _milliseconds(stages[stage]["p50"]), _milliseconds(stages[stage]["p95"]), str(stages[stage]["n"]))
            for stage, name in STAGES.items()
            if stage in stages
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            "  ".join(
                [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
            )
            for row in rows
        ]
        lines.append(self._counts())
        return "\n".join(lines)

    def _counts(self) -> str:
        counts = [f"{self.turns} turn{'' if self.turns == 1 else 's'}"]
        if self.unanswered:
            counts.append(f"{self.unanswered} without an answer")
        if self.interrupted:
            counts.append(f"{self.interrupted} interrupted")
        if self.drafts:
            counts.append(f"{self.drafts_used} of {self.drafts} draft{'' if self.drafts == 1 else 's'} used")
        if self.tokens_wasted:
            counts.append(f"about {self.tokens_wasted} tokens thrown away")
        return ", ".join(counts)


def money(cost: Mapping[str, Any]) -> str:
    """The field ``cost`` of `session.ended` for people, one line; empty where all was free.

    "$0.0123 ($0.0041 a minute): stt $0.0031, llm $0.0012, tts $0.008".
    """
    paid = [row for row in cost.get("by_provider") or () if row.get("usd")]
    stages = list(dict.fromkeys(row["stage"] for row in paid))
    sums = [f"{stage} {_dollars(sum(row['usd'] for row in paid if row['stage'] == stage))}" for stage in stages]
    unknown = [what.partition(": ")[0] for what in cost.get("unpriced") or ()]
    said = []
    if paid:
        rate = cost.get("per_minute_usd")
        a_minute = f" ({_dollars(rate)} a minute)" if rate else ""
        said.append(f"{_dollars(cost['usd'])}{a_minute}: {', '.join(sums)}")
    if unknown:
        said.append(f"no known price: {', '.join(unknown)}")
    return "; ".join(said)


def _dollars(usd: float) -> str:
    """Two figures that count."""
    return f"${usd:.2f}" if usd >= 1 else f"${float(f'{usd:.2g}'):.8f}".rstrip("0").rstrip(".")


def _milliseconds(value: float) -> str:
    return f"{value:.0f} ms"
