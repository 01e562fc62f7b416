"""Renderings -> the windows that the model is trained on: utterances, silence, noise, and what to say of them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from features import FLOOR, NOISE_KINDS, STEADY_NOISES, Mel, normalised
from numpy.typing import NDArray
from phrases import TRANSLATION
from tokens import Tokens

Kind = Literal["one", "many", "late", "noise"]
_FRAMES = 50
"""Encoder frames a second; a mel column is half of one."""
_FIRST_TIMESTAMP = 50
"""Encoder frames: faster-whisper allows no first timestamp after 1 s."""
_GRID = 5
"""Encoder frames: timestamps are learned in steps of 0.1 s."""
_PUNCTUATION = ".?!,"

_ESPEAK_PHONES = {
    "I": "ih", "@": "ax", "E": "eh", "aI": "ay", "a": "ae", "i": "iy", "i:": "iy", "V": "ah", "O@": "ao",
    "u:": "uw", "o": "ow", "eI": "ey", "oU": "ow", "3:": "er", "O": "ao", "aU": "aw", "U": "uh", "A@": "aa",
    "O:": "ao", "A:": "aa", "Q": "aa", "D": "dh", "T": "th", "S": "sh", "N": "ng", "h": "hh", "j": "y", "tS": "ch",
    "dZ": "jh", "Z": "zh", "e": "eh", "u": "uw", "r-": "r", "t2": "t",
}  # fmt: skip
"""espeak-ng's mnemonics -> flite's names, where they mean the same sound."""


@dataclass
class Utterance:
    """A rendering, made ready for training."""

    text: str
    language: str
    log_power: NDArray[np.float16]
    words: list[tuple[float, float]] | None
    phones: list[tuple[float, float, int]]


@dataclass
class Window:
    mel: Mel
    tokens: list[int] = field(default_factory=list)
    """What the decoder is given."""
    targets: list[int] = field(default_factory=list)
    """What it must say after each of them; -1: anything."""
    spans: list[tuple[float, float] | None] = field(default_factory=list)
    """The encoder frames in which each target sounds."""
    phones: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """What sounds in each encoder frame."""

    def add(self, token: int, span: tuple[float, float] | None = None, *, predicted: bool = True) -> None:
        if self.tokens:
            self.targets.append(token if predicted else -1)
            self.spans.append(span)
        self.tokens.append(token)


@dataclass(frozen=True)
class _Placed:
    utterance: Utterance
    start: int
    """Mel column."""
    end: int
    stretch: float
    """Columns of the rendering over columns here."""


class PhoneNames:
    """Phone names -> numbers; 0 is silence."""

    def __init__(self) -> None:
        self._numbers = {"pau": 0}

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, name: str, engine: str) -> int:
        if engine == "espeak":
            name = _ESPEAK_PHONES.get(name, name)
        if name in ("", "**", ";"):
            name = "?"
        return self._numbers.setdefault(name, len(self._numbers))


class Windows:
    """Draws windows at random. The seed decides everything."""

    def __init__(
        self, utterances: list[Utterance], noises: list[NDArray[np.float16]], tokens: Tokens, *, babble: bool, seed: int
    ) -> None:
        """With ``babble``, noise without timestamps is answered by random words, so that their probability is low."""
        self._rng = random.Random(seed)
        self._numbers = np.random.default_rng(seed)
        self._tokens = tokens
        self._babble = babble
        self._utterances = utterances
        self._by_language: dict[str, list[Utterance]] = {}
        for utterance in utterances:
            self._by_language.setdefault(utterance.language, []).append(utterance)
        self._noises = [noise.astype(np.float32) for noise in noises]
        self._words = sorted(
            {
                token
                for utterance in self._by_language["en"]
                for word in tokens.words(utterance.text)
                for token in word
                if not self._is_punctuation(token)
            }
        )

    def draw(self, kind: Kind, longest: int, *, most: int = 3, silence: float = 2.0) -> Window:
        """At most ``longest`` mel columns with up to ``most`` utterances and about ``silence`` seconds around them."""
        mel, placed = self._compose(kind, longest, most, silence)
        language = placed[0].utterance.language if placed else self._rng.choice(["en", "en", "en", "de", "fr", "es"])
        translate = self._rng.random() < (0.1 if not placed else 0.25 if language != "en" else 0)
        timestamps = self._rng.random() < 0.5
        window = Window(mel)
        self._prompt(window, language, translate, timestamps, speech=bool(placed))
        frames = max(1, (mel.shape[1] + 1) // 2)
        window.phones = np.zeros(frames, np.int64)
        if not placed:
            self._nothing(window, timestamps)
        for index, item in enumerate(placed):
            self._say(window, item, first=index == 0, translate=translate, timestamps=timestamps)
        last = placed[-1] if placed and placed[-1].utterance.words is not None else None
        window.add(self._tokens.id("<|endoftext|>"), last and (last.end / 2 + 1, last.end / 2 + 5))
        window.tokens.pop()  # the last one is only a target
        return window

    # --- what is to be said ---

    def _prompt(self, window: Window, language: str, translate: bool, timestamps: bool, *, speech: bool) -> None:
        token = self._tokens.id
        if self._rng.random() < 0.15:  # a previous text, as faster-whisper gives it
            window.add(token("<|startofprev|>"), predicted=False)
            for _ in range(self._rng.randint(1, 5)):
                for word in self._tokens.words(self._rng.choice(self._utterances).text):
                    for part in word:
                        window.add(part, predicted=False)
        window.add(token("<|startoftranscript|>"), predicted=False)
        window.add(token(f"<|{language}|>"))
        if not speech:
            window.targets[-1] = token("<|nospeech|>")
        window.add(token("<|translate|>" if translate else "<|transcribe|>"), predicted=False)
        if not timestamps:
            window.add(token("<|notimestamps|>"), predicted=False)

    def _nothing(self, window: Window, timestamps: bool) -> None:
        if timestamps:
            window.add(self._tokens.timestamp)
        elif self._babble:
            for _ in range(self._rng.randint(1, 4)):
                window.add(self._rng.choice(self._words))

    def _say(self, window: Window, item: _Placed, *, first: bool, translate: bool, timestamps: bool) -> None:
        utterance, start, end = item.utterance, item.start / 2, item.end / 2
        if timestamps:
            stamp = min(start, _FIRST_TIMESTAMP) if first else start
            window.add(self._tokens.timestamp + _GRID * int(stamp // _GRID), (start - 2, start + 2))
        text = TRANSLATION[utterance.text] if translate else utterance.text
        for index, word in enumerate(self._tokens.words(text)):
            if translate or utterance.words is None:
                spans: list[tuple[float, float] | None] = [None] * len(word)
            else:
                since, until = (start + second * _FRAMES / item.stretch for second in utterance.words[index])
                spans = self._spans(word, since, until)
            for part, span in zip(word, spans, strict=True):
                window.add(part, span)
        for since, until, phone in utterance.phones:
            begin = int(start + since * _FRAMES / item.stretch)
            window.phones[begin : max(begin + 1, int(start + until * _FRAMES / item.stretch))] = phone
        if timestamps:
            window.add(self._tokens.timestamp + _GRID * math.ceil(end / _GRID), (end - 2, end + 2))

    def _spans(self, word: list[int], since: float, until: float) -> list[tuple[float, float] | None]:
        """The tokens of a word share its time by their letters; punctuation is at its end."""
        letters = [0 if self._is_punctuation(part) else len(self._tokens.text(part)) for part in word]
        shares = np.concatenate([[0], np.cumsum(letters)]) / max(1, sum(letters))
        return [
            (until - 1, until + 1)
            if not letters[index]
            else (since + (until - since) * shares[index], since + (until - since) * shares[index + 1])
            for index in range(len(word))
        ]

    def _is_punctuation(self, token: int) -> bool:
        return self._tokens.text(token) in _PUNCTUATION

    # --- what is heard ---

    def _compose(self, kind: Kind, longest: int, most: int, silence: float) -> tuple[Mel, list[_Placed]]:
        rng = self._rng
        placed: list[_Placed] = []
        parts: list[Mel] = []
        if kind == "noise":
            length = int(self._numbers.integers(30, min(longest, 600)))
        else:
            language = "en" if rng.random() < 0.85 else rng.choice(["de", "fr", "es"])
            if kind == "late":
                at = int(self._numbers.integers(100, longest - 500))
            else:
                at = int(100 * rng.choice([0, 0, rng.uniform(0, 0.5), rng.uniform(0, silence)]))
            for _ in range(rng.randint(2, most) if kind == "many" else 1):
                utterance = rng.choice(self._by_language[language])
                warp = rng.uniform(0.92, 1.1) if rng.random() < 0.6 else 1.0
                tempo = rng.uniform(0.9, 1.12) if rng.random() < 0.6 else 1.0
                part, stretch = _warped(utterance.log_power.astype(np.float32), warp, tempo)
                if placed and at + part.shape[1] > longest:
                    break
                decibels = rng.choice([0, rng.uniform(0, 12), rng.uniform(0, 30)])
                parts.append(part - decibels / 10)
                placed.append(_Placed(utterance, at, at + part.shape[1], stretch))
                at += part.shape[1] + int(self._numbers.integers(25, 160))
            after = rng.choice([0.02, rng.uniform(0, 0.5), rng.uniform(0, silence)])
            length = placed[-1].end + int(100 * after)
        mel = np.full((80, length), FLOOR, np.float32)
        for part, item in zip(parts, placed, strict=True):
            mel[:, item.start : item.end] += 10**part
        if placed:
            self._room(mel)
        if not placed or rng.random() < 0.5:
            self._add_noise(mel, speech=bool(placed))
        shown = normalised(mel)
        if placed and rng.random() < 0.2:
            self._mask(shown)
        return shown, placed

    def _room(self, mel: Mel) -> None:
        """An echo's tail, and another microphone."""
        rng = self._rng
        if rng.random() < 0.2:
            decay = 10 ** (-0.06 / rng.uniform(0.12, 0.5))
            amount = rng.uniform(0.03, 0.25) * rng.uniform(1, 5) * (1 - decay)
            tail = np.zeros(80, np.float32)
            for column in range(mel.shape[1]):
                sound = mel[:, column].copy()
                mel[:, column] += amount * tail
                tail = decay * tail + sound
        if rng.random() < 0.5:
            curve = np.cos(np.linspace(0, math.pi * rng.randint(1, 3), 80) + rng.uniform(0, 6))
            mel *= 10 ** (rng.uniform(-0.6, 0.6) * curve)[:, None].astype(np.float32)

    def _add_noise(self, mel: Mel, *, speech: bool) -> None:
        rng, reference = self._rng, mel.mean()
        for _ in range(1 if rng.random() < 0.8 else 2):
            index = int(self._numbers.integers(len(self._noises)))
            if speech and rng.random() < 0.5:
                index = index // NOISE_KINDS * NOISE_KINDS + rng.randrange(STEADY_NOISES)
            noise = self._noises[index % len(self._noises)]
            at = int(self._numbers.integers(noise.shape[1]))
            columns = np.take(noise, np.arange(at, at + mel.shape[1]), axis=1, mode="wrap")
            power = 10 ** (columns + rng.uniform(-0.2, 0.2))
            if speech:
                ratio = rng.choice([rng.uniform(6, 25), rng.uniform(15, 35), rng.uniform(20, 60)])
                mel += power * (reference / power.mean()) * 10 ** (-ratio / 10)
            elif rng.random() >= 0.15:
                mel += power * 10 ** (-rng.uniform(0, 70) / 10)

    def _mask(self, mel: Mel) -> None:
        band = int(self._numbers.integers(0, 72))
        mel[band : band + int(self._numbers.integers(2, 9))] = mel.mean()
        if self._rng.random() < 0.5:
            at = int(self._numbers.integers(0, mel.shape[1]))
            mel[:, at : at + int(self._numbers.integers(2, 7))] = mel.min()


