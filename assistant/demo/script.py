"""What the recorded user says, and when.

The microphone is a file and cannot wait for an answer, so each line starts where the answer before it is surely over:
espeak-ng at its usual rate needs 0.5 to 5.3 s for these answers, and two seconds are left for the answer to come. Only
the line that ``interrupts`` comes on purpose while the assistant is still talking.

The recogniser of the demo knows a closed list of phrases; these are of it. flite's voice slt is one that it transcribes
word for word at this speed (all of them did in 12 conditions: 0.05 to 0.5 of full scale, up to 0.6 s of silence before
and 0.3 s after, noise of -66 and -50 dBFS). `scripts/render_demo` makes the sound anew.
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
    Line("What time is it?", "time.wav", 5.0),
    Line("What is the date today?", "date.wav", 10.2),
    Line("What is seven times eight?", "sum.wav", 17.0),
    Line("Tell me a story.", "story.wav", 23.0),
    Line("Stop.", "stop.wav", 29.0, interrupts=True),
    Line("Tell me a joke.", "joke.wav", 32.5),
    Line("Thank you.", "thanks.wav", 41.0),
    Line("Goodbye.", "goodbye.wav", 44.8),
)
LENGTH = 47.0
"""Seconds of the microphone's file."""
