"""The skills as a ChatModel: what the user said last -> the first skill that answers it.

Nothing is kept between replies and nothing is done here: a reply depends on the messages, the clock and the pending
timers, so that a draft that is thrown away leaves the world as it was. What is to be done goes to the caller as a
SideEffect, after the words: ``goodbye`` · ``timer {seconds, label, say}`` · ``alarm {at, label, say}`` · ``cancel
{id}`` (of a timer or an alarm) · ``speed {by}`` or ``{to}`` (factors) · ``volume {by_db}`` or ``{to}`` (0 to 1).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from anyio.lowlevel import checkpoint

from assistant.ports import Delta, Message, ParleyError, TextDelta
from providers import _options
from providers.offline import (
    abilities,
    alarms,
    arithmetic,
    calendar_date,
    conversions,
    goodbye,
    jokes,
    loudness,
    matcher,
    pace,
    pending,
    repeat,
    small_talk,
    stop,
    stories,
    time_of_day,
    timers,
)
from providers.offline.skill import Answer, Pending, Request, Skill

_WITHOUT_LIST: tuple[Skill, ...] = (
    time_of_day.SKILL,
    calendar_date.SKILL,
    jokes.SKILL,
    stories.SKILL,
    timers.SKILL,
    alarms.SKILL,
    arithmetic.SKILL,
    conversions.SKILL,
    repeat.SKILL,
    pace.SKILL,
    loudness.SKILL,
    stop.SKILL,
    goodbye.SKILL,
    small_talk.SKILL,
)
SKILLS: tuple[Skill, ...] = (*_WITHOUT_LIST, abilities.skill(_WITHOUT_LIST))
"""In the order in which they are asked."""
EFFECTS: frozenset[str] = frozenset().union(*(skill.effects for skill in _WITHOUT_LIST))
"""What a host must carry out to be offered every skill; "goodbye" is understood."""


@cache
def skills_with(effects: frozenset[str]) -> tuple[Skill, ...]:
    """The skills of a host that carries out ``effects``. The last of them lists the others."""
    able = tuple(skill for skill in _WITHOUT_LIST if skill.effects <= effects)
    return (*able, abilities.skill(able))


_LONGEST = 300
"""Characters. Nobody asks for the time, or for a sum, at greater length."""
_MOST_SENTENCES = 6
"""Of a longer speech only the end is taken for requests."""

Clock = Callable[[], datetime]
Timers = Callable[[], Iterable[Mapping[str, Any]]]
"""What is set to ring: mappings with the keys ``id`` (anything), ``kind`` ("timer" or "alarm"), ``at`` (a datetime or
its ISO form) and ``label`` ("" for none)."""


def local_time() -> datetime:
    """Now, with the machine's own zone."""
    return datetime.now().astimezone()


Effects = Callable[[], Iterable[str]]
"""What the host can carry out at the moment: it is asked for every reply."""


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    clock: Any = None
    """A callable that gives the local time (`Clock`); None: the machine's."""
    timers: Any = None
    """A callable that gives what is set to ring (`Timers`); None: nothing ever is."""
    effects: Any = ()
    """Which side effects the host carries out besides "goodbye", or a callable that gives them (`Effects`); skills that
    need others are not offered."""
    seed: int | None = None
    """Which joke and story come first; None: another one every day."""
    model: str = ""
    """There is but one; taken so that one config fits all chat models."""
    max_tokens: int = 0
    """As ``model``."""
    language: str = ""
    """As ``model``: it speaks English."""
    timeouts: Any = None
    """As ``model``: there is nothing to wait for."""


class OfflineModel:
    """A ChatModel whose first delta needs no waiting."""

    name = "offline"

    def __init__(
        self,
        clock: Clock = local_time,
        seed: int | None = None,
        timers: Timers = tuple,
        effects: Effects = lambda: EFFECTS,
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._timers = timers
        self._effects = effects

    async def reply(self, messages: Sequence[Message]) -> AsyncIterator[Delta]:
        """Yields one TextDelta a sentence, then what is to be done. Never fails."""
        skills = skills_with(frozenset(self._effects()))
        found = answer(messages, self._clock(), self._seed, pending.read(self._timers()), skills)
        for at, sentence in enumerate(found.sentences):
            yield TextDelta(f" {sentence}" if at else sentence)
            await checkpoint()
        for effect in found.effects:
            yield effect


def answer(
    messages: Sequence[Message],
    now: datetime,
    seed: int | None = None,
    timers: tuple[Pending, ...] = (),
    skills: tuple[Skill, ...] = SKILLS,
) -> Answer:
    """What to say to the newest thing the user said; where no skill takes it whole, to each of its sentences.

    Told to go on with another model's answer, it answers the question itself, if it can.
    """
    asked = [message.text for message in messages if message.role == "user" and message.said]
    said = asked[-1] if asked else ""
    earlier = tuple(matcher.request(text) for text in asked[:-1])
    answered = next((message.text for message in reversed(messages) if message.role == "assistant"), "")
    start = now.toordinal() if seed is None else seed

    def ask(text: str) -> Answer | None:
        if len(text) > _LONGEST:
            return None
        # All skills see what was really said before any sees it without its "no" or "good morning".
        requests = (Request(text, plain, earlier, answered, now, start, timers) for plain in matcher.forms(text))
        return next((found for one in requests for skill in skills if (found := skill.answer(one)) is not None), None)

    whole = ask(said)
    if whole is not None:
        return whole
    sentences = re.split(r"(?<=[.?!;])\s+", said)[-_MOST_SENTENCES:]
    parts = [found for part in sentences if (found := ask(part)) is not None]
    if not parts and messages and messages[-1].role == "user" and not messages[-1].said:
        return abilities.UNFINISHED  # another model's answer, broken off: what it was about is beyond us
    if not parts:
        return abilities.unknown(skills[:-1], answered)
    return Answer(
        tuple(sentence for part in parts for sentence in part.sentences),
        tuple(effect for part in parts for effect in part.effects),
    )


@asynccontextmanager
async def chat_model(options: Mapping[str, Any]) -> AsyncIterator[OfflineModel]:
    """Options: ``clock`` (a callable giving the local datetime), ``timers`` (a callable giving what is set to ring, see
    `Timers`), ``effects`` (names, or a callable giving them) and ``seed`` (which joke and story come first)."""
    chosen = _options.read(_Options, options, "offline")
    if chosen.clock is not None and not callable(chosen.clock):
        raise ParleyError("offline: the option clock must be a function that returns the local time")
    if chosen.timers is not None and not callable(chosen.timers):
        raise ParleyError("offline: the option timers must be a function that returns the pending timers and alarms")
    yield OfflineModel(chosen.clock or local_time, chosen.seed, chosen.timers or tuple, _effects(chosen.effects))


def _effects(option: Any) -> Effects:
    if callable(option):
        return option  # type: ignore[no-any-return]
    if not isinstance(option, list | tuple) or not all(isinstance(name, str) for name in option):
        raise ParleyError(f"offline: the option effects must be a list of names, of: {', '.join(sorted(EFFECTS))}")
    return lambda: option
