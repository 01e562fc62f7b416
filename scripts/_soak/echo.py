#!/usr/bin/env python3
"""Does the assistant interrupt itself, and does it hear its user? Real speech, real Silero, simulated rooms.

An assistant talks for --seconds in each room, at each gain and delay, in answers of 5 to 12 s with a second between
them. Then it does so again, and every few seconds a user says something as loud as the echo is at the microphone.
Told are the starts of a voice that were the assistant's own, the share of the user's that were noticed, and the time
from the first voiced 2 ms to the end of the frame that told.

    scripts/_soak/echo.py --speech DIR [--seconds 300] [--rooms synthetic FILE.wav ...] [--no-noise] [--no-linear]

DIR: a folder of recordings with an INDEX.tsv (path, label_type, use, seconds, language ...).
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import soxr

from assistant.audio.echo import WaryVoiceActivity
from assistant.audio.frames import levels
from assistant.audio.room import Acoustics, Room, room_response
from assistant.audio.webrtc import echo_canceller
from assistant.conversation.events import VoiceStarted
from assistant.conversation.segment import Segmenter, SegmentRules
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples, VoiceActivity
from assistant.probe import cpu_seconds
from providers.silero import voice_activity

PLAYED = 24_000
PER_FRAME = FRAME * PLAYED // CAPTURE_RATE
EVERY = 10.0
"""Seconds from one jump of the echo to the next."""
LEVEL = 0.1
"""Root mean square of the assistant's speech at the loudspeaker: -20 dBFS."""

READERS = ("LJ0", "two_cities", "2412-", "198-209", "5703-", "jfk", "leopard")
"""In the path of what the assistant says; the others are its users."""
UNFIT = ("multilingual", "alphanumeric", "ES2011a", "data/speech/clean")


def decode(path: Path) -> Samples:
    import av

    with av.open(str(path)) as file:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=CAPTURE_RATE)
        parts = [
            piece.to_ndarray().reshape(-1)
            for frame in [*file.decode(audio=0), None]
            for piece in resampler.resample(frame)
        ]
    return (np.concatenate(parts) / 32768).astype(np.float32)


