"""The measurement as text for people and as JSON for programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from assistant.bench.endpointing.measure import SWEPT, Report, Row, quantiles
from assistant.bench.endpointing.scoring import BUDGETS, HALVES, Budget, Held, Score
from assistant.bench.report import table


def title(budget: Budget) -> str:
    if budget.kind == "latency":
        return f"cut at {budget.most * 1000:.0f} ms"
    return f"latency at {budget.most:.0%} cut"


def in_text(report: Report) -> str:
    parts = [
        _recordings(report),
        *chosen(report.everything, report.how),
        "As it comes, no setting chosen",
        _usual(report.everything),
    ]
    if report.worded:
        parts += ["The same, only the recordings whose words are known", _usual(report.worded)]
    if report.costs:
        middle, high = quantiles(report.costs)
        parts.append(
            f"{report.detector} on this machine: {middle:.0f} ms an answer (median), {high:.0f} ms (95th percentile), "
            f"of {len(report.costs)}; not in the latencies, in which an answer counts as known after 50 ms."
        )
    parts.append(
        "words: the reference transcript, so late, of recordings whose words are known; the others are judged by "
        "sound. cut: share of the pauses of 0.2 s and more in which a policy decides that the user has finished; "
        "latency: mean silence after the true end, a missed end counts as 4 s. [ ]: 95 %, files drawn anew; (the mean "
        "latency, or the share cut, that goes with it); *: on some half no setting kept to the budget, and the nearest "
        "stands in."
    )
    return "\n\n".join(parts)


def _recordings(report: Report) -> str:
    groups: dict[str, list[int]] = {}
    for case in report.cases:
        count = groups.setdefault(case.recording.group, [0, 0])
        count[0] += 1
        count[1] += len(case.recording.holds)
    told = ", ".join(f"{name} {files} ({holds} pauses)" for name, (files, holds) in groups.items())
    return f"{len(report.cases)} recordings: {told}; words are known of {sum(bool(c.words) for c in report.cases)}"


def chosen(rows: Sequence[Row], how: str = HALVES[0]) -> list[str]:
    """What was chosen on half the speakers and judged on the other, with its heading."""
    if all(row.held for row in rows):
        halves = "speakers paired by how many pauses they have" if how == "matched" else "drawn at random"
        heading = "Settings chosen, and the weights of adaptive fitted, on half the speakers; figures of the other half"
        return [f"{heading} ({halves})", held_in_text(rows)]
    return ["All utterances are one speaker's: there are no others on whom a chosen setting could be tried"]


def held_in_text(rows: Sequence[Row]) -> str:
    return table(
        [["", *map(title, BUDGETS)], *[[row.family.name, *[_cell(b, row.held[b]) for b in BUDGETS]] for row in rows]]
    )


def _cell(budget: Budget, held: Held) -> str:
    cuts = f"{held.cuts * 100:.0f} %"
    mean = f"{held.mean * 1000:.0f} ms"
    star = "" if held.reached else "*"
    if budget.kind == "latency":
        low, high = held.cuts_interval
        return f"{cuts}{star} [{low * 100:.0f}-{high * 100:.0f}] ({mean})"
    low, high = held.mean_interval
    return f"{mean}{star} [{low * 1000:.0f}-{high * 1000:.0f}] ({cuts})"


def _usual(everything: Sequence[Row]) -> str:
    groups = [name for name in ("main", "extra", "short", "meeting") if everything and name in everything[0].usual]
    heading = [""]
    for name in groups:
        if any(each.usual[name].holds for each in everything):
            heading.append(f"{name}: cut")
        if any(each.usual[name].latencies for each in everything):
            heading += [f"{name}: mean", "median", "p90", "missed"]
    body = []
    for row in everything:
        cells: list[Any] = [row.family.name]
        for name in groups:
            one = row.usual[name]
            if any(each.usual[name].holds for each in everything):
                cells.append(f"{one.cut} of {one.holds}")
            if any(each.usual[name].latencies for each in everything):
                cells += [_ms(one.mean), _ms(one.median), _ms(one.quantile(0.9)), one.missed]
        body.append(cells)
    return table([heading, *body])


def _ms(seconds: float) -> str:
    return "-" if math.isinf(seconds) else f"{seconds * 1000:.0f}"


def in_json(report: Report) -> dict[str, Any]:
    return {
        "recordings": [
            {"path": c.recording.path, "group": c.recording.group, "words": bool(c.words)} for c in report.cases
        ],
        "swept": list(SWEPT),
        "halves": report.how,
        "all": [_row(row) for row in report.everything],
        "worded": [{"policy": row.family.name, **_usual_row(row)} for row in report.worded],
        "detector": report.detector,
        "detector_ms": list(quantiles(report.costs)) if report.costs else None,
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "policy": row.family.name,
        "held_out": {title(budget): _held_row(held) for budget, held in row.held.items()},
        "chosen_on_the_same": {title(budget): _score(found) for budget, found in row.flattered.items()},
        **_usual_row(row),
    }


def _usual_row(row: Row) -> dict[str, Any]:
    return {"as_it_comes": {group: _score(found) for group, found in row.usual.items()}}


def _held_row(held: Held) -> dict[str, Any]:
    return {
        "cuts": round(held.cuts, 4),
        "cuts_95": [round(each, 4) for each in held.cuts_interval],
        "mean_ms": round(held.mean * 1000, 1),
        "mean_ms_95": [round(each * 1000, 1) for each in held.mean_interval],
        "reached": held.reached,
    }


def _score(found: Score | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "cut": found.cut,
        "holds": found.holds,
        "ends": len(found.latencies),
        "mean_ms": round(found.mean * 1000, 1),
        "median_ms": None if math.isinf(found.median) else round(found.median * 1000, 1),
        "p90_ms": round(found.quantile(0.9) * 1000, 1),
        "missed": found.missed,
    }
