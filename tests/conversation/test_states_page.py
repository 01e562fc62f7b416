"""docs/architecture.md draws the state changes that really happen, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from assistant.conversation import events as e
from tests.conversation.world import World

PAGE = Path(__file__).resolve().parents[2] / "docs" / "architecture.md"


class Watched(World):
    """A world that keeps the state changes."""

    def run(self) -> World:
        self.changes: set[tuple[str, str]] = set()
        return super().run()

    def _perform(self, action: e.Action) -> None:
        if isinstance(action, e.Emit) and action.event == "state":
            data = dict(action.data)
            self.changes.add((str(data["from"]), str(data["to"])))
        super()._perform(action)


def test_the_diagram_has_every_state_change_and_no_other() -> None:
    seen: set[tuple[str, str]] = set()
    for seed in range(3000):
        world = Watched(seed)
        world.run()
        seen |= world.changes
    drawn = set(re.findall(r"^    (\w+) --> (\w+)", PAGE.read_text("utf-8"), re.M))
    assert drawn == seen
