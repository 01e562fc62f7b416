"""One utterance's transcript: frames in, transcripts out, from the pre-roll to the moment nobody wants it any more."""

from __future__ import annotations

import math
from collections.abc import Callable

import anyio

from assistant.conversation.events import Transcript
from assistant.later import Later
from assistant.ports import Frame, ProviderError, Transcriber, TranscriberStream

OnTranscript = Callable[[Transcript], None]
OnFailure = Callable[[ProviderError], None]


class Listener:
    """Transcribes one utterance. Start `run` in the session's task group; `push` and `hurry` never wait.

    Sound that comes before the transcriber is loaded, or its stream open, is kept and handed over then.
    """

    def __init__(self, transcriber: Later[Transcriber], on_transcript: OnTranscript, on_failure: OnFailure) -> None:
        self._transcriber = transcriber
        self._on_transcript = on_transcript
        self._on_failure = on_failure
        self._backlog: list[Frame] = []
        self._hurried = False
        self._stream: TranscriberStream | None = None
        self._scope = anyio.CancelScope()

    def push(self, frame: Frame) -> None:
        if self._stream is None:
            self._backlog.append(frame)
        else:
            self._stream.push(frame)

    def hurry(self) -> None:
        """The user has paused: a final is wanted."""
        if self._stream is None:
            self._hurried = True
        else:
            self._stream.finish()

    def close(self) -> None:
        """Nothing more is wanted. No callback comes after this."""
        self._scope.cancel()
        self._on_transcript = self._on_failure = _nobody

    async def run(self) -> None:
        with self._scope:
            try:
                transcriber = await self._transcriber.get()
                async with transcriber.stream() as stream:
                    for frame in self._backlog:
                        stream.push(frame)
                    self._backlog.clear()
                    self._stream = stream
                    if self._hurried:
                        stream.finish()
                    async for transcript in stream:
                        self._on_transcript(transcript)
                    self._on_failure(
                        ProviderError("the transcription ended before the utterance", provider=transcriber.name)
                    )
            except ProviderError as error:
                self._on_failure(error)


def _nobody(_: object) -> None:
    """The line has been cut."""


class PreRoll:
    """The newest seconds of capture, so that an utterance begins before its first voiced sample was known for one."""

    def __init__(self, seconds: float) -> None:
        self._frames: list[Frame] = []
        self._seconds = seconds

    def push(self, frame: Frame) -> None:
        self._frames.append(frame)
        if frame.end - self._frames[0].end > self._seconds:
            self._frames.pop(0)

    def clear(self) -> None:
        """What was captured so far is nobody's business."""
        self._frames.clear()

    def since(self, at: float) -> list[Frame]:
        """The kept frames that hold any sound from ``at`` (audio-clock seconds) on."""
        return [frame for frame in self._frames if frame.end > at or math.isclose(frame.end, at)]
