"""Microphone and loudspeaker as they are named: WAV files, sound devices, or one of each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from assistant.audio.mixed import Startable, mixed
from assistant.audio.wav import WavDuplex
from assistant.places import Place

PLAYBACK_RATE = 24_000
"""Hz. What WAV speaker files and recordings have, and most voices."""

DeviceChanged = Callable[[str | None, str | None], None]
"""Told the old and the new device's name; None where there is none."""


class Devices(Protocol):
    """The sound devices among them, as they are now."""

    @property
    def names(self) -> Mapping[str, str]:
        """By direction, "input" and "output"."""
        ...

    @property
    def latencies(self) -> Mapping[str, float]:
        """Seconds between the air and the program, by direction, as the device tells."""
        ...


@dataclass(frozen=True)
class Sound:
    """An open microphone and loudspeaker."""

    duplex: Startable
    devices: Devices | None = None
    """None where both are files."""

    @property
    def real(self) -> bool:
        """Both are devices, so that the one may hear the other."""
        return self.devices is not None and {"input", "output"} <= set(self.devices.names)

    @property
    def output(self) -> str:
        """The loudspeaker's name; "" for a file."""
        return "" if self.devices is None else self.devices.names.get("output", "")

    def line(self) -> str:
        """The devices and their latencies for the user; "" where there is none."""
        if self.devices is None:
            return ""
        what = {"input": "microphone", "output": "loudspeaker"}
        names, latencies = self.devices.names, self.devices.latencies
        return ", ".join(
            f"{what[direction]}: {name} ({1000 * latencies.get(direction, 0.0):.0f} ms)"
            for direction, name in names.items()
        )


@asynccontextmanager
async def open_sound(
    microphone: Place,
    loudspeaker: Place,
    *,
    on_warning: Callable[[str], None] | None = None,
    on_device_changed: DeviceChanged | None = None,
) -> AsyncIterator[Sound]:
    """Open both. Call ``start`` when the session starts. A sound library is loaded only for a device.

    ``on_warning`` gets a sentence when the loudspeaker's file can no longer be written. Raises ParleyError, NoDevice.
    """
    hears, speaks = isinstance(microphone, str), isinstance(loudspeaker, str)
    async with AsyncExitStack() as opened:
        files = devices = None
        if not (hears and speaks):
            mic = None if isinstance(microphone, str) else microphone
            speaker = None if isinstance(loudspeaker, str) else loudspeaker
            files = await opened.enter_async_context(
                WavDuplex(mic, speaker, playback_rate=PLAYBACK_RATE, on_warning=on_warning)
            )
        if hears or speaks:
            from assistant.audio.portaudio import open_duplex

            devices = await opened.enter_async_context(
                open_duplex(
                    microphone if isinstance(microphone, str) else None,
                    loudspeaker if isinstance(loudspeaker, str) else None,
                    on_device_changed=on_device_changed,
                )
            )
        if files is None or devices is None:
            yield Sound(files or devices, devices)  # type: ignore[arg-type] # one of them is there
        else:
            pair = (devices, files) if hears else (files, devices)
            yield Sound(await opened.enter_async_context(mixed(*pair)), devices)
