"""Timers: set, cancelled, and how much time is left. The caller runs them; here they are only spoken of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import ceil

from assistant.ports import SideEffect
from providers.offline import durations, matcher, pending
from providers.offline.matcher import Grammar
from providers.offline.skill import Answer, Pending, Request, Skill

_TIMER = "(timer|timers|countdown|countdowns)"
_THE = "[the|my|all|every|that|this|a|any|both] [of] [the|my] [running|current|active]"
_ALL = frozenset(("all", "every", "both", "timers", "countdowns"))

_SET = Grammar(
    "[set|start|make|create|begin|give me|put on|run|add|get|i need|i want] [me|up|going] "
    "[a|an|another|the|my|one] [new|second] [{before}] (timer|countdown) [{after}]",
    "(put|set) {before} on (the|a|my) (timer|clock|countdown)",
    "(remind|alert|warn|notify|call|wake) me [up|again] {after}",
    "(count down|start counting) [from] {after}",
)
_CANCEL = Grammar(
    f"(cancel|stop|delete|remove|clear|kill|end|turn off|switch off|shut off|drop|dismiss|silence|get rid of|forget) "
    f"{_THE} [{{which}}] {_TIMER} [for {{label}}]",
    f"(i|we) (do not|no longer) need {_THE} [{{which}}] {_TIMER} [any more|anymore]",
    f"(never mind|no more|stop with) {_THE} [{{which}}] {_TIMER}",
    f"turn {_THE} [{{which}}] {_TIMER} off",
)
_LEFT = Grammar(
    "how (much [more] time|long|many minutes|many seconds|much) "
    "(is [still] left|are left|is there left|do i have left|have i got left|left|is remaining|remains|does it have left"
    "|do i still have|is there) [on|for] [the|my] [{which}] [timer|timers|countdown]",
    "how (long|much time) does the [{which}] timer have [left]",
    "how much longer [is left] [on|for|does] [the|my] [{which}] [timer] [have|run|take]",
    "how long [is it] (until|till|before) the [{which}] timer (rings|goes off|is done|ends|is up|is over|stops)",
    "[the] [remaining] time (left|remaining) [on|for] [the|my] [{which}] [timer]",
    "when (does|will|is) [the|my] [{which}] timer (go off|end|ring|done|finish|over|up|finished|stop|be done|be over)",
    "(what is|check|how is) [left on] [the|my] [{which}] timer [at|doing|on|looking]",
    f"(list|show|show me|name|which|what|what are|check|read out) [all] [the|my|of my] {_TIMER} "
    "[are there|are running|do i have|have i got|are set|are on]",
    f"(are|is) (there|the|my|a|any) [any|a] [{{which}}] {_TIMER} [still] [running|on|set|going|active]",
    f"(do i have|have i got) (a|any) {_TIMER} [running|on|set]",
)
_QUESTION = frozenset(
    ("is", "was", "are", "how", "did", "do", "does", "what", "why", "when", "where", "who", "which", "has", "not",
     "never", "cancel", "stop", "delete", "if", "you", "whose", "buy", "there")
)  # fmt: skip
"""A sentence about a timer with one of these words before "timer" sets none."""

_HOW_LONG = "For how long?"
_MOST = durations.DAY
"""Seconds. For later there are alarms."""


def answer(request: Request) -> Answer | None:
    plain = matcher.request(request.said)  # what is around a label is part of it
    if (found := _CANCEL.match(plain)) is not None:
        which = f"{found.get('which', '')} {found.get('label', '')}"
        return pending.cancelled(request, "timer", which, bool(_ALL & set(plain.split())), _called)
    if (found := _LEFT.match(plain)) is not None:
        return _left(request, found.get("which", ""))
    if (found := _SET.match(plain)) is not None:
        before, after = found.get("before", "").split(), found.get("after", "").split()
        return None if _QUESTION & set(before) else _set([*before, *after], asks=" timer" in f" {plain}")
    if request.answered.endswith(_HOW_LONG):
        return _set(plain.split(), asks=False)
    return None


def _set(words: Sequence[str], *, asks: bool) -> Answer | None:
    """The longest length of time in ``words`` is meant; what is around it is the timer's name."""
    spans = [(start, end) for start in range(len(words)) for end in range(start + 1, min(len(words), start + 12) + 1)]
    for start, end in sorted(spans, key=lambda span: span[0] - span[1]):
        seconds = durations.read(words[start:end])
        if seconds is None:
            continue
        label = pending.label(_around(words, start, end))
        if label is None:
            return None
        if not 1 <= seconds <= _MOST:
            return Answer(("A timer can run for anything from a second to a day.",))
        whole = round(seconds)
        name = f"{label} timer" if label and len(label.split()) == 1 else "timer"
        return Answer(
            (f"Your {name} for {durations.said(whole)} is set.",),
            (SideEffect("timer", {"seconds": whole, "label": label, "say": _rung(whole, label)}),),
        )
    return Answer((_HOW_LONG,)) if asks and pending.label(words) is not None else None


def _rung(seconds: int, label: str) -> str:
    """What is said when the timer rings."""
    if label and " " not in label:
        return f"The {label} timer is over."
    time = durations.said(seconds)
    timer = f"timer for {time}" if " and " in time else f"{time.removesuffix('s')} timer"
    return f"Your {timer} is over{pending.reminder(label)}."


def _around(words: Sequence[str], start: int, end: int) -> list[str]:
    """What is before and after the length of time, without the words that only lead to it."""
    before, after = list(words[:start]), list(words[end:])
    while before and before[-1] in ("in", "for", "of", "after", "from"):
        before.pop()
    return before + after


def _left(request: Request, which: str) -> Answer:
    found = pending.meant(request, "timer", which)
    if not found:
        return Answer(("There is no timer running.",))
    if len(found) == 1 and not found[0].label:
        time = _remaining(found[0], request.now)
        return Answer((f"There {'is' if time.startswith('1 ') else 'are'} {time} left.",))
    return Answer(tuple(f"{_said(one)} has {_remaining(one, request.now)} left." for one in found))


def _remaining(one: Pending, now: datetime) -> str:
    return durations.said(max(1, ceil((one.at - now).total_seconds())))


def _called(one: Pending) -> str:
    return f"the {one.label} timer" if one.label else "the timer"


def _said(one: Pending) -> str:
    return "T" + _called(one)[1:]


SKILL = Skill(
    name="timer",
    can="set timers",
    examples=(
        "Set a timer for ten minutes.",
        "Start a pasta timer for eight minutes.",
        "How much time is left?",
        "Cancel the timer.",
    ),
    answer=answer,
    effects=frozenset({"timer", "cancel"}),
    grammar=(
        "(set | start) (a | another) [<thing>] timer for <duration>"
        " | (set | start) a <number> minute timer"
        " | remind me in <duration>"
        " | how much time is left [on the [<thing>] timer]"
        " | how long is left [on the timer]"
        " | (cancel | stop) (the [<thing>] timer | my timer | all timers)"
    ),
)
