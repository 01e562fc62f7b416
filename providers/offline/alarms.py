"""Alarms: set for a time of day, cancelled, and when they ring. The caller runs them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from assistant.ports import SideEffect
from providers.offline import durations, matcher, moments, pending, speech
from providers.offline.matcher import Grammar
from providers.offline.skill import Answer, Pending, Request, Skill

_ALARM = "(alarm|alarms|wake up call)"
_THE = "[the|my|all|every|that|this|a|any|both] [of] [the|my]"
_ALL = frozenset(("all", "every", "both", "alarms"))

_SET = Grammar(
    "[set|make|create|give me|put on|add|i need|i want] [me|up] [a|an|another|the|my|one] [new] [{before}] "
    "(alarm|wake up call) [{after}]",
    "(remind|wake|call|rouse) me [up] {after}",
    "(get me up|i (want|have|need) to (get|wake) up) {after}",
)
_CANCEL = Grammar(
    f"(cancel|stop|delete|remove|clear|kill|turn off|switch off|shut off|drop|dismiss|silence|get rid of|forget) "
    f"{_THE} [{{which}}] {_ALARM} [for {{label}}]",
    f"(i|we) (do not|no longer) need {_THE} [{{which}}] {_ALARM} [any more|anymore]",
    f"(never mind|no more) {_THE} [{{which}}] {_ALARM}",
    f"turn {_THE} [{{which}}] {_ALARM} off",
    "do not wake me [up] [{label}]",
)
_WHEN = Grammar(
    f"(when|what time|at what time) (is|are|does|will) [the|my] [next] [{{which}}] {_ALARM} "
    "[go off|ring|set for|set to ring|set]",
    f"(list|show|show me|name|which|what|what are|check) [all] [the|my|of my] [next] {_ALARM} "
    "[are there|do i have|have i got|are set|are on]",
    f"(are|is|do i have|have i got) [there|the|my|a] [any|a|an] {_ALARM} [still] [set|on]",
    "(when|what time) (will|do|are) you [going to] wake me [up]",
)
_QUESTION = frozenset(
    ("is", "was", "are", "how", "did", "do", "does", "what", "why", "when", "where", "who", "which", "has", "not",
     "never", "cancel", "stop", "delete", "if", "you", "buy", "there", "false", "fire")
)  # fmt: skip
_WHAT_TIME = "For what time?"


def answer(request: Request) -> Answer | None:
    plain = matcher.request(request.said)  # what is around a label is part of it
    if (found := _CANCEL.match(plain)) is not None:
        which = f"{found.get('which', '')} {found.get('label', '')}"
        return pending.cancelled(
            request, "alarm", which, bool(_ALL & set(plain.split())), lambda one: _called(one, request.now)
        )
    if (found := _WHEN.match(plain)) is not None:
        return _when(request, found.get("which", ""))
    if (found := _SET.match(plain)) is not None:
        before, after = found.get("before", "").split(), found.get("after", "").split()
        if _QUESTION & set(before):
            return None
        woken = not plain.startswith("remind")
        return _set([*before, *after], request.now, asks="alarm" in plain, woken=woken and "alarm" not in plain)
    if request.answered.endswith(_WHAT_TIME):
        return _set(plain.split(), request.now, asks=False, woken=False)
    return None


def _set(words: Sequence[str], now: datetime, *, asks: bool, woken: bool) -> Answer | None:
    """The longest time of day in ``words`` is meant; what is around it is the alarm's name."""
    spans = sorted(
        ((start, end) for start in range(len(words)) for end in range(start + 1, min(len(words), start + 12) + 1)),
        key=lambda span: span[0] - span[1],
    )
    lengths = ((start, end, _later(words[start:end], now)) for start, end in spans)
    times = ((start, end, moments.read(" ".join(words[start:end]), now, woken=woken)) for start, end in spans)
    for start, end, at in (*lengths, *times):
        if at is None:
            continue
        before = list(words[:start])
        while before and before[-1] in ("at", "for", "by", "on", "in"):
            before.pop()
        label = pending.label([*before, *words[end:]])
        if label is None:
            return None
        spoken = f"Your alarm is set for {_moment(at, now)}."
        say = _rung(at, label)
        return Answer((spoken,), (SideEffect("alarm", {"at": at.isoformat(), "label": label, "say": say}),))
    return Answer((_WHAT_TIME,)) if asks and pending.label(words) is not None else None


def _rung(at: datetime, label: str) -> str:
    """What is said when the alarm rings. That may be late, so it does not say what time it is."""
    clock = speech.clock(at.time())
    if label and " " not in label:
        return f"This is your {label} alarm for {clock}."
    return f"This is your alarm for {clock}{pending.reminder(label)}."


def _later(words: Sequence[str], now: datetime) -> datetime | None:
    """ "ten minutes" from now."""
    seconds = durations.read(words)
    return now + timedelta(seconds=float(seconds)) if seconds is not None and seconds <= durations.DAY else None


def _when(request: Request, which: str) -> Answer:
    found = pending.meant(request, "alarm", which)
    if not found:
        return Answer(("There is no alarm set.",))
    if len(found) == 1:
        return Answer((f"Your alarm is set for {_moment(found[0].at, request.now)}.",))
    times = " and ".join(_moment(one.at, request.now) for one in found)
    return Answer((f"You have {len(found)} alarms, for {times}.",))


def _moment(at: datetime, now: datetime) -> str:
    """ "half past seven tomorrow morning"."""
    at = at.astimezone(now.tzinfo)
    days = (at.date() - now.date()).days
    clock = speech.clock(at.time())
    part = "" if clock in ("noon", "midnight") else moments.part_of_day(at.hour)
    if days == 0:
        day = {"": "today", "night": "tonight"}.get(part, f"this {part}")
    elif days == 1:
        day = f"tomorrow {part}".strip()
    else:
        day = f"on {speech.weekday(at.date())} {part}".strip()
    return f"{clock} {day}"


def _called(one: Pending, now: datetime) -> str:
    return f"the alarm for {_moment(one.at, now)}"


SKILL = Skill(
    name="alarm",
    can="set alarms",
    examples=("Set an alarm for seven in the morning.", "Wake me up at half past six.", "Cancel the alarm."),
    answer=answer,
    effects=frozenset({"alarm", "cancel"}),
    grammar=(
        "set an alarm for <clock> [<day>]"
        " | wake me up at <clock> [<day>]"
        " | (cancel | turn off) (the | my) alarm"
        " | cancel all alarms"
        " | when is my alarm"
    ),
)
