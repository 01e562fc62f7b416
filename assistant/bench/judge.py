"""One profile's conversation, as its two waveforms and its events tell it -> what became of each utterance. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from assistant.bench.dialogue import Line
from assistant.bench.single import Event
from assistant.bench.waveform import Sounds
from assistant.bench.wording import Pair, aligned_by_line
from assistant.observe.metrics import STAGES

SAME_SOUND = 0.1
"""Seconds: a sound in the loudspeaker's file is that of an answer which the events say was heard so near to it."""

What = Literal["answered", "apology", "nothing", "unknown sound"]


@dataclass(frozen=True, slots=True)
class Turn:
    """What became of one utterance."""

    line: Line
    what: What
    """What was heard first after it: an answer, an apology for one that failed, nothing before the next utterance, or
    a sound of which no event tells."""
    latency: float | None
    """Milliseconds from the true end of the speech to the first audible sample of the answer, off the waveforms."""
    ledger: float | None
    """The same as the program's own ledger says."""
    stages: Mapping[str, float]
    """Milliseconds, of `turn.metrics`: those of STAGES that happened."""
    heard: str
    """What was understood."""
    pairs: Sequence[Pair]
    """That beside what was said."""
    ignored: str = ""
    """Why it was not answered (`user.ignored`)."""
    cut_in: bool = False
    """An answer began while the user was still speaking."""
    interrupted: bool = False
    """The next utterance came while this one's answer was still being given."""
    cost: float | None = None
    """US dollars, where the turn says what it cost."""

    @property
    def disagreement(self) -> float | None:
        return None if self.latency is None or self.ledger is None else abs(self.latency - self.ledger)


@dataclass(frozen=True, slots=True)
class Failed:
    """A `provider.failed`."""

    at: float
    line: int | None
    """The number of the utterance after whose beginning it was."""
    stage: str
    provider: str
    error: str
    next: str | None


@dataclass
class _Reported:
    """What the events tell of a turn."""

    first: int
    """Index of the line in which it begins."""
    last: int
    text: str = ""
    ignored: str = ""
    kind: str = ""
    metrics: Event | None = None
    audible: list[tuple[float, str]] = field(default_factory=list)
    """When a reply was first heard, and its kind."""


def turns_of(lines: Sequence[Line], sounds: Sounds, events: Iterable[Event]) -> list[Turn]:
    """One for each line. ``sounds`` are the loudspeaker's. Raises KeyError for events that are not Parley's."""
    reported = _reported(lines, events)
    written = _written(lines, reported.values())
    turns: list[Turn] = []
    for index, (line, (heard, pairs)) in enumerate(zip(lines, written, strict=True)):
        following = lines[index + 1].start if index + 1 < len(lines) else float("inf")
        what, at, number = _answer(line.end, following, sounds, reported)
        mine = [told for told in reported.values() if told.first <= index <= told.last]
        turn = Turn(
            line=line,
            what=what,
            latency=None if at is None else (at - line.end) * 1000,
            ledger=None,
            stages={},
            heard=heard,
            pairs=pairs,
            ignored="" if what == "answered" else next((told.ignored for told in mine if told.ignored), ""),
            cut_in=any(
                line.start < at < line.end and kind == "answer"
                for told in mine
                if told.first == index
                for at, kind in told.audible
            ),
        )
        metrics = None if number is None else reported[number].metrics
        turns.append(turn if metrics is None else _with_ledger(turn, metrics))
    return turns


def failed_providers(lines: Sequence[Line], events: Iterable[Event]) -> list[Failed]:
    found: list[Failed] = []
    for event in events:
        if event["event"] == "provider.failed":
            at = event["at"]
            line = lines[_line_at(lines, at)].number if lines and at >= lines[0].start else None
            found.append(Failed(at, line, event["stage"], event["provider"], event["error"], event["next"]))
    return found


def _with_ledger(turn: Turn, metrics: Event) -> Turn:
    cost = metrics.get("cost_usd")
    return replace(
        turn,
        ledger=metrics["latency_ms"],
        stages={stage: metrics[stage] for stage in STAGES if metrics.get(stage) is not None},
        interrupted=bool(metrics["interrupted"]),
        cost=cost if isinstance(cost, int | float) else None,
    )


