"""Keeps a conversation from hearing itself when what is known of the echo changes: overheard, or with a device.

It only ever changes to what is safer, at once; what trusts more is for the next start, from `parley doctor echo`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from assistant.audio.modes import Choice, EchoPath, Mode, safer
from assistant.audio.overhear import Overhearing
from assistant.audio.processing import Processing, after_change
from assistant.automatic import installed_here
from assistant.echoes import Echoes, Known
from assistant.sound import Devices

Protect = Callable[[Mode, str], None]
"""Change to that mode from now on, and tell the user the sentence."""

DOES = {
    "half": "so it does not listen while it speaks from now on",
    "duck": "so it speaks more softly from now on, instead of pausing, while you say something",
}


def known_choice(echoes: Echoes, devices: Devices | None) -> Choice | None:
    """What was chosen when these two devices were measured; None where that is not known, or does not hold any more."""
    names = {} if devices is None else devices.names
    if not {"input", "output"} <= set(names):
        return None
    known = echoes.of(names["input"], names["output"])
    if known is None or known.installed != installed_here("livekit"):
        return None
    return Choice(known.mode, known.cancel, known.why)


@dataclass
class EchoWatch:
    devices: Devices
    echoes: Echoes
    processing: Processing
    """What the session began with."""
    wanted: Callable[[], Processing]
    """What a session would begin with now."""
    protect: Protect
    rate: int
    """Hz of what is played."""

    def __post_init__(self) -> None:
        self.overhearing = Overhearing(self.rate, self._overheard)
        self._mode = self.processing.mode

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.overhearing.running():
            yield

    def device_changed(self, to: str | None) -> None:
        """``to``: the new device's name; None: there is none at present."""
        if to is None:
            return
        self.overhearing.again()
        self._change(after_change(self.processing, self.wanted()))

    def _overheard(self, path: EchoPath, erle: float | None) -> None:
        choice = safer(self._mode, self.processing.echo, path, erle)
        names = self.devices.names
        pair = names["input"], names["output"]
        if choice is not None:
            self._remember(pair, choice, path, erle)
        elif path.heard and self.processing.echo and self.echoes.of(*pair) is None:
            self._remember(pair, Choice("full", True, "the echo is taken out"), path, erle)
        self._change(choice)

    def _remember(self, pair: tuple[str, str], choice: Choice, path: EchoPath, erle: float | None) -> None:
        # The next session may take the echo out from its beginning, which this one could not.
        if choice.mode == "half" and not choice.cancel and installed_here("livekit"):
            choice = Choice("full", True, "the microphone hears the loudspeaker")
        self.echoes.remember(*pair, known(choice, path, erle, "conversation"))

    def _change(self, choice: Choice | None) -> None:
        if choice is None or choice.mode == self._mode:
            return
        self._mode = choice.mode
        self.protect(choice.mode, f"{choice.why}: {DOES[choice.mode]}; measure it with: parley doctor echo")


def known(choice: Choice, path: EchoPath, erle: float | None, source: str) -> Known:
    """For `Echoes`."""
    return Known(
        choice.mode,
        choice.cancel,
        choice.why,
        installed_here("livekit"),
        "doctor" if source == "doctor" else "conversation",
        None if path.delay is None else round(1000 * path.delay, 1),
        None if path.return_loss is None else round(path.return_loss, 1),
        None if erle is None else round(erle, 1),
    )
