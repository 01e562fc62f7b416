"""The spotter of stop words on voices and recordings on which nothing of it was chosen (see scripts/eval_stop_word).

What is heard over an assistant goes through the simulated room, echo cancelling and Silero as in a session, and from
each start of a voice on to the spotter's own decoders, frame by frame. Told are:

- for synthetic voices that say a stop word: the share that is spotted, and how long after the word's last sample: at
  the end of the frame in which it is certain, or when what was decoded in an earlier one is decoded. That takes the
  processor time of the slower decoder, for in a conversation each has a process of its own (``--live`` measures
  them there);
- for real people who say none: the stops an hour of recording, with the exact 95 % interval of a Poisson count;
- for signs of listening and for noises, the share that is taken for a stop word;
- for real people who say other short words, as if those were the phrases: there is no real "stop" among the recordings.

The weights (providers/_keyphrase_score.py) are chosen on one half, ``--fit``; the figures are the other's. Nobody's
voice is in both.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import pickle
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import av
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _eval_offline_fit import solved

from assistant.audio.echo import WaryVoiceActivity
from assistant.audio.frames import levels
from assistant.audio.room import Acoustics, Room, room_response
from assistant.audio.webrtc import echo_canceller
from assistant.conversation import events as e
from assistant.conversation.interjections import meant
from assistant.conversation.segment import CERTAINTY, Segmenter, SegmentRules
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples, VoiceActivity
from assistant.spotting import BEFORE, PHRASES
from providers._keyphrase_score import BIAS, WEIGHTS
from providers._keyphrase_stretch import Stretch
from providers._sphinx_decoder import Phones, Words
from providers._sphinx_engine import packed_sound
from providers._sphinx_score import features
from providers._sphinx_worker import LEVEL as HEAD
from providers._sphinx_worker import PhoneLoop, Recogniser
from providers.keyphrases import SpotterStream, grammar, spotter
from providers.pocketsphinx import PocketSphinx, transcriber
from providers.silero import voice_activity
from scripts._soak import corpus, sounds
from scripts._soak.echo import LEVEL, PLAYED, active, answers, decode, readings, trimmed

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "speech"
GAINS = (None, -12.0, -6.0)
"""dB of the loudspeaker at the microphone; None: the assistant is silent."""
DELAY = 0.06
NOISE_DBFS = -65.0
LEARNING = 5.0
"""Seconds of the assistant's speech before anybody speaks over it."""
APART = 2.5
"""Seconds from one word to the next."""
HEARD_FOR = 3.0
"""Seconds after which a stretch is of no interest any more."""
BASES = ("en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd")
VARIANTS = ("", *(f"+m{n}" for n in range(1, 9)), *(f"+f{n}" for n in range(1, 6)), "+Andy", "+Annie", "+steph")
FLITE = ("slt", "awb", "rms", "kal16", "kal")
PER_VOICE = 5
"""Phrases that each voice says, "stop" always among them."""
OTHER_WORDS = (
    "computer", "hey computer", "warning", "tablecloth", "condition", "aardvark", "athena", "amelia", "zero", "one",
    "two", "three", "five", "seven", "eight", "nine", "you better talk", "a cheddar block",
)  # fmt: skip
"""That real people say alone in a recording."""

MOST = 10.0
"""Stops an hour of the chosen half's speech, where the threshold is put: one that is missed is known by its transcript
a little later, one that nobody said loses an answer."""


@dataclass(frozen=True)
class Look:
    """The decoders were asked, and it stayed quiet behind what they were asked of."""

    at: float
    """Second in the recording at which what they say is told."""
    text: str
    found: dict[str, float] | None
    cpu: tuple[float, float]
    """Of either decoder."""


@dataclass
class Heard:
    """One word, or one recording."""

    source: str
    name: str
    gain: float | None
    seconds: float
    ended: float | None = None
    """When the stop word ended; None: there is none."""
    looks: list[Look] = field(default_factory=list)
    decoded: int = 0
    """How often anything was, whether it stayed quiet behind it or not ..."""
    cpu: float = 0.0
    """... and the processor time of that."""


