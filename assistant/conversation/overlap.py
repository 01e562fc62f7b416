"""The user makes a sound over the reply: who has the floor?

Speech takes the floor at once. Playback is held from the moment an overlap begins until this says what it was, so a
judgement that needs evidence (noise, backchannel, stop word) only has to return None until it has it.
"""

from __future__ import annotations

from typing import Literal

OverlapKind = Literal["floor", "stop", "backchannel", "noise", "echo"]
BargeIn = Literal["off", "speech", "words"]


def judge(barge_in: BargeIn) -> OverlapKind | None:
    """What the overlap is, or None while it cannot be told.

    Called when echo-free speech has lasted long enough to be believed (`SegmentRules.min_speech`). ``words`` acts as
    ``speech`` here: words decide once partials during playback are judged.
    """
    return None if barge_in == "off" else "floor"
