"""Who has the floor, on the virtual sound card and in real time: what a pair of ears beside it would say.

An assistant reads without end on the card's loudspeaker, which the card's microphone hears. First it is alone; then
users, murmurs and noises come over it. Two recorders of the sound server hear what the loudspeaker plays and all that
reaches the microphone, and every time is read off them: a hold is a stretch of exact silence, which the voice that is
read, with a faint hiss under it, never has. The session's events only say what a silence was: a hold that went on, a
reply cut off, a reply at its end, or none of these, which is sound that the card lost.

The recogniser hears no words (`talkative.Wordless`): this is what the sound alone decides.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import soxr

from assistant.ports import CAPTURE_RATE, Samples
from scripts._soak.corpus import (
    TESTS_VOICES,
    Half,
    Sound,
    assistants,
    barge_ins,
    heard_alone,
    meeting_turns,
    modelled_noises,
    short_noises,
    synthetic_murmurs,
)
from scripts._soak.echo import LEVEL, active, answers, decode, trimmed
from scripts._soak.tallies import EVERY, HELD, RESUMED, Own, Tally
from tests.devices.alignment import look_for
from tests.devices.card import ROOT, Card

RATE = 48_000
"""Hz of the card: nothing is resampled on the way to the recorders."""
ECHO = -6.0
"""dB at which the microphone hears the loudspeaker."""
NOISE_DBFS, HISS_DBFS = -65.0, -66.0
"""Of the microphone, and under the voice that is read: sixteen steps of the card's sixteen bits."""
FIRST = 5.0
"""Seconds until the first sound: the canceller has learned the room."""
SILENT = 2e-5
"""Under the card's smallest step."""
SHORTEST = 0.02
"""Seconds of exact silence that are more than a chance."""
ALIGN = 1.5
"""Seconds of the assistant's voice that are looked for at the microphone."""
SLACK = 0.4
"""Seconds by which a sound may come earlier or later than it was sent: programs start when they can."""
MIX = (("barge-in", 0.0), ("murmur", 0.0), ("noise", 0.0), ("barge-in", 0.0), ("barge-in", -6.0), ("murmur", 0.0))
"""What comes over the assistant in turn, and how many dB over its echo."""
LEAST = 0.6
"""Share of each sort that must come out well for the soak not to have found a fault."""


@dataclass
class Found:
    alone: Own = field(default_factory=Own)
    tallies: dict[str, Tally] = field(default_factory=dict)
    late: int = 0
    """Interruptions after which the loudspeaker still made a sound."""
    lost: int = 0
    """Times that the device said it lost sound."""
    beside: int = 0
    """Self-pauses and self-interruptions within GLITCH of such a time, which are among those of ``alone``."""


GLITCH = 3.0


NEAR = 0.15
"""Seconds by which the recorder and the session may disagree on when something happened."""
HANDED = 0.6
"""Seconds that a device may be handed in advance."""
FADED = 0.06
"""Seconds in which the device plays what it was handed already, and the fade."""


@dataclass(frozen=True)
class Silence:
    """Of the loudspeaker, in seconds of the recording of it."""

    start: float
    end: float


def run(seconds: float, seed: int, speech: Path | None = None, half: Half = "report") -> tuple[str, list[str]]:
    """``seconds`` of the assistant alone, and about as many with a sound every EVERY seconds."""
    voice, several = _from(speech, half) if speech else tests_own()
    several = _in_turn(several, max(3, round(seconds / EVERY)), seed)
    found = held(voice, several, seconds)
    told = f"alone {found.alone.seconds:.0f} s: {found.alone.pauses} self-pauses, "
    lines = [told + f"{found.alone.interruptions} self-interruptions ({found.beside} of both beside lost sound)"]
    lines += [f"{source}: {tally.line()}" for source, tally in sorted(found.tallies.items())]
    lines += [f"sound after a cut: {found.late}", f"the card lost sound {found.lost} times"]
    broken = [] if not found.alone.interruptions else [f"it interrupted itself {found.alone.interruptions} times"]
    broken += [
        f"{source}: {tally.line()}" for source, tally in found.tallies.items() if tally.good < LEAST * tally.sounds
    ]
    broken += [f"sound after a cut: {found.late} times"] if found.late else []
    if broken and found.lost:
        broken.append(f"the card lost sound {found.lost} times, which moves the echo: it may not be Parley's fault")
    return ". ".join(lines), broken


