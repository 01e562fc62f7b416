"""A comparison of profiles -> one HTML page that needs nothing else: no script, no font, no picture from anywhere.

Everything that a model, a recogniser or a config said is escaped, and set apart from the direction of the page's text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from assistant.bench import svg
from assistant.bench.columns import dollars
from assistant.bench.compare import BEFORE_THE_ANSWER, Comparison, Result
from assistant.bench.dialogue import NAME_OF_BUILT_IN as BUILT_IN
from assistant.bench.figures import FEW, Spread
from assistant.bench.judge import Turn
from assistant.bench.svg import element
from assistant.bench.wording import errors
from assistant.observe.metrics import STAGES

NONE = "–"
"""A cell that has no value."""
COLOURS = 6
"""How many the style sheet has: a stage's each, and a profile's each in turn."""


def page(comparison: Comparison, about: str) -> str:
    """The whole page; ``about`` says on which machine and when it was made."""
    ran = [result for result in comparison.results if not result.cannot_run]
    title = "Parley: one conversation, " + ", ".join(result.profile for result in comparison.results)
    utterances = _count(len(comparison.lines), "utterance")
    name = "the built-in conversation" if comparison.dialogue.name == BUILT_IN else _said(comparison.dialogue.name)
    body = [
        element("h1", "The same conversation, profile by profile"),
        element(
            "p",
            f"{utterances} of {name}, {comparison.gap:g}&nbsp;s apart, spoken to each profile in "
            "real time. Times count from the last voiced sample of the user to the first audible sample of the answer, "
            "both read off the waveforms.",
            **{"class": "lead"},
        ),
        _summary(comparison),
        _failures(comparison),
    ]
    if any(result.latencies for result in ran):
        body += [_latencies(ran), _stages(ran)]
    body += [_profile(result) for result in ran]
    body += [_notes(ran), element("footer", element("p", escape(about)))]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        + element("title", escape(title))
        + element("style", files("assistant.bench").joinpath("page.css").read_text("utf-8"))
    )
    return (
        "<!doctype html>\n"
        + element("html", element("head", head) + "\n" + element("body", element("main", "\n".join(body))), lang="en")
        + "\n"
    )


# --- the sections ---------------------------------------------------------------------------------------------------


def _summary(comparison: Comparison) -> str:
    heading = ["Profile", "Answered", "p50", "p50 lies in", "p95", "Words wrong", "US$ a minute", "Cut in", "Failures"]
    rows = []
    for result in comparison.results:
        if result.cannot_run:
            why = element("div", "did not run: " + _said(result.cannot_run))
            rows.append(_heading_of(result) + element("td", why, colspan=len(heading) - 1, **{"class": "why"}))
            continue
        latency, wrong = result.latency, result.errors
        rows.append(
            _heading_of(result)
            + _numbers(
                f"{len(result.latencies)} of {len(result.turns)}",
                _ms(latency.p50),
                _between(latency),
                _p95(latency),
                NONE if wrong.rate is None else f"{wrong.rate:.1%}",
                dollars(result) or NONE,
                str(sum(turn.cut_in for turn in result.turns)),
                str(len(result.failures)),
            )
        )
    return element("section", element("h2", "Summary") + _table("Summary", "Latencies in milliseconds", heading, rows))


def _failures(comparison: Comparison) -> str:
    told = comparison.failures
    if not told:
        return ""
    items = "".join(element("li", _said(sentence)) for sentence in told)
    return element("section", element("h2", "What failed") + element("ul", items, **{"class": "failures"}))


def _latencies(ran: Sequence[Result]) -> str:
    heard = [result for result in ran if result.latencies]
    rows = []
    for result in heard:
        latency = result.latency
        marks = {"p50": latency.p50 or 0.0, "p95": latency.p95 or 0.0}
        rows.append(svg.Strip(f"{result.profile}: p50 {_ms(latency.p50)} ms", result.latencies, marks))
    parts = [
        element("h2", "How long until the answer is heard"),
        svg.strips("A dot for each turn's latency. " + _in_words(heard), rows),
        _legend([("mark p50", "p50: half of the turns were no slower"), ("mark p95", "p95")]),
    ]
    if any(len(result.latencies) >= FEW for result in heard):
        lines = [svg.Steps(result.profile, _colour(number), result.latencies) for number, result in enumerate(heard, 1)]
        parts += [
            element("h3", "Share of the turns answered within a time"),
            svg.steps("The share of turns answered within a time, for each profile. " + _in_words(heard), lines),
            _legend([(f"line {line.style}", line.label) for line in lines]),
        ]
    return element("section", "".join(parts))


def _stages(ran: Sequence[Result]) -> str:
    heard = [result for result in ran if result.latencies]
    rows = [svg.Bar(f"{result.profile}: {_ms(result.latency.p50)} ms", _stacked(result)) for result in heard]
    heading = ["Profile", *(STAGES[name] for name in BEFORE_THE_ANSWER), STAGES["latency_ms"]]
    cells = []
    for result in heard:
        spreads = [*(result.stage(name) for name in BEFORE_THE_ANSWER), result.latency]
        cells.append(_heading_of(result) + _numbers(*(_both(each, result.latency.count) for each in spreads)))
    counts = ", ".join(f"{_said(result.profile)} {_count(result.latency.count, 'turn')}" for result in heard)
    words = "By when half of the turns had come how far. The table below has the same figures."
    styles = {name: f"bar {_colour(number)}" for number, name in enumerate(STAGES, 1)}
    return element(
        "section",
        element("h2", "Where the time goes")
        + svg.bars(words, rows)
        + _legend([(styles[name], f"until: {called}") for name, called in STAGES.items()])
        + _table("Stages", f"p50 / p95 in milliseconds after the last word; {counts}", heading, cells),
    )


def _stacked(result: Result) -> list[svg.Segment]:
    """The medians in the order in which they come: an answer that was drafted is there before the turn is over.

    The last is off the waveforms and the others are the program's own, which may be some ms off: none goes beyond it.
    """
    heard = result.latency.p50 or 0.0
    medians = [*(result.stage(name).p50 for name in BEFORE_THE_ANSWER), heard]
    reached = [(min(max(0.0, at), heard), number) for number, at in enumerate(medians, 1) if at is not None]
    called = list(STAGES.values())
    segments: list[svg.Segment] = []
    before = 0.0
    for at, number in sorted(reached):
        if at > before:
            segments.append(svg.Segment(called[number - 1], _colour(number), before, at))
        before = at
    return segments


def _profile(result: Result) -> str:
    priced = any(turn.cost is not None for turn in result.turns)
    heading = ["Turn", "Said and understood", *map(_short, BEFORE_THE_ANSWER), "heard", *(["US$"] if priced else [])]
    rows = []
    for turn in result.turns:
        figures = [*(_ms(turn.stages.get(name)) for name in BEFORE_THE_ANSWER), _ms(turn.latency)]
        if priced:
            figures.append(NONE if turn.cost is None else f"{turn.cost:.5f}")
        number = element("th", str(turn.line.number), scope="row")
        rows.append(number + element("td", _compared(turn), **{"class": "words"}) + _numbers(*figures))
    stages = ", ".join(
        f"{label} {_said(str(result.started.get(stage)))}"
        for stage, label in (("stt", "heard by"), ("llm", "thought by"), ("tts", "spoken by"))
    )
    told = [
        f"{stages}; end of turn: {_said(str(result.started.get('endpointing')))}",
        *map(_said, result.notes),
        *_costs(result),
        *_machine(result),
    ]
    lines = "".join(element("li", line) for line in told)
    inside = element("summary", element("h2", f"{_said(result.profile)}, turn by turn"))
    inside += element("ul", lines)
    inside += _table(f"Turns of {result.profile}", "Milliseconds after the last word", heading, rows)
    return element("section", f"<details open>{inside}</details>")


def _notes(ran: Sequence[Result]) -> str:
    told = [
        ("p50, p95", "by nearest rank: half, and 95 %, of the turns were no slower. Both were really measured."),
        (
            "p50 lies in",
            "where the true median lies with a certainty of 95 %, by order statistics; it takes six turns to say so. "
            "Profiles whose ranges overlap may not differ at all.",
        ),
        (
            "words wrong",
            "word error rate: words substituted, missing and added over words said, without case and punctuation, "
            "numbers in digits.",
        ),
        (
            "US$ a minute",
            f"what the providers charge for a minute of this conversation; {NONE} where it is not known, + where "
            "something that was used has no known price.",
        ),
        ("cut in", "answers that began while the user was still speaking."),
        (
            "until",
            "each part of a bar ends when half of the turns had come so far. Parts overlap in a single turn: an answer "
            "is prepared while the pause is waited for.",
        ),
    ]
    if any(result.latency.p95_is_the_worst for result in ran):
        told.insert(1, ("*", f"of fewer than {FEW} turns the p95 is no more than the slowest of them."))
    return element(
        "section",
        element("h2", "What the figures mean")
        + element("dl", "".join(element("dt", escape(term)) + element("dd", escape(text)) for term, text in told)),
    )


# --- cells ----------------------------------------------------------------------------------------------------------


def _table(name: str, caption: str, heading: Sequence[str], rows: Iterable[str]) -> str:
    """``caption`` and ``rows`` (the cells of each) are markup, ``name`` is what a screen reader says.

    It scrolls by itself where the page is narrow, by keyboard too.
    """
    head = "".join(element("th", escape(cell), scope="col") for cell in heading)
    body = "".join(element("tr", row) for row in rows)
    parts = element("caption", caption) + element("thead", element("tr", head)) + element("tbody", body)
    return element("div", element("table", parts), tabindex=0, role="region", **{"class": "table", "aria-label": name})


def _heading_of(result: Result) -> str:
    return element("th", _said(result.profile), scope="row")


def _numbers(*cells: str) -> str:
    return "".join(element("td", cell, **{"class": "number"}) for cell in cells)


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    items = "".join(element("li", svg.key(style) + escape(name)) for style, name in entries)
    return element("ul", items, **{"class": "legend"})


def _compared(turn: Turn) -> str:
    """The words, those understood wrongly marked: struck out what was said, underlined what was understood.

    Below them the transcript as it came, where a word of it is wrong, and what else is to be said of the turn.
    """
    parts = []
    for pair in turn.pairs:
        if pair.kind == "same":
            parts.append(_said(pair.said))
        if pair.kind in ("missing", "substituted"):
            parts.append(element("del", _said(pair.said)))
        if pair.kind in ("added", "substituted"):
            parts.append(element("ins", _said(pair.heard)))
    below = ["transcript: " + _said(turn.heard)] if turn.heard and _wrong(turn) else []
    below += filter(None, [_remarks(turn)])
    return " ".join(parts) + "".join(element("div", line, **{"class": "below"}) for line in below)


def _wrong(turn: Turn) -> int:
    return sum(pair.kind != "same" for pair in turn.pairs)


def _remarks(turn: Turn) -> str:
    count = _wrong(turn)
    ignored = f" (ignored: {turn.ignored})" if turn.ignored else ""
    what = {"answered": "", "apology": "an apology", "nothing": f"not answered{ignored}", "unknown sound": "?"}
    told = [
        what[turn.what],
        f"{count} of {_count(errors(turn.pairs).words, 'word')} wrong" if count else "",
        "cut in" if turn.cut_in else "",
        "answer interrupted" if turn.interrupted else "",
    ]
    return "; ".join(filter(None, told))


def _costs(result: Result) -> list[str]:
    told = []
    usd, wasted = result.cost.get("usd"), result.cost.get("wasted_usd")
    if isinstance(usd, int | float):
        nobody = (
            f", of it {wasted:.4f} for answers that nobody heard" if isinstance(wasted, int | float) and wasted else ""
        )
        told.append(f"cost of this conversation: US$ {usd:.4f}{nobody}")
    told += [f"without a known price: {_said(each)}" for each in result.unpriced]
    return told


def _machine(result: Result) -> list[str]:
    start, cores, memory = (result.ended.get(name) for name in ("listening_after_s", "cpu_cores", "memory_mb"))
    if start is None or cores is None or memory is None:
        return []
    return [f"listening after {start:.1f} s; {cores:.1%} of a core and {memory:.0f} MB in its own process"]


def _in_words(results: Sequence[Result]) -> str:
    return "; ".join(
        f"{result.profile}: {_count(len(result.latencies), 'turn')}, p50 {_ms(result.latency.p50)} ms, "
        f"p95 {_ms(result.latency.p95)} ms"
        for result in results
    )


def _p95(figures: Spread) -> str:
    return _ms(figures.p95) + ("*" if figures.p95_is_the_worst else "")


def _both(figures: Spread, usual: int) -> str:
    """With their number behind them where that is not the usual one."""
    if not figures.count:
        return NONE
    return f"{_ms(figures.p50)} / {_p95(figures)}" + ("" if figures.count == usual else f" ({figures.count})")


def _between(figures: Spread) -> str:
    low, high = figures.p50_between
    return NONE if low is None or high is None else f"{low:.0f} – {high:.0f}"


def _ms(value: float | None) -> str:
    return NONE if value is None else f"{value:.0f}"


def _short(stage: str) -> str:
    return stage.removesuffix("_ms").replace("_", " ")


def _colour(number: int) -> str:
    return f"c{(number - 1) % COLOURS + 1}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _said(text: str) -> str:
    """Words from outside."""
    return element("bdi", escape("".join(c if c.isprintable() else " " for c in text)))
