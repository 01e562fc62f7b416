"""Whose voice sounds over the reply: owns what tells voices apart, keeps the overlap's speech, asks about it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import anyio
import numpy as np

from assistant.conversation.events import SpeakerTold
from assistant.conversation.likeness import cosine, likeness, whose
from assistant.enrolment import SPEECH
from assistant.errors import ParleyError, ProviderError
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples, SpeakerId
from assistant.theirs import answering, theirs

ENOUGH = 1.0
"""Seconds of speech that a voice is told by: with half of that the user is refused too often (docs/measurements.md)."""
FIRST, EARLIER = 0.5, 0.1
"""Seconds of speech at which it is asked first, and seconds from there to the next question until there is ENOUGH: what
is plain by then is told at once."""
AGAIN = 0.5
"""Seconds of speech after which it is asked again, about the newest: somebody else may speak by now."""
WAIT = 2.0
"""Seconds of a voice that goes on, for which the floor waits to be told whose it is: ENOUGH, and time for an answer."""
STALLED = 1.0
"""Seconds after which an answer is no longer waited for."""

Opened = AbstractAsyncContextManager[SpeakerId]


class SpeakerGate:
    """One session's. `run` it in the session's task group; `push` each frame of an overlap.

    What cannot be opened, or fails, is told of once (``trouble``); from then on, and until it is open, every voice may
    be the user's.
    """

    def __init__(
        self,
        opened: Opened,
        model: str,
        voice: Sequence[float],
        now: Callable[[], float],
        told: Callable[[SpeakerTold], None],
        trouble: Callable[[str], None],
        name: str,
    ) -> None:
        """``model``, ``voice``, ``name``: the enrolled one's (`assistant.voiceprints`)."""
        self._opened = opened
        self._model = model
        self._voice = voice
        self._now = now
        self._told = told
        self._trouble = trouble
        self._name = name
        self._ready = False
        self._turn: int | None = None
        self._frames: deque[Samples] = deque(maxlen=round(ENOUGH * CAPTURE_RATE / FRAME))
        self._heard = 0.0
        """Seconds of speech in this overlap."""
        self._ask_at = FIRST
        """Seconds of speech at which the next question is asked."""
        self._question: tuple[int, Samples] | None = None
        self._wanted = anyio.Event()

    def push(self, frame: Frame, probability: float, turn: int) -> None:
        """Take the next frame of an overlap, whose utterance is ``turn``. Never waits."""
        if turn != self._turn:
            self.over()
            self._turn, self._heard, self._ask_at = turn, 0.0, FIRST
            if not self._ready:
                self._told(SpeakerTold(self._now(), turn, False))
        if probability < SPEECH:
            return
        self._frames.append(frame.samples)
        self._heard += FRAME / CAPTURE_RATE
        if self._heard >= self._ask_at - 1e-6 and self._ready:
            self._ask_at = min(self._heard + EARLIER, ENOUGH) if self._heard < ENOUGH - 1e-6 else self._heard + AGAIN
            self._question = turn, np.concatenate(self._frames)
            self._wanted.set()

    def over(self) -> None:
        """Nobody speaks over a reply: nothing is asked about it any more."""
        self._turn = self._question = None
        self._frames.clear()

    async def run(self) -> None:
        """Open it and answer questions with it, the newest first, until cancelled."""
        try:
            async with AsyncExitStack() as opened:
                with theirs("what tells voices apart"):
                    speaker_id = await opened.enter_async_context(self._opened)
                if speaker_id.model != self._model:
                    raise ParleyError(
                        f"the voice of {self._name} was learned with another model; learn it anew with: "
                        f"parley enroll {self._name}"
                    )
                self._ready = True
                while True:
                    await self._wanted.wait()
                    self._wanted = anyio.Event()
                    question, self._question = self._question, None
                    if question is not None:
                        await self._answer(speaker_id, *question)
        except (ParleyError, ProviderError, ValueError) as error:  # ValueError: numbers of another size
            self._ready = False
            if self._turn is not None:
                self._told(SpeakerTold(self._now(), self._turn, False))
            self._trouble(f"every voice may interrupt the assistant, because {error}")

    async def _answer(self, speaker_id: SpeakerId, turn: int, samples: Samples) -> None:
        with answering(speaker_id.name, STALLED):
            heard = (await speaker_id.embedding(samples)).tolist()
        if turn == self._turn:
            enough = len(samples) / CAPTURE_RATE >= ENOUGH - FRAME / CAPTURE_RATE
            sure = likeness(cosine(heard, self._voice), speaker_id.chance, speaker_id.spread)
            told = whose(sure, enough=enough)
            if enough or told is not None:
                self._told(SpeakerTold(self._now(), turn, told == "other"))