class Decoders:
    """What the worker has in two processes, here in one, one after the other."""

    def __init__(self, phrases: Sequence[str]) -> None:
        told = grammar(phrases)
        self._words, self._phones = Words(told["jsgf"], told["vocabulary"]), Phones()

    def look(self, pcm: bytes, at: float) -> Look:
        began = time.process_time()
        path = self._words.decode(pcm)
        between = time.process_time()
        found = features(path, self._phones.decode(pcm))
        cpu = between - began, time.process_time() - between
        return Look(at + max(cpu), " ".join(one.name for one in path if one.phones), found, cpu)


class Over:
    """An assistant that reads and reads, in a room, and is held while somebody speaks."""

    def __init__(self, vad: VoiceActivity, voice: Iterable[Samples], gain: float | None) -> None:
        import soxr

        self._read = np.zeros(0, np.float32)
        self._voice = (soxr.resample(one, CAPTURE_RATE, PLAYED, quality="HQ").astype(np.float32) for one in voice)
        self._canceller = None if gain is None else echo_canceller(PLAYED)
        acoustics = Acoustics(gain or 0.0, DELAY, 100.0, noise_dbfs=NOISE_DBFS)
        self._room = None if gain is None else Room(room_response("synthetic"), PLAYED, acoustics)
        vad.reset()
        self._vad = vad if self._canceller is None else WaryVoiceActivity(vad, self._canceller)
        self._segmenter = Segmenter(SegmentRules(min_speech_speaking=0.064, certainty_speaking=CERTAINTY))
        self._held_until = 0.0

    def hear(self, mic: Samples) -> Iterator[tuple[Frame, list[e.Voice]]]:
        """Each frame as the session has it, and what was told of a voice then."""
        voiced = False
        for at in range(0, len(mic) - FRAME + 1, FRAME):
            frame = Frame(mic[at : at + FRAME], at)
            held = voiced or frame.end < self._held_until
            if self._room is not None and self._canceller is not None:
                played = self._next(held)
                self._room.played(played)
                frame = self._room.hear(frame)
                self._canceller.played(played)
                frame = self._canceller.hear(frame)
            told = self._segmenter.push(
                frame.end,
                self._vad.probability(frame.samples),
                levels(frame.samples),
                not held and self._room is not None,
            )
            for voice in told:
                voiced = isinstance(voice, e.VoiceStarted | e.VoiceResumed)
                if isinstance(voice, e.VoicePaused):
                    self._segmenter.end()
                    self._held_until = frame.end + 0.4
            yield frame, list(told)

    def _next(self, held: bool) -> Samples:
        size = FRAME * PLAYED // CAPTURE_RATE
        if held:
            return np.zeros(size, np.float32)
        while len(self._read) < size:
            self._read = np.concatenate((self._read, next(self._voice)))
        now, self._read = self._read[:size], self._read[size:]
        return now


def listened(over: Over, mic: Samples, decoders: Decoders) -> list[tuple[float, Look, bool]]:
    """What the worker would have looked at, in the sound from the start of each voice on: at which second, and whether
    it would have told of it."""
    stretch: Stretch | None = None
    recent: list[Frame] = []
    looks: list[tuple[float, Look, bool]] = []
    since, free_at = 0.0, 0.0
    for frame, told in over.hear(mic):
        recent = [*recent[-31:], frame]
        started = [voice.at for voice in told if isinstance(voice, e.VoiceStarted)]
        if started:
            stretch, since = Stretch(), started[-1]
            new = [one for one in recent if one.end > since - BEFORE]
        else:
            new = [frame]
        if stretch is None or frame.end > since + HEARD_FOR:
            continue
        for one in new:
            packed = packed_sound(one.samples)
            stretch.push(packed[HEAD.size :], HEAD.unpack_from(packed)[0])
        if stretch.due:
            pcm, _ = stretch.sound()
            looks.append((frame.end, decoders.look(pcm, max(frame.end, free_at)), False))
            free_at = looks[-1][1].at
            stretch.found = {}  # whatever it is: the weights are not asked here
        if stretch.certain() is not None:
            at, look, _ = looks[-1]
            looks[-1] = at, replace(look, at=max(look.at, frame.end)), True
    return looks


# --- what is heard ---


