"""A recording -> what is said in it, and when: decoded and cut in a thread while what came before is transcribed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import numpy as np
from anyio import to_thread
from anyio.abc import ObjectSendStream

from assistant.conversation.events import Transcript
from assistant.conversation.segment import SegmentRules
from assistant.files.decode import Media
from assistant.files.denoise import Denoiser
from assistant.files.subtitles import Line
from assistant.files.utterances import Cutter, Utterance
from assistant.ports import CAPTURE_RATE, FRAME, Frame, ParleyError, ProviderError, Samples, Transcriber, VoiceActivity

AHEAD = 4
"""Utterances that may wait for the transcriber."""
STEP = 5.0
"""Seconds of sound that are decoded and cut at a time."""

OnProgress = Callable[[float, float | None], None]
"""Seconds of the recording that are done, and how long it is, where that is known."""


@dataclass(frozen=True, slots=True)
class Transcription:
    lines: list[Line]
    seconds: float
    """How much sound there was."""
    damaged: int
    """Packets that could not be decoded."""


async def transcribe(
    path: Path,
    transcriber: Transcriber,
    vad: VoiceActivity,
    rules: SegmentRules | None = None,
    on_progress: OnProgress = lambda done, total: None,
    *,
    denoise: bool = False,
) -> Transcription:
    """Raises ParleyError for a file that cannot be read, ProviderError when the transcriber fails."""
    media = await to_thread.run_sync(Media, path)
    try:
        recording = _Recording(media, Cutter(vad, rules), Denoiser() if denoise else None)
        lines: list[Line] = []
        failure: Exception | None = None
        on_progress(0.0, media.seconds)
        send, receive = anyio.create_memory_object_stream[Utterance](AHEAD)
        async with anyio.create_task_group() as group, receive:
            group.start_soon(_cut, recording, send)
            try:
                async for utterance in receive:
                    heard = await _hear(transcriber, utterance)
                    if heard.text.strip():
                        lines.append(_line(utterance, heard))
                    on_progress(utterance.voice[1], media.seconds)
            except ProviderError as error:  # raised again below, for the group would wrap it
                failure = error
                group.cancel_scope.cancel()
        if (failure := failure or recording.failure) is not None:
            raise failure
        on_progress(recording.seconds, recording.seconds)
        return Transcription(lines, recording.seconds, media.damaged)
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(media.close)


class _Recording:
    """A file's utterances, step by step."""

    def __init__(self, media: Media, cutter: Cutter, denoiser: Denoiser | None) -> None:
        self._blocks: Iterator[Samples] = media.blocks()
        self._denoiser = denoiser
        self._cutter = cutter
        self._samples = 0
        self.over = False
        self.failure: ParleyError | None = None

    @property
    def seconds(self) -> float:
        return self._samples / CAPTURE_RATE

    def step(self) -> list[Utterance]:
        """The utterances that end in the next STEP seconds. Blocks."""
        found: list[Utterance] = []
        until = self._samples + STEP * CAPTURE_RATE
        try:
            for block in self._blocks:
                self._samples += len(block)
                found += self._cutter.push(block if self._denoiser is None else self._denoiser.push(block))
                if self._samples >= until:
                    return found
        except ParleyError as error:
            self.failure = error
        self.over = True
        rest = np.empty(0, np.float32)
        return found + self._cutter.push(
            rest if self._denoiser is None else self._denoiser.push(rest, last=True), last=True
        )


async def _cut(recording: _Recording, found: ObjectSendStream[Utterance]) -> None:
    async with found:
        while not recording.over:
            # Not left behind when cancelled: it uses the file, which is closed next.
            for utterance in await to_thread.run_sync(recording.step):
                await found.send(utterance)


def _line(utterance: Utterance, heard: Transcript) -> Line:
    """A word cannot begin before the voice does; Whisper lets the first one begin with the sound it was given."""
    start, end = utterance.voice
    words = tuple(replace(word, start=max(word.start, start), end=max(word.end, start)) for word in heard.words)
    return Line(start, end, heard.text.strip(), heard.language, words)


async def _hear(transcriber: Transcriber, utterance: Utterance) -> Transcript:
    async with transcriber.stream() as stream:
        sound = np.pad(utterance.samples, (0, -len(utterance.samples) % FRAME))
        for index, at in enumerate(range(0, len(sound), FRAME)):
            speech = utterance.speech[index] if utterance.speech else None
            stream.push(Frame(sound[at : at + FRAME], utterance.start + at, speech))
        stream.finish()
        async for transcript in stream:
            if transcript.final and not transcript.provisional:
                return transcript
    raise ProviderError("the transcription ended before the utterance", provider=transcriber.name)
