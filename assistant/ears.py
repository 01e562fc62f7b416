"""What stands between the microphone and the session: a simulated room, echo cancelling, noise suppression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import anyio.to_thread

from assistant.audio.modes import Choice
from assistant.audio.processing import Processing, choose_processing
from assistant.automatic import installed_here
from assistant.config import Settings
from assistant.ports import Duplex, Frame, VoiceActivity
from assistant.surroundings import Surroundings


@dataclass(frozen=True)
class Ears:
    """How the session hears."""

    duplex: Duplex
    vad: VoiceActivity
    captured: Callable[[Frame], None] | None
    """What the session itself must hand its frames to: None where they went there before being treated."""
    lag: float = 0.0
    """Seconds by which treated frames come later."""
    device_changed: Callable[[], None] = lambda: None
    """To be called when that has happened: what is known of the room does not hold any more."""
    echo_taken: Callable[[], float] | None = None
    """dB that were taken off the newest frame; None where no echo is cancelled."""


def processing_for(
    settings: Settings,
    surroundings: Surroundings | None,
    *,
    devices: bool = False,
    output: str = "",
    known: Choice | None = None,
) -> Processing:
    """Whether echo is cancelled and noise suppressed, and why. ``devices``, ``output`` and ``known``: see
    `choose_processing`."""
    audio = settings.audio
    return choose_processing(
        audio.echo_cancel,
        audio.noise_suppression,
        room=surroundings is not None,
        devices=devices,
        output=output or audio.output,
        installed=installed_here("livekit"),
        known=known,
    )


async def ears(
    duplex: Duplex,
    vad: VoiceActivity,
    surroundings: Surroundings | None,
    processing: Processing,
    captured: Callable[[Frame], None] | None,
) -> Ears:
    """Put the room and the processing in, beside the loop. ``captured`` gets frames as the microphone hears them.

    Call it before the first frame is taken. Raises ParleyError.
    """
    if surroundings is None and not (processing.echo or processing.noise):
        return Ears(duplex, vad, captured)
    return await anyio.to_thread.run_sync(_treated, duplex, vad, surroundings, processing, captured)


def _treated(
    duplex: Duplex,
    vad: VoiceActivity,
    surroundings: Surroundings | None,
    processing: Processing,
    captured: Callable[[Frame], None] | None,
) -> Ears:
    from assistant.audio.echo import WaryVoiceActivity
    from assistant.audio.room import Acoustics, Room, room_response
    from assistant.audio.treated import TreatedDuplex
    from assistant.audio.webrtc import echo_canceller

    room = canceller = None
    if surroundings is not None:
        acoustics = Acoustics(
            surroundings.gain_db, surroundings.delay_ms / 1000, surroundings.drift_ppm, surroundings.noise_dbfs
        )
        room = Room(room_response(surroundings.response), duplex.playback_rate, acoustics)
    if processing.echo or processing.noise:
        canceller = echo_canceller(duplex.playback_rate, echo=processing.echo, noise=processing.noise)
    treated = TreatedDuplex(duplex, room=room, echo=canceller, captured=captured)
    if canceller is not None and processing.echo:
        wary = WaryVoiceActivity(vad, canceller)
        return Ears(treated, wary, None, treated.lag, canceller.forget, lambda: canceller.taken)
    return Ears(treated, vad, None, treated.lag)
