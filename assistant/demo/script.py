"""What the recorded user says, and when.

The microphone is a file and cannot wait for an answer, so each line starts where the answer before it is surely over:
espeak-ng at its usual rate needs 0.4 to 5 s for these answers, and 1.4 s are left for an answer to come. Only the
line that ``interrupts`` comes on purpose while the assistant is still talking.

What is said is what the recogniser of the demo listens for. flite's voice rms is the one of its voices that it
understands most surely: at peaks of 0.1 and 0.35 over noise of -66 and -50 dBFS. `scripts/render_demo` makes the sound
anew.
"""

from __future__ import annotations

from dataclasses import dataclass

VOICE = "rms"
"""flite's name of the voice."""
STRETCH = 1.0
"""flite's ``duration_stretch``; above 1 is slower."""
LOUDEST = 0.35
"""Peak of every phrase, full scale is 1: talk at a desk reaches about -25 dBFS RMS."""
NOISE_DBFS = -66.0
"""RMS of the room's noise: a quiet room through a fair microphone."""
PAUSE = 0.6
"""Seconds between the pieces of a line: three times the silence that ends a turn whose words are complete. A turn of
which the recogniser made nothing, as of half a request, ends after one second."""
JOKE = 1
"""Which joke the demo tells, the option ``seed`` of the offline assistant: one that is over in five seconds."""
TIMER = 5.0
"""Seconds of the timer that is set."""


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    """As the recogniser writes it; "" for a sound without words."""
    file: str
    """Its recording in ``data``: 16 kHz, mono, 16 bit."""
    start: float
    """Seconds from the beginning of the microphone's file to the first sample of the recording."""
    pieces: tuple[str, ...]
    """As flite is to say it, the user thinking for PAUSE seconds between the pieces. Of a sound without words: phones
    by their names in flite."""
    interrupts: bool = False
    """The assistant is in the middle of its answer when this is said."""


LINES: tuple[Line, ...] = (
    Line("hello", "hello.wav", 1.0, ("Hello.",)),
    Line("what time is it", "time.wav", 5.1, ("What time is it?",)),
    Line("set a timer for five seconds", "timer.wav", 10.2, ("Set a timer for", "five seconds.")),
    Line("", "hum.wav", 16.6, ("m hh m",)),
    Line("what is seven times eight", "sum.wav", 23.2, ("What is seven times eight?",)),
    Line("tell me a story", "story.wav", 28.4, ("Tell me a story.",)),
    Line("tell me a joke", "joke.wav", 34.4, ("Tell me a joke.",), interrupts=True),
    Line("goodbye", "goodbye.wav", 42.4, ("Goodbye.",)),
)
LENGTH = 44.8
"""Seconds of the microphone's file."""