def synthetic(half: int) -> list[tuple[str, str, Samples]]:
    """Voices that say stop words: name, words, sound. ``half``: 0 to choose on, 1 to report."""
    voices = [(base + variant) for base in BASES for variant in VARIANTS]
    random.Random(3).shuffle(voices)
    made = []
    for number, voice in enumerate(voices):
        if number % 2 == half and number % 4 < 2:
            chance = random.Random(zlib.crc32(voice.encode()))
            pitch, speed = chance.randint(25, 75), chance.uniform(0.8, 1.3)
            said = _said_by(chance)
            made += [(voice, text, anyio.run(sounds.spoken, voice, pitch, text, speed)) for text in said]
    if half == 1 and shutil.which("flite"):
        for voice in FLITE:
            made += [(f"flite {voice}", text, _flite(voice, text)) for text in PHRASES]
    return made


def _said_by(chance: random.Random) -> list[str]:
    others = sorted(set(PHRASES) - {"stop"})
    return ["stop", *chance.sample(others, PER_VOICE - 1)]


def _flite(voice: str, text: str) -> Samples:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True, capture_output=True)
        return trimmed(decode(path))


def real(folder: Path, half: int) -> Iterator[tuple[str, str, Samples]]:
    """People who say no stop word: source, name, sound."""
    with (folder / "INDEX.tsv").open(encoding="utf-8") as index:
        rows = [row for row in csv.DictReader(index, delimiter="\t") if row["label_type"] not in ("class", "RIR")]
    for row in rows:
        who = row["speaker"].split(",")[0] or row["path"]
        if zlib.crc32(who.encode()) % 2 == half and not row["path"].endswith(".raw"):
            yield (
                ("meetings" if row["label_type"].startswith("rttm") else "speech"),
                row["path"],
                decode(folder / row["path"]),
            )


def more(folders: Sequence[Path], half: int) -> Iterator[tuple[str, str, Samples]]:
    """Folders of recordings, a person each; every other folder is in a half."""
    for number, folder in enumerate(folders):
        if number % 2 == half:
            for path in sorted(folder.rglob("*")):
                if path.suffix in (".wav", ".flac", ".ogg", ".g722") and "silence" not in path.parts:
                    yield f"more: {folder.name}", str(path.relative_to(folder)), _decoded(path)


def _decoded(path: Path) -> Samples:
    if path.suffix != ".g722":
        return decode(path)
    with av.open(str(path), format="g722") as file:  # it has no header
        resampler = av.AudioResampler(format="s16", layout="mono", rate=CAPTURE_RATE)
        frames = [f for frame in [*file.decode(audio=0), None] for f in resampler.resample(frame)]
    parts = [frame.to_ndarray().reshape(-1) for frame in frames]
    return np.concatenate(parts).astype(np.float32) / np.float32(32768) if parts else np.zeros(0, np.float32)


def levelled(sound: Samples, gain: float | None) -> Samples:
    """As loud at the microphone as the assistant is."""
    return np.clip(sound * np.float32(LEVEL * 10 ** ((gain or 0.0) / 20) / active(sound)), -1.0, 1.0)


def noisy(mic: Samples) -> Samples:
    noise = np.random.default_rng(1).standard_normal(len(mic)).astype(np.float32)
    return mic + noise * np.float32(10 ** (NOISE_DBFS / 20))


def words(
    said: Sequence[tuple[str, str, Samples]], over: Over, gain: float | None, decoders: Decoders
) -> Iterator[Heard]:
    """One after the other, over one assistant."""
    learning = LEARNING if gain is not None else 0.5
    at, spans = round(learning * CAPTURE_RATE), []
    for _, _, sound in said:
        spans.append((at, at + len(sound)))
        at += len(sound) + round(APART * CAPTURE_RATE)
    mic = np.zeros(at, np.float32)
    for (start, end), (_, _, sound) in zip(spans, said, strict=True):
        mic[start:end] = levelled(sound, gain)
    looks = listened(over, noisy(mic), decoders)
    for (start, end), (name, text, sound) in zip(spans, said, strict=True):
        first, last = start / CAPTURE_RATE, end / CAPTURE_RATE
        own = [one for one in looks if first < one[0] < last + APART - 1.0]
        yield _heard(f'"{text}"', name, gain, sound, last, own)


