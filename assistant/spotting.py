"""Stop words over the reply: owns what spots them, gives it the sound of each overlap, tells what it has spotted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import anyio

from assistant.conversation.events import StopSpotted
from assistant.errors import ParleyError, ProviderError
from assistant.ports import Frame, KeyphraseSpotter, KeyphraseStream
from assistant.theirs import theirs

BEFORE = 0.5
"""Seconds before a voice that are listened to as well: its first sound is faint, under an echo it may be noticed in the
middle of the word, and the room is to be heard alone."""
PHRASES = (
    "stop", "stop it", "stop that", "stop talking", "stop speaking", "stop please", "stop stop", "please stop",
    "shut up",
)  # fmt: skip
"""What is listened for, of the stop words that a transcript is stopped by: "enough", "be quiet" or "okay stop" are
heard in too many other words (docs/measurements.md)."""
WAITING = 100
"""Frames that are kept for one that is not open yet, the newest: three seconds."""
CHANCES = 3
"""How often what spots may fail before the conversation does without."""

Opened = AbstractAsyncContextManager[KeyphraseSpotter]
WITHOUT = "stop words are known by the transcript alone, which takes longer"


class StopWords:
    """One session's. `run` it in the session's task group; `begin` with each voice over a reply, then `push`.

    What cannot be opened is told of once (``trouble``), and so is what fails. That is begun again: for this overlap if
    it had not heard any of it yet, else for the next. After CHANCES failures the session does without.
    """

    def __init__(
        self,
        opened: Opened,
        now: Callable[[], float],
        spotted: Callable[[StopSpotted], None],
        trouble: Callable[[str], None],
    ) -> None:
        self._opened = opened
        self._now = now
        self._spotted = spotted
        self._trouble = trouble
        self._turn: int | None = None
        self._waiting: deque[Frame] = deque(maxlen=WAITING)
        """Of the overlap, before there is a stream for it."""
        self._stream: KeyphraseStream | None = None
        self._listening = anyio.CancelScope()
        self._wanted = anyio.Event()
        self._again = True
        """A stream that cannot be opened is asked for once more for this overlap, of which nothing is lost yet."""
        self._failures = 0

    @property
    def turn(self) -> int | None:
        """The utterance that is listened to; None: nobody speaks over a reply."""
        return self._turn

    def begin(self, turn: int, frames: Sequence[Frame]) -> None:
        """A voice over the reply, which may be the utterance ``turn``. ``frames``: the newest, from BEFORE it on."""
        self.over()
        self._turn, self._again = turn, True
        self._waiting.extend(frames)
        self._wanted.set()

    def push(self, frame: Frame) -> None:
        """Take the next frame. Never waits."""
        if self._stream is not None:
            try:
                with theirs("what spots stop words"):
                    self._stream.push(frame)
            except (ParleyError, ProviderError) as error:
                self._failed(error)
                self._listening.cancel()
        elif self._turn is not None:
            self._waiting.append(frame)

    def over(self) -> None:
        """Nobody speaks over a reply any more."""
        self._turn, self._stream = None, None
        self._waiting.clear()
        self._listening.cancel()

    async def run(self) -> None:
        """Open it and listen to one overlap after the other, until cancelled."""
        try:
            async with AsyncExitStack() as stack:
                with theirs("what spots stop words"):
                    spotter = await stack.enter_async_context(self._opened)
                while self._failures < CHANCES:
                    await self._wanted.wait()
                    self._wanted = anyio.Event()
                    if self._turn is not None:
                        await self._listen(spotter, self._turn)
                self._trouble(f"{spotter.name} has failed {CHANCES} times: {WITHOUT}")
        except (ParleyError, ProviderError) as error:
            self._trouble(f"{WITHOUT}, because {error}")

    async def _listen(self, spotter: KeyphraseSpotter, turn: int) -> None:
        with anyio.CancelScope() as self._listening:
            try:
                async with AsyncExitStack() as stack:
                    with theirs(spotter.name):
                        stream = await stack.enter_async_context(spotter.stream())
                        for frame in self._waiting:
                            stream.push(frame)
                        heard = aiter(stream)
                    self._waiting.clear()
                    self._stream = stream
                    while True:
                        with theirs(spotter.name):
                            spotted = await anext(heard, None)
                        if spotted is None:
                            break
                        self._spotted(StopSpotted(self._now(), turn, spotted.phrase, spotted.end))
            except (ParleyError, ProviderError) as error:
                if self._stream is None and self._again:
                    self._again = False
                    self._wanted.set()
                self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._stream = None
        self._failures += 1
        if self._failures == 1:
            self._trouble(f"the stop word is not spotted in this moment, because {error}")
