"""Whether the user has finished, by the sound: owns the detector, keeps the newest sound, asks in each silence."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import anyio
import numpy as np

from assistant.conversation.events import EndJudged, Voice, VoicePaused, VoiceQuiet, VoiceResumed, VoiceStarted
from assistant.conversation.evidence import ASKED_AT
from assistant.errors import ParleyError, ProviderError
from assistant.ports import FRAME, Frame, Samples, TurnDetector
from assistant.theirs import answering, theirs

SEEN = 8.0
"""Seconds of sound that are kept, of which a detector may see all."""
BEFORE = 0.5
"""Seconds before the utterance that it sees too."""
STALLED = 2.0
"""Seconds after which an answer is no longer waited for."""

Detector = AbstractAsyncContextManager[TurnDetector]


class Judge:
    """One session's. `run` it in the session's task group; `push` each frame that is listened to, and what it told.

    A detector that cannot be opened, or fails, is told of once (``trouble``), and nothing is asked any more. While it
    is being opened, which may be a download, nothing is asked either.
    """

    def __init__(
        self,
        detector: Detector,
        now: Callable[[], float],
        judged: Callable[[EndJudged], None],
        trouble: Callable[[str], None],
    ) -> None:
        self._detector = detector
        self._now = now
        self._judged = judged
        self._trouble = trouble
        self._frames: deque[Frame] = deque(maxlen=int(SEEN * 16_000) // FRAME)
        self._since = 0.0
        """Where the utterance began."""
        self._quiet_since: float | None = None
        self._asked = 0
        """How often, in this silence."""
        self._question: tuple[float, Samples] | None = None
        self._wanted = anyio.Event()

    def push(self, frame: Frame, voices: tuple[Voice, ...]) -> None:
        """Take the next frame and what the segmenter made of it. Never waits."""
        self._frames.append(frame)
        for voice in voices:
            match voice:
                case VoiceStarted(at):
                    self._since, self._quiet_since = at, None
                case VoiceResumed():
                    self._quiet_since = self._question = None
                case VoiceQuiet(at) | VoicePaused(at) if at != self._quiet_since:
                    self._quiet_since, self._asked = at, 0
                case _:
                    pass
        if self._quiet_since is None or self._asked == len(ASKED_AT):
            return
        if frame.end >= self._quiet_since + ASKED_AT[self._asked] - 1e-6:
            self._asked += 1
            self._question = (self._quiet_since, self._sound())
            self._wanted.set()

    def over(self) -> None:
        """The utterance is closed, or nobody listens: nothing is asked about it any more."""
        self._quiet_since = self._question = None

    def asked(self) -> tuple[float, Samples] | None:
        """The question that waits, if one does, and wait no more: where the silence began, and the sound up to now."""
        question, self._question = self._question, None
        return question

    async def run(self) -> None:
        """Open the detector and answer questions with it, the newest first, until cancelled."""
        try:
            async with AsyncExitStack() as opened:
                with theirs("the detector of turns' ends"):
                    detector = await opened.enter_async_context(self._detector)
                while True:
                    await self._wanted.wait()
                    self._wanted = anyio.Event()
                    if (question := self.asked()) is not None:
                        await self._answer(detector, *question)
        except (ParleyError, ProviderError) as error:
            self._trouble(str(error))

    async def _answer(self, detector: TurnDetector, quiet_since: float, samples: Samples) -> None:
        with answering(detector.name, STALLED):
            complete = await detector.probability(samples)
        if quiet_since == self._quiet_since:
            self._judged(EndJudged(self._now(), quiet_since, complete))

    def _sound(self) -> Samples:
        kept = [frame.samples for frame in self._frames if frame.end > self._since - BEFORE]
        return np.concatenate(kept)
