#!/usr/bin/env python3
"""Finds the weights with which `assistant.conversation.sounding` tells voices, hums and noises apart.

    scripts/train_sounding.py --speech DIR [--write]

Voices: pieces of real recordings in DIR (an INDEX.tsv says what they are), and espeak-ng. Noises: pieces of real
recordings without speech, modelled coughs and knocks. Hums: modelled, and espeak-ng's. Every second speaker, recording
and voice is held out: the figures are theirs. Only sounds that the voice detector takes for one for at least two frames
are used, for nothing else is ever asked about.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio
import numpy as np
from numpy.typing import NDArray

from assistant.audio.features import sounding
from assistant.audio.frames import levels
from assistant.conversation import weights
from assistant.conversation.sounding import DOUBTFUL, HUMS, NAMES, Sounding, summed_up
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples, VoiceActivity
from providers.silero import voice_activity
from scripts._soak import sounds
from scripts._soak.echo import decode, trimmed

THRESHOLD = 0.3
FIRST, LONGEST = 2, 12
"""Frames: a sound is judged at both and in between."""
NOISE_DBFS = -65.0
RIDGE = 0.02


def measured(sound: Samples, level: float, vad: VoiceActivity, random: np.random.Generator) -> list[Sounding]:
    """The frames of ``sound`` at ``level`` dBFS in a quiet room, from where a voice may be believed in."""
    room = np.float32(10 ** (NOISE_DBFS / 20))
    loud = np.sqrt(np.mean(sound**2)) + 1e-9
    pad = np.zeros(FRAME * 4 + int(random.integers(0, FRAME)), np.float32)
    heard = np.concatenate((pad, sound * np.float32(10 ** (level / 20) / loud), pad))
    heard = np.clip(heard + room * random.standard_normal(len(heard)).astype(np.float32), -1, 1)
    first, last = len(pad), len(pad) + len(sound)
    vad.reset()
    found = []
    for start in range(0, len(heard) - FRAME, FRAME):
        block = heard[start : start + FRAME]
        probability = vad.probability(block)
        if start + FRAME > first and start < last:
            found.append(sounding(Frame(block, start), probability, levels(block)))
    return found if sum(one.probability >= THRESHOLD for one in found) >= FIRST else []


def examples(frames: Sequence[Sounding]) -> list[tuple[float, ...]]:
    """As it is judged: while it sounds, and when it is over."""
    cuts = sorted({*range(6, min(len(frames), LONGEST), 3), min(len(frames), 31)})
    found = [summed_up(frames[:cut]) for cut in cuts]
    return [one.values for one in found if one is not None]


def fitted(x: NDArray[np.float64], y: NDArray[np.float64], balance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logistic regression with a ridge, by Newton's method."""
    x = np.hstack((np.ones((len(x), 1)), x))
    w = np.zeros(x.shape[1])
    keep = RIDGE * len(x) / 100 * np.eye(x.shape[1])
    keep[0, 0] = 0.0
    for _ in range(60):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        slope = x.T @ (balance * (p - y)) + keep @ w
        bend = (x * (balance * p * (1 - p))[:, None]).T @ x + keep
        w -= np.linalg.solve(bend, slope)
    return w


async def corpus(folder: Path) -> list[tuple[str, bool, Samples]]:
    """(kind, held out, sound) of voices, hums and noises."""
    random = np.random.default_rng(5)
    found: list[tuple[str, bool, Samples]] = []
    for path, held in sounds.held_out(folder).items():
        voice = trimmed(decode(folder / path))
        found += [("voice", held, each) for each in sounds.pieces(voice, random, 12, 0.15, 0.9)]
        found.append(("voice", held, voice[: round(0.8 * CAPTURE_RATE)]))
    for number, (name, sound) in enumerate(sorted(sounds.noises(folder).items())):
        count = 4 if len(sound) < 3 * CAPTURE_RATE else 60
        found += [("noise", number % 2 == 1, each) for each in sounds.pieces(sound, random, count, 0.1, 0.9)]
        if len(sound) < CAPTURE_RATE:
            found.append(("noise", number % 2 == 1, trimmed(sound)))
        del name
    found += [("noise", held, each) for held in (False, True) for each in sounds.bursts(11 + held, 400)]
    found += [("hum", held, each) for held in (False, True) for each in sounds.hums(21 + held, 120)]
    for number, (voice, pitch) in enumerate(sounds.VOICES):
        held = number % 2 == 1
        for shift in (-15, 0, 15):
            for speed in (0.8, 1.0):
                found.append(("hum", held, await sounds.spoken(voice, pitch + shift, sounds.HUM, speed)))
                for text in ("right", "okay", "stop", "no", "wait", "what about tomorrow", "yes", "hold on", "my name"):
                    found.append(("voice", held, await sounds.spoken(voice, pitch + shift, text, speed)))
    return found


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--write", action="store_true", help="write assistant/conversation/weights.py")
    args = parser.parse_args()
    random = np.random.default_rng(1)
    rows: list[tuple[str, bool, tuple[float, ...]]] = []
    whole: list[tuple[str, bool, tuple[float, ...]]] = []
    asked: dict[tuple[str, bool], list[int]] = {}
    async with voice_activity({}) as vad:
        for kind, held, sound in await corpus(args.speech):
            for level in (-22.0, -32.0):
                frames = measured(sound, level, vad, random)
                tally = asked.setdefault((kind, held), [0, 0])
                tally[0] += 1
                tally[1] += bool(frames)
                if frames:
                    each = examples(frames)
                    rows += [(kind, held, one) for one in each]
                    whole.append((kind, held, each[-1]))
    for (kind, held), (total, voiced) in sorted(asked.items()):
        print(f"{kind}{' held out' if held else ''}: {total} sounds, {voiced} of them a voice to the detector")
    models: dict[str, NDArray[np.float64]] = {}
    for name, positive, negative in (("voice", ("voice", "hum"), ("noise",)), ("hum", ("hum",), ("voice",))):
        train = [row for row in rows if not row[1] and row[0] in positive + negative]
        x = np.array([row[2] for row in train])
        y = np.array([float(row[0] in positive) for row in train])
        balance = np.where(y > 0, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
        models[name] = fitted(x, y, balance)
        for held in (False, True):
            for label, kinds in (("found", positive), ("mistaken", negative)):
                test = np.array([row[2] for row in whole if row[1] is held and row[0] in kinds])
                least = {"voice": DOUBTFUL, "hum": HUMS}[name]
                said = models[name][0] + test @ models[name][1:] > np.log(least / (1 - least))
                print(f"{name}, {'held out' if held else 'trained on'}: {label} {said.sum()} of {len(said)}")
    if args.write:
        write(models)
    return 0


def write(models: dict[str, NDArray[np.float64]]) -> None:
    named = {
        name: dict(zip(("bias", *NAMES), (round(float(one), 3) for one in weights_), strict=True))
        for name, weights_ in models.items()
    }
    lines = [weights.__doc__ or "", "WEIGHTS: dict[str, dict[str, float]] = {"]
    text = f'"""{lines[0].strip()}\n"""\n\n' + lines[1] + "\n"
    for name, values in named.items():
        text += f'    "{name}": {{\n'
        text += "".join(f'        "{key}": {value},\n' for key, value in values.items())
        text += "    },\n"
    text = re.sub(r"\n\"\"\"\n\n", '"""\n\n', text, count=1)
    Path(weights.__file__).write_text(text + "}\n", "utf-8")


if __name__ == "__main__":
    sys.exit(anyio.run(main))
