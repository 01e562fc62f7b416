"""What the tests of language models share: a question, tools, and what was said of an answer."""

from __future__ import annotations

from collections.abc import Iterable

from assistant.ports import Delta, Message, Text, TextDelta, Tool

MESSAGES = [Message("system", (Text("Be brief."),)), Message("user", (Text("what time is it"),))]
ZONED = {"type": "object", "properties": {"zone": {"type": "string"}}, "required": []}
TOOLS = [Tool("get_time", "The time.", ZONED), Tool("now", "This moment.", {"type": "object", "properties": {}})]
"""The second takes nothing."""


def pieces(deltas: Iterable[Delta]) -> list[str]:
    return [delta.text for delta in deltas if isinstance(delta, TextDelta)]


def text(deltas: Iterable[Delta]) -> str:
    return "".join(pieces(deltas))