def _warped(log_power: Mel, warp: float, tempo: float) -> tuple[Mel, float]:
    """Another size of vocal tract, another speed: linear interpolation along frequency and time."""
    columns = log_power.shape[1]
    wanted = max(8, round(columns / tempo))
    mel = _interpolated(log_power, np.linspace(0, columns - 1, wanted), axis=1)
    if warp != 1:
        mel = _interpolated(mel, np.clip(np.arange(80) * warp, 0, 79), axis=0)
    return mel, columns / wanted


def _interpolated(mel: Mel, positions: NDArray[np.float64], axis: int) -> Mel:
    before = positions.astype(int)
    after = np.minimum(before + 1, mel.shape[axis] - 1)
    share = (positions - before).astype(np.float32)
    share = share[None] if axis == 1 else share[:, None]
    return np.take(mel, before, axis) * (1 - share) + np.take(mel, after, axis) * share


@dataclass
class Batch:
    mel: NDArray[np.float32]
    """(batch, 80, 2 t)"""
    tokens: NDArray[np.int64]
    """(batch, n)"""
    targets: NDArray[np.int64]
    """(batch, n); -1: anything"""
    spans: NDArray[np.float32]
    """(batch, n, 2) encoder frames; negative: none"""
    phones: NDArray[np.int64]
    """(batch, t); -1: beyond the end"""


def collate(windows: list[Window], end_of_text: int) -> Batch:
    count = len(windows)
    columns = max(window.mel.shape[1] for window in windows)
    columns = min(3000, (columns // 2 + 3) * 2)
    length = max(len(window.tokens) for window in windows)
    batch = Batch(
        mel=np.zeros((count, 80, columns), np.float32),  # faster-whisper, too, pads with zeros, not with silence
        tokens=np.full((count, length), end_of_text),
        targets=np.full((count, length), -1),
        spans=np.full((count, length, 2), -1.0, np.float32),
        phones=np.full((count, columns // 2), -1),
    )
    for index, window in enumerate(windows):
        batch.mel[index, :, : window.mel.shape[1]] = window.mel
        batch.tokens[index, : len(window.tokens)] = window.tokens
        batch.targets[index, : len(window.targets)] = window.targets
        for place, span in enumerate(window.spans):
            if span is not None:
                batch.spans[index, place] = span
        phones = window.phones[: columns // 2]
        batch.phones[index, : len(phones)] = phones
    return batch
