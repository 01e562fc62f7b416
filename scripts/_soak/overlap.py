"""Who has the floor? The whole session on virtual time in a simulated room: real Silero, real echo cancelling, real
speech where there is some. An assistant talks and talks; users, murmurs, coughs and knocks come over it.

What counts: a *self-interruption* is a reply cancelled, or held for more than 0.3 s, with no sound of a user; a
*self-pause* is a shorter hold. A barge-in is *caught* when playback is held during it; its latency runs from the first
voiced sample to the moment of the hold, after which no sample is handed over. A murmur or noise is *resumed* when the
reply was not held, or goes on within 0.5 s of the sound's end.

    python -m scripts._soak.overlap --speech DIR [--half report] [--seconds 600]
        [--gains -6 -12] [--delays 30 60 200] [--rooms ...]
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import trio.testing

from assistant.audio.echo import WaryVoiceActivity
from assistant.audio.room import Acoustics, Room, room_response
from assistant.audio.treated import TreatedDuplex
from assistant.audio.wav import WavDuplex
from assistant.audio.wavfile import WavWriter, open_wav
from assistant.audio.webrtc import echo_canceller
from assistant.conversation.history import History
from assistant.conversation.segment import CERTAINTY, SegmentRules
from assistant.conversation.turn import TurnRules
from assistant.later import Later
from assistant.ports import CAPTURE_RATE, Notice, Samples
from assistant.session import Limits, Parts, Session
from assistant.voiceprints import Voiceprint
from assistant.whose import Opened
from providers import scripted
from providers.silero import voice_activity
from scripts._soak import sounds
from scripts._soak.corpus import (
    HALVES,
    TESTS_VOICES,
    Sound,
    assistants,
    barge_ins,
    heard_alone,
    meeting_turns,
    modelled_noises,
    short_noises,
    synthetic_murmurs,
    synthetic_stops,
)
from scripts._soak.echo import LEVEL, PLAYED, active, answers, decode, trimmed
from scripts._soak.talkative import Reader, Wordless, at_hand
from scripts._soak.tallies import EVERY, HELD, RESUMED, Own, Tally

FIRST = 5.0
"""Seconds before the first: the canceller has learned the room."""
NOISE_DBFS = -65.0
QUESTION = "what about tomorrow"
LEAST = 0.8
"""Share of each sort that must come out well in the short soak; the figures themselves are in docs/measurements.md."""


Gate = tuple[Voiceprint, Opened]
"""The one voice that may interrupt, and what tells it from others."""


class Watch:
    """Observer: keeps what matters, and has the assistant go on talking."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.spoken = 0
        self.session: Session | None = None

    def notice(self, notice: Notice) -> None:
        if notice.event != "reply.word":
            self.notices.append(notice)
        if notice.event == "reply.started":
            self.spoken += 1
            assert self.session is not None
            self.session.announce(f"Number {self.spoken + 1}.")  # waits until this one is over


@dataclass(frozen=True)
class Place:
    """Where it is held."""

    response: Samples
    gain: float
    delay: float
    drift: float = 0.0


