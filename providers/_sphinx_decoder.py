"""PocketSphinx on whole recordings: bound to a grammar, or to no more than phones.

Each recording is decoded whole, with the mean of its own cepstra (`cmn = batch`). A running mean, as live decoding has
it, is that of other voices at other levels: it understood 79 of 100 requests where the recording's own understood 95.
That is affordable because the grammar is small: a second of sound takes about 70 ms.

Imported by the worker's processes, so it imports nothing but PocketSphinx.
"""

from __future__ import annotations

import math
import random
import sys
from array import array
from collections.abc import Sequence
from functools import cache
from itertools import cycle
from operator import add
from typing import Any

from pocketsphinx import Decoder, get_model_path

from providers._sphinx_score import FILLERS, Segment

FRAME_RATE = 100
"""Feature frames a second."""
_BOTH = {
    "lm": None,
    "dict": None,
    "loglevel": "FATAL",
    "cmn": "batch",
    "bestpath": False,  # rescoring the lattice understands fewer requests (90 of 100 for 95) and takes as long again
    "compallsen": True,  # scores are relative to the best of all senones, so that the two decoders' compare
}
DITHER = 28
"""The most, in steps of 16 bits, of the noise that is added to requests: 16 root mean square, 66 dB below full scale.

The model has learnt from microphones, which are never quite silent. In the zeros that come out of files and programs,
and in a noise of one or two steps, it understood 1 of 15 requests of espeak-ng's; PocketSphinx's own ``dither`` adds
half a step and mends nothing. In a room's noise this is not noticed.
The spotter of stop words goes without: its weights were chosen so.
"""
BELOW = 585
"""So many times below the sound's peak it stays, or one step: a quiet microphone's speech would drown in more."""
_WORDS = {"beam": 1e-60, "pbeam": 1e-60, "wbeam": 1e-40, "silprob": 0.05, "wip": 0.05}
_PHONES = {"topn": 2, "lw": 2.0, "pip": 0.5}

# fmt: off
_ALSO = {
    "afternoon": ("AA F T AH N UW N",), "alarm": ("AH L AA M",), "alarms": ("AH L AA M Z",),
    "another": ("AH N AH DH AH",), "ask": ("AA S K",), "centimeters": ("S EH N T IH M IY T AH Z",),
    "faster": ("F AE S T AH", "F AA S T ER", "F AA S T AH"), "forty": ("F AO T IY",), "four": ("F AO",),
    "fourteen": ("F AO T IY N",), "half": ("HH AA F",),
    "hour": ("AW AH",), "hours": ("AW AH Z",),
    "kilometer": ("K IH L OW M IY T AH",), "kilometers": ("K IH L OW M IY T AH Z",),
    "later": ("L EY T AH",), "laugh": ("L AA F",), "liter": ("L IY T AH",), "liters": ("L IY T AH Z",),
    "louder": ("L AW D AH",), "meters": ("M IY T AH Z",), "milliliters": ("M IH L IY L IY T AH Z",),
    "millimeters": ("M IH L IY M IY T AH Z",), "morning": ("M AO N IH NG",), "never": ("N EH V AH",),
    "normal": ("N AO M AH L",), "o'clock": ("AH K L AO K",), "parley": ("P AA L IY",), "past": ("P AA S T",),
    "percent": ("P AH S EH N T",), "quarter": ("K W AO T AH",), "quieter": ("K W AY AH T AH",), "short": ("SH AO T",),
    "slower": ("S L OW AH",), "square": ("S K W EH",), "start": ("S T AA T",), "stop": ("S T AO P",),
    "there": ("DH EH",), "thirteen": ("TH AH T IY N",), "thirty": ("TH AH T IY",), "timer": ("T AY M AH",),
    "timers": ("T AY M AH Z",), "what": ("W AO T",), "what's": ("W AO T S",), "your": ("Y AO",),
}
"""Words as the British say them; the model's dictionary is American."""
# fmt: on


