"""What the recorded user says, and when.

The microphone is a file and cannot wait for an answer, so each line starts where the answer before it is surely over:
espeak-ng at its usual rate needs 0.4 to 5 s for these answers, and 1.4 s are left for an answer to come. Only the
line that ``interrupts`` comes on purpose while the assistant is still talking.

The recogniser of the demo knows a closed list of phrases; these are of it. flite's voice slt is one that it transcribes
word for word at this speed (180 of 180 trials: peaks of 0.05 to 0.5, up to 0.6 s of silence before and 0.3 s after,
noise of -66 and -50 dBFS). `scripts/render_demo` makes the sound anew.
"""

from __future__ import annotations

from dataclasses import dataclass

VOICE = "slt"
"""flite's name of the voice."""
STRETCH = 1.0
"""flite's ``duration_stretch``; above 1 is slower."""
LOUDEST = 0.35
"""Peak of every phrase, full scale is 1: talk at a desk reaches about -25 dBFS RMS."""
NOISE_DBFS = -66.0
"""RMS of the room's noise: a quiet room through a fair microphone."""
JOKE = 1
"""Which joke the demo tells, the option ``seed`` of the offline assistant: one that is over in five seconds."""


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    """As the recogniser writes it."""
    file: str
    """Its recording in ``data``: 16 kHz, mono, 16 bit."""
    start: float
    """Seconds from the beginning of the microphone's file to the first sample of the recording."""
    interrupts: bool = False
    """The assistant is in the middle of its answer when this is said."""


LINES: tuple[Line, ...] = (
    Line("Hello.", "hello.wav", 1.0),
    Line("What time is it?", "time.wav", 5.1),
    Line("What is the date today?", "date.wav", 9.7),
    Line("What is seven times eight?", "sum.wav", 15.5),
    Line("Tell me a story.", "story.wav", 20.5),
    Line("Stop.", "stop.wav", 26.4, interrupts=True),
    Line("Tell me a joke.", "joke.wav", 29.2),
    Line("Thank you.", "thanks.wav", 36.8),
    Line("Goodbye.", "goodbye.wav", 40.0),
)
LENGTH = 42.0
"""Seconds of the microphone's file."""