def _answer(
    end: float, following: float, sounds: Sounds, reported: Mapping[int, _Reported]
) -> tuple[What, float | None, int | None]:
    """What was heard first between two utterances: when, and of which turn.

    A sound counts from its beginning in the waveform; the events only say whose it is. What belongs to no turn (a timer
    that rings) and what goes on from before (an answer that was too long) answers nothing.
    """
    audible = [(at, kind, number) for number, told in reported.items() for at, kind in told.audible]
    sounded = False
    for start, _ in sounds.found:
        if end <= start < following:
            sounded = True
            for at, kind, number in audible:
                if abs(at - start) <= SAME_SOUND:
                    return ("answered", start, number) if kind == "answer" else ("apology", None, None)
    unheard = any(end <= at < following and kind == "answer" for at, kind, _ in audible)
    return ("unknown sound" if sounded and unheard else "nothing"), None, None


def _reported(lines: Sequence[Line], events: Iterable[Event]) -> dict[int, _Reported]:
    found: dict[int, _Reported] = {}
    for event in events:
        name, number = event["event"], event["turn"]
        if number is None:
            continue
        index = _line_at(lines, event["at"])
        told = found.setdefault(number, _Reported(index, index))
        match name:
            case "user.speech_started":
                told.last = max(told.last, index)
            case "user.transcript.final" | "user.transcript.revised":
                told.text = event["text"]
                told.last = max(told.last, index)
            case "user.ignored":
                told.ignored = event["reason"]
            case "reply.started":
                told.kind = event["kind"]
            case "reply.audible":
                told.audible.append((event["at"], told.kind))
            case "turn.metrics" if told.metrics is None or told.metrics["latency_ms"] is None:
                told.metrics = event
    return found


def _written(lines: Sequence[Line], reported: Iterable[_Reported]) -> list[tuple[str, list[Pair]]]:
    """What was understood of each line, as written and beside what was said.

    Lines that one turn took together (the user spoke again before anything was heard) are compared together.
    """
    told = sorted(reported, key=lambda turn: turn.first)
    groups: list[tuple[int, int, list[str]]] = []
    for index in range(len(lines)):
        last = max([index, *(turn.last for turn in told if turn.first <= index)])
        texts = [turn.text for turn in told if turn.first == index and turn.text]
        if groups and groups[-1][1] >= index:
            first, before, earlier = groups[-1]
            groups[-1] = (first, max(before, last), earlier + texts)
        else:
            groups.append((index, last, texts))
    found: list[tuple[str, list[Pair]]] = []
    for first, last, texts in groups:
        together = " ".join(texts)
        by_line = aligned_by_line([line.text for line in lines[first : last + 1]], together)
        found += [(together if not index else "", pairs) for index, pairs in enumerate(by_line)]
    return found


def _line_at(lines: Sequence[Line], at: float) -> int:
    """The index of the line that was begun last at a moment."""
    begun = [index for index, line in enumerate(lines) if line.start - SAME_SOUND <= at]
    return begun[-1] if begun else 0


def sentence(turn: Turn, agreement_ms: float) -> str:
    """What failed with this utterance; "" when nothing did."""
    number = f"utterance {turn.line.number}"
    match turn.what:
        case "apology":
            return f"{number} was answered with an apology"
        case "unknown sound":
            return f"{number}: the sound after it and the answer that the events tell of are not the same"
        case "nothing" if turn.cut_in:
            return f"{number} was answered only before it was over"
        case "nothing":
            return f"{number} was not answered{f' (ignored: {turn.ignored})' if turn.ignored else ''}"
    if turn.disagreement is None or turn.disagreement > agreement_ms:
        ledger = "nothing" if turn.ledger is None else f"{turn.ledger:.1f} ms"
        return f"{number}: the ledger says {ledger}, the waveforms {turn.latency:.1f} ms"
    return ""
