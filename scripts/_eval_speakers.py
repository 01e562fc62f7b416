"""Equal-error rates of a SpeakerId provider on real voices, by kind of pair (see scripts/eval_speakers).

A pair is a reference (the voice learned from up to ten seconds of speech) and a test (so many seconds of speech, as the
gate would see them). The first half of what a voice says in a recording makes the reference, the second half the tests,
also those of one recording. The equal-error rate is where as many of the user's own tests are refused as other voices'
are let in; each row has its own best threshold. Intervals: 95 % of the rates when the enrolled speakers are drawn anew,
with replacement.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from numpy.typing import NDArray

from assistant.audio.resample import Resampler
from assistant.audio.room import impulse_response
from assistant.conversation.likeness import OTHER, THEIRS, joined, likeness, whose
from assistant.enrolment import Speech, alike, embedded
from assistant.files.decode import Media
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples, SpeakerId, Synthesizer, VoiceActivity
from assistant.whose import EARLIER, ENOUGH, FIRST
from providers import espeak, registry, silero

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "speech"
REFERENCE, LEAST = 10, 3
"""Seconds of speech in a reference: as many as `parley enroll` asks for, and the fewest that count here."""
LOOKS = tuple(float(at) for at in np.arange(FIRST, ENOUGH + EARLIER / 2, EARLIER).round(3))
"""Seconds of speech at which the gate asks."""
PER_VOICE = 20
"""Tests that are taken from one voice at most, spread over all of it."""
DRAWN = 300
"""Times that the speakers are drawn for an interval."""
HIGH = 165.0
"""Hz. Women's voices are higher by and large, men's are lower; where the sex is not known it is told by this."""
NAMED = ("libri", "sb_", "LJ", "jfk", "petewarden", "librivox")
UNNAMED = ("Picovoice__speech", "Picovoice__leopard/", "MycroftAI", "Uberi", "cmusphinx")
"""Recordings of one person each, nobody knows whom: two of one source may be the same person's, and are no pair."""
SYNTHETIC = ("en-us", "en-us+f3", "en-us+m4", "en-gb-x-rp", "en-gb-scotland+f2", "en-gb-x-rp+m7")
TEXT = (
    "The weather tomorrow will be mild and dry, with a little wind from the west in the afternoon. I have set a timer "
    "for ten minutes. Would you like me to read the list again, or shall we leave it for now?"
)
MUSIC = "librosa__data/audio/Kevin_MacLeod_-_Vibe_Ace.ogg"
ROOM = "speechbrain__speechbrain/tests/samples/RIRs/rir1.wav"


@dataclass(frozen=True, slots=True)
class Voice:
    """What one person says in one recording."""

    speaker: str
    source: str
    """Two unnamed voices of one source may be the same person's."""
    recording: str
    samples: Samples
    """Speech only."""
    high: bool


@dataclass(frozen=True, slots=True)
class Score:
    speaker: str
    """Whose reference it is."""
    cosine: float


# --- the sound --------------------------------------------------------------------------------------------------------


def decoded(path: Path) -> Samples:
    if path.suffix == ".raw":  # headerless, 16 kHz, mono, 16-bit
        sound: Samples = np.fromfile(path, "<i2").astype(np.float32) / np.float32(32768)
        return sound
    with Media(path) as media:
        return np.concatenate(list(media.blocks()))


def spoken(samples: Samples, vad: VoiceActivity) -> Samples:
    """What enrolment and gate would take of it."""
    vad.reset()
    kept = Speech()
    for at in range(0, len(samples) - FRAME + 1, FRAME):
        piece = np.clip(samples[at : at + FRAME], -1.0, 1.0)
        kept.push(Frame(piece, at), vad.probability(piece))
    return kept.samples()


def alone(label: str, samples: Samples) -> Iterable[tuple[str, Samples]]:
    """Of a meeting: what each person says while nobody else speaks. ``label``: START+SECONDS:WHO;..."""
    busy: dict[str, NDArray[np.bool_]] = defaultdict(lambda: np.zeros(len(samples), np.bool_))
    for entry in label.split(";"):
        when, who = entry.split(":")
        start, seconds = map(float, when.split("+"))
        busy[who][round(start * CAPTURE_RATE) : round((start + seconds) * CAPTURE_RATE)] = True
    everybody = np.sum(list(busy.values()), axis=0)
    for who, speaks in sorted(busy.items()):
        yield who, samples[speaks & (everybody == 1)]


