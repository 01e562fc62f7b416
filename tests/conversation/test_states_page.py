"""docs/architecture.md draws the state changes that really happen, for the reasons that they have, and no others."""

from __future__ import annotations

from pathlib import Path

from tests.conversation.states import FENCE, STATES, diagram, observed

PAGE = Path(__file__).resolve().parents[2] / "docs" / "architecture.md"


def test_the_diagram_is_what_the_rules_do() -> None:
    drawn = FENCE.findall(PAGE.read_text("utf-8"))
    assert drawn == [diagram(observed())], "write it anew: python -m tests.conversation.states docs/architecture.md"


def test_every_state_is_in_it() -> None:
    assert all(f"    {state} --> " in PAGE.read_text("utf-8") for state in STATES)


def test_an_arrow_has_its_reasons_in_one_order() -> None:
    changes = {("Hearing", "Idle"): {"mute"}, ("Idle", "Listening"): {"unmute", "speech"}}
    arrows = "    Idle --> Listening: speech, unmute\n    Hearing --> Idle: mute\n"
    assert diagram(changes) == "```mermaid\nstateDiagram-v2\n" + arrows + "```\n"
