"""Would the assistant interrupt itself? The real voice activity and the conversation's own rules say so."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.audio.room import Acoustics, Room, synthetic
from assistant.audio.selfcheck import Recorded, hears_itself
from assistant.audio.webrtc import echo_canceller
from assistant.conversation.overlap import BargeIn
from assistant.conversation.segment import SegmentRules
from assistant.conversation.turn import TurnRules
from assistant.echotest import sequence, simulated, speech
from assistant.ports import CAPTURE_RATE
from providers.silero import voice_activity

pytestmark = pytest.mark.anyio
RULES = SegmentRules(threshold_speaking=0.3)


def in_a_room(gain: float, seconds: float = 8.0, microphone: np.ndarray | None = None) -> Recorded:
    room = Room(synthetic(), 24_000, Acoustics(gain, noise_dbfs=-65.0))
    return simulated(sequence(seconds), np.zeros(0, np.float32) if microphone is None else microphone, room)


@pytest.mark.parametrize("barge_in", ["speech", "words"])
async def test_an_echo_interrupts_until_it_is_taken_out(barge_in: BargeIn) -> None:
    pytest.importorskip("livekit.rtc", reason="needs the package livekit (pip install 'parley-voice[echo]')")
    run, turns = in_a_room(-6.0), TurnRules(barge_in=barge_in)
    async with voice_activity({}) as vad:
        raw, nothing = hears_itself(run, vad, turns, RULES, None)
        clean, erle = hears_itself(run, vad, turns, RULES, echo_canceller(run.rate))
    assert raw.interruptions >= 3 and nothing is None
    assert (clean.interruptions, clean.pauses) == (0, 0)
    assert erle is not None and 20 < erle < 70
    assert raw.seconds == clean.seconds == pytest.approx(8.0, abs=3.0)


async def test_headphones_interrupt_nobody_and_a_user_does() -> None:
    user = np.zeros(9 * CAPTURE_RATE, np.float32)
    said = speech(2.0)
    user[5 * CAPTURE_RATE : 5 * CAPTURE_RATE + len(said)] = said
    async with voice_activity({}) as vad:
        alone, _ = hears_itself(in_a_room(-120.0), vad, TurnRules(), RULES, None)
        spoken, _ = hears_itself(in_a_room(-120.0, microphone=user), vad, TurnRules(), RULES, None)
    assert (alone.interruptions, alone.pauses) == (0, 0)
    assert spoken.interruptions >= 1, "what is counted is what the rules make of a voice, whosever it is"
