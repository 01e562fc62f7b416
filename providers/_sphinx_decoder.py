"""PocketSphinx bound to a grammar: a recording in, words and how sure they are out.

Each recording is decoded whole, with the mean of its own cepstra (`cmn = batch`). A running mean, as live decoding has
it, is that of other voices at other levels: it understood 79 of 100 requests where the recording's own understood 95.
That is affordable because the grammar is small: a second of speech takes about 60 ms.

Imported by the worker's process, so it imports nothing but PocketSphinx.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pocketsphinx import Decoder, get_model_path

FRAME_RATE = 100
"""Feature frames a second."""
SETTINGS = {
    "cmn": "batch",
    "bestpath": False,  # rescoring the lattice understands fewer requests (90 of 100 for 95) and takes as long again
    "compallsen": True,  # scores are relative to the best of all senones, so that those of recordings compare
    "beam": 1e-60,
    "pbeam": 1e-60,
    "wbeam": 1e-40,
    "silprob": 0.05,
}
FILLERS = ("<", "[", "(", "+")
"""How the names of silence and noise begin."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A word of the best path."""

    text: str
    first: int
    """Its first and last feature frame."""
    last: int
    score: float
    """Log likelihood relative to the best senone of every frame, in thousandths of PocketSphinx's unit; 0 is the
    most."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the grammar makes of a recording."""

    words: tuple[Spoken, ...]
    frames: int

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


class Recogniser:
    """Loaded in some 60 ms. Not to be shared between threads."""

    def __init__(self, jsgf: str, vocabulary: Sequence[str]) -> None:
        self._decoder = Decoder(lm=None, dict=None, loglevel="FATAL", **SETTINGS)
        for word, phones in pronunciations(vocabulary).items():
            self._decoder.add_word(word, phones, False)
        self._decoder.add_jsgf_string("grammar", jsgf)
        self._decoder.activate_search("grammar")

    def decode(self, pcm: bytes) -> Found:
        """``pcm``: mono, 16 bit, little endian, 16 kHz."""
        decoder: Any = self._decoder
        decoder.start_utt()
        decoder.process_raw(pcm, False, True)
        decoder.end_utt()
        if decoder.hyp() is None:
            return Found((), decoder.n_frames())
        words = tuple(
            Spoken(segment.word.partition("(")[0], segment.start_frame, segment.end_frame, _log(segment.ascore))
            for segment in decoder.seg()
            if not segment.word.startswith(FILLERS)
        )
        return Found(words, decoder.n_frames())


def _log(likelihood: float) -> float:
    return math.log(max(likelihood, 1e-300)) * 1000


def pronunciations(vocabulary: Sequence[str]) -> dict[str, str]:
    """The words' phones in the model's dictionary, "word(2)" and so on for a word's others.

    Only these are loaded: the whole dictionary would take 80 ms. Raises ValueError for a word that is not in it.
    """
    wanted, found = frozenset(vocabulary), {}
    with open(get_model_path("en-us/cmudict-en-us.dict"), encoding="utf-8") as file:
        for line in file:
            name, _, phones = line.partition(" ")
            if name.partition("(")[0] in wanted:
                found[name] = phones.strip()
    if unknown := wanted - found.keys():
        raise ValueError(f"no pronunciation is known of {', '.join(sorted(unknown))}")
    return found