def tests_own() -> tuple[list[Samples], list[Sound]]:
    said = {path.name: trimmed(decode(path)) for path in sorted(TESTS_VOICES.glob("*.wav"))}
    voice = list(answers([clip for name, clip in said.items() if name.startswith("slt")], 40.0))
    users = anyio.run(heard_alone, [clip for name, clip in said.items() if not name.startswith("slt")])
    several = [Sound("barge-in", "voices", clip) for clip in users]
    return voice, several + anyio.run(synthetic_murmurs) + modelled_noises("all", 4)


def _from(folder: Path, half: Half) -> tuple[list[Samples], list[Sound]]:
    several = [Sound("barge-in", "real", clip) for clip in anyio.run(barge_ins, folder, half)]
    several += anyio.run(partial(synthetic_murmurs, half)) + meeting_turns(folder, half)
    several += short_noises(folder, half) + modelled_noises(half)
    return list(answers(assistants(folder, half), 120.0)), several


def _in_turn(several: Sequence[Sound], count: int, seed: int) -> list[Sound]:
    """``count`` of them, as MIX has it."""
    order = np.random.default_rng(seed).permutation(len(several))
    by_kind: dict[str, list[Sound]] = {}
    for number in order:
        by_kind.setdefault(several[number].kind, []).append(several[number])
    chosen = []
    for number in range(count):
        kind, level = MIX[number % len(MIX)]
        one = by_kind[kind][0]
        by_kind[kind] = [*by_kind[kind][1:], one]
        source = f"{one.source}, {level:+g} dB" if kind == "barge-in" else one.source.partition(' "')[0]
        chosen.append(replace(one, level=level, source=source))
    return chosen


def held(voice: Sequence[Samples], several: Sequence[Sound], alone: float) -> Found:
    """One session on a card of its own."""
    said, spans = _user(several, alone)
    card = Card()
    try:
        card.start()
        card.echo(ECHO)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "voice.npz"
            np.savez(path, **{f"{number:04}": _hissing(clip, number) for number, clip in enumerate(voice)})
            loudspeaker, microphone, events = _converse(card, path, said)
    finally:
        card.stop()
    return _measured(loudspeaker, microphone, events, several, spans, alone)


def _user(several: Sequence[Sound], alone: float) -> tuple[Samples, list[tuple[float, Samples]]]:
    """All that the user's side makes, and when each sound begins in it, with the sound as it is there."""
    size = round((FIRST + alone + EVERY * len(several) + 1.0) * CAPTURE_RATE)
    random = np.random.default_rng(1)
    said = random.standard_normal(size, np.float32) * np.float32(10 ** (NOISE_DBFS / 20))
    spans = []
    for number, sound in enumerate(several):
        at = round((FIRST + alone + EVERY * number) * CAPTURE_RATE)
        clip = sound.samples[: round((EVERY - 2.5) * CAPTURE_RATE)]
        clip = clip * np.float32(LEVEL * 10 ** ((ECHO + sound.level) / 20) / active(clip))
        said[at : at + len(clip)] += clip
        spans.append((at / CAPTURE_RATE, clip))
    return np.clip(said, -1, 1), spans


def _hissing(clip: Samples, seed: int) -> Samples:
    hiss = np.random.default_rng(seed).standard_normal(len(clip), np.float32) * np.float32(10 ** (HISS_DBFS / 20))
    return np.clip(clip + hiss, -1, 1).astype(np.float32)


