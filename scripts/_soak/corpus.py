"""What is heard over the assistant in the soaks: users, murmurs, noises and stop words, in two halves.

On the half ``choose`` constants may be chosen; only ``report`` is published. Nobody's voice and no recording is in
both, and the weights of `assistant.conversation.weights` were trained on nothing that is in ``report``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from assistant.ports import CAPTURE_RATE, Samples
from providers.silero import voice_activity
from scripts._soak import sounds
from scripts._soak.echo import decode, readings, spoken_part, trimmed, users

Half = Literal["choose", "report", "all"]
HALVES: tuple[Half, ...] = get_args(Half)
Kind = Literal["barge-in", "murmur", "noise", "stop"]
MORE_VOICES = (
    ("en-gb+m1", 40), ("en-gb+f2", 55), ("en-us+f1", 45), ("en-us+m7", 40), ("en-gb-scotland+m5", 50),
    ("en-029+m4", 45), ("en-us+m2", 30), ("en-gb-x-rp+f4", 60),
)  # fmt: skip
"""Besides those of `sounds.VOICES`, every second of which the trainer of the weights has not heard."""
SLOWLY = 0.7
"""Of espeak's speed: an "okay" of half a second and more, as people say it who listen."""
TESTS_VOICES = Path(__file__).resolve().parents[2] / "tests" / "data" / "speech"
_MODELLED = {"choose": 77, "report": 1077}
"""Seeds of what is modelled."""


@dataclass(frozen=True)
class Sound:
    """Something that is heard over the assistant."""

    kind: Kind
    source: str
    """"real" or "synthetic", and of what."""
    samples: Samples
    text: str | None = None
    """None: nobody knows, and the recogniser hears no words."""
    level: float = 0.0
    """dB over the echo's."""


def wanted(half: Half, held_out: bool) -> bool:
    return half == "all" or held_out is (half == "report")


def voices(half: Half) -> list[tuple[str, int]]:
    both = (*sounds.VOICES, *MORE_VOICES)
    return [voice for number, voice in enumerate(both) if wanted(half, number % 2 == 1)]


def _seeds(half: Half) -> list[int]:
    return [seed for name, seed in _MODELLED.items() if half in ("all", name)]


async def synthetic_murmurs(half: Half = "all", hums: int = 6) -> list[Sound]:
    """``hums``: how many are modelled for each half."""
    found = [Sound("murmur", "modelled hum", hum, "mm-hm") for seed in _seeds(half) for hum in sounds.hums(seed, hums)]
    for voice, pitch in voices(half):
        for text, written in (("mm-hm", sounds.HUM), ("right", "right"), ("okay", "okay")):
            for speed, slowly in ((1.0, ""), (SLOWLY, " slowly")):
                clip = await sounds.spoken(voice, pitch, written, speed)
                found.append(Sound("murmur", f'synthetic "{text}"{slowly}', clip, text))
    return found


async def synthetic_stops(half: Half = "all") -> list[Sound]:
    return [
        Sound("stop", f'synthetic "{text}"', await sounds.spoken(voice, pitch, text), text)
        for voice, pitch in voices(half)
        for text in ("stop", "be quiet")
    ]


def modelled_noises(half: Half, count: int = 24) -> list[Sound]:
    """``count`` for each half."""
    return [Sound("noise", "modelled bursts", one) for seed in _seeds(half) for one in sounds.bursts(seed + 22, count)]


def meeting_turns(folder: Path, half: Half) -> list[Sound]:
    """Of every second meeting."""
    return [
        Sound("murmur", "real meeting turns", turn)
        for number, turns in enumerate(sounds.listening_turns(folder))
        for turn in turns
        if wanted(half, number % 2 == 1)
    ]


def short_noises(folder: Path, half: Half = "all") -> list[Sound]:
    """Every real one under a second."""
    return [
        Sound("noise", "real", trimmed(sound))
        for number, (_, sound) in enumerate(sorted(sounds.noises(folder).items()))
        if len(sound) < CAPTURE_RATE and wanted(half, number % 2 == 1)
    ]


def assistants(folder: Path, half: Half) -> list[Samples]:
    """What is read: every second piece of seven seconds."""
    return [piece for number, piece in enumerate(readings(folder)) if wanted(half, number % 2 == 1)]


async def barge_ins(folder: Path, half: Half) -> list[Samples]:
    """What users say, by speaker: those that the trainer of the weights held out are for ``report``, and of the many
    without a name, all of whom it held out, every second."""
    held = sounds.held_out(folder)
    found, nameless = [], 0
    for path, speaker in users(folder):
        reported = held.get(path, False)
        if speaker == NAMELESS:
            nameless, reported = nameless + 1, nameless % 2 == 1
        if wanted(half, reported):
            found.append(trimmed(decode(folder / path)))
    return await heard_alone(found)


async def heard_alone(clips: Sequence[Samples]) -> list[Samples]:
    """From where each begins to the ear of the conversation."""
    async with voice_activity({}) as vad:
        parts = [spoken_part(clip, vad) for clip in clips]
    return [part for part in parts if part is not None and len(part) > 0.4 * CAPTURE_RATE]


NAMELESS = ">50 unnamed"
