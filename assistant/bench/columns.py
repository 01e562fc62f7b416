"""A comparison of profiles -> the tables that a person reads in a terminal. Pure."""

from __future__ import annotations

from assistant.bench.compare import BEFORE_THE_ANSWER, Comparison, Result
from assistant.bench.figures import FEW, Spread
from assistant.bench.report import table

HEADING = ("", "answered", "p50", "p50 lies in", "p95", "words wrong", "$ a minute", "cut in", "failures")


def compared(comparison: Comparison) -> str:
    """Latencies and failures, then the stages, then what has to be said of them."""
    ran = [result for result in comparison.results if not result.cannot_run]
    parts = []
    if ran:
        parts.append(table([HEADING, *map(_summary, ran)]))
    absent = [result for result in comparison.results if result.cannot_run]
    parts.append("\n".join(f"{result.profile} did not run: {result.cannot_run}" for result in absent))
    heard = [result for result in ran if result.latencies]
    if heard:
        stages = [stage.removesuffix("_ms").replace("_", " ") for stage in BEFORE_THE_ANSWER]
        parts.append(table([["p50 / p95", *stages, "heard"], *map(_stages, heard)]))
    parts.append("\n".join(f"{result.profile}: {note}" for result in ran for note in result.notes))
    parts.append(_explained(ran) if ran else "")
    return "\n\n".join(filter(None, parts))


def _summary(result: Result) -> list[object]:
    latency, rate = result.latency, result.errors.rate
    low, high = latency.p50_between
    return [
        result.profile,
        f"{len(result.latencies)}/{len(result.turns)}",
        _ms(latency.p50),
        None if low is None or high is None else f"{low:.0f}-{high:.0f}",
        _p95(latency),
        None if rate is None else f"{rate:.1%}",
        dollars(result),
        sum(turn.cut_in for turn in result.turns),
        len(result.failures),
    ]


def _stages(result: Result) -> list[object]:
    spreads = [*(result.stage(name) for name in BEFORE_THE_ANSWER), result.latency]
    usual = result.latency.count
    return [result.profile, *(_both(each, usual) for each in spreads)]


def _both(figures: Spread, usual: int) -> str | None:
    if not figures.count:
        return None
    counted = "" if figures.count == usual else f" ({figures.count})"
    return f"{_ms(figures.p50)} / {_p95(figures)}{counted}"


def _explained(ran: list[Result]) -> str:
    told = [
        "All times in ms from the last voiced sample: the answers' off the waveforms, the stages' by the ledger.",
        "p50 lies in: the true median does, 95 times in 100 (it takes six turns); ranges that overlap may not differ.",
    ]
    if any(result.latency.p95_is_the_worst for result in ran):
        told.append(f"* of fewer than {FEW} turns the p95 is no more than the slowest.")
    if any(result.unpriced for result in ran):
        told.append("+ and more: something that was used has no known price.")
    counts = ", ".join(f"{result.profile} {result.latency.count}" for result in ran)
    told.append(f"Turns: {counts}; where a stage was seen in fewer, their number stands behind it.")
    return "\n".join(told)


def dollars(result: Result) -> str | None:
    """A minute; with a plus where something used has no known price; None where nothing is known."""
    cost = result.cost_per_minute
    return None if cost is None else f"{cost:.4f}{'+' if result.unpriced else ''}"


def _p95(figures: Spread) -> str | None:
    return None if figures.p95 is None else f"{figures.p95:.0f}{'*' if figures.p95_is_the_worst else ''}"


def _ms(value: float | None) -> str | None:
    return None if value is None else f"{value:.0f}"
