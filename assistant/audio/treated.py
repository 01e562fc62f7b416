"""A Duplex whose captured sound is treated on its way: a room is added to it, an echo taken out of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol, runtime_checkable

from assistant.audio.echo import EchoCanceller
from assistant.ports import Duplex, Frame, Samples


class Treatment(Protocol):
    """What changes captured sound, knowing what the loudspeaker plays. Both methods return at once."""

    def played(self, samples: Samples) -> None:
        """What left the loudspeaker next, from t = 0 on."""
        ...

    def hear(self, frame: Frame) -> Frame:
        """The next captured frame, treated."""
        ...


@runtime_checkable
class Unsteady(Protocol):
    """A duplex whose devices may lose sound."""

    @property
    def lost(self) -> int:
        """Times that one did, so that from then on an echo comes sooner or later than before."""
        ...


class TreatedDuplex:
    """``duplex`` heard in a room and without its echo. All but ``frames`` is as in ``duplex``, which stays its owner's.

    A frame with its echo taken out is a little older than a raw one (`lag`), and its ``start`` says so. Where a device
    loses sound, the echo moves, and is not trusted before it has been learned anew.
    """

    def __init__(
        self,
        duplex: Duplex,
        *,
        room: Treatment | None = None,
        echo: EchoCanceller | None = None,
        captured: Callable[[Frame], None] | None = None,
    ) -> None:
        """Make it before frames are taken, for it taps ``duplex``.

        ``captured`` gets each frame as the microphone hears it: in the room and before all processing (what a recording
        keeps). It must return at once.
        """
        self._duplex = duplex
        self._room = room
        self._echo = echo
        self._captured = captured
        self._unsteady = duplex if isinstance(duplex, Unsteady) else None
        self._lost = 0
        if room is not None:
            duplex.tap(room.played)
        if echo is not None:
            duplex.tap(echo.played, early=True)
        self.playback_rate = duplex.playback_rate
        self.now = duplex.now
        self.play = duplex.play
        self.pause = duplex.pause
        self.resume = duplex.resume
        self.duck = duplex.duck
        self.drop = duplex.drop
        self.heard = duplex.heard
        self.time_of = duplex.time_of
        self.tap = duplex.tap

    @property
    def underruns(self) -> int:
        return self._duplex.underruns

    @property
    def overflows(self) -> int:
        return self._duplex.overflows

    @property
    def input_over(self) -> bool:
        return self._duplex.input_over

    @property
    def lag(self) -> float:
        """Seconds by which frames come later than ``duplex`` gave them."""
        return 0.0 if self._echo is None else self._echo.lag

    @property
    def echo_learned(self) -> bool:
        """What the microphone hears of the loudspeaker is known well enough to trust that a voice is the user's."""
        return self._echo is None or self._echo.learned

    def frames(self) -> AsyncIterator[Frame]:
        return _Treated(self._duplex.frames(), self._treat)

    def _treat(self, frame: Frame) -> Frame:
        if self._room is not None:
            frame = self._room.hear(frame)
        if self._captured is not None:
            self._captured(frame)
        if self._echo is None:
            return frame
        if self._unsteady is not None and self._unsteady.lost != self._lost:
            self._lost = self._unsteady.lost
            self._echo.forget()
        return self._echo.hear(frame)


class _Treated:
    """Not a generator: whoever takes the frames may stop at any time, and go on later with another iterator."""

    def __init__(self, frames: AsyncIterator[Frame], treat: Callable[[Frame], Frame]) -> None:
        self._frames = frames
        self._treat = treat

    def __aiter__(self) -> _Treated:
        return self

    async def __anext__(self) -> Frame:
        return self._treat(await anext(self._frames))
