"""Did anybody say this? A recogniser that writes whatever is likely also writes something for noise and silence.

Three witnesses are heard: the voice activity detector (was there a voice, for how long, how surely, did it stand out of
the noise), the recogniser itself (how sure it is, and whether it thinks that there was speech at all), and the text
(loops, more than anybody can say in that time, sentences that such recognisers are known to invent). A clear voice is
believed whatever the others say, with the exceptions below; a doubtful one needs a second witness.

The constants of the voice were chosen on half of the clips of `docs/measurements.md`, "Words nobody said", and are
reported there on the other half.
"""

from __future__ import annotations

import math
import re
import unicodedata
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from assistant.conversation.events import IgnoreReason, Sureness, Transcript
from assistant.conversation.inventions import COURTESIES, CREDITS, FAREWELLS

__all__ = ["LEAST", "VOICED", "Track", "Voice", "Why", "ignored", "invented", "misheard"]

Why = Literal["no voice", "no speech", "loop", "too fast", "no words", "known"]
"""``no voice``: says the voice activity detector; ``no speech``: says the recogniser. ``known``: the text is one of
`inventions`."""

# --- the recogniser's doubts (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022, 4.5)
NO_SPEECH = 0.6
UNSURE = -1.0
"""Mean log probability of a token."""
REPETITIVE = 2.4
"""Length of the text over its length compressed: above, the decoder is caught in a loop."""

# --- the voice
VOICED = 0.5
"""The probability from which a frame counts as voice (silero-vad's own threshold)."""
CERTAIN = 0.9
LEAST = 0.19
"""Seconds of voice without which nothing was said: six frames. The shortest recorded letter, an "m", has eight."""
CLEAR = 0.16
"""Seconds of certain voice, at least, of a clear one ..."""
CLEAR_SHARE = 0.5
"""... and this share of all its voice."""
PLENTY = 1.0
"""Seconds of certain voice that make it clear whatever its share."""
STEADY = 2.5
"""dB by which the level of a voice varies, at least (standard deviation), for a mouth that says words opens and closes;
or else ..."""
PURE = 0.85
"""... it is not as periodic as this, for there is noise in it. What is steady and pure is a tone: of a machine, of a
whale. The steadiest clear word has 4 dB, in noise at 10 dB 3; what is steadier than STEADY, in louder noise or
overdriven, is periodic to 0.76."""
LONG_ENOUGH = 0.28
"""Seconds of voice of a doubtful one that can be believed at all."""
STANDS_OUT = 4.0
"""dB over the sound around it from which a doubtful voice may be one in noise."""
RATHER_SURE = -0.7
"""Mean log probability of a token from which the recogniser vouches for a voice that stands out ..."""
VERY_SURE = -0.1
"""... and for one that does not."""
SILENT = -80.0
"""dBFS under which there is no sound to stand out of: what pads a file, or a gate lets through."""

# --- the text
FASTEST = 40.0
"""Letters a second: twice what a fast speaker says (400 words a minute)."""
SLACK = 0.25
"""Seconds of soft sounds at both ends that no voice activity detector hears."""
ROUNDS = 4
"""Times in a row that some words are said in a loop; a lone word twice as often."""

_ASIDE = re.compile(r"\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|<[^>]*>|【[^】]*】")
"""What describes a sound: "[Music]", "(applause)", "*sighs*", "[BLANK_AUDIO]"."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What a voice activity detector made of an utterance."""

    seconds: float
    """In which it heard a voice."""
    certain: float
    """In which it was certain."""
    contrast: float
    """dB by which they are louder than the sound around them."""
    swing: float = math.inf
    """dB by which its level varies: the standard deviation over its frames."""
    voicing: float = 0.0
    """How periodic it is, 0 to 1: the mean over its frames."""

    @property
    def tone(self) -> bool:
        return self.swing < STEADY and self.voicing >= PURE

    @property
    def clear(self) -> bool:
        """It is one, whatever else is known."""
        if self.tone:
            return False
        return self.certain >= PLENTY or (self.certain >= CLEAR and self.certain >= CLEAR_SHARE * self.seconds)


class Track:
    """One utterance's speech probabilities and levels, frame by frame."""

    def __init__(self, voiced: float = VOICED) -> None:
        self._limit = voiced
        self.seconds = 0.0
        """Of voice so far."""
        self._certain = 0.0
        self._voicing = 0.0
        self._voiced: list[float] = []
        self._rest: list[float] = []

    def push(self, seconds: float, probability: float, level: float, voicing: float = 0.0) -> None:
        """Take the next frame: its length, its probability of speech, its level in dBFS, and how periodic it is, 0 to 1
        (which matters in a voiced one alone)."""
        if probability < self._limit:
            if level > SILENT:
                self._rest.append(level)
            return
        self._voiced.append(level)
        self._voicing += voicing
        self.seconds += seconds
        if probability >= CERTAIN:
            self._certain += seconds

    @property
    def voice(self) -> Voice:
        contrast = _loud(self._voiced) - _loud(self._rest) if self._voiced and self._rest else 0.0
        voicing = self._voicing / max(1, len(self._voiced))
        return Voice(self.seconds, self._certain, contrast, _swing(self._voiced), voicing)