def _converse(card: Card, voice: Path, said: Samples) -> tuple[Samples, Samples, list[dict[str, Any]]]:
    """What the loudspeaker played, what the microphone heard, and the session's events."""
    seconds = len(said) / CAPTURE_RATE
    errors = card.folder / "session.stderr"
    with (
        card.recording("vspk.monitor", rate=RATE) as played,
        card.recording("vmic_feed.monitor", rate=RATE) as heard,
        errors.open("w") as log,
    ):
        session = subprocess.Popen(
            [sys.executable, "-m", "scripts._soak.card_session", str(voice), f"{seconds + 1.0}"],
            cwd=ROOT, env=card.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        try:
            assert session.stdout is not None
            with session.stdout as lines:
                first = lines.readline()
                if not first:
                    raise AssertionError(f"the session did not start: {errors.read_text()}")
                with card.saying(said, rate=CAPTURE_RATE):
                    events = [json.loads(first), *map(json.loads, lines)]
        finally:
            with suppress(ProcessLookupError):
                session.kill()
            session.wait()
        if events[-1]["event"] not in ("session.ended", "lost"):
            raise AssertionError(f"the session broke off: {errors.read_text()}")
        return played(), heard(), events


# --- what the recorders heard ---


def _measured(
    loudspeaker: Samples,
    microphone: Samples,
    events: Sequence[dict[str, Any]],
    several: Sequence[Sound],
    spans: Sequence[tuple[float, Samples]],
    alone: float,
) -> Found:
    told = _Told(events, loudspeaker)
    found = Found(lost=sum(event["times"] for event in events if event["event"] == "lost"))
    clips = [soxr.resample(clip, CAPTURE_RATE, RATE).astype(np.float32) for _, clip in spans]
    places = _found_at(microphone, clips, [at for at, _ in spans])
    begins = places[0] / RATE - SLACK if places else len(loudspeaker) / RATE
    _alone(told, begins, found)
    for sound, clip, at in zip(several, clips, places, strict=True):
        lag = _lag(loudspeaker, microphone, at)
        if lag is not None:
            start = (at - lag) / RATE
            tally = _judged(sound, start, start + len(clip) / RATE, told)
            found.tallies.setdefault(f"{sound.kind}, {sound.source}", Tally()).add(tally)
    found.late = told.late()
    return found


class _Told:
    """The session's events, on the clock of the recorder at the loudspeaker."""

    def __init__(self, events: Sequence[dict[str, Any]], loudspeaker: Samples) -> None:
        self.silences = _silences(loudspeaker)
        first = next(event for event in events if event["event"] == "reply.audible")
        self._heard = self._done = self.silences[0].end - first["at"]
        """Seconds from the session's clock to the recorder's: when something is heard, and when it is done, which is
        earlier by what the device is handed in advance."""
        self.events = [(self._when(event), event) for event in events if event["event"] != "session.ended"]

    def _when(self, event: dict[str, Any]) -> float:
        """The clocks drift apart where the card loses sound: each hold and each reply brings them together."""
        if event["event"] == "reply.audible":
            at = float(event["at"]) + self._heard
            sound = self._nearest(at, [one.end for one in self.silences])
            self._heard += sound - at
            return sound
        at = float(event["t"]) + self._done
        if event["event"] == "reply.paused":
            # What the device was handed already is played first, and a busy one is handed much.
            silence = next((one.start for one in self.silences if -NEAR < one.start - at < HANDED), at)
            self._done += silence - at
            return silence
        return at

    @staticmethod
    def _nearest(at: float, found: Sequence[float]) -> float:
        best = min(found, key=lambda one: abs(one - at))
        return best if abs(best - at) < NEAR else at

    def named(self, *names: str, after: float, before: float) -> list[float]:
        return [at for at, event in self.events if event["event"] in names and after <= at <= before]

    def hold(self, at: float) -> Silence:
        """That which began then; one that was over before it was heard is no longer than the silence that it made."""
        return next((one for one in self.silences if one.start == at), Silence(at, at))

    def replies(self) -> list[Silence]:
        """From where each was heard to its end, holds included."""
        spans, since = [], None
        for at, event in self.events:
            if event["event"] == "reply.audible":
                since = at
            elif event["event"] in ("reply.finished", "reply.interrupted") and since is not None:
                spans.append(Silence(since, at))
                since = None
        return spans

    def late(self) -> int:
        """Interruptions after which something was played before the next reply."""
        count = 0
        for at, event in self.events:
            again = self.named("reply.audible", after=at, before=math.inf)
            if event["event"] == "reply.interrupted" and again:
                count += not any(one.start <= at + FADED and again[0] - FADED <= one.end for one in self.silences)
        return count


def _silences(sound: Samples) -> list[Silence]:
    loud = np.flatnonzero(np.abs(sound) > SILENT)
    edges = np.concatenate(([-1], loud, [len(sound)]))
    gaps = np.flatnonzero(np.diff(edges) > SHORTEST * RATE)
    return [Silence((edges[gap] + 1) / RATE, edges[gap + 1] / RATE) for gap in gaps]


def _found_at(microphone: Samples, clips: Sequence[Samples], sent: Sequence[float]) -> list[int]:
    """Sample at which each of the user's sounds begins."""
    places: list[int] = []
    for number, clip in enumerate(clips):
        if places:
            about = places[-1] / RATE + sent[number] - sent[number - 1]
            first, last = about - SLACK, about + SLACK
        else:
            first, last = sent[0] - SLACK, sent[0] + 10.0  # the session was opened before anything was said
        start = max(0, round(first * RATE))
        window = microphone[start : round(last * RATE) + len(clip)]
        places.append(start + look_for(clip, 0, len(clip), window).found)
    return places


def _lag(loudspeaker: Samples, microphone: Samples, at: int) -> int | None:
    """Samples by which the recorder at the microphone has the assistant later before ``at``; None: it is silent."""
    end = at - RATE // 5
    start = end - round(ALIGN * RATE)
    for back in (0.0, 1.0, 2.0):
        first = start - round(back * RATE)
        piece = loudspeaker[first : first + round(ALIGN * RATE)]
        if len(piece) and np.mean(np.abs(piece) > 0.01) > 0.1:
            window = microphone[max(0, first - RATE) : first + len(piece) + RATE]
            there = look_for(piece, 0, len(piece), window)
            return max(0, first - RATE) + there.found - first
    return None


def _alone(told: _Told, until: float, found: Found) -> None:
    """What the assistant did to itself before the first sound."""
    replies = [one for one in told.replies() if one.start < until]
    found.alone.seconds = sum(min(one.end, until) - one.start for one in replies)
    lost = told.named("lost", after=-1.0, before=until)
    for at in told.named("reply.paused", after=0.0, before=until):
        hold = told.hold(at)
        cut = bool(told.named("reply.interrupted", after=at, before=hold.end + 0.2))
        long = cut or hold.end - hold.start > HELD
        found.alone.interruptions += long
        found.alone.pauses += not long
        found.beside += any(at - GLITCH < one < at for one in lost)


def _judged(sound: Sound, start: float, end: float, told: _Told) -> Tally:
    """What became of ``sound`` between ``start`` and ``end``; empty if the assistant was silent or came to its end."""
    if not any(one.start + 0.1 < start < one.end for one in told.replies()):
        return Tally()
    holds = [told.hold(at) for at in told.named("reply.paused", after=start, before=end + HELD)]
    if not holds and told.named("reply.finished", after=start, before=end + HELD):
        return Tally()
    cancelled = bool(told.named("reply.interrupted", after=start, before=end + EVERY / 2))
    tally = Tally(1, held=bool(holds), cancelled=int(cancelled))
    for at, event in told.events:
        if event["event"] == "overlap.decided" and start < at < end + EVERY / 2:
            tally.decided[event["kind"]] = tally.decided.get(event["kind"], 0) + 1
    if sound.kind == "barge-in":
        tally.good = int(bool(holds) and holds[0].start <= end)
        tally.waits = [1000 * (holds[0].start - start)] if tally.good else []
        return tally
    later = [told.hold(at) for at in told.named("reply.paused", after=start, before=end + EVERY / 2)]
    last = max((one.end for one in later), default=start)
    tally.good = int(not cancelled and (not holds or last <= end + RESUMED))
    tally.waits = [1000 * (last - end)] if holds and not cancelled else []
    return tally
