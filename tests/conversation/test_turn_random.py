"""Ten thousand conversations at random: whatever happens, the design's promises hold (see world.py)."""

from __future__ import annotations

import pytest

from .world import World

CONVERSATIONS = 10_000
BLOCKS = 20


@pytest.mark.parametrize("block", range(BLOCKS))
def test_the_promises_hold_in_any_conversation(block: int) -> None:
    for seed in range(block * CONVERSATIONS // BLOCKS, (block + 1) * CONVERSATIONS // BLOCKS):
        world = World(seed)
        try:
            world.run()
        except AssertionError as broken:
            raise AssertionError(f"conversation {seed}: {broken}\n" + "\n".join(world.trace[-40:])) from broken
