"""The state diagram of docs/architecture.md, from the rules themselves: what they do in many random conversations.

    python -m tests.conversation.states docs/architecture.md

writes it into the page. An arrow is a state change that happened. Its words are the user's order (`ORDERED`), else what
the rules told in the same step (`SAID`), else what happened to them (`HAPPENED`).
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from assistant.conversation import events as e
from tests.conversation.world import World

CONVERSATIONS = 3000
STATES = ("Idle", "Listening", "Hearing", "Endpointing", "Replying", "Overlapping")
FENCE = re.compile(r"```mermaid\nstateDiagram-v2\n.*?```\n", re.S)

ORDERED: dict[type, str] = {e.Mute: "mute", e.Unmute: "unmute", e.Interrupt: "the interrupt key"}
"""What the user orders is the reason of the first change, whatever else is told."""
SAID = {
    "reply.started announcement": "an announcement",
    "reply.started apology": "an apology",
    "overlap.started": "speech over the reply",
    "overlap.decided floor": "it takes the floor",
    "overlap.decided stop": "a stop word",
    "overlap.decided backchannel": "a sign of listening",
    "overlap.decided noise": "a noise",
    "overlap.decided echo": "an echo",
    "user.ignored": "nothing to answer",
    "reply.finished": "the last sample is heard",
}
"""Event, with its kind where it has one -> words. The first of these that was told since the change before counts."""
HAPPENED: dict[tuple[str, type], str] = {
    ("Listening", e.VoiceStarted): "speech",
    ("Hearing", e.VoicePaused): "a pause",
    ("Hearing", e.DeadlinePassed): "60 s of one utterance",
    ("Endpointing", e.VoiceStarted): "speech again",
    ("Endpointing", e.VoiceResumed): "speech again",
    ("Endpointing", e.DeadlinePassed): "the user has finished",
    ("Replying", e.VoiceStarted): "speech before anything was heard",
    ("Replying", e.Transcribed): "late words say that more will come",
    ("Replying", e.ReplyFailed): "no voice works",
}
"""The state and what happened in it -> words, where nothing of that was told."""
REASONS = tuple(dict.fromkeys([*HAPPENED.values(), *SAID.values(), *ORDERED.values()]))
"""In the order in which an arrow has them."""

Arrow = tuple[str, str]


class Watched(World):
    """A world that keeps the state changes and what they came of."""

    def run(self) -> World:
        self.changes: dict[Arrow, set[str]] = {}
        return super().run()

    def _step(self, happening: e.Happening) -> None:
        self.happening = happening
        self.told: list[str] = []
        self.ordered = ORDERED.get(type(happening))
        super()._step(happening)

    def _perform(self, action: e.Action) -> None:
        if isinstance(action, e.Emit):
            data = dict(action.data)
            if action.event == "state":
                self.changes.setdefault((str(data["from"]), str(data["to"])), set()).add(self._why(str(data["from"])))
                self.told, self.ordered = [], None
            else:
                self.told += [action.event, f"{action.event} {data.get('kind')}"]
        super()._perform(action)

    def _why(self, state: str) -> str:
        told = next((words for event, words in SAID.items() if event in self.told), None)
        return self.ordered or told or HAPPENED[state, type(self.happening)]


def observed(conversations: int = CONVERSATIONS) -> dict[Arrow, set[str]]:
    """Every state change of so many random conversations, with what it came of."""
    found: dict[Arrow, set[str]] = {}
    for seed in range(conversations):
        world = Watched(seed)
        world.run()
        for arrow, words in world.changes.items():
            found.setdefault(arrow, set()).update(words)
    return found


def diagram(changes: dict[Arrow, set[str]]) -> str:
    """Mermaid, as it stands in the page."""
    arrows = sorted(changes, key=lambda arrow: (STATES.index(arrow[0]), STATES.index(arrow[1])))
    lines = [f"    {a} --> {b}: {', '.join(sorted(changes[a, b], key=REASONS.index))}\n" for a, b in arrows]
    return "```mermaid\nstateDiagram-v2\n" + "".join(lines) + "```\n"


def main(page: Path) -> None:
    text, count = FENCE.subn(lambda _: diagram(observed()), page.read_text("utf-8"))
    if count != 1:
        sys.exit(f"{page} has {count} state diagrams; it must have one.")
    page.write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