def invented(text: str, *, voice: Voice | None = None, sureness: Sureness | None = None) -> Why | None:
    """Why nobody said ``text``, the whole transcript of an utterance; None: it is believed.

    ``voice``, ``sureness``: None where nobody can tell.
    """
    said = _key(_ASIDE.sub(" ", text))
    if not said:
        return "no words" if text.strip() else None
    if voice is not None and voice.seconds < LEAST:
        return "no voice"
    if (why := misheard(text, sureness)) is not None:
        return why
    if voice is not None and _letters(said) > FASTEST * (voice.seconds + SLACK):
        return "too fast"
    if voice is not None and not voice.clear and not _vouched(voice, sureness):
        return "no voice"
    return "known" if _known(said, voice, sureness) else None


def misheard(text: str, sureness: Sureness | None) -> Why | None:
    """The same by the text and the recogniser alone; ``text`` may be a part of the transcript."""
    if sureness is not None and _above(sureness.no_speech, NO_SPEECH) and _below(sureness.log_probability, UNSURE):
        return "no speech"
    coded = text.strip().encode()
    if coded and len(coded) / len(zlib.compress(coded)) > REPETITIVE:
        return "loop"
    return "loop" if _loops(_key(text).split()) else None


def ignored(transcript: Transcript | None, reason: IgnoreReason = "empty") -> dict[str, object]:
    """What `user.ignored` tells of an utterance that is not answered for ``reason``, or for what was made up in it."""
    if transcript is None:
        return {"reason": reason, "text": ""}
    made_up = transcript.invention
    if made_up is None:
        return {"reason": reason, "text": transcript.text.strip()}
    if reason == "empty":
        reason = "invented" if made_up.text else "noise"
    return {"reason": reason, "text": made_up.text, "why": made_up.why}


def _vouched(voice: Voice, sureness: Sureness | None) -> bool:
    """A doubtful voice, and somebody else who heard words."""
    if voice.seconds < LONG_ENOUGH:
        return False
    sure = None if sureness is None else sureness.log_probability
    if sure is not None and sure >= VERY_SURE:
        return True
    return not voice.tone and voice.contrast >= STANDS_OUT and (sure is None or sure >= RATHER_SURE)


def _known(said: str, voice: Voice | None, sureness: Sureness | None) -> bool:
    once = _once(said.replace(" ", ""))
    if once in _CREDITS:
        return True
    sure = None if sureness is None else sureness.log_probability
    clear = voice is not None and voice.clear
    if once in _FAREWELLS:
        return not (clear and sure is not None and sure >= RATHER_SURE)
    if once in _COURTESIES:
        doubted = sureness is not None and (_above(sureness.no_speech, NO_SPEECH) or _below(sure, UNSURE))
        return doubted and not clear
    return False


def _above(value: float | None, limit: float) -> bool:
    return value is not None and value > limit


def _below(value: float | None, limit: float) -> bool:
    return value is not None and value < limit


def _loud(levels: list[float]) -> float:
    """What the louder quarter of them reaches."""
    return sorted(levels)[math.ceil(0.75 * len(levels)) - 1]


def _swing(levels: list[float]) -> float:
    """Their standard deviation."""
    if not levels:
        return 0.0
    mean = math.fsum(levels) / len(levels)
    return math.sqrt(math.fsum((level - mean) ** 2 for level in levels) / len(levels))


def _key(text: str) -> str:
    """Its words without case, punctuation and figures."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("ı", "i")  # a Turkish capital I is either
    return " ".join("".join(c if unicodedata.category(c)[0] in "LM" else " " for c in plain).split()) or _figures(plain)


def _figures(text: str) -> str:
    """For a text that has nothing else."""
    return " ".join("".join(c if c.isalnum() else " " for c in text).split())


def _letters(said: str) -> int:
    return sum(not c.isspace() for c in said)


def _loops(words: list[str]) -> bool:
    """The same words over and over make up most of it."""
    for size in range(1, len(words) // ROUNDS + 1):
        rounds = 2 * ROUNDS if size == 1 else ROUNDS
        same = 0
        for at in range(size, len(words)):
            same = same + 1 if words[at] == words[at - size] else 0
            if same + size >= rounds * size and 2 * (same + size) > len(words):
                return True
    return False


def _once(said: str) -> str:
    """What is said over and over, once."""
    at = (said + said).find(said, 1)
    return said[:at]


def _keys(phrases: Mapping[str, Iterable[str]]) -> frozenset[str]:
    return frozenset(_once(_key(phrase).replace(" ", "")) for some in phrases.values() for phrase in some)


_CREDITS, _FAREWELLS, _COURTESIES = _keys(CREDITS), _keys(FAREWELLS), _keys(COURTESIES)
