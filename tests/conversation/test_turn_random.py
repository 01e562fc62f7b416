"""Ten thousand conversations at random: whatever happens, the design's promises hold (see world.py)."""

from __future__ import annotations

import pytest

from .world import World

CONVERSATIONS = 10_000
BLOCKS = 20


def test_they_meet_what_drafts_can_meet() -> None:
    """Answers before the final, answers thrown away, and drafts that may not be begun for what that costs."""
    worlds = [World(seed).run() for seed in range(300)]
    assert sum(world.early for world in worlds) > 10
    assert sum(world.thrown_away for world in worlds) > 100
    frugal = [world for world in worlds if world.rules.draft_tokens_per_minute == 200]
    lavish = [world for world in worlds if world.rules.draft_tokens_per_minute > 200]
    drafts = [sum(sum(world.drafts_of.values()) for world in those) / len(those) for those in (frugal, lavish)]
    assert drafts[0] < drafts[1]


def test_they_meet_stop_words_that_are_spotted() -> None:
    """Those that are all there is are not answered; those with words behind them are, and so is what was no stop. Some
    are none at all, and the reply goes on."""
    worlds = [World(seed).run() for seed in range(400)]
    fates = [world.fates[turn] for world in worlds for turn in world.spotted]
    assert len(fates) > 15
    assert any("user.ignored" in fate for fate in fates) and any("answer" in fate for fate in fates)
    assert sum(world.taken_back for world in worlds) > 3


@pytest.mark.parametrize("block", range(BLOCKS))
def test_the_promises_hold_in_any_conversation(block: int) -> None:
    for seed in range(block * CONVERSATIONS // BLOCKS, (block + 1) * CONVERSATIONS // BLOCKS):
        world = World(seed)
        try:
            world.run()
        except AssertionError as broken:
            raise AssertionError(f"conversation {seed}: {broken}\n" + "\n".join(world.trace[-40:])) from broken
