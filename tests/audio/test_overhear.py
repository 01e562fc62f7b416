"""The echo, overheard in a conversation: found without a test sound, and forgotten with the device."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import numpy as np
import pytest

from assistant.audio.echo import EchoCanceller
from assistant.audio.modes import EchoPath
from assistant.audio.overhear import MOST, SPEECH, Overhearing
from assistant.audio.resample import Resampler
from assistant.audio.room import Acoustics, Room, synthetic
from assistant.audio.webrtc import echo_canceller
from assistant.echotest import speech
from assistant.ports import FRAME, Frame

pytestmark = pytest.mark.anyio
RATE, PLAYED = 16_000, 24_000
PER_FRAME = FRAME * PLAYED // RATE
Found = list[tuple[EchoPath, float | None]]


def answers(*seconds: float) -> np.ndarray:
    """Answers of so many seconds, at 24 kHz, with two seconds between them."""
    pause, said, at = np.zeros(2 * RATE, np.float32), speech(sum(seconds) + 1), 0
    pieces = [pause]
    for one in seconds:
        pieces += [said[at : at + round(one * RATE)], pause]
        at += round(one * RATE)
    return Resampler(RATE, PLAYED).push(np.concatenate(pieces), last=True)


def hold(
    overhearing: Overhearing,
    played: np.ndarray,
    acoustics: Acoustics,
    canceller: EchoCanceller | None = None,
    then: Callable[[int], None] = lambda frame: None,
) -> None:
    room = Room(synthetic(), PLAYED, acoustics)
    for number in range(len(played) // PER_FRAME):
        stretch = played[number * PER_FRAME : (number + 1) * PER_FRAME]
        room.played(stretch)
        overhearing.played(stretch)
        frame = room.hear(Frame(np.zeros(FRAME, np.float32), number * FRAME))
        overhearing.captured(frame)
        if canceller is not None:
            canceller.played(stretch)
            overhearing.treated(canceller.hear(frame))
        then(number)


async def until(found: Found) -> None:
    with anyio.fail_after(20):
        while not found:  # noqa: ASYNC110 - what is waited for comes from a thread, as a call
            await anyio.sleep(0.02)


@pytest.mark.parametrize(
    "acoustics", [Acoustics(-6.0, noise_dbfs=-65.0), Acoustics(-12.0, 0.2, 100.0, noise_dbfs=-65.0)], ids=str
)
async def test_a_few_answers_tell_delay_loss_and_what_the_canceller_does(acoustics: Acoustics) -> None:
    pytest.importorskip("livekit.rtc", reason="needs the package livekit (pip install 'parley-voice[echo]')")
    found: Found = []
    overhearing = Overhearing(PLAYED, lambda path, erle: found.append((path, erle)))
    async with overhearing.running():
        hold(overhearing, answers(3.0, 2.0, 4.0), acoustics, echo_canceller(PLAYED))
        await until(found)
    ((path, erle),) = found
    assert path.heard and path.delay == pytest.approx(acoustics.delay, abs=0.010)
    assert path.return_loss == pytest.approx(-acoustics.gain_db, abs=3.0)
    assert erle is not None and erle > 20


async def test_a_canceller_that_does_nothing_is_found_out() -> None:
    class Idle:
        lag = 0

        def reference(self, block: object) -> None: ...

        def process(self, block: object) -> None: ...

    found: Found = []
    overhearing = Overhearing(PLAYED, lambda path, erle: found.append((path, erle)))
    async with overhearing.running():
        hold(overhearing, answers(9.0), Acoustics(-6.0, noise_dbfs=-65.0), EchoCanceller(Idle(), PLAYED))
        await until(found)
    assert found[0][1] == pytest.approx(0.0, abs=1.0)


async def test_nothing_is_said_of_headphones_and_an_echo_that_begins_later_is_found() -> None:
    found: Found = []
    overhearing = Overhearing(PLAYED, lambda path, erle: found.append((path, erle)))
    async with overhearing.running():
        hold(overhearing, answers(9.0), Acoustics(-120.0, noise_dbfs=-60.0))
        with anyio.move_on_after(2):
            await until(found)
        assert found == []
    plugged = Overhearing(PLAYED, lambda path, erle: found.append((path, erle)))
    async with plugged.running():
        hold(plugged, answers(9.0), Acoustics(-6.0, noise_dbfs=-60.0))
        await until(found)
    assert found[0][0].heard


async def test_a_changed_device_is_listened_to_anew() -> None:
    found: Found = []
    overhearing = Overhearing(PLAYED, lambda path, erle: found.append((path, erle)))
    played = answers(4.0, 4.0)
    half = len(played) // PER_FRAME // 2
    async with overhearing.running():
        hold(overhearing, played, Acoustics(-6.0), then=lambda n: overhearing.again() if n == half else None)
        with anyio.move_on_after(1):
            await until(found)
    assert found == [], "four seconds of one device and four of another are not eight of either"


async def test_what_is_kept_is_bounded() -> None:
    overhearing = Overhearing(PLAYED, lambda path, erle: None)  # nobody runs it: nothing is taken away
    kept = []

    def look(number: int) -> None:
        kept.append(sum(len(piece) for one in overhearing._stretches for piece in one.far.pieces) / PLAYED)

    hold(overhearing, answers(SPEECH * 8), Acoustics(-6.0), then=look)
    assert SPEECH < max(kept) <= MOST + 1