def pitch(samples: Samples) -> float:
    """Hz: the median, over stretches of 40 ms that are periodic, of the lag at which they are most like themselves."""
    found = []
    for at in range(0, len(samples) - 640, 640):
        piece = samples[at : at + 640] - samples[at : at + 640].mean()
        same = np.correlate(piece, piece, "full")[639:]
        lags = same[40:230]  # 400 down to 70 Hz
        if same[0] > 1e-3 and lags.max() > 0.5 * same[0]:
            found.append(CAPTURE_RATE / (40 + int(lags.argmax())))
    return float(np.median(found)) if found else 0.0


def voices(folder: Path, vad: VoiceActivity) -> list[Voice]:
    """Of recordings whose speaker is known, or at least is one person."""
    found: dict[tuple[str, str, str], list[Samples]] = defaultdict(list)
    with (folder / "INDEX.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            path, who = row["path"], row["speaker"]
            source = path.split("/")[0]
            if row["label_type"].startswith("rttm"):
                for name, part in alone(row["label"], decoded(folder / path)):
                    found[name, source, path].append(spoken(part, vad))
            elif row["label_type"] == "class":
                continue
            elif who.startswith(NAMED):
                # Single words, or single sentences: those of one book's chapter are one sitting.
                sitting = path.rsplit("/", 1)[1][:5] if who == "LJ" else source
                found[who, source, sitting].append(spoken(decoded(folder / path), vad))
            elif path.startswith(UNNAMED):
                found[path, source, path].append(spoken(decoded(folder / path), vad))
    made = []
    for (who, source, recording), pieces in found.items():
        samples = np.concatenate(pieces)
        high = who[0] == "F" if source.startswith("pyannote") else pitch(samples) > HIGH
        made.append(Voice(who, source, recording, samples, high))
    return made


def television(samples: Samples, music: Samples, room: Samples) -> Samples:
    """A voice out of a loudspeaker in a room, with music 10 dB under it."""
    under = np.resize(music, len(samples))
    under = under * np.float32(0.316 * _rms(samples) / max(1e-6, _rms(under)))
    size = len(samples) + len(room)
    heard = np.fft.irfft(np.fft.rfft(samples + under, size) * np.fft.rfft(room, size), size)[: len(samples)]
    return np.clip(heard * (_rms(samples) / max(1e-6, _rms(heard))), -1.0, 1.0).astype(np.float32)


def _rms(samples: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


async def said(synthesizer: Synthesizer) -> Samples:
    resampler = Resampler(synthesizer.rate, CAPTURE_RATE)
    pieces = [resampler.push(chunk.samples) async for chunk in synthesizer.speak(TEXT)]
    return np.concatenate([*pieces, resampler.push(np.empty(0, np.float32), last=True)])


async def synthetic(vad: VoiceActivity) -> list[Voice]:
    made = []
    for name in SYNTHETIC:
        async with espeak.synthesizer({"voice": name}) as synthesizer:
            samples = spoken(await said(synthesizer), vad)
            made.append(Voice(f"espeak {name}", "espeak", name, samples, pitch(samples) > HIGH))
    return made


# --- the pairs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """One voice as numbers."""

    voice: Voice
    reference: NDArray[np.float64] | None
    """Of the first half of what it says; None where that is too little."""
    tests: NDArray[np.float64]
    """Of the second half, a row each; of all of it where there is no reference."""
    looks: Sequence[NDArray[np.float64]] = ()
    """Of the same stretches: what their first LOOKS seconds give, a row each."""


async def known(voice: Voice, seconds: float, speaker_id: SpeakerId, reference: bool = True) -> Known:
    whole, size = voice.samples, round(seconds * CAPTURE_RATE)
    half = min(len(whole) // 2, REFERENCE * CAPTURE_RATE)
    learned = None
    if reference and half >= LEAST * CAPTURE_RATE:
        learned = np.array(joined(await embedded(whole[:half], speaker_id)))
        whole = whole[half:]
    starts = range(0, len(whole) - size + 1, size)
    chosen = list(starts)[:: max(1, -(-len(starts) // PER_VOICE))]
    tests = [await speaker_id.embedding(whole[at : at + size]) for at in chosen]
    looks = []
    for at in chosen if seconds == ENOUGH else ():
        given = [whole[at : at + round(look * CAPTURE_RATE)] for look in LOOKS]
        looks.append(np.array([await speaker_id.embedding(one) for one in given], np.float64))
    return Known(voice, learned, np.array(tests, np.float64) if tests else np.zeros((0, 0)), looks)


def pairs(real: Sequence[Known], artificial: Sequence[Known], broadcast: Sequence[Known]) -> dict[str, list[Score]]:
    """By kind."""
    kinds: dict[str, list[Score]] = defaultdict(list)
    for one in real:
        if one.reference is None:
            continue
        for others, told in ((real, None), (artificial, "a synthetic voice"), (broadcast, "television")):
            for other in others:
                kind = _kind(one.voice, other.voice)
                if kind is None or not len(other.tests) or (told and not kind.startswith("other")):
                    continue
                kinds[told or kind] += [Score(one.voice.speaker, float(c)) for c in other.tests @ one.reference]
    return kinds


def _kind(one: Voice, other: Voice) -> str | None:
    if one.speaker == other.speaker:
        return "same, same recording" if one.recording == other.recording else "same, other recording"
    if one.source == other.source and (one.speaker == one.recording or other.speaker == other.recording):
        return None  # they may be one person
    return "other, same sex" if one.high == other.high else "other, other sex"


def equal_error(same: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float]:
    """The rate at which both kinds of error are equal, and the cosine at which that is."""
    steps = np.unique(same)
    refused = np.searchsorted(np.sort(same), steps, "left") / len(same)
    let_in = 1 - np.searchsorted(np.sort(other), steps, "left") / len(other)
    at = int(np.argmin(np.abs(refused - let_in)))
    return float((refused[at] + let_in[at]) / 2), float(steps[at])


def interval(same: Sequence[Score], other: Sequence[Score]) -> tuple[float, float]:
    rng = np.random.default_rng(1)
    sides = [_by_speaker(scores) for scores in (same, other)]
    rates = []
    for _ in range(DRAWN):
        drawn = [np.concatenate([side[n] for n in rng.integers(0, len(side), len(side))]) for side in sides]
        rates.append(equal_error(drawn[0], drawn[1])[0])
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)


def _by_speaker(scores: Sequence[Score]) -> list[NDArray[np.float64]]:
    grouped: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        grouped[score.speaker].append(score.cosine)
    return [np.array(values) for values in grouped.values()]


def cosines(scores: Sequence[Score]) -> NDArray[np.float64]:
    return np.array([score.cosine for score in scores])


# --- the report -------------------------------------------------------------------------------------------------------

SAME = ("same, same recording", "same, other recording")
OTHERS = ("other, same sex", "other, other sex", "a synthetic voice", "television")


def report(seconds: float, kinds: dict[str, list[Score]], speaker_id: SpeakerId) -> None:
    kinds["any other real voice"] = kinds["other, same sex"] + kinds["other, other sex"]
    print(f"\n### Tests of {seconds:g} s of speech\n")
    print("| the user's own | against | pairs | speakers | equal-error rate | 95 % | cosine |")
    print("|---|---|---|---|---|---|---|")
    for own in SAME:
        same = kinds[own]
        if not same:
            continue
        for other in ("any other real voice", *OTHERS):
            rate, at = equal_error(cosines(same), cosines(kinds[other]))
            low, high = interval(same, kinds[other])
            who = len({score.speaker for score in same})
            counts = f"{len(same)} / {len(kinds[other])} | {who}"
            print(f"| {own} | {other} | {counts} | **{rate:.1%}** | {low:.1%} - {high:.1%} | {at:.2f} |")
    print("\nWhat the gate would do at its own threshold:\n\n| | theirs | not told | refused |\n|---|---|---|---|")
    for kind in (*SAME, *OTHERS):
        if kinds[kind]:
            sure = np.array([likeness(c, speaker_id.chance, speaker_id.spread) for c in cosines(kinds[kind])])
            theirs, refused = float(np.mean(sure >= THEIRS)), float(np.mean(sure <= OTHER))
            print(f"| {kind} | {theirs:.1%} | {1 - theirs - refused:.1%} | {refused:.1%} |")
    fit(kinds)


def sooner(
    real: Sequence[Known], artificial: Sequence[Known], broadcast: Sequence[Known], speaker_id: SpeakerId
) -> None:
    """What the gate would do with a second of speech if it were asked once, and what it does as it is asked: from FIRST
    on, again and again. By half of the enrolled speakers: what is plain before a second was chosen on the first."""
    speakers = sorted({one.voice.speaker for one in real if one.reference is not None})
    found: dict[tuple[int, str], list[tuple[bool, bool, float]]] = defaultdict(list)
    for one in real:
        if one.reference is None:
            continue
        half = speakers.index(one.voice.speaker) % 2
        for others, named in ((real, ""), (artificial, OTHERS[2]), (broadcast, OTHERS[3])):
            for other in others:
                kind = _kind(one.voice, other.voice)
                if kind is None or (named and kind.startswith("same")):
                    continue
                told = named or ("their own" if kind.startswith("same") else kind)
                for looks in other.looks:
                    found[half, told].append(_decided((looks @ one.reference).tolist(), speaker_id))
    print("\n### A second of speech, asked about from half a second on\n")
    print("| | speakers | tests | let in, asked once | let in | told early | s of speech |")
    print("|---|---|---|---|---|---|---|")
    for half, which in enumerate(("chosen on", "held out")):
        for told in ("their own", *OTHERS):
            rows = found[half, told]
            once, now, when = (float(np.mean(column)) for column in zip(*rows, strict=True))
            early = float(np.mean([row[2] < ENOUGH for row in rows]))
            print(f"| {told} | {which} | {len(rows)} | {once:.1%} | {now:.1%} | {early:.0%} | {when:.2f} |")


def _decided(cosines: Sequence[float], speaker_id: SpeakerId) -> tuple[bool, bool, float]:
    """Let in if asked once; let in as it is asked; seconds of speech until that is told. ``cosines``: one for each of
    LOOKS."""
    sure = [likeness(cosine, speaker_id.chance, speaker_id.spread) for cosine in cosines]
    once = whose(sure[-1]) != "other"
    for seconds, each in zip(LOOKS[:-1], sure, strict=False):
        if (told := whose(each, enough=False)) is not None:
            return once, told == "theirs", seconds
    return once, once, ENOUGH


def fit(kinds: dict[str, list[Score]]) -> None:
    """Where the odds are even, and how steep they are: a logistic regression, both kinds weighing the same."""
    same = cosines([score for kind in SAME for score in kinds[kind]])
    other = cosines([score for kind in OTHERS[:2] for score in kinds[kind]])
    x = np.concatenate([same, other])
    y = np.concatenate([np.ones(len(same)), np.zeros(len(other))])
    weight = np.where(y == 1, 0.5 / len(same), 0.5 / len(other))
    slope, offset = 10.0, -7.0
    for _ in range(100):  # Newton's method
        p = 1 / (1 + np.exp(-np.clip(slope * x + offset, -50, 50)))
        gradient = np.array([np.sum(weight * (y - p) * x), np.sum(weight * (y - p))])
        w = weight * p * (1 - p) + 1e-12
        hessian = np.array([[np.sum(w * x * x), np.sum(w * x)], [np.sum(w * x), np.sum(w)]])
        step = np.linalg.solve(hessian, gradient)
        slope, offset = slope + step[0], offset + step[1]
    print(f"\nFitted: chance {-offset / slope:.3f}, spread {1 / slope:.4f}")


async def refused_to_learn(real: Sequence[Voice], speaker_id: SpeakerId) -> None:
    """How often enrolment would take one person for several, and two persons for one."""
    long = [voice for voice in real if len(voice.samples) >= 8 * CAPTURE_RATE]
    pieces = [await embedded(voice.samples[: REFERENCE * CAPTURE_RATE], speaker_id) for voice in long]
    one = sum(not alike(those, speaker_id) for those in pieces)
    both = [
        pieces[a][:3] + pieces[b][:2]
        for a, b in combinations(range(len(long)), 2)
        if (_kind(long[a], long[b]) or "").startswith("other")
    ]
    two = sum(alike(mixed, speaker_id) for mixed in both)
    print(f"\nEnrolment: {one} of {len(pieces)} single voices refused, {two} of {len(both)} mixtures of two accepted")


@asynccontextmanager
async def opened(name: str) -> AsyncIterator[SpeakerId]:
    provider, _, model = name.partition(":")
    async with registry.find("speaker", provider)({"model": model} if model else {}) as speaker_id:
        yield speaker_id


async def main(folder: Path, provider: str, lengths: Sequence[float]) -> int:
    async with opened(provider) as speaker_id, silero.voice_activity({"every_frame": True}) as vad:
        real = voices(folder, vad)
        artificial = await synthetic(vad)
        music, room = decoded(folder / MUSIC), impulse_response(folder / ROOM)
        shown = [
            Voice(one.speaker, one.source, one.recording, television(one.samples, music, room), one.high)
            for one in real
        ]
        names = {one.speaker for one in real}
        seconds = sum(len(voice.samples) for voice in real) / CAPTURE_RATE
        print(f"{provider}: {len(names)} voices in {len(real)} recordings, {seconds:.0f} s of speech")
        await refused_to_learn(real, speaker_id)
        for seconds in lengths:
            groups = [
                [await known(one, seconds, speaker_id, group is real) for one in group]
                for group in (real, artificial, shown)
            ]
            report(seconds, pairs(groups[0], groups[1], groups[2]), speaker_id)
            if seconds == ENOUGH:
                sooner(groups[0], groups[1], groups[2], speaker_id)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="scripts/eval_speakers", description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=SHARED, help="recordings with an INDEX.tsv")
    parser.add_argument("--provider", default="voiceprint", metavar="NAME[:MODEL]")
    parser.add_argument("--seconds", type=float, nargs="+", default=[0.5, 1.0, 1.5, 3.0], help="of speech in a test")
    args = parser.parse_args()
    sys.exit(anyio.run(main, args.folder, args.provider, args.seconds))
