"""A recording -> what the loop's own ears make of it: voice and silence, and a detector's answers. No policy yet."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import anyio
import numpy as np

from assistant.audio.frames import levels
from assistant.audio.lift import Lift
from assistant.bench.endpointing.truth import Recording
from assistant.conversation.events import EndJudged, Voice
from assistant.conversation.segment import Segmenter, SegmentRules
from assistant.files.decode import Media
from assistant.judging import Judge
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples, TurnDetector, VoiceActivity

COST = 0.05
"""Seconds after the question at which a detector's answer counts as known, whatever this machine needs: figures are the
same everywhere."""
TONE = 512
"""Samples in the pieces whose spectrum is the room's."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One recording."""

    happenings: Sequence[Voice | EndJudged]
    known_at: Sequence[float]
    """When each of them is known, in order."""
    seconds: float


def filled(samples: Samples, seconds: float, seed: int) -> Samples:
    """``samples`` made ``seconds`` long with noise of the spectrum and level of their softest twentieth."""
    wanted = round(seconds * CAPTURE_RATE) - len(samples)
    if wanted <= 0:
        return samples[: round(seconds * CAPTURE_RATE)]
    if len(samples) < TONE:
        return np.concatenate([samples, np.zeros(wanted, np.float32)])
    pieces = np.lib.stride_tricks.sliding_window_view(samples, TONE)[:: TONE // 4].astype(np.float64)
    softest = pieces[np.argsort((pieces**2).mean(axis=1))[: max(3, len(pieces) // 20)]]
    window = np.hanning(TONE)
    power = (np.abs(np.fft.rfft(softest * window, axis=1)) ** 2).mean(axis=0) / (window**2).sum()
    noise = np.fft.rfft(np.random.default_rng(seed).standard_normal(wanted))
    at = np.linspace(0, 1, len(noise))
    shaped = np.fft.irfft(noise * np.interp(at, np.linspace(0, 1, len(power)), np.sqrt(power)), wanted)
    return np.concatenate([samples, shaped.astype(np.float32)])


def decoded(folder: Path, recording: Recording, seed: int) -> Samples:
    path = folder / recording.path
    if path.suffix == ".raw":  # headerless, 16 kHz, mono, 16-bit
        samples: Samples = np.fromfile(path, "<i2").astype(np.float32) / np.float32(32768)
    else:
        with Media(path) as media:
            samples = np.concatenate(list(media.blocks()))
    return np.clip(filled(samples, recording.seconds, seed), -1.0, 1.0)


async def heard(samples: Samples, vad: VoiceActivity, detector: TurnDetector | None, costs: list[float]) -> Heard:
    """Run the loop's front end over the recording. ``costs``: each answer's seconds on this machine are added."""
    vad.reset()
    lift, segmenter = Lift(), Segmenter(SegmentRules())
    happenings: list[Voice | EndJudged] = []
    known: list[float] = []
    judge = None if detector is None else Judge(nullcontext(detector), lambda: 0.0, lambda _: None, lambda _: None)
    for number in range(len(samples) // FRAME):
        frame = Frame(samples[number * FRAME : (number + 1) * FRAME], number * FRAME)
        speech = vad.probability(lift.push(frame.samples))
        voices = segmenter.push(frame.end, speech, levels(frame.samples), False)
        happenings.extend(voices)
        known.extend(frame.end for _ in voices)
        if judge is None or detector is None:
            continue
        judge.push(frame, voices)
        if (question := judge.asked()) is not None:
            began = time.perf_counter()
            with anyio.fail_after(60):
                complete = await detector.probability(question[1])
            costs.append(time.perf_counter() - began)
            at = frame.end + COST
            happenings.append(EndJudged(at, question[0], complete))
            known.append(at)
    order = sorted(range(len(known)), key=lambda n: (known[n], n))
    return Heard([happenings[n] for n in order], [known[n] for n in order], len(samples) / CAPTURE_RATE)
