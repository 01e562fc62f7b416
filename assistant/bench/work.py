"""The common work: what the user says and when, and providers of known delay to answer it.

The figures are those on which other voice loops were measured side by side: real speech of 2.08 s, 40 tokens in four
sentences of ten, the first token after 200 ms, then one every 20 ms, a voice that takes 100 ms to its first sound.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assistant.audio.wavfile import WavWriter, open_wav
from assistant.ports import CAPTURE_RATE, Samples

UTTERANCE = Path(__file__).with_name("utterance.wav")
"""John F. Kennedy's "ask what you can do for your country" (1961, public domain), cut so that the first and last
samples are the true ends of the speech; -17.5 dBFS."""
TEXT = "Ask what you can do for your country."
REPLY = (
    "Sure| I| can| help| you| with| that| right| now|."
    "| First| we| look| at| every| part| of| the| plan|."
    "| Then| we| check| that| each| number| is| really| correct|."
    "| Last| we| write| a| short| note| for| the| team|."
)
WORDS = 36
"""In the reply. Its 40 tokens count the full stops."""
NOISE = 10 ** (-66 / 20)
"""Level of the room between the utterances."""
LEAD = 1.5
"""Seconds before the first utterance."""

SILENCE_MS = 200
STT_FINAL, TTFT, TOKEN, TTS = 0.100, 0.200, 0.020, 0.100
FIRST_SENTENCE = TTFT + 9 * TOKEN
FIRST_WORD = TTFT + TOKEN
"""For a voice that takes text as it comes: a word is known for one when the next begins."""
SLOW_FINAL, SLOW_PARTIALS = 0.500, 0.300
"""Of a slow transcriber: the final after the true end of the speech, and how far its partials lag behind it."""
MISHEARD = "Ask what you can do for your company."
"""What the partials of every second utterance say in the row whose drafts are thrown away."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One utterance of the microphone's file, in seconds from its beginning."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """A row of the bench."""

    name: str
    drafts: bool
    word_seconds: float = 0.1
    """Length of a spoken word."""
    gap: float = 5.2
    """Seconds from the end of an utterance to the next one."""
    barge_in: bool = False
    streams_text: bool = False
    final: float = STT_FINAL
    """Seconds from the true end of the speech to the final transcript."""
    partials: float | None = None
    """Seconds that partials lag behind the speech; None: there are none."""
    mishears: bool = False
    """The partials of every second utterance are wrong: what is begun on them is thrown away."""
    delay: tuple[str, float] | None = None
    """A stage made slower by so many seconds, to see that its figure moves and no other."""

    @property
    def path_ms(self) -> int:
        """The known delays on the critical path, in milliseconds: the whole words, as soon as they are known for good
        or (with drafts) read as complete; the endpoint's silence, without drafts; the first piece; its first sound."""
        known = self.final
        if not self.drafts:
            known = max(known, SILENCE_MS / 1000)
        elif self.partials is not None and not self.mishears:
            known = min(known, self.partials)
        return round((known + (FIRST_WORD if self.streams_text else FIRST_SENTENCE) + TTS) * 1000)

    def config(self, lines: list[Spoken]) -> str:
        """The config of `parley talk` for this row."""
        late = dict([self.delay]) if self.delay else {}
        spoken = ", ".join(self._line(number, line) for number, line in enumerate(lines))
        partials = "" if self.partials is None else f"partials_behind = {self.partials}, "
        return f"""
[vad]
provider = "silero"
[turn]
endpointing = "fixed"
silence_ms = {SILENCE_MS}
drafts = {str(self.drafts).lower()}
barge_in = "speech"
[stt]
provider = "scripted"
options = {{ final_after = {self.final + late.get("stt", 0.0)}, {partials}lines = [{spoken}] }}
[llm]
provider = "scripted"
options = {{ ttft = {TTFT + late.get("llm", 0.0)}, gap = {TOKEN}, replies = ["{REPLY}"] }}
[tts]
provider = "scripted"
[tts.options]
delay = {TTS + late.get("tts", 0.0)}
word = {self.word_seconds}
streams_text = {str(self.streams_text).lower()}
"""

    def _line(self, number: int, line: Spoken) -> str:
        first = f', misheard = "{MISHEARD}"' if self.mishears and number % 2 else ""
        return f'{{ start = {line.start:.4f}, end = {line.end:.4f}, text = "{TEXT}"{first} }}'


REAL_STAGES = """
[stt]
provider = "faster-whisper"
model = "parley-accurate"
[llm]
provider = "anthropic"
options = { api_key = "none", base_url = "http://127.0.0.1:9" }
[tts]
provider = "espeak-ng"
"""
"""A config whose stages take a second to load: a Whisper, a vendor's SDK (never called), a voice."""

TURNS = Scenario("turns, drafts off", drafts=False)
DRAFTS = Scenario("turns, everything on", drafts=True)
STREAMED = Scenario("turns, voice that takes streamed text", drafts=True, streams_text=True)
SLOW = Scenario("turns, slow transcriber", drafts=True, final=SLOW_FINAL, partials=SLOW_PARTIALS)
THROWN_AWAY = Scenario("turns, every second draft thrown away", drafts=True, partials=0.02, mishears=True)
"""Its partials are so quick that a wrong one is answered behind the gate before the final comes."""
BARGE_IN = Scenario("barge-in", drafts=True, word_seconds=0.25, gap=4.6, barge_in=True)


def microphone(path: Path, scenario: Scenario, turns: int, seed: int = 1) -> list[Spoken]:
    """Write the microphone's file with ``turns`` utterances; returns where they are.

    They start at random places of the 32 ms grid, so that no figure depends on how they lie to it.
    """
    choose = random.Random(seed)
    utterance = speech()
    lines: list[Spoken] = []
    at = LEAD
    for _ in range(turns):
        start = round((at + choose.random() * 0.2) * CAPTURE_RATE) / CAPTURE_RATE
        lines.append(Spoken(start, start + len(utterance) / CAPTURE_RATE))
        at = lines[-1].end + scenario.gap
    samples = room_noise(round((lines[-1].end + 6.0) * CAPTURE_RATE))
    for line in lines:
        first = round(line.start * CAPTURE_RATE)
        samples[first : first + len(utterance)] = utterance
    writer = WavWriter(path, CAPTURE_RATE)
    writer.append(samples)
    writer.close()
    return lines


def speech() -> Samples:
    """The utterance: float32 at CAPTURE_RATE."""
    with open_wav(UTTERANCE) as reader:
        return reader.read(reader.frames)


def room_noise(count: int) -> Samples:
    return (np.random.default_rng(7).standard_normal(count) * NOISE).astype(np.float32)
