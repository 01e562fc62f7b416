"""Finds the weights in providers/_sphinx_score.py anew, with the tuning voices. Run: .venv/bin/python
scripts/_eval_offline_fit.py; it prints what the weights would accept, by folds that share no sentence, and the weights.

Beside what `eval_offline` draws there are sentences glued together from parts of two requests.
"""

from __future__ import annotations

import json
import random
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _eval_offline import SHARED, meaning
from _eval_offline_corpus import TUNING, Said, placed, recordings, render, requests, sentences

from providers import _sphinx_grammar
from providers._sphinx_decoder import Phones, Words, dithered
from providers._sphinx_score import features
from providers._sphinx_utterance import Utterance
from providers.offline import grammar
from providers.offline.model import SKILLS

ACCEPTED = 0.89
"""Of the tuning voices' requests: where the threshold is put."""
RIDGE = 0.1

_decoders: list[object] = []


def glued(count: int, seed: int) -> Iterator[Said]:
    """The beginning of one request with the end of another, where no skill understands that."""
    chance = random.Random(seed)
    told = [skill.grammar for skill in SKILLS if skill.grammar]
    while count:
        begun, ended = (grammar.sentence(chance.choice(told), chance).split() for _ in range(2))
        text = " ".join(begun[: chance.randint(1, len(begun))][-4:] + ended[chance.randint(0, len(ended) - 1) :][:4])
        found = meaning(text)
        if found is not None and found.sentences[0].startswith(("I cannot help", "I do not know")):
            voice = chance.choice(TUNING)
            yield Said("glued", text, voice.name, placed(render(voice, text), chance))
            count -= 1


def measured(said: Said) -> tuple[str, dict[str, float] | None]:
    """In a process of its own: the words, and the features, as the worker would have them."""
    if not _decoders:
        told = json.loads(_sphinx_grammar.message())
        _decoders.extend((Words(told["jsgf"], told["vocabulary"]), Phones()))
    words, phones = _decoders
    utterance = Utterance()
    for start in range(0, len(said.sound) - 511, 512):
        frame = said.sound[start : start + 512]
        utterance.push((frame * 32767).astype("<i2").tobytes(), float(np.sqrt(np.mean(frame**2))))
    pcm, _ = utterance.sound()
    pcm = dithered(pcm)
    path = words.decode(pcm)  # type: ignore[attr-defined]
    text = " ".join(segment.name for segment in path if segment.phones)
    return text, features(path, phones.decode(pcm))  # type: ignore[attr-defined]


def solved(rows: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Logistic regression by Newton's method."""
    weights = np.zeros(rows.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (p - right) + RIDGE * weights
        weights -= np.linalg.solve((rows.T * (p * (1 - p))) @ rows + RIDGE * np.eye(len(weights)), slope)
    return weights


def main() -> None:
    corpus = [*requests(TUNING, 440, 1)]
    for seed in (2, 3, 4):
        corpus += sentences(TUNING, 0, seed)
    corpus += [*recordings(SHARED, 0, 4, 120)] if (SHARED / "INDEX.tsv").exists() else []
    corpus += glued(100, 7)
    with ProcessPoolExecutor() as pool:
        results = list(pool.map(measured, corpus, chunksize=8))
    asked = sum(said.kind == "request" for said in corpus)
    right = [said.kind == "request" and text != "" and meaning(text) == meaning(said.text)
             for said, (text, _) in zip(corpus, results, strict=True)]  # fmt: skip
    print(f"heard right before anything is rejected: {sum(right) / asked:.1%} of {asked}")
    kept = [(said, found, ok) for said, (_, found), ok in zip(corpus, results, right, strict=True) if found]
    names = list(kept[0][1])
    table = np.array([[found[name] for name in names] for _, found, _ in kept])
    truth = np.array([ok for _, _, ok in kept], float)
    mean, spread = table.mean(axis=0), table.std(axis=0) + 1e-9
    rows = np.c_[(table - mean) / spread, np.ones(len(table))]
    folds = np.array([zlib.crc32((said.text or str(at)).encode()) % 10 for at, (said, _, _) in enumerate(kept)])
    guessed = np.zeros(len(rows))
    for fold in range(10):
        guessed[folds == fold] = rows[folds == fold] @ solved(rows[folds != fold], truth[folds != fold])
    ranked = np.sort(guessed[truth == 1])[::-1]
    kinds = np.array([said.kind for said, _, _ in kept])
    for share in (0.92, 0.9, 0.88, 0.86, 0.84):
        least = ranked[min(len(ranked) - 1, int(share * asked) - 1)]
        wrong = {kind: int(np.sum((guessed >= least) & (truth == 0) & (kinds == kind))) for kind in sorted(set(kinds))}
        print(f"  accepted {share:.0%} at {least:+.2f}: wrong {wrong}")
    weights = solved(rows, truth)
    least = ranked[int(ACCEPTED * asked) - 1]
    slopes = weights[:-1] / spread
    print("BIAS =", round(float(weights[-1] - mean @ slopes - least), 4))
    print("WEIGHTS = {")
    for name, slope in zip(names, slopes, strict=True):
        print(f'    "{name}": {slope:.5g},')
    print("}")


if __name__ == "__main__":
    main()
