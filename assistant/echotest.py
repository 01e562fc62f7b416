"""The echo of a pair of microphone and loudspeaker, measured with test sounds: on devices, or in a simulated room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assistant.audio.echopath import CHIRP, chirp, of_chirps
from assistant.audio.modes import Measured
from assistant.audio.resample import Resampler
from assistant.audio.room import Room
from assistant.audio.selfcheck import Recorded, hears_itself
from assistant.audio.wavfile import open_wav
from assistant.conversation.segment import SegmentRules
from assistant.conversation.turn import TurnRules
from assistant.ports import CAPTURE_RATE, FRAME, Frame, ProviderUnavailable, Samples, VoiceActivity
from assistant.sound import PLAYBACK_RATE, Sound

QUIET = 1.0
"""Seconds before the first sound. The first CALMING of them are not measured: devices click when opened."""
CALMING = 0.4
CHIRPS, EVERY = 3, 0.7
"""Chirps, and seconds from one to the next: more than any round trip and the room behind it. 2.1 s in all."""
SPEAKS_AT = QUIET + CHIRPS * EVERY + 0.3
SPEECH = 12.0
"""Seconds of speech, unless more is asked for."""
LEVEL = 0.1
"""Root mean square of the speech: -20 dBFS, as loud as the voices of Parley's providers."""
BETWEEN = 0.2
"""Seconds between two of its sentences."""
AFTER = 1.0
"""Seconds behind the last sound: the longest round trip, and the room."""

_HERE = Path(__file__).parent
SAID = (
    "bench/utterance.wav",
    "demo/data/timer.wav",
    "demo/data/sum.wav",
    "bench/two.wav",
    "demo/data/time.wav",
    "demo/data/story.wav",
    "bench/date.wav",
    "demo/data/joke.wav",
)
"""Recorded and synthesised voices that come with Parley: no voice has to be installed, and none is paid for."""


@dataclass(frozen=True)
class Outcome:
    measured: Measured
    round_trip: float | None
    """Seconds from the program to the loudspeaker, through the air and back to the program, where it was heard."""
    loudest: float
    """Greatest amplitude at the microphone, 0 to 1."""
    dead: bool
    """It gave nothing at all."""