class Words:
    """Bound to a grammar. Loaded in some 60 ms. Not to be shared between threads."""

    def __init__(self, jsgf: str, vocabulary: Sequence[str]) -> None:
        self._phones = {name: tuple(phones.split()) for name, phones in pronunciations(vocabulary).items()}
        self._decoder = Decoder(**_BOTH, **_WORDS)
        for name, phones in self._phones.items():
            self._decoder.add_word(name, " ".join(phones), False)
        self._decoder.add_jsgf_string("grammar", jsgf)
        self._decoder.activate_search("grammar")

    def decode(self, pcm: bytes) -> list[Segment]:
        """The words and silences of ``pcm`` (mono, 16 bit, little endian, 16 kHz); [] where no request fits it."""
        return _decoded(self._decoder, pcm, self._phones)


class Phones:
    """Bound to nothing but which phones follow which in English."""

    def __init__(self) -> None:
        self._decoder = Decoder(**_BOTH, **_PHONES, allphone=get_model_path("en-us/en-us-phone.lm.bin"))

    def decode(self, pcm: bytes) -> list[Segment]:
        """The phones of ``pcm``."""
        return _decoded(self._decoder, pcm, {})


def dithered(pcm: bytes) -> bytes:
    """``pcm`` (as `Words.decode` takes it) with a little noise. The same sound gives the same, in either decoder."""
    sound = array("h", pcm)
    if sys.byteorder == "big":
        sound.byteswap()
    peak = max(max(sound, default=0), -min(sound, default=0))
    noise = _noise(min(DITHER, max(1, peak // BELOW)))
    try:
        noisy = array("h", map(add, sound, cycle(noise)))
    except OverflowError:  # as loud as 16 bits can be
        noisy = array(
            "h", (max(-32768, min(32767, one + more)) for one, more in zip(sound, cycle(noise), strict=False))
        )
    if sys.byteorder == "big":
        noisy.byteswap()
    return noisy.tobytes()


@cache
def _noise(most: int) -> array[int]:
    """A second of it; after that it begins anew."""
    return array("b", random.Random(0).choices(range(-most, most + 1), k=16_000))


def _decoded(decoder: Any, pcm: bytes, phones: dict[str, tuple[str, ...]]) -> list[Segment]:
    decoder.start_utt()
    decoder.process_raw(pcm, False, True)
    decoder.end_utt()
    if decoder.hyp() is None:
        return []
    return [
        Segment(
            segment.word.partition("(")[0] if segment.word in phones else segment.word,
            max(0, segment.start_frame),
            segment.end_frame,
            _log(segment.ascore),
            _log(segment.lscore),
            () if segment.word.startswith(FILLERS) else phones.get(segment.word, ()),
        )
        for segment in decoder.seg()
        if segment.end_frame >= max(0, segment.start_frame)
    ]


def _log(likelihood: float) -> float:
    return math.log(max(likelihood, 1e-300)) * 1000


def unknown(vocabulary: Sequence[str]) -> list[str]:
    """The words of it that the model's dictionary does not have."""
    return sorted(frozenset(vocabulary) - _in_dictionary(vocabulary).keys())


def pronunciations(vocabulary: Sequence[str]) -> dict[str, str]:
    """The words' phones in the model's dictionary, "word(2)" and so on for a word's others, and how the British say it.

    Only these are loaded: the whole dictionary would take 80 ms. Raises ValueError for a word that is not in it.
    """
    found = _in_dictionary(vocabulary)
    if missing := frozenset(vocabulary) - found.keys():
        raise ValueError(f"no pronunciation is known of {', '.join(sorted(missing))}")
    return {
        word if not number else f"{word}({number + 1})": phones
        for word, spoken in found.items()
        for number, phones in enumerate(dict.fromkeys((*spoken, *_ALSO.get(word, ()))))
    }


def _in_dictionary(vocabulary: Sequence[str]) -> dict[str, list[str]]:
    """The words' phones, one after the other as they stand there."""
    wanted = frozenset(vocabulary)
    found: dict[str, list[str]] = {}
    with open(get_model_path("en-us/cmudict-en-us.dict"), encoding="utf-8") as file:
        for line in file:
            name, _, phones = line.partition(" ")
            word = name.partition("(")[0]
            if word in wanted:
                found.setdefault(word, []).append(phones.strip())
    return found
