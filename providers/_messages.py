"""Parley's messages -> what chat APIs take: no empty ones, and roles that alternate (some chat templates insist)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from assistant.ports import Message


def split(messages: Sequence[Message]) -> tuple[str, list[dict[str, str]]]:
    """The system text ("" without one), and the rest as ``{"role", "content"}``, neighbours of one role joined."""
    system: list[str] = []
    rest: list[dict[str, str]] = []
    for message in messages:
        text = message.text.strip()
        role: Literal["system", "user", "assistant"] = message.role
        if not text:
            continue
        if role == "system":
            system.append(text)
        elif rest and rest[-1]["role"] == role:
            rest[-1]["content"] += f"\n{text}"
        else:
            rest.append({"role": role, "content": text})
    return "\n\n".join(system), rest
