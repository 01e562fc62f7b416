"""Parley's messages -> what chat APIs take: no empty ones, and roles that alternate (some chat templates insist)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from assistant.conversation.history import Instruction
from assistant.ports import Message, Text, ToolCall, ToolResult

FOUND = "For this answer {name} was called, and gave: {content}"
"""What a model without tools is told of another one's call."""


@dataclass(frozen=True, slots=True)
class Turn:
    """All that one side says until it is the other's turn."""

    role: Literal["user", "assistant"]
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    """The assistant's, behind its text. No id occurs twice in a conversation."""
    results: tuple[ToolResult, ...] = ()
    """Of the calls in the turn before, in the user's place, before its text."""


def turns(messages: Sequence[Message]) -> tuple[str, list[Turn]]:
    """The system text ("" without one), and the rest with neighbours of one role joined."""
    system: list[str] = []
    rest: list[Turn] = []
    seen: set[str] = set()
    renamed: dict[str, str] = {}
    for message in messages:
        text = message.text.strip()
        calls = [part for part in message.parts if isinstance(part, ToolCall)]
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        if message.role == "system":
            system += [text] if text else []
            continue
        if not (text or calls or results):
            continue
        renamed |= {call.id: _unseen(call.id, seen) for call in calls}
        turn = Turn(
            message.role,
            text,
            tuple(replace(call, id=renamed[call.id]) for call in calls),
            tuple(replace(result, id=renamed.get(result.id, result.id)) for result in results),
        )
        rest = [*rest[:-1], _joined(rest[-1], turn)] if rest and rest[-1].role == turn.role else [*rest, turn]
    return "\n\n".join(system), rest


def without_tools(messages: Sequence[Message]) -> list[Message]:
    """The same for a model that takes no tools.

    What the calls for the answer under way gave is told in the program's own words. What earlier calls gave is in the
    answers that were made of it.
    """
    asked = max((at for at, message in enumerate(messages) if message.role == "user" and message.said), default=-1)
    kept: list[Message] = []
    for at, message in enumerate(messages):
        said = tuple(part for part in message.parts if isinstance(part, Text))
        found = tuple(
            Instruction(FOUND.format(name=part.name, content=part.content))
            for part in message.parts
            if isinstance(part, ToolResult) and at > asked
        )
        if len(said) == len(message.parts):
            kept.append(message)
        elif parts := (*said, *found):
            kept.append(Message(message.role, parts))
    return kept


def own(call: ToolCall, provider: str) -> Any:
    """What ``provider``'s API wants back beside the call; None when there is nothing, or it is another's."""
    by, kept = call.opaque or ("", None)
    return kept if by == provider else None


def _joined(turn: Turn, more: Turn) -> Turn:
    text = "\n".join(filter(None, (turn.text, more.text)))
    return Turn(turn.role, text, (*turn.calls, *more.calls), (*turn.results, *more.results))


def _unseen(id: str, seen: set[str]) -> str:
    """The id, or one like it: some servers number each answer's calls anew, others refuse an id that comes twice."""
    fresh, number = id, 2
    while fresh in seen:
        fresh, number = f"{id}_{number}", number + 1
    seen.add(fresh)
    return fresh
