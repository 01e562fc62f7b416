"""What a model may want done besides its words (`SideEffect`), and who does it: timers that ring, pace, loudness.

One for each session. "goodbye" is the session's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import anyio

from assistant.audio.volume import Volume
from assistant.conversation.pending import Kind, Pending, TooMany, unrung
from assistant.later import Later
from assistant.ports import Adjustable, SideEffect, Synthesizer

Clock = Callable[[], datetime]

SLOWEST, FASTEST = 0.5, 2.0
"""Factors of the configured speed: beyond these most voices cannot be understood."""
LOOK = 30.0
"""Seconds after which the wall clock is looked at again: it may have been set, or the computer may have slept."""
LONGEST = timedelta(days=366)
LATEST = timedelta(minutes=1)
"""An alarm for a moment that has just gone by rings at once; an older one is a mistake."""
LONGEST_TEXT = 500
"""Characters of what is said when something rings; a label has a fifth of them at most."""


class Refused(ValueError):
    """An effect that cannot be carried out; the text says why."""


def local_time() -> datetime:
    """The wall clock, in the machine's own zone."""
    return datetime.now().astimezone()


class Effects:
    def __init__(self, voice: Later[Synthesizer], clock: Clock = local_time) -> None:
        self.volume = Volume()
        self.speed = 1.0
        """Factor of the voice's configured speed."""
        self.pending = Pending()
        self._voice = voice
        self._clock = clock
        self._changed = anyio.Event()

    def options(self) -> dict[str, Any]:
        """The options through which the offline assistant learns what it may promise and what is set."""
        return {"clock": self._clock, "timers": self.listed, "effects": self.offered}

    def listed(self) -> list[dict[str, Any]]:
        """What is set to ring, the next one first."""
        return [
            {"id": entry.id, "kind": entry.kind, "at": entry.at, "label": entry.label} for entry in self.pending.entries
        ]

    def offered(self) -> tuple[str, ...]:
        """The effects that can be carried out now: not every voice can change its speed."""
        pace = ("speed",) if self._adjustable() is not None else ()
        return ("timer", "alarm", "cancel", "volume", *pace)

    def unrung(self) -> str:
        """One sentence about what is still set, "" for nothing."""
        return unrung(self.pending.entries, self._clock())

    def carry_out(self, effect: SideEffect) -> None:
        """Do it. Raises Refused, with nothing done."""
        wanted = effect.arguments
        if not isinstance(wanted, Mapping):
            raise Refused("its arguments must be a mapping")
        match effect.name:
            case "timer":
                self._set_timer(wanted)
            case "alarm":
                self._set_alarm(wanted)
            case "cancel":
                self._put(self.pending.cancel(wanted.get("id")))
            case "volume" if "to" in wanted:
                self.volume.set(_number(wanted, "to", 0, 1))
            case "volume":
                self.volume.change(_number(wanted, "by_db", -100, 100))
            case "speed":
                self._set_speed(wanted)
            case _:
                raise Refused("nobody here can do that")

    async def ring(self, announce: Callable[[str], None]) -> None:
        """Announce each timer and alarm when it is due, for ever."""
        while True:
            wait = self.pending.wait(self._clock())
            with anyio.move_on_after(wait if math.isinf(wait) else min(wait, LOOK)):
                await self._changed.wait()
            if self._changed.is_set():
                self._changed = anyio.Event()
            self.pending, ringing = self.pending.due(self._clock())
            for entry in ringing:
                announce(entry.say)

    # --- timers and alarms ---

    def _set_timer(self, wanted: Mapping[str, Any]) -> None:
        seconds = _number(wanted, "seconds", 0, LONGEST.total_seconds())
        self._set("timer", self._clock() + timedelta(seconds=seconds), wanted, "Your timer is over.")

    def _set_alarm(self, wanted: Mapping[str, Any]) -> None:
        now = self._clock()
        at = _moment(wanted.get("at"), now)
        if not now - LATEST <= at <= now + LONGEST:
            raise Refused(f"at must lie in the coming year, and is {at.isoformat()}")
        self._set("alarm", at, wanted, f"This is your alarm for {at.astimezone(now.tzinfo):%H:%M}.")

    def _set(self, kind: Kind, at: datetime, wanted: Mapping[str, Any], plain: str) -> None:
        label = _text(wanted, "label", LONGEST_TEXT // 5)
        say = _text(wanted, "say", LONGEST_TEXT) or (f"{plain[:-1]}: {label}." if label else plain)
        try:
            self._put(self.pending.set(kind, at, label, say))
        except TooMany as error:
            raise Refused(str(error)) from None

    def _put(self, pending: Pending) -> None:
        self.pending = pending
        self._changed.set()

    # --- the voice ---

    def _set_speed(self, wanted: Mapping[str, Any]) -> None:
        voice = self._adjustable()
        if voice is None:
            raise Refused("this voice cannot change its speed")
        speed = _number(wanted, "to", 0, 100) if "to" in wanted else self.speed * _number(wanted, "by", 0, 100)
        self.speed = min(FASTEST, max(SLOWEST, speed))
        voice.set_speed(self.speed)

    def _adjustable(self) -> Adjustable | None:
        voice = self._voice.value
        return voice if isinstance(voice, Adjustable) and voice.abilities.adjusts_speed else None


def _number(wanted: Mapping[str, Any], key: str, least: float, most: float) -> float:
    value = wanted.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise Refused(f"{key} must be a number from {least:g} to {most:g}, and is {value!r:.100}")
    return float(value)


def _text(wanted: Mapping[str, Any], key: str, longest: int) -> str:
    value = wanted.get(key, "")
    if not isinstance(value, str) or len(value) > longest:
        raise Refused(f"{key} must be a text of at most {longest} characters")
    return value.strip()


def _moment(value: object, now: datetime) -> datetime:
    """A datetime or its ISO form; without a zone it is the clock's."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        at = None
    if not isinstance(at, datetime):
        raise Refused(f"at must be a moment such as {now.isoformat(timespec='minutes')}, and is {value!r:.100}")
    return at.replace(tzinfo=now.tzinfo) if at.tzinfo is None else at