async def _held(
    mic: Samples,
    voice: Sequence[Samples],
    place: Place,
    lines: Sequence[dict[str, Any]] | None,
    turns: TurnRules,
    segments: SegmentRules,
    gate: Gate | None,
    folder: Path,
) -> tuple[list[Notice], Samples]:
    """One session with ``mic``; ``lines`` None: without words."""
    writer = WavWriter(folder / "mic.wav", CAPTURE_RATE)
    writer.append(mic)
    writer.close()
    watch = Watch()
    async with AsyncExitStack() as opened:
        owners = await opened.enter_async_context(anyio.create_task_group())
        duplex = await opened.enter_async_context(WavDuplex(folder / "mic.wav", folder / "speaker.wav"))
        vad = await opened.enter_async_context(voice_activity({}))
        canceller = echo_canceller(PLAYED)
        room = Room(place.response, PLAYED, Acoustics(place.gain, place.delay, place.drift, noise_dbfs=NOISE_DBFS))
        treated = TreatedDuplex(duplex, room=room, echo=canceller)
        words = Wordless.open()
        if lines is not None:
            words = scripted.transcriber({"lines": list(lines), "partials_behind": 0.3, "final_after": 0.25})
        stages: list[Later[Any]] = [
            Later(words),
            Later(scripted.chat_model({"replies": ["Number 1."], "ttft": 0.2})),
            Later(at_hand(Reader(voice))),
        ]
        for stage in stages:
            owners.start_soon(stage.run)
        seconds = len(mic) / CAPTURE_RATE
        watch.session = Session(
            Parts(
                duplex=treated,
                vad=WaryVoiceActivity(vad, canceller),
                lag=treated.lag,
                echo_taken=lambda: canceller.taken,
                transcriber=stages[0],
                model=stages[1],
                voice=stages[2],
                history=History(""),
                observers=[watch],
                turns=turns,
                segments=segments,
                gate=gate,
                limits=Limits(seconds=seconds),
            )
        )
        duplex.start()
        owners.start_soon(_begin, watch.session)
        await watch.session.run()
        owners.cancel_scope.cancel()
    with open_wav(folder / "speaker.wav") as file:
        return watch.notices, file.read(file.frames)


async def _begin(session: Session) -> None:
    await anyio.sleep(0.1)
    session.announce("Number 0.")


def hold(
    mic: Samples,
    voice: Sequence[Samples],
    place: Place,
    lines: Sequence[dict[str, Any]] | None = None,
    turns: TurnRules | None = None,
    segments: SegmentRules | None = None,
    gate: Gate | None = None,
) -> tuple[list[Notice], Samples]:
    """The session's events and what left the loudspeaker, on virtual time."""
    turns = turns or TurnRules(barge_in="words")
    segments = segments or SegmentRules(min_speech_speaking=0.064, certainty_speaking=CERTAINTY)
    with tempfile.TemporaryDirectory() as folder:
        clock = trio.testing.MockClock(autojump_threshold=0)
        what = (mic, voice, place, lines, turns, segments, gate, Path(folder))
        return anyio.run(_held, *what, backend="trio", backend_options={"clock": clock})


# --- judging ---


@dataclass(frozen=True)
class Span:
    start: float
    end: float


def audible(notices: Sequence[Notice]) -> list[Span]:
    """When replies were to be heard, holds included."""
    spans, since = [], None
    for notice in notices:
        if notice.event == "reply.audible":
            since = notice.at
        elif notice.event in ("reply.finished", "reply.interrupted", "session.ended") and since is not None:
            spans.append(Span(since, notice.at))
            since = None
    return spans


def own(notices: Sequence[Notice]) -> Own:
    """Of a session in which nobody spoke."""
    told = Own(sum(span.end - span.start for span in audible(notices)))
    since = None
    for notice in notices:
        if notice.event == "reply.paused":
            since = notice.t
        elif notice.event in ("reply.resumed", "reply.interrupted", "reply.finished") and since is not None:
            long = notice.event == "reply.interrupted" or notice.t - since > HELD
            told.interruptions, told.pauses = told.interruptions + long, told.pauses + (not long)
            since = None
    return told


def judged(sound: Sound, start: float, end: float, notices: Sequence[Notice]) -> Tally:
    """What became of ``sound`` between ``start`` and ``end`` seconds; empty if the assistant was silent."""
    if not any(span.start + 0.1 < start < span.end for span in audible(notices)):
        return Tally()
    finished = [n.t for n in notices if n.event == "reply.finished" and start <= n.t <= end + 0.3]
    within = [n for n in notices if start < n.t < end + EVERY / 2]
    holds = [n.t for n in within if n.event == "reply.paused" and n.t <= end + HELD]
    if finished and not holds:
        return Tally()  # it came to an end by itself
    tally = Tally(1, held=bool(holds))
    cancelled = any(n.event == "reply.interrupted" for n in within)
    tally.cancelled = int(cancelled)
    for notice in within:
        if notice.event == "overlap.decided":
            kind = str(notice.data["kind"])
            tally.decided[kind] = tally.decided.get(kind, 0) + 1
    if sound.kind == "barge-in":
        caught = bool(holds) and holds[0] <= end
        tally.good = int(caught)
        tally.waits = [1000 * (holds[0] - start)] if caught else []
    elif sound.kind == "stop":
        heeded = any(n.event == "user.ignored" and n.data["text"] == sound.text for n in within)
        tally.good = int("stop" in tally.decided or (cancelled and heeded))
    else:
        resumed = [n.t for n in within if n.event == "reply.resumed"]
        last = max((t for t in resumed), default=-math.inf)
        tally.good = int(not cancelled and (not holds or -math.inf < last <= end + RESUMED))
        tally.waits = [1000 * (last - end)] if resumed and not cancelled else []
    return tally


