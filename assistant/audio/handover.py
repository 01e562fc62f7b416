"""What a loudspeaker's device is handed, block after block, and which sample of it is where.

Two threads meet here. The event loop writes, pauses, resumes and drops; the device's callback takes. Neither waits
for the other's lock, for there is none: the loop publishes a whole plan at once, made for the very sample that the
callback will take next, and the callback refuses a plan that was made for another one. Positions and places are those
of `assistant.audio.playout`: positions count sound, places count the device's ticks.
"""

from __future__ import annotations

import sys
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from assistant.audio.playout import FADE
from assistant.audio.ring import Ring
from assistant.ports import Samples

SECONDS = 40.0
"""Of sound that lie ready for the callback. More than this waits with the loop."""
OUT_SECONDS = 5.0
"""Of what the device was handed that the loop may take its time to collect."""
RUNS = 1024
"""Unbroken runs of sound that may begin before the loop looks; a reply has one, and one more for each pause."""

_EVER = sys.maxsize
_SILENCE: Samples = np.empty(0, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """What the callback may do. Swapped whole, never changed."""

    at: int | None = None
    """The position at which it was made; None: it holds at any."""
    stop: int = _EVER
    """Sound from this position on is not for the device."""
    tail: Samples = field(default_factory=lambda: _SILENCE)
    """Handed over before all else: the fade-out."""
    counted: bool = False
    """The tail's samples count as positions (after a drop), or are a mere echo of what will come again (a pause)."""
    rise: int = -_EVER
    """Sound from this position on fades in."""


class Handover:
    """The queue between `play` and the output callback. ``take`` belongs to the callback, all else to the loop."""

    def __init__(self, rate: int, *, seconds: float = SECONDS) -> None:
        """``rate`` in Hz."""
        self.rate = rate
        self.underruns = 0
        """Times that sound inside a reply came too late to follow on."""
        self._fade = max(1, round(FADE * rate))
        self._rising = np.arange(1, self._fade + 1, dtype=np.float32) / np.float32(self._fade + 1)
        self._memory = np.zeros(max(self._fade, round(seconds * rate)), np.float32)
        self._ramp = np.arange(1, max(2, rate // 5), dtype=np.float32)
        self._scratch = np.empty(len(self._ramp), np.float32)
        self._gain = self._reached = 1.0
        """Of a ducked voice: what is wanted, which the loop alone sets, and what the callback has come to."""
        self._waiting: deque[Samples] = deque()
        """Sound for which there was no room yet."""
        self._accepted = 0
        """Positions below this were written and not dropped."""
        self._written = 0
        """Those of them that the callback may read."""
        self._plan = _Plan()
        self._paused = False
        self._ending = 0
        """Where the last counted fade-out ends."""
        self._first = True
        self._positions: list[int] = []
        self._places: list[int] = []
        self._runs_seen = 0
        # The callback's own. The loop only reads it.
        self._using = self._plan
        self._tail_at = 0
        self._entered = 0
        self._left = 0
        self._state = (0, 0, 0.0)
        """The next position, the next place, and when (a wall-clock second) that place sounds."""
        self._dry_at = 0
        """Position at which there was no sound left."""
        self._unbroken = False
        self._run_positions = np.zeros(RUNS, np.int64)
        self._run_places = np.zeros(RUNS, np.int64)
        self._runs = 0
        self.out = Ring(round(OUT_SECONDS * rate))
        """All that the device was handed, place after place."""

    # --- the callback's ---

    def take(self, block: Samples, sounds_at: float) -> None:
        """Fill ``block`` (n,) with what comes next; its first sample will sound at second ``sounds_at``."""
        self._entered += 1
        try:
            self._take(block, sounds_at)
        finally:
            self._left += 1  # whatever happened: the loop may be waiting for it

    def _take(self, block: Samples, sounds_at: float) -> None:
        plan = self._plan
        position, place, _ = self._state
        if plan is not self._using:
            if plan.at is not None and plan.at != position:
                plan = self._using  # made for another moment: the loop will see it and make another
            else:
                if plan.tail is not self._using.tail:
                    self._tail_at = 0
                self._using = plan
        wanted = len(block)
        done = min(wanted, len(plan.tail) - self._tail_at)
        if done:
            block[:done] = plan.tail[self._tail_at : self._tail_at + done]
            self._tail_at += done
            if plan.counted:
                self._begin_run(position, place)
                position += done
            else:
                self._unbroken = False
        count = min(wanted - done, min(self._written, plan.stop) - position)
        if count > 0:
            self._begin_run(position, place + done)
            self._copy(position, block[done : done + count])
            if position < plan.rise + self._fade:
                self._fade_in(block[done : done + count], position - plan.rise)
            position += count
            done += count
        if self._reached != 1.0 or self._gain != 1.0:
            self._duck(block[:done])
        if done < wanted:
            block[done:] = 0.0
            self._unbroken = False
            if plan.stop == _EVER:
                self._dry_at = position
        self.out.write(block)
        self._state = (position, place + wanted, sounds_at + wanted / self.rate)

    def _duck(self, sound: Samples) -> None:
        """In place; another gain is reached within the block."""
        wanted, count = self._gain, min(len(sound), len(self._ramp))
        if wanted != self._reached and count:
            gains = self._scratch[:count]
            np.multiply(self._ramp[:count], np.float32((wanted - self._reached) / count), out=gains)
            gains += np.float32(self._reached)
            sound[:count] *= gains
            sound[count:] *= np.float32(wanted)
            self._reached = wanted
        else:
            sound *= np.float32(wanted)

    def _begin_run(self, position: int, place: int) -> None:
        if not self._unbroken:
            slot = self._runs % RUNS
            self._run_positions[slot] = position
            self._run_places[slot] = place
            self._runs += 1
            self._unbroken = True

    def _fade_in(self, sound: Samples, since: int) -> None:
        count = min(len(sound), self._fade - since)
        np.multiply(sound[:count], self._rising[since : since + count], out=sound[:count])

    # --- the loop's ---

    def write(self, samples: Samples, *, first: bool) -> int:
        """Queue sound (float32; it is copied) and return its first position.

        ``first`` marks the beginning of a reply: silence before it is no underrun.
        """
        position = self._accepted
        self._first = self._first or first
        if not len(samples):
            return position
        if not self._first and not self._paused and self._dry_at == position and not self._waiting:
            self.underruns += 1
        self._first = False
        self._accepted += len(samples)
        if self._waiting or not self._store(samples):
            self._waiting.append(np.array(samples, np.float32))
        return position

    def top_up(self) -> None:
        """Give the callback what has been waiting for room. Call it now and then."""
        while self._waiting:
            room = len(self._memory) - (self._written - self._state[0])
            head = self._waiting[0][:room]
            if not len(head):
                return
            self._store(head)
            rest = self._waiting.popleft()[room:]
            if len(rest):
                self._waiting.appendleft(rest)

    def pause(self) -> None:
        """Hold from the first sample not yet handed over. A copy of the next few milliseconds fades out."""
        if self._paused:
            return

        def plan(position: int) -> _Plan:
            if position < self._ending:
                return replace(self._plan, at=position, stop=self._ending)
            return _Plan(position, position, self._falling(position), counted=False)

        self._publish(plan)
        self._paused = True

    def resume(self) -> None:
        """Go on at that very sample, faded in."""
        if not self._paused:
            return
        held = self._plan
        self._plan = replace(held, at=None, stop=_EVER, rise=held.stop)
        self._paused = False

    def duck(self, gain: float) -> None:
        """From the next block on at ``gain`` times the amplitude, faded to; `drop` ends it."""
        self._gain = gain

    def drop(self) -> int:
        """Forget what is not handed over, save a fade-out; ends a pause. Returns the position then reached."""

        def plan(position: int) -> _Plan:
            if self._paused:
                return replace(self._plan, at=position)
            if position < self._ending:
                return replace(self._plan, at=position, stop=self._ending)
            tail = self._falling(position)
            return _Plan(position, position + len(tail), tail, counted=True)

        dropped = self._publish(plan)
        # In this order: at no moment may the callback see old sound behind the stop.
        self._waiting.clear()
        self._written = self._accepted = self._ending = dropped.stop
        self._plan = replace(dropped, at=None, stop=_EVER, rise=-_EVER)
        self._paused = False
        self._first = True
        self._gain = 1.0
        return self._accepted

    @property
    def handed(self) -> tuple[int, float]:
        """The next place, and the wall-clock second at which it sounds by the device's last word."""
        _, place, at = self._state
        return place, at

    @property
    def busy(self) -> bool:
        """There is sound that the device shall be handed now."""
        return not self._paused and self._state[0] < self._accepted

    def heard(self, place: int) -> int:
        """The position reached when ``place`` is the next that sounds."""
        reached = self._state[0]  # before the runs: one that begins meanwhile lies behind it
        self._look_at_runs()
        run = bisect_right(self._places, place) - 1
        if run < 0:
            return 0
        end = self._positions[run + 1] if run + 1 < len(self._positions) else max(reached, self._positions[run])
        return min(self._positions[run] + place - self._places[run], end)

    def place_of(self, position: int) -> int | None:
        """Where that sample sounds, or will if all goes on as it is; None while a pause holds it, or unwritten."""
        next_position, next_place, _ = self._state
        if not 0 <= position < self._accepted:
            return None
        if position >= next_position:
            return None if self._paused else next_place + position - next_position
        self._look_at_runs()
        run = bisect_right(self._positions, position) - 1
        return None if run < 0 else self._places[run] + position - self._positions[run]

    def _look_at_runs(self) -> None:
        while self._runs_seen < self._runs:
            slot = self._runs_seen % RUNS
            self._positions.append(int(self._run_positions[slot]))
            self._places.append(int(self._run_places[slot]))
            self._runs_seen += 1
        if len(self._positions) > 2 * RUNS:  # of a long session only the recent past is asked for
            del self._positions[:RUNS], self._places[:RUNS]

    def _store(self, samples: Samples) -> bool:
        size = len(self._memory)
        if len(samples) > size - (self._written - self._state[0]):
            return False
        start = self._written % size
        head = min(len(samples), size - start)
        self._memory[start : start + head] = samples[:head]
        self._memory[: len(samples) - head] = samples[head:]
        self._written += len(samples)  # only now may the callback look
        return True

    def _copy(self, position: int, into: Samples) -> None:
        size = len(self._memory)
        start = position % size
        head = min(len(into), size - start)
        into[:head] = self._memory[start : start + head]
        into[head:] = self._memory[: len(into) - head]

    def _falling(self, position: int) -> Samples:
        tail = np.empty(max(0, min(self._fade, self._written - position)), np.float32)
        self._copy(position, tail)
        since = position - self._plan.rise  # a fade-in that is cut short must not jump to full level
        if self._plan.rise >= 0 and since < self._fade:
            self._fade_in(tail, since)
        tail *= np.arange(len(tail), 0, -1, dtype=np.float32) / np.float32(len(tail) + 1)
        return tail

    def _publish(self, make: Callable[[int], _Plan]) -> _Plan:
        """Have the callback use the plan that ``make`` makes for the sample it will take next."""
        tried: list[_Plan] = []
        before = self._plan
        while True:
            entered = self._outside()
            for plan in tried:
                if plan is self._using:
                    self._plan = plan
                    return plan
            self._plan = before  # what ``make`` builds upon
            plan = make(self._state[0])
            self._plan = plan
            if self._entered == entered:
                return plan  # nobody came in meanwhile: whoever comes next finds it
            tried.append(plan)

    def _outside(self) -> int:
        """Wait until no callback is under way (they take a tenth of a millisecond); returns how many there were."""
        while True:
            entered = self._entered
            if self._left == entered:
                return entered
            time.sleep(0)  # noqa: TID251 - lets go of the interpreter, for as long as the callback needs
