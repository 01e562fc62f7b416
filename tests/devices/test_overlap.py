"""Who has the floor, in real time: an assistant that reads on and on, and hears itself and others."""

from __future__ import annotations

import pytest

from assistant.ports import Samples
from scripts._soak import card_overlap
from scripts._soak.card_overlap import Found
from scripts._soak.corpus import Sound

TRIES = 3
"""On a busy machine the virtual card loses sound, which moves the echo: such a run says nothing, and is held again. So
is one in which the reply was held for a moment: the card's server loses sound too, and tells nobody."""
ALONE = 10.0
KINDS = ("barge-in", "murmur", "noise")


def three_sounds() -> tuple[list[Samples], list[Sound]]:
    """A user, a cough and a hum, and what the assistant reads."""
    voice, several = card_overlap.tests_own()
    return voice, [next(one for one in several if one.kind == kind) for kind in KINDS]


@pytest.mark.timeout(300)
def test_the_assistant_gives_way_to_a_user_and_neither_to_itself_nor_to_a_noise() -> None:
    """Half a minute of `scripts/soak overlap-card`."""
    voice, several = three_sounds()
    found = Found()
    for _ in range(TRIES):
        found = card_overlap.held(voice, several, ALONE)
        if not found.lost and not found.alone.pauses:
            break
    assert found.alone.seconds > 0.5 * ALONE
    assert found.late == 0, "something was played after a reply had been cut off"
    if found.lost:
        return  # it was never undisturbed: only what holds on any machine was looked at
    assert (found.alone.interruptions, found.alone.pauses) == (0, 0)
    told = {kind: tally for kind, tally in found.tallies.items() if tally.sounds}
    assert any(kind.startswith("barge-in") and tally.good == tally.sounds for kind, tally in told.items()), told
    assert all(not tally.cancelled for kind, tally in told.items() if not kind.startswith("barge-in")), told