def speech(seconds: float) -> Samples:
    """At least so many seconds of it, at LEVEL, 16 kHz. Blocks."""
    sentences: list[Samples] = []
    for name in SAID:
        with open_wav(_HERE / name) as file:
            sentence = Resampler(file.rate, CAPTURE_RATE).push(file.read(file.frames), last=True)
        sentences.append(np.clip(sentence * np.float32(LEVEL / _active(sentence)), -1, 1))
    told = 0.0
    pieces: list[Samples] = []
    while told < seconds:
        sentence = sentences[len(pieces) // 2 % len(sentences)]
        pieces += [sentence, np.zeros(round(BETWEEN * CAPTURE_RATE), np.float32)]
        told += (len(sentence) + len(pieces[-1])) / CAPTURE_RATE
    return np.concatenate(pieces)


def _active(sound: Samples) -> float:
    """Root mean square of the 20 ms blocks within 30 dB of the loudest."""
    power = np.mean(sound[: len(sound) // 320 * 320].reshape(-1, 320) ** 2, axis=1)
    return float(np.sqrt(power[power > power.max() * 1e-3].mean()))


def sequence(seconds: float) -> Samples:
    """Silence, chirps, speech, silence: from t = 0 on, at PLAYBACK_RATE. Blocks."""
    sound = np.zeros(round(SPEAKS_AT * CAPTURE_RATE), np.float32)
    for at in chirps_at():
        first = round(at * CAPTURE_RATE)
        sound[first : first + round(CHIRP * CAPTURE_RATE)] = chirp(CAPTURE_RATE)
    sound = np.concatenate((sound, speech(seconds)))
    return Resampler(CAPTURE_RATE, PLAYBACK_RATE).push(sound, last=True)


def chirps_at() -> list[float]:
    return [QUIET + EVERY * number for number in range(CHIRPS)]


def simulated(played: Samples, microphone: Samples, room: Room | None) -> Recorded:
    """``played`` (`sequence`) heard in ``room`` together with what the microphone hears otherwise, at 16 kHz; in no
    time. None: no room, the microphone hears no loudspeaker. Blocks."""
    frames = -(-len(played) * CAPTURE_RATE // PLAYBACK_RATE // FRAME) + round(AFTER * CAPTURE_RATE / FRAME)
    each = FRAME * PLAYBACK_RATE // CAPTURE_RATE
    reference = np.zeros(frames * each, np.float32)
    reference[: len(played)] = played
    near = np.zeros(frames * FRAME, np.float32)
    near[: len(microphone)] = microphone[: len(near)]
    if room is not None:
        for number in range(frames):
            room.played(reference[number * each : (number + 1) * each])
            place = slice(number * FRAME, (number + 1) * FRAME)
            near[place] = room.hear(Frame(near[place], number * FRAME)).samples
    return _recorded(near, reference, reference, SPEAKS_AT, len(played) / PLAYBACK_RATE)


async def heard_on(sound: Sound, played: Samples) -> Recorded:
    """``played`` on devices, in real time. Call it once, before ``sound`` was started."""
    duplex = sound.duplex
    near: list[Samples] = []
    far: list[Samples] = []
    reference: list[Samples] = []
    duplex.tap(far.append)
    duplex.tap(reference.append, early=True)
    duplex.start()
    first = duplex.play(played, first=True) + round(QUIET * PLAYBACK_RATE)
    until = len(played) / PLAYBACK_RATE + AFTER
    offset: float | None = None
    async for frame in duplex.frames():
        near.append(frame.samples)
        if offset is None and (sounds := duplex.time_of(first)) is not None:
            offset = sounds - QUIET
        if frame.end >= until + (offset or 0.0):
            break
        if frame.end >= SPEAKS_AT + AFTER + (offset or 0.0) and not any(one.any() for one in near):
            break  # muted, as all of the chirps say
    start, end = SPEAKS_AT + (offset or 0.0), len(played) / PLAYBACK_RATE + (offset or 0.0)
    return _recorded(np.concatenate(near), _joined(far), _joined(reference), start, end)


def judged(
    recorded: Recorded,
    played: Samples,
    vad: VoiceActivity,
    turns: TurnRules,
    segments: SegmentRules,
    *,
    noise: bool = True,
) -> Outcome:
    """What there is to be said of the recording of ``played``. ``noise``: cancelling suppresses noise too. Blocks for
    some tenths of a second."""
    from assistant.audio.webrtc import echo_canceller

    offset = recorded.speech[0] - SPEAKS_AT
    about = [at + offset for at in chirps_at()]
    path = of_chirps(recorded.near, recorded.far, about, CALMING)
    without, _ = hears_itself(recorded, vad, turns, segments, None)
    cancelled = erle = None
    try:
        canceller = echo_canceller(recorded.rate, noise=noise)
    except ProviderUnavailable:
        pass
    else:
        cancelled, erle = hears_itself(recorded, vad, turns, segments, canceller)
    # All was handed over at t = 0. Where sound was lost between two chirps, the device's own word has to do.
    trip = of_chirps(recorded.near, _at_16k(played), chirps_at(), CALMING).delay
    if trip is None and path.delay is not None:
        trip = path.delay + offset
    return Outcome(
        Measured(path, without, cancelled, erle if path.heard else None),
        round_trip=trip,
        loudest=float(np.abs(recorded.near).max(initial=0.0)),
        dead=not recorded.near.any(),
    )


def _recorded(near: Samples, far: Samples, reference: Samples, start: float, end: float) -> Recorded:
    return Recorded(near, _at_16k(far), reference, PLAYBACK_RATE, (start, end))


def _at_16k(sound: Samples) -> Samples:
    return Resampler(PLAYBACK_RATE, CAPTURE_RATE).push(sound, last=True)


def _joined(stretches: list[Samples]) -> Samples:
    return np.concatenate(stretches) if stretches else np.zeros(0, np.float32)