def late_sound(notices: Sequence[Notice], speaker: Samples) -> int:
    """Interruptions after which a sample was handed over, but for the fade."""
    found = 0
    for number, notice in enumerate(notices):
        if notice.event == "reply.interrupted":
            after = [n.at for n in notices[number:] if n.event == "reply.audible"]
            first, last = round((notice.t + 0.0055) * PLAYED), round(min(after, default=notice.t + 1.0) * PLAYED) - 1
            found += bool(np.abs(speaker[first:last]).max(initial=0.0) > 1e-4)
    return found


def over(
    sounds_: Sequence[Sound], voice: Sequence[Samples], place: Place, *, words: bool
) -> tuple[dict[str, Tally], int]:
    """Every sound once, over a talking assistant. Tallies by source, and how often sound came after a cut.

    With ``words`` somebody has said something before, as always: what a recogniser does meanwhile is known by then.
    """
    several = [Sound("barge-in", "before", question(), QUESTION), *sounds_] if words else list(sounds_)
    size = round((FIRST + EVERY * len(several) + 1) * CAPTURE_RATE)
    mic = np.zeros(size, np.float32)
    lines, spans = [], []
    for number, sound in enumerate(several):
        at = round((FIRST + EVERY * number) * CAPTURE_RATE)
        clip = sound.samples[: round((EVERY - 2.5) * CAPTURE_RATE)]
        level = LEVEL * 10 ** ((place.gain + sound.level) / 20)
        mic[at : at + len(clip)] += clip * np.float32(level / active(clip))
        start, end = at / CAPTURE_RATE, (at + len(clip)) / CAPTURE_RATE
        spans.append((start, end))
        if sound.text:
            lines.append({"start": start, "end": end, "text": sound.text})
    notices, speaker = hold(np.clip(mic, -1, 1), voice, place, lines if words else None)
    tallies: dict[str, Tally] = {}
    for sound, (start, end) in list(zip(several, spans, strict=True))[len(several) - len(sounds_) :]:
        tallies.setdefault(f"{sound.kind}, {sound.source}", Tally()).add(judged(sound, start, end, notices))
    return tallies, late_sound(notices, speaker)


@cache
def question() -> Samples:
    return anyio.run(sounds.spoken, "en-us", 50, QUESTION)


