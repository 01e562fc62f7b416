"""Each piece through the voice activity detector, the recogniser and the guard, as one utterance."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import anyio.lowlevel
import numpy as np

from assistant.audio.frames import levels
from assistant.audio.lift import Lift
from assistant.audio.resample import Resampler
from assistant.bench.inventions.pieces import Piece, pieces
from assistant.bench.inventions.wider import wider
from assistant.config import parse_choice
from assistant.conversation.events import VoiceStarted
from assistant.conversation.invented import LEAST, VOICED
from assistant.conversation.segment import Segmenter
from assistant.errors import ParleyError
from assistant.ports import (
    CAPTURE_RATE,
    FRAME,
    Frame,
    ProviderError,
    ProviderUnavailable,
    Samples,
    Transcriber,
    TranscriberAbilities,
    TranscriberStream,
    Transcript,
    VoiceActivity,
)
from providers import registry
from providers._guard import Guarded

MODELS = ("faster-whisper:parley-accurate", "faster-whisper:parley-rough")
"""They come with Parley, and invent readily."""
VOICES = ("en-us", "en-us+f3", "en-us+m3", "en-us+f4")
PHRASES = ("Yes.", "No.", "Stop.", "Thank you.", "Okay.", "Goodbye.", "Cancel.", "Help.", "Hello.", "Pause.")
"""What those models know of short answers and orders."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a piece."""

    piece: Piece
    half: int
    """0: the constants of the guard were chosen on it; 1: they were not."""
    heard: bool
    """The voice activity detector would open an utterance."""
    raw: str
    """All that the recogniser wrote; "" as well where it was not asked, of more than `pieces` has."""
    kept: str
    """What it believes itself."""
    filtered: str
    """What the guard leaves."""
    why: str
    """... or why it leaves nothing."""


@dataclass(frozen=True, slots=True)
class _Seen:
    piece: Piece
    half: int
    frames: Sequence[Frame]
    heard: bool


async def measure(folder: Path, models: Sequence[str], progress: Callable[[str], None]) -> dict[str, list[Outcome]]:
    """For each of ``models`` (NAME:MODEL, of the stage stt) what became of every piece. Raises ParleyError."""
    progress("reading ...")
    without, with_words = pieces(folder)
    everything = [*without, *with_words, *await _synthetic()]
    clips = {
        clip: number for group in (without, with_words) for number, clip in enumerate(dict.fromkeys(_clips(group)))
    }
    more: list[_Seen] = []
    async with registry.find("vad", "silero")({}) as vad:
        seen = [_seen(piece, clips.get(piece.clip, 1) % 2, vad) for piece in everything]
        progress("more of it ...")
        for piece, half in wider(folder):
            more.append(_asked_about(_seen(piece, half, vad)))
            await anyio.lowlevel.checkpoint()
    found = {}
    for model in models:
        progress(f"{model} ...")
        async with _opened(model) as recogniser:
            found[model] = [await _outcome(one, recogniser) for one in seen]
            found[model] += [await _outcome(one, recogniser) if one.frames else _unasked(one) for one in more]
    return found


def _clips(group: Sequence[Piece]) -> list[str]:
    return sorted(piece.clip for piece in group)


@asynccontextmanager
async def _opened(model: str) -> AsyncIterator[Transcriber]:
    name, of = parse_choice(model)
    options = {"model": of, "language": "en"} if of else {"language": "en"}
    async with registry.find("stt", name)(options) as recogniser:
        if not recogniser.abilities.generative:
            raise ParleyError(
                f"{model} invents nothing by its nature; choose a recogniser that does, such as {MODELS[0]}"
            )
        yield recogniser


async def _synthetic() -> list[Piece]:
    """Short words as the models know them; nothing, where there is no voice to say them."""
    found = []
    for voice in VOICES:
        try:
            async with registry.find("tts", "espeak-ng")({"voice": voice}) as speaker:
                for phrase in PHRASES:
                    resampler = Resampler(speaker.rate, CAPTURE_RATE)
                    parts = [resampler.push(chunk.samples) async for chunk in speaker.speak(phrase)]
                    parts.append(resampler.push(np.zeros(0, np.float32), last=True))
                    quiet = np.zeros(CAPTURE_RATE // 2, np.float32)
                    sound = np.clip(np.concatenate([quiet, *parts, quiet]), -1.0, 1.0)
                    found.append(Piece(f"{voice}: {phrase}", "synthetic", sound, said=phrase))
        except ProviderUnavailable:
            return []
    return found


def _seen(piece: Piece, half: int, vad: VoiceActivity) -> _Seen:
    vad.reset()
    lift, segmenter = Lift(), Segmenter()
    sound = np.pad(piece.samples, (0, -len(piece.samples) % FRAME)).astype(np.float32)
    frames, heard = [], False
    for at in range(0, len(sound), FRAME):
        samples: Samples = sound[at : at + FRAME]
        frame = Frame(samples, at, vad.probability(lift.push(samples)))
        voices = segmenter.push(frame.end, frame.speech or 0.0, levels(samples), False)
        heard = heard or any(isinstance(voice, VoiceStarted) for voice in voices)
        frames.append(frame)
    return _Seen(piece, half, frames, heard)


def _asked_about(seen: _Seen) -> _Seen:
    """Without its sound, and without its frames where the guard asks no recogniser: there may be hours of it."""
    voice = sum(len(frame.samples) for frame in seen.frames if (frame.speech or 0.0) >= VOICED) / CAPTURE_RATE
    piece = replace(seen.piece, samples=np.zeros(0, np.float32))
    return replace(seen, piece=piece, frames=seen.frames if voice >= LEAST else ())


def _unasked(seen: _Seen) -> Outcome:
    return Outcome(seen.piece, seen.half, seen.heard, "", "", "", "no voice")


async def _outcome(seen: _Seen, recogniser: Transcriber) -> Outcome:
    bare = await _final(recogniser, seen.frames)
    guarded = await _final(Guarded(_Told(bare)), seen.frames)
    raw = bare.text or ("" if bare.invention is None else bare.invention.text)
    why = "" if guarded.invention is None else guarded.invention.why
    return Outcome(seen.piece, seen.half, seen.heard, raw, bare.text, guarded.text, why)


async def _final(recogniser: Transcriber, frames: Sequence[Frame]) -> Transcript:
    async with recogniser.stream() as stream:
        for frame in frames:
            stream.push(frame)
        stream.finish()
        async for transcript in stream:
            if transcript.final:
                return transcript
    raise ProviderError("the transcription ended before the utterance", provider=recogniser.name)


class _Told:
    """A Transcriber that has its transcript already: a decode is not paid for twice."""

    abilities = TranscriberAbilities(generative=True)

    def __init__(self, transcript: Transcript) -> None:
        self.name = transcript.provider
        self._transcript = transcript

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[TranscriberStream]:
        yield self

    def push(self, frame: Frame) -> None:
        pass

    def finish(self) -> None:
        pass

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        yield self._transcript
