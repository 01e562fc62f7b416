"""A language model that answers by its script, and calls tools where that says so."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import msgspec

from assistant.ports import ChatAbilities, Delta, Message, TextDelta, Tool, ToolCall, ToolResult
from providers._options import Timeouts, read
from providers.registry import Options
from providers.scripted.faults import Fault, Faults


class ChatOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    replies: tuple[str, ...] = ("Sure.",)
    """Said in turn (by the number of user messages so far); "|" separates tokens, else words are tokens.

    ``<name key=value key='some words'>`` calls a tool, values being JSON where they can be. What stands behind it is
    said when its result has come, with ``{name}`` for the result; calls side by side are made together:
    ``"Let me see. <weather city=Paris> It is {weather} there."``
    """
    ttft: float = 0.0
    """Seconds to the first token."""
    gap: float = 0.0
    """Seconds between tokens."""
    faults: tuple[Fault, ...] = ()
    name: str = "scripted"
    model: str = ""
    max_tokens: int = 0
    timeouts: Timeouts = Timeouts()


@asynccontextmanager
async def chat_model(options: Options) -> AsyncIterator[ScriptedChat]:
    yield ScriptedChat(read(ChatOptions, options, "scripted llm"))


class ScriptedChat:
    abilities = ChatAbilities(tools=True)

    def __init__(self, options: ChatOptions) -> None:
        self.name = options.name
        self._options = options
        self._faults = Faults(options.faults, options.name)
        self._scripts = [acts(reply) for reply in options.replies]

    async def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        started = anyio.current_time()
        cut = await self._faults.begin()
        deltas = self._deltas(messages, can_call=bool(tools))
        for index, delta in enumerate(deltas):
            # An absolute schedule, so that no drift adds up.
            await anyio.sleep_until(started + self._options.ttft + index * self._options.gap)
            if index >= cut:
                raise self._faults.cut()
            yield delta
        if cut == len(deltas):
            raise self._faults.cut()

    def _deltas(self, messages: Sequence[Message], *, can_call: bool) -> list[Delta]:
        """What comes next of the script: that of the newest question, from the results that have come for it on."""
        users, results = 0, list[ToolResult]()
        done = 0
        for message in messages:
            found = [part for part in message.parts if isinstance(part, ToolResult)]
            if message.role == "user" and not found:
                users += 1
            if message.role == "user" and message.said:
                results, done = [], 0
            results += found
            done += bool(found)
        script = self._scripts[(users - 1) % len(self._scripts)]
        coming = script[min(done, len(script) - 1) :]
        # Without tools nothing is called, and it all is said at once.
        now = coming[:1] if can_call else [Act(" ".join(act.text for act in coming if act.text))]
        deltas: list[Delta] = []
        for act in now:
            text = act.text
            for result in results:
                text = text.replace(f"{{{result.name}}}", result.content)
            deltas += [TextDelta(token) for token in tokens(text) if token]
            deltas += [
                ToolCall(f"call_{users}_{done}_{number}", name, arguments)
                for number, (name, arguments) in enumerate(act.calls)
            ]
        return deltas


@dataclass(frozen=True)
class Act:
    """Of a scripted reply: what is said and then called in one answer of the model's."""

    text: str
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Names and arguments."""


_CALL = re.compile(r"""\s*<([A-Za-z_][\w-]*)((?:\s+\w+=(?:'[^']*'|[^\s>]+))*)\s*>""")


def acts(reply: str) -> list[Act]:
    """A scripted reply with calls in it -> its acts, of which only the last may call nothing."""
    found: list[Act] = []
    at = 0
    for match in _CALL.finditer(reply):
        text, at = reply[at : match.start()], match.end()
        text = text.lstrip() if found else text
        pairs = (word.partition("=") for word in shlex.split(match[2]))
        call = (match[1], {key: _value(value) for key, _, value in pairs})
        before = found.pop() if found and not text.strip() else Act(text)
        found.append(Act(before.text, (*before.calls, call)))
    rest = reply[at:]
    return [*found, Act(rest.lstrip() if found else rest)]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def tokens(reply: str) -> list[str]:
    """``"Yes.| I| can."`` -> its tokens; a reply without bars is cut before every word."""
    if "|" in reply:
        return reply.split("|")
    first, *rest = reply.split(" ")
    return [first, *(f" {word}" for word in rest)]