def active(sound: Samples) -> float:
    """Root mean square of the 20 ms blocks within 30 dB of the loudest."""
    power = np.mean(sound[: len(sound) // 320 * 320].reshape(-1, 320) ** 2, axis=1)
    return float(np.sqrt(power[power > power.max() * 1e-3].mean()))


def trimmed(sound: Samples) -> Samples:
    """From the first to the last 2 ms within 30 dB of the loud ones: so index 0 is where the voice begins."""
    loud = np.array(levels(sound))
    voiced = np.flatnonzero(loud > np.percentile(loud, 95) - 30)
    return sound[voiced[0] * 32 : (voiced[-1] + 1) * 32]


def answers(clips: list[Samples], seconds: float) -> Iterator[Samples]:
    """Speech in answers of 5 to 12 s, for ``seconds`` of speech; each at the same level."""
    told, index = 0.0, 0
    while told < seconds:
        answer: list[Samples] = []
        while sum(map(len, answer)) < 5 * CAPTURE_RATE:
            clip = trimmed(clips[index % len(clips)])[: 8 * CAPTURE_RATE]
            answer.append(clip * np.float32(LEVEL / active(clip)))
            index += 1
        speech = np.clip(np.concatenate(answer), -1, 1)
        told += len(speech) / CAPTURE_RATE
        yield speech


@dataclass
class Script:
    """One run's sound: what is played, and when."""

    played: Samples
    speaking: list[tuple[int, int]]
    """Capture indices between which an answer is audible."""


def script(clips: list[Samples], seconds: float) -> Script:
    pieces, spans, at = [np.zeros(CAPTURE_RATE, np.float32)], [], CAPTURE_RATE
    for answer in answers(clips, seconds):
        spans.append((at, at + len(answer)))
        pieces += [answer, np.zeros(CAPTURE_RATE, np.float32)]
        at += len(answer) + CAPTURE_RATE
    sound = np.concatenate(pieces)
    sound = sound[: len(sound) // FRAME * FRAME]
    return Script(soxr.resample(sound, CAPTURE_RATE, PLAYED, quality="HQ").astype(np.float32), spans)


@dataclass
class Heard:
    starts: list[tuple[float, float, bool]] = field(default_factory=list)
    """Of each voice: where it began, when it was told, whether an answer was audible."""
    cpu: float = 0.0
    seconds: float = 0.0


def listen(
    run: Script,
    room: Room,
    mic: Samples,
    vad: VoiceActivity,
    rules: SegmentRules,
    *,
    cancel: bool,
    noise: bool,
    linear: bool = True,
    jump: float = 0.0,
    told: bool = False,
) -> Heard:
    """``jump``: seconds by which the echo comes later and sooner by turns; ``told``: the canceller is told of each."""
    canceller = echo_canceller(PLAYED, noise=noise, linear=linear) if cancel else None
    segmenter = Segmenter(rules)
    vad.reset()
    ears: VoiceActivity = vad if canceller is None else WaryVoiceActivity(vad, canceller)
    heard = Heard(seconds=len(mic) / CAPTURE_RATE)
    audible = np.zeros(len(mic) // FRAME + 1, bool)
    for start, end in run.speaking:
        audible[start // FRAME : end // FRAME + 1] = True
    began = cpu_seconds()
    for number in range(len(mic) // FRAME):
        stretch = run.played[number * PER_FRAME : (number + 1) * PER_FRAME]
        if jump and number and number % round(EVERY * CAPTURE_RATE / FRAME) == 0:
            jump = -jump
            room.jump(-jump)
            if told and canceller is not None:
                canceller.forget()
        room.played(stretch)
        frame = room.hear(Frame(mic[number * FRAME : (number + 1) * FRAME], number * FRAME))
        at, speaking = frame.end, bool(audible[number])
        if canceller is not None:
            canceller.played(stretch)
            frame = canceller.hear(frame)
        for voice in segmenter.push(frame.end, ears.probability(frame.samples), levels(frame.samples), speaking):
            if isinstance(voice, VoiceStarted):
                heard.starts.append((voice.at, at, speaking))
            else:
                segmenter.end()
    heard.cpu = cpu_seconds() - began
    return heard


def with_user(run: Script, users: list[Samples], level: float, seed: int) -> tuple[Samples, list[tuple[int, int]]]:
    """The user alone: one clip into each answer, 1 s to 3 s after its beginning, at ``level``."""
    random = np.random.default_rng(seed)
    mic = np.zeros(len(run.played) * 2 // 3 // FRAME * FRAME, np.float32)
    spoken = []
    for number, (start, end) in enumerate(run.speaking):
        clip = users[number % len(users)]
        at = start + int(random.uniform(1.0, 3.0) * CAPTURE_RATE)
        clip = clip[: min(end, len(mic)) - at]
        if len(clip) > 0.3 * CAPTURE_RATE:
            mic[at : at + len(clip)] += clip * np.float32(level / active(clip))
            spoken.append((at, at + len(clip)))
    return mic, spoken


def spoken_part(clip: Samples, vad: VoiceActivity) -> Samples | None:
    """From where the conversation would say that it begins if it were alone; None where no voice is found."""
    segmenter, begin = Segmenter(), CAPTURE_RATE // 2
    silence = np.zeros(begin, np.float32)
    vad.reset()
    sound = np.concatenate((silence, clip * np.float32(LEVEL / active(clip)), silence))
    for start in range(0, len(sound) - FRAME, FRAME):
        block = sound[start : start + FRAME]
        for voice in segmenter.push((start + FRAME) / CAPTURE_RATE, vad.probability(block), levels(block), False):
            if isinstance(voice, VoiceStarted):
                return clip[max(0, round(voice.at * CAPTURE_RATE) - begin) :]
    return None


def recordings(folder: Path) -> tuple[list[Samples], list[Samples]]:
    """Assistants' speech and users', of different people: single speakers with clean labels."""
    return readings(folder), [trimmed(decode(folder / path)) for path, _ in users(folder)]


def readings(folder: Path) -> list[Samples]:
    """What the assistant says, in pieces of seven seconds."""
    step = 7 * CAPTURE_RATE
    pieces = []
    for row in _fit(folder):
        if _reads(row):
            sound = decode(folder / row["path"])
            pieces += [sound[at : at + step] for at in range(0, max(1, len(sound) - step // 2), step)]
    return pieces


def users(folder: Path) -> list[tuple[str, str]]:
    """Path and speaker of what its users say."""
    found = [
        (row["path"], row["speaker"]) for row in _fit(folder) if not _reads(row) and "transcript" in row["label_type"]
    ]
    speakers = {row["path"]: row["speaker"] for row in _rows(folder)}
    commands = sorted(folder.glob("*/data/speech/clean/*.wav"))
    return found + [(name, speakers.get(name, "")) for path in commands if (name := str(path.relative_to(folder)))]


def _reads(row: dict[str, str]) -> bool:
    return any(key in row["path"] for key in READERS)


def _fit(folder: Path) -> list[dict[str, str]]:
    unfit = (*UNFIT, ".raw")
    return [row for row in _rows(folder) if not any(key in row["path"] for key in unfit)]


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "INDEX.tsv").open(encoding="utf-8") as index:
        return list(csv.DictReader(index, delimiter="\t"))


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--assistant", type=Path, nargs="*", help="WAV files of the assistant's voice instead")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--rooms", nargs="*", default=["synthetic"])
    parser.add_argument("--gains", type=float, nargs="*", default=[-12.0, -6.0])
    parser.add_argument("--delays", type=float, nargs="*", default=[30.0, 60.0, 200.0])
    parser.add_argument("--drift", type=float, default=0.0)
    parser.add_argument("--threshold", type=float, default=SegmentRules().threshold_speaking)
    parser.add_argument("--min-speech", type=float, default=SegmentRules().min_speech)
    parser.add_argument("--no-cancel", action="store_true")
    parser.add_argument("--no-noise", action="store_true")
    parser.add_argument("--no-linear", action="store_true", help="without the linear canceller beside WebRTC's")
    parser.add_argument("--jump", type=float, default=0.0, help="ms by which the echo moves every ten seconds")
    parser.add_argument("--told", action="store_true", help="... and the canceller is told, as a device tells it")
    parser.add_argument("--relative", type=float, default=0.0, help="the user's level over the echo's, dB")
    args = parser.parse_args()
    assistants, users = recordings(args.speech)
    if args.assistant:
        assistants = [decode(path) for path in args.assistant]
    print(f"{len(assistants)} pieces of the assistant's, {len(users)} utterances of users")
    run = script(assistants, args.seconds)
    rules = SegmentRules(threshold_speaking=args.threshold, min_speech=args.min_speech)
    silence = np.zeros(len(run.played) * 2 // 3 // FRAME * FRAME, np.float32)
    print("room\tgain\tdelay\tanswers cut\tafter one\tcaught\tmedian ms\tp90 ms\tcpu %")
    every: list[float] = []
    total = cuts = afters = 0
    options: dict[str, Any] = {"cancel": not args.no_cancel, "noise": not args.no_noise, "linear": not args.no_linear}
    options |= {"jump": args.jump / 1000, "told": args.told}
    async with voice_activity({}) as vad:
        users = [
            clip for user in users if (clip := spoken_part(user, vad)) is not None and len(clip) > 0.4 * CAPTURE_RATE
        ]
        for name in args.rooms:
            response = room_response(name)
            for gain in args.gains:
                for delay in args.delays:
                    acoustics = Acoustics(gain, delay / 1000, args.drift, noise_dbfs=-65.0)
                    alone = listen(run, Room(response, PLAYED, acoustics), silence, vad, rules, **options)
                    cut = sum(speaking for _, _, speaking in alone.starts)
                    level = LEVEL * 10 ** ((gain + args.relative) / 20)
                    mic, spoken = with_user(run, users, level, seed=1)
                    heard = listen(run, Room(response, PLAYED, acoustics), mic, vad, rules, **options)
                    waits = []
                    for start, end in spoken:
                        told = [t for _, t, _ in heard.starts if start / CAPTURE_RATE < t <= end / CAPTURE_RATE + 0.2]
                        if told:
                            waits.append(1000 * (told[0] - start / CAPTURE_RATE))
                    every += waits
                    total, cuts, afters = total + len(spoken), cuts + cut, afters + len(alone.starts) - cut
                    print(
                        f"{Path(name).stem[:24]}\t{gain:g}\t{delay:g}\t{cut}\t{len(alone.starts) - cut}"
                        f"\t{len(waits)}/{len(spoken)}\t{np.median(waits or [np.nan]):.0f}"
                        f"\t{np.percentile(waits or [np.nan], 90):.0f}\t{100 * alone.cpu / alone.seconds:.2f}",
                        flush=True,
                    )
    print(
        f"all: {cuts} answers cut, {afters} starts after one; {len(every)} of {total} caught "
        f"({100 * len(every) / max(1, total):.1f} %), median {np.median(every or [np.nan]):.0f} ms, "
        f"p90 {np.percentile(every or [np.nan], 90):.0f} ms"
    )
    return 0


if __name__ == "__main__":
    sys.exit(anyio.run(main))