def run(seconds: float, seed: int) -> tuple[str, list[str]]:
    """``scripts/soak overlap``: the tests' own voices in the synthetic room; what was found, and what broke."""
    said = {path.name: trimmed(decode(path)) for path in sorted(TESTS_VOICES.glob("*.wav"))}
    voice = list(answers([clip for name, clip in said.items() if name.startswith("slt")], 40.0))
    users = anyio.run(heard_alone, [clip for name, clip in said.items() if not name.startswith("slt")])
    murmurs = sounds.mixed(anyio.run(synthetic_murmurs), seed)
    began, number = time.monotonic(), 0  # noqa: TID251 - how long it goes on is a matter of the wall clock
    alone, late = Own(), 0
    total: dict[str, Tally] = {}
    while not number or time.monotonic() - began < seconds:  # noqa: TID251
        place = Place(room_response("synthetic"), (-6.0, -12.0)[number % 2], (0.06, 0.03, 0.2)[number % 3], 100.0)
        told = own(hold(np.zeros(30 * CAPTURE_RATE, np.float32), voice, place)[0])
        alone = Own(alone.seconds + told.seconds, alone.pauses + told.pauses, alone.interruptions + told.interruptions)
        several = [Sound("barge-in", "voices", clip) for clip in sounds.mixed(users, seed + number)[:4]]
        several += [replace(one, source="murmurs") for one in murmurs[number * 4 % 20 :][:4]]
        several += [Sound("noise", "bursts", burst) for burst in sounds.bursts(seed + number, 4)]
        tallies, after = over(several, voice, place, words=True)
        late += after
        for source, tally in tallies.items():
            total.setdefault(source, Tally()).add(tally)
        number += 1
    found = [f"alone {alone.seconds:.0f} s: {alone.pauses} self-pauses, {alone.interruptions} self-interruptions"]
    found += [f"{source}: {tally.line()}" for source, tally in total.items()]
    broken = [] if not alone.interruptions else [f"it interrupted itself {alone.interruptions} times"]
    broken += [f"{source}: {tally.line()}" for source, tally in total.items() if tally.good < LEAST * tally.sounds]
    broken += [f"sound after a cut: {late} times"] if late else []
    return ". ".join(found), broken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument(
        "--half", choices=HALVES, default="report", help="of the corpus; what is published is of report"
    )
    parser.add_argument("--seconds", type=float, default=600.0, help="of the assistant's speech alone, over all places")
    parser.add_argument("--users", type=int, default=60, help="barge-ins in each place and at each level")
    parser.add_argument("--rooms", nargs="*", default=["synthetic"])
    parser.add_argument("--gains", type=float, nargs="*", default=[-6.0, -12.0])
    parser.add_argument("--delays", type=float, nargs="*", default=[30.0, 60.0, 200.0])
    parser.add_argument("--drift", type=float, default=100.0)
    parser.add_argument("--only", nargs="*", default=["alone", "users", "murmurs", "noises"])
    args = parser.parse_args()
    voice = list(answers(assistants(args.speech, args.half), 120.0))
    users = anyio.run(barge_ins, args.speech, args.half)
    places = [
        (name, Place(room_response(name), gain, delay / 1000, args.drift))
        for name in args.rooms
        for gain in args.gains
        for delay in args.delays
    ]
    murmurs = anyio.run(synthetic_murmurs, args.half)
    stops = anyio.run(synthetic_stops, args.half)
    meeting = meeting_turns(args.speech, args.half)
    noises = short_noises(args.speech, args.half) + modelled_noises(args.half)
    total: dict[str, Tally] = {}
    alone, late = Own(), 0
    for name, place in places:
        where = f"{Path(name).stem[:20]} {place.gain:g} dB {place.delay * 1000:g} ms"
        if "alone" in args.only:
            silence = np.zeros(round(args.seconds / len(places) * 1.15 * CAPTURE_RATE), np.float32)
            told = own(hold(silence, voice, place)[0])
            print(f"{where}: alone {told.seconds:.0f} s, {told.pauses} self-pauses, {told.interruptions} interruptions")
            alone.seconds, alone.pauses = alone.seconds + told.seconds, alone.pauses + told.pauses
            alone.interruptions += told.interruptions
        runs: list[tuple[list[Sound], bool, str]] = []
        if "users" in args.only:
            clips = sounds.mixed(users, seed=round(place.delay * 1000))[: args.users]
            runs += [
                ([Sound("barge-in", f"real, {level:+g} dB", clip, level=level) for clip in clips], False, "")
                for level in (0.0, -6.0)
            ]
        if "murmurs" in args.only:
            runs += [([*murmurs, *stops], True, ", with words"), ([*murmurs, *meeting], False, ", without words")]
        if "noises" in args.only:
            runs.append((noises, False, ""))
        for several, words, more in runs:
            tallies, after = over(several, voice, place, words=words)
            late += after
            for source, tally in tallies.items():
                print(f"{where}: {source}{more}: {tally.line()}", flush=True)
                total.setdefault(source + more, Tally()).add(tally)
    print(f"\nalone: {alone.seconds:.0f} s, {alone.pauses} self-pauses, {alone.interruptions} self-interruptions")
    for source, tally in total.items():
        print(f"{source}: {tally.line()}")
    print(f"sound after a cut: {late}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