def speech(
    several: Iterable[tuple[str, str, Samples]], over: Over, gain: float | None, decoders: Decoders
) -> Iterator[Heard]:
    for source, name, sound in several:
        if len(sound) < CAPTURE_RATE // 4 or not np.abs(sound).max() > 1e-4:
            continue
        half = np.zeros(CAPTURE_RATE // 2, np.float32)
        mic = noisy(np.concatenate((half, levelled(sound, gain), half)))
        yield _heard(source, name, gain, sound, None, listened(over, mic, decoders))


def _heard(
    source: str,
    name: str,
    gain: float | None,
    sound: Samples,
    ended: float | None,
    looks: Sequence[tuple[float, Look, bool]],
) -> Heard:
    told = [look for _, look, certain in looks if certain]
    cpu = sum(sum(look.cpu) for _, look, _ in looks)
    return Heard(source, name, gain, len(sound) / CAPTURE_RATE, ended, told, len(looks), cpu)


async def gathered(args: argparse.Namespace, half: int) -> list[Heard]:
    decoders = Decoders(PHRASES)
    voice = readings(args.speech)
    said = await anyio.to_thread.run_sync(synthetic, half)
    heard: list[Heard] = []
    which: corpus.Half = "choose" if half == 0 else "report"
    unworded = [*await corpus.synthetic_murmurs(which), *corpus.meeting_turns(args.speech, which)]
    unworded += [*corpus.short_noises(args.speech, which), *corpus.modelled_noises(which)]
    async with voice_activity({}) as vad:
        for gain in GAINS:

            def over(gain: float | None = gain) -> Over:
                return Over(vad, answers(voice, 1e6), gain)

            heard += words(said, over(), gain, decoders)
            heard += speech(real(args.speech, half), over(), gain, decoders)
            if gain is None:
                heard += speech(more(args.more, half), over(), gain, decoders)
            print(f"half {half}, gain {gain}: {len(heard)}", file=sys.stderr, flush=True)
            quiet = [(f"{one.source} {n}", one.text or "", one.samples) for n, one in enumerate(unworded)]
            for one, source in zip(words(quiet, over(), gain, decoders), unworded, strict=True):
                one.source, one.ended = f"alone: {source.kind}", None
                heard.append(one)
            if half == 0 and gain is not None:
                break  # enough to choose on
        if half == 1:
            heard += others(args.speech, over(None))
    return heard


def others(folder: Path, over: Over) -> Iterator[Heard]:
    """Real people and other words."""
    decoders = Decoders(OTHER_WORDS)
    with (folder / "INDEX.tsv").open(encoding="utf-8") as index:
        rows = [row for row in csv.DictReader(index, delimiter="\t") if row["label"].casefold() in OTHER_WORDS]
    for row in rows:
        sound = trimmed(decode(folder / row["path"]))
        heard = next(words([(row["path"], row["label"], sound)], over, None, decoders))
        heard.source = "real words"
        yield heard


# --- the real processes ---


async def live(half: int) -> None:
    """Print how long after a stop word's last sample the spotter itself tells of it, fed in real time without a room,
    how long both decoders take side by side, not counting the wait for a core, and what the offline recogniser makes of
    all stop words."""
    every = await anyio.to_thread.run_sync(synthetic, half)
    said = [one for one in every if one[1] in ("stop", "stop it")]
    waits: list[float] = []
    async with spotter({"phrases": PHRASES}) as real:
        for _, _, sound in said:
            lead, behind = np.zeros(round(BEFORE * CAPTURE_RATE), np.float32), np.zeros(CAPTURE_RATE, np.float32)
            mic = noisy(np.concatenate((lead, levelled(sound, None), behind)))
            with anyio.move_on_after(len(mic) / CAPTURE_RATE):
                async with real.stream() as stream, anyio.create_task_group() as group:
                    began = anyio.current_time()
                    group.start_soon(_fed, stream, mic, began)
                    await anext(stream)
                    waits.append(anyio.current_time() - began - BEFORE - len(sound) / CAPTURE_RATE)
                    group.cancel_scope.cancel()
    told = f"{len(waits)} of {len(said)} told, median {1000 * np.median(waits):.0f} ms after their last sample"
    print(f"live: {told}, p95 {1000 * np.percentile(waits, 95):.0f} ms, load {os.getloadavg()[0]:.1f}")
    told_of, other = grammar(PHRASES), PhoneLoop()
    both = Recogniser(Words(told_of["jsgf"], told_of["vocabulary"]), other)
    ratios = []
    for _, _, sound in said:
        pcm = packed_sound(noisy(levelled(sound, None)))[HEAD.size :]
        began, here, there = time.perf_counter(), _scheduled("self"), _scheduled(other._process.pid)
        both.paths(pcm)
        took, here, there = (
            time.perf_counter() - began,
            _scheduled("self") - here,
            _scheduled(other._process.pid) - there,
        )
        ratios.append((took - here[1]) / np.array((max(here[0], there[0]), here[0] + there[0])))
    slower, summed = np.median(ratios, axis=0)
    print(f"side by side: {slower:.2f} times the slower decoder's processor time, {summed:.2f} times both (medians)")
    meanings: dict[str, int] = {}
    async with transcriber({}) as recogniser:
        for _, _, sound in every:
            text = await _transcribed(recogniser, sound)
            meaning = meant(text, "en") if text else "nothing"
            meanings[meaning] = meanings.get(meaning, 0) + 1
    print(f"transcribed: {len(every)} stop words, as {meanings}")


async def _transcribed(recogniser: PocketSphinx, sound: Samples) -> str:
    half = np.zeros(CAPTURE_RATE // 2, np.float32)
    mic = noisy(np.concatenate((half, levelled(sound, None), half)))
    async with recogniser.stream() as stream:
        for at in range(0, len(mic) - FRAME + 1, FRAME):
            stream.push(Frame(mic[at : at + FRAME], at))
        stream.finish()
        async for transcript in stream:
            if transcript.final:
                return transcript.text
    return ""


async def _fed(stream: SpotterStream, mic: Samples, began: float) -> None:
    for at in range(0, len(mic) - FRAME + 1, FRAME):
        await anyio.sleep_until(began + (at + FRAME) / CAPTURE_RATE)
        stream.push(Frame(mic[at : at + FRAME], at))


def _scheduled(process: int | str) -> np.ndarray:
    """Seconds for which a process had a core, and for which it waited for one, since it began. Linux alone tells."""
    return np.array(Path(f"/proc/{process}/schedstat").read_text().split()[:2], float) / 1e9


# --- what came of it ---


def odds(found: dict[str, float] | None, bias: float = BIAS, weights: dict[str, float] = WEIGHTS) -> float:
    return -99.0 if found is None else bias + sum(weights[name] * found[name] for name in weights)


def first(heard: Heard, bias: float = BIAS, weights: dict[str, float] = WEIGHTS) -> Look | None:
    return next((look for look in heard.looks if odds(look.found, bias, weights) >= 0), None)


def poisson(count: int) -> tuple[float, float]:
    """Exact 95 % interval of the mean."""

    def tail(mean: float, up_to: int) -> float:
        return sum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(up_to + 1))

    def solve(up_to: int, share: float) -> float:
        low, high = 1e-9, 1000.0
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if tail(middle, up_to) > share else (low, middle)
        return low

    return (0.0 if count == 0 else solve(count - 1, 0.975)), solve(count, 0.025)


def report(heard: Sequence[Heard]) -> None:
    print("\n| said over the assistant | room | spotted | after the word, median | p95 | decoding |")
    print("|---|---|---|---|---|---|")
    for gain in GAINS:
        several = [one for one in heard if one.ended is not None and one.gain == gain and one.source != "real words"]
        for what, chosen in (
            ('"stop"', [one for one in several if one.source == '"stop"']),
            ("all phrases", several),
        ):
            _line(what, gain, chosen)
    _line("other words, real people", None, [one for one in heard if one.source == "real words"])
    print("\n| people who say no stop word | room | recordings | hours | stops | an hour | 95 % |")
    print("|---|---|---|---|---|---|---|")
    for gain in GAINS:
        several = [one for one in heard if one.ended is None and one.gain == gain and not _is_short(one)]
        for source in [*sorted({one.source for one in several}), "all"]:
            chosen = [one for one in several if source in ("all", one.source)]
            if not chosen:
                continue
            hours, stops = sum(one.seconds for one in chosen) / 3600, sum(first(one) is not None for one in chosen)
            low, high = (limit / hours for limit in poisson(stops))
            rate = f"{stops / hours:.1f} | {low:.1f} - {high:.1f}"
            print(f"| {source} | {_room(gain)} | {len(chosen)} | {hours:.2f} | {stops} | {rate} |")

    print("\n| what is said or heard alone | room | taken for a stop word |")
    print("|---|---|---|")
    for gain in GAINS:
        for source in sorted({one.source for one in heard if _is_short(one)}):
            chosen = [one for one in heard if one.source == source and one.gain == gain]
            stops = sum(first(one) is not None for one in chosen)
            print(f"| {source.removeprefix('alone: ')} | {_room(gain)} | {stops} of {len(chosen)} |")

    cpu, spoken = sum(one.cpu for one in heard), sum(one.seconds for one in heard if one.decoded)
    counts = f"{sum(one.decoded for one in heard)} decoded, {sum(len(one.looks) for one in heard)} with quiet behind it"
    print(f"\n{counts}; {cpu / max(1.0, spoken):.2f} s of processor for a second of sound in which any was")


def _is_short(heard: Heard) -> bool:
    return heard.source.startswith("alone: ")


def _room(gain: float | None) -> str:
    return "silent" if gain is None else f"{gain:g} dB"


def _line(what: str, gain: float | None, chosen: Sequence[Heard]) -> None:
    found = [(one, look) for one in chosen if (look := first(one)) is not None]
    if not chosen or not found:
        print(f"| {what} | {_room(gain)} | 0 of {len(chosen)} | | | |")
        return
    waits = [1000 * (look.at - (one.ended or 0.0)) for one, look in found]
    cpu = [1000 * max(look.cpu) for _, look in found]
    share = f"{len(found)} of {len(chosen)} ({100 * len(found) / len(chosen):.1f} %)"
    times = f"{np.median(waits):.0f} ms | {np.percentile(waits, 95):.0f} ms | {np.median(cpu):.0f} ms"
    print(f"| {what} | {_room(gain)} | {share} | {times} |")


def fit(heard: Sequence[Heard]) -> None:
    """Print the weights of a logistic regression: was that a stop word?"""
    kept = [(one, look) for one in heard for look in one.looks if look.found is not None]
    names = list(kept[0][1].found or {})
    table = np.array([[(look.found or {})[name] for name in names] for _, look in kept])
    truth = np.array([one.ended is not None and look.at > one.ended - 0.05 for one, look in kept], float)
    mean, spread = table.mean(axis=0), table.std(axis=0) + 1e-9
    rows = np.c_[(table - mean) / spread, np.ones(len(table))]
    folds = np.array([zlib.crc32(one.name.encode()) % 10 for one, _ in kept])
    guessed = np.zeros(len(rows))
    for fold in range(10):
        guessed[folds == fold] = rows[folds == fold] @ solved(rows[folds != fold], truth[folds != fold])
    best: dict[int, float] = {id(one): -99.0 for one in heard}
    for (one, _), odd in zip(kept, guessed, strict=True):
        best[id(one)] = max(best[id(one)], float(odd))
    said = np.sort([best[id(one)] for one in heard if one.ended is not None])
    unsaid = np.array([best[id(one)] for one in heard if one.ended is None])
    hours = sum(one.seconds for one in heard if one.ended is None) / 3600
    for missed in (0.02, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3):
        least = said[int(missed * len(said))]
        print(f"  missed {missed:.0%} at {least:+.2f}: {np.sum(unsaid >= least)} stops in {hours:.2f} h")
    weights = solved(rows, truth)
    slopes = weights[:-1] / spread
    least = np.sort(unsaid)[-1 - int(MOST * hours)]
    print(f"  threshold {least:+.2f}: {np.mean(said < least):.0%} missed")
    print("BIAS =", round(float(weights[-1] - mean @ slopes - least), 4))
    print("WEIGHTS = {")
    for name, slope in zip(names, slopes, strict=True):
        print(f'    "{name}": {slope:.5g},')
    print("}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, default=SHARED, help="a folder of recordings with an INDEX.tsv")
    parser.add_argument("--more", type=Path, nargs="*", default=[], help="folders of one person's recordings each")
    parser.add_argument("--fit", action="store_true", help="choose the weights on the other half, and print them")
    parser.add_argument("--live", action="store_true", help="measure the spotter's own processes, on an idle machine")
    parser.add_argument("--keep", type=Path, help="keep what was decoded in this file, and read it if it is there")
    args = parser.parse_args()
    half = 0 if args.fit else 1
    if args.live:
        anyio.run(live, half)
        return 0
    if args.keep is not None and args.keep.exists():
        heard: list[Any] = pickle.loads(args.keep.read_bytes())
    else:
        heard = anyio.run(gathered, args, half)
        if args.keep is not None:
            args.keep.write_bytes(pickle.dumps(heard))
    (fit if args.fit else report)(heard)
    return 0


if __name__ == "__main__":
    sys.exit(main())
