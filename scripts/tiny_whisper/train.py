#!/usr/bin/env python3
"""Train a tiny Whisper from nothing, on speech rendered here, and export it for faster-whisper.

    .venv/bin/python scripts/tiny_whisper/train.py --size rough --out build/rough

See README.md beside this file.
"""

from __future__ import annotations

import argparse
import math
import queue
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from export import export
from features import log_power, noises
from model import GUIDED_HEADS, Shape, TinyWhisper
from render import Rendering, jobs, render_all
from tokens import Tokens
from torch import Tensor
from windows import Batch, Kind, PhoneNames, Utterance, Window, Windows, collate


@dataclass(frozen=True)
class Stage:
    steps: int
    batch: int
    learning_rate: float
    longest: int
    """Mel columns of a window."""
    most: int
    """Utterances in a window."""
    kinds: dict[Kind, float]
    """How often each kind of window is drawn."""
    short_first: bool
    """Begin with single short windows."""
    babble: bool
    """Answer noise without timestamps by words at random: see Windows."""


@dataclass(frozen=True)
class Size:
    shape: Shape
    stages: tuple[Stage, ...]


_BEGIN = Stage(
    steps=760,
    batch=32,
    learning_rate=3e-3,
    longest=1100,
    most=3,
    kinds={"one": 0.76, "many": 0.12, "noise": 0.12},
    short_first=True,
    babble=False,
)
_REFINE = Stage(
    steps=600,
    batch=16,
    learning_rate=1.5e-3,
    longest=1800,
    most=7,
    kinds={"one": 0.62, "many": 0.26, "noise": 0.12},
    short_first=False,
    babble=True,
)
SIZES = {
    "rough": Size(Shape(width=64, encoder_layers=2, decoder_layers=1, feed_forward=256), (_BEGIN,)),
    "accurate": Size(
        Shape(width=96, encoder_layers=3, decoder_layers=2, feed_forward=384),
        (replace(_BEGIN, steps=3300, batch=16), _REFINE),
    ),
}
_BATCHES_AT_ONCE = 6
_WARM_UP = 150
"""Steps over which the learning rate rises."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--size", choices=list(SIZES), required=True)
    arguments.add_argument("--out", type=Path, required=True, help="the directory to write the model to")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--phrases", type=int, help="only the first so many of each language, for a trial")
    arguments.add_argument("--steps", type=int, help="in each stage, for a trial")
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    size = SIZES[options.size]
    stages = tuple(replace(stage, steps=options.steps or stage.steps) for stage in size.stages)

    began = time.monotonic()
    per_phrase = 12 if options.phrases is None else 2
    renderings = render_all(jobs(options.phrases, per_phrase=per_phrase, seed=options.seed + 1))
    names = PhoneNames()
    utterances = [_prepare(rendering, names) for rendering in renderings]
    minutes = sum(len(rendering.samples) for rendering in renderings) / 16_000 / 60
    print(f"{len(renderings)} renderings, {minutes:.0f} min, in {time.monotonic() - began:.0f} s", flush=True)

    tokens = Tokens()
    model = TinyWhisper(size.shape, n_text=tokens.n_text, n_phones=len(names))
    for number, stage in enumerate(stages):
        _train(model, stage, utterances, tokens, seed=options.seed + number)
    export(model, tokens, options.out)
    print(f"{options.out}, {time.monotonic() - began:.0f} s in all")


def _prepare(rendering: Rendering, names: PhoneNames) -> Utterance:
    samples = rendering.samples.astype("float32") / 32768
    phones = [(start, end, names.number(name, rendering.job.engine)) for start, end, name in rendering.phones]
    return Utterance(rendering.job.text, rendering.job.language, log_power(samples), rendering.words, phones)


def _train(model: TinyWhisper, stage: Stage, utterances: list[Utterance], tokens: Tokens, *, seed: int) -> None:
    noise = [log_power(samples) for samples in noises()]
    windows = Windows(utterances, noise, tokens, babble=stage.babble, seed=seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=stage.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    model.train()
    began = time.monotonic()
    shown: dict[str, float] = {}
    with _ahead(_batches(stage, windows, tokens, seed)) as batches:
        for step, batch in enumerate(batches):
            done = step / stage.steps
            warm, cooled = min(1, (step + 1) / _WARM_UP), 0.5 * (1 + math.cos(math.pi * done)) * 0.98 + 0.02
            for group in optimizer.param_groups:
                group["lr"] = stage.learning_rate * warm * cooled
            losses = _losses(model, batch)
            loss = losses["text"] + 0.2 * losses["attention"] + (1.0 if done < 0.6 else 0.3) * losses["phones"]
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            for name, value in losses.items():
                shown[name] = 0.97 * shown.get(name, value.item()) + 0.03 * value.item()
            if (step + 1) % 100 == 0 or step + 1 == stage.steps:
                figures = " ".join(f"{name} {value:.3f}" for name, value in shown.items())
                print(f"{time.monotonic() - began:5.0f} s step {step + 1} of {stage.steps} {figures}", flush=True)


def _losses(model: TinyWhisper, batch: Batch) -> dict[str, Tensor]:
    """What is said, where the decoder looks while it says it, what sounds in each frame; and the share said right."""
    mel, tokens, targets, spans, phones = (
        torch.from_numpy(part) for part in (batch.mel, batch.tokens, batch.targets, batch.spans, batch.phones)
    )
    memory, mask, frames = model.encode(mel)
    logits, attention = model.decode(tokens, memory, mask)
    text = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)
    first, last = spans[..., :1].floor(), spans[..., 1:].ceil()
    position = torch.arange(memory.shape[1])[None, None].float()
    inside = ((position >= first) & (position < torch.maximum(last, first + 1)) & (position < frames)).float()
    count = inside.sum(-1)
    guided = (count > 0)[:, None]
    looks = attention[:, :GUIDED_HEADS].masked_fill((inside == 0)[:, None], 0).sum(-1) / count.clamp(min=1)[:, None]
    looking = -(looks * guided).sum() / guided.sum().clamp(min=1) / GUIDED_HEADS
    sounding = F.cross_entropy(model.phones(memory[:, :frames]).flatten(0, 1), phones.flatten(), ignore_index=-1)
    said = targets >= 0
    right = (logits.argmax(-1)[said] == targets[said]).float().mean()
    return {"text": text, "attention": looking, "phones": sounding, "right": right}


def _batches(stage: Stage, windows: Windows, tokens: Tokens, seed: int) -> Iterator[Batch]:
    """``stage.steps`` batches, each of windows of about one length."""
    rng = random.Random(seed)
    end = tokens.id("<|endoftext|>")
    pool: list[list[Window]] = []
    for step in range(stage.steps):
        early = stage.short_first and step < 0.4 * stage.steps
        if not pool:
            kinds: dict[Kind, float] = {"one": 0.9, "noise": 0.1} if early else stage.kinds
            drawn = [
                windows.draw(kind, stage.longest, most=stage.most, silence=0.5 if early else 2.0)
                for kind in rng.choices(list(kinds), list(kinds.values()), k=stage.batch * _BATCHES_AT_ONCE)
            ]
            drawn.sort(key=lambda window: window.mel.shape[1])
            pool = [drawn[at : at + stage.batch] for at in range(0, len(drawn), stage.batch)]
            rng.shuffle(pool)
            if not early and rng.random() < 0.2:
                pool.append([windows.draw("late", 2600) for _ in range(3)])
        yield collate(pool.pop(), end)


@contextmanager
def _ahead(batches: Iterator[Batch]) -> Iterator[Iterator[Batch]]:
    """The same batches, made in a thread beside the training."""
    ready: queue.Queue[Batch | None] = queue.Queue(6)
    stop = threading.Event()

    def make() -> None:
        for batch in batches:
            ready.put(batch)
            if stop.is_set():
                return
        ready.put(None)

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        yield iter(ready.get, None)
    finally:
        stop.set()


if __name__ == "__main__":
    main()
