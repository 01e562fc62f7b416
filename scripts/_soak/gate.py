"""What the gate costs the enrolled user, and what it keeps out: whole sessions on virtual time with real voices.

An assistant reads without end in a simulated room. Over it come, as loud as its echo, the enrolled voice (what it says
after the seconds that it was learned from), other people of the same and of the other sex, and a television (another
voice through a measured room, with music). Each is held once with the gate and once without. The time runs from the
first sample of the user to the moment at which the reply is cut off; the recogniser's words are 0.3 s behind speech.

    python -m scripts._soak.gate [DIR]        needs the package Resemblyzer (see scripts/eval_speakers)
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import numpy as np

from assistant.audio.room import impulse_response, room_response
from assistant.conversation.likeness import joined
from assistant.conversation.overlap import OverlapRules
from assistant.conversation.turn import TurnRules
from assistant.enrolment import embedded
from assistant.ports import CAPTURE_RATE, Embedding, Notice, Samples, SpeakerId
from assistant.voiceprints import Voiceprint
from assistant.whose import WAIT
from providers import silero, voiceprint
from scripts import _eval_speakers as people
from scripts._soak.corpus import TESTS_VOICES
from scripts._soak.echo import LEVEL, active, answers, decode, trimmed
from scripts._soak.overlap import Gate, Place, audible, hold
from scripts._soak.tallies import EVERY

BEGIN = 10.0
"""Seconds until the first: the canceller has learned the room."""
SECONDS = 3.0
"""Of each voice over the reply."""
EACH = 2
"""Of each kind over each enrolled voice's assistant, at most."""
ANSWER = 0.02
"""Seconds that the network takes (measured: 10 ms of CPU a second of sound)."""
PLACE = Place(room_response("synthetic"), -6.0, 0.06, 100.0)
WORDS = ["and", "now", "tell", "me", "something", "about", "Paris"]
KINDS = ("their own", *people.OTHERS[:2], people.OTHERS[3])


@dataclass(frozen=True)
class Over:
    """A voice over the reply."""

    kind: str
    samples: Samples


class AtOnce:
    """`voiceprint`, without a thread: on virtual time nothing waits for one."""

    name, model = voiceprint.NAME, voiceprint.Voiceprint.model
    chance, spread = voiceprint.CHANCE, voiceprint.SPREAD

    def __init__(self) -> None:
        self._network = voiceprint.Network(voiceprint._weights(voiceprint.weights_file()))

    async def embedding(self, samples: Samples) -> Embedding:
        voice = self._network.embedding(samples)
        await anyio.sleep(ANSWER)
        return voice

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[SpeakerId]:
        yield self


async def enrolled(folder: Path, speaker_id: SpeakerId) -> list[tuple[Voiceprint, list[Over]]]:
    """Each voice that can be learned, and what comes over the assistant."""
    async with silero.voice_activity({"every_frame": True}) as vad:
        real = people.voices(folder, vad)
    music, room = people.decoded(folder / people.MUSIC), impulse_response(folder / people.ROOM)
    size = round(SECONDS * CAPTURE_RATE)
    found = []
    for number, voice in enumerate(real):
        half = min(len(voice.samples) // 2, people.REFERENCE * CAPTURE_RATE)
        if half < people.LEAST * CAPTURE_RATE:
            continue
        vector = joined(await embedded(voice.samples[:half], speaker_id))
        learned = Voiceprint(voice.speaker, speaker_id.name, speaker_id.model, vector, half / CAPTURE_RATE, "")
        others: dict[str, list[Samples]] = defaultdict(list)
        for other in (*real[number:], *real[:number]):
            kind = people._kind(voice, other)
            clip = voice.samples[half:] if other is voice else other.samples
            if kind is None or len(clip) < size or (kind.startswith("same") and other is not voice):
                continue
            others["their own" if other is voice else kind] += list(np.split(clip, range(size, len(clip), size)))[:EACH]
        own = others.pop("their own", [])
        shown = [people.television(clip, music, room) for clips in others.values() for clip in clips[EACH : 2 * EACH]]
        kinds = {"their own": own, **others, KINDS[3]: shown}
        over = [Over(kind, clip) for kind in KINDS for clip in kinds.get(kind, [])[:EACH] if len(clip) == size]
        found.append((learned, over))
    return found


def held(over: Sequence[Over], voice: Sequence[Samples], gate: Gate | None) -> dict[str, list[float | None]]:
    """By kind: seconds from each voice's first sample to the cut, None where the reply went on."""
    mic = np.zeros(round((BEGIN + EVERY * len(over) + 1) * CAPTURE_RATE), np.float32)
    lines = []
    for number, one in enumerate(over):
        start = BEGIN + EVERY * number
        level = LEVEL * 10 ** (PLACE.gain / 20)
        at = round(start * CAPTURE_RATE)
        mic[at : at + len(one.samples)] += one.samples * np.float32(level / active(one.samples))
        each = SECONDS / len(WORDS)  # one line a word: a voice that is noticed late has said the later ones
        spoken = ((start + each * count, word) for count, word in enumerate(WORDS))
        lines += [{"start": begin, "end": begin + each, "text": word} for begin, word in spoken]
    rules = OverlapRules() if gate is None else OverlapRules(whose=WAIT)
    notices, _ = hold(np.clip(mic, -1, 1), voice, PLACE, lines, TurnRules(barge_in="words", overlaps=rules), gate=gate)
    found: dict[str, list[float | None]] = defaultdict(list)
    for number, one in enumerate(over):
        start = BEGIN + EVERY * number
        if any(span.start + 0.5 < start < span.end for span in audible(notices)):
            found[one.kind].append(_cut(notices, start))
    return found


def _cut(notices: Sequence[Notice], start: float) -> float | None:
    cuts = [n.t for n in notices if n.event == "reply.interrupted" and start < n.t < start + EVERY / 2]
    return cuts[0] - start if cuts else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=people.SHARED, help="recordings with an INDEX.tsv")
    folder = parser.parse_args().folder
    speaker_id = AtOnce()
    clips = [trimmed(decode(path)) for path in sorted(TESTS_VOICES.glob("slt-*.wav"))]
    reading = [np.concatenate(list(answers(clips, 60.0)))]
    rows: dict[tuple[str, bool], list[float | None]] = defaultdict(list)
    for learned, over in anyio.run(enrolled, folder, speaker_id):
        order = np.random.default_rng(len(over)).permutation(len(over))
        over = [over[number] for number in order]
        for gated in (False, True):
            gate = (learned, speaker_id.opened()) if gated else None
            for kind, cuts in held(over, reading, gate).items():
                rows[kind, gated] += cuts
        print(f"{learned.name}: {len(over)} voices", file=sys.stderr)
    print("| over the reply | gate | voices | took the floor | onset to cut: median | p90 |\n|---|---|---|---|---|---|")
    for kind in KINDS:
        for gated in (False, True):
            cuts = rows[kind, gated]
            took = [cut for cut in cuts if cut is not None]
            median, late = np.percentile(took, [50, 90]) if took else (np.nan, np.nan)
            share = len(took) / max(1, len(cuts))
            print(
                f"| {kind} | {'on' if gated else 'off'} | {len(cuts)} | {share:.0%} | {median:.2f} s | {late:.2f} s |"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
