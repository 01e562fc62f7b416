"""What a reply says: the model's deltas -> pieces of text for the voice; what it calls, and what it wants done besides.

A model that calls tools ends its stream with the calls. They are made side by side, and it is asked again with what
they gave: an answer has several rounds, and one voice says all that is said in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from assistant.config.secrets import redact, scrub
from assistant.conversation.history import Instruction, Message, Text, ToolCall, ToolResult
from assistant.conversation.sentences import Sentences
from assistant.conversation.wordstream import WordStream
from assistant.later import Later
from assistant.ports import (
    ChatModel,
    FailedMidway,
    SideEffect,
    Synthesizer,
    TextDelta,
    Tool,
    abilities_of,
)
from assistant.tools import Toolbox, failed

Tell = Callable[[str, float | None, dict[str, object]], None]
"""Tell the observers: event, ``at`` (None: now), data."""
Pieces = MemoryObjectSendStream[str | None]
"""Of text, without a bound, for it is small; None: for a while no more will come."""

ROUNDS = 5
"""Times that a model may call tools in one answer; then it has to do with what it knows."""
FILLER_AFTER = 1.0
"""Seconds after which somebody who has heard nothing begins to doubt that he was understood."""
CHARACTERS_A_TOKEN = 4
"""Of English, about; more in code, fewer in other scripts."""
CUT_OFF = "it was cut off, and may have been done or not"
"""What a later answer is told of a call that the user did not wait for."""
GO_ON = (
    "Your answer above was cut off by a technical fault. Go on from exactly where it stops: "
    "do not repeat any of it, do not greet, do not mention the fault."
)


class Writer:
    """Writes one reply into a stream, piece by piece. Raises ProviderError when no model is left.

    ``broke_off`` is told when a model has failed in the middle and another is to go on; it raises ProviderError when
    that was enough. ``committed`` is set when the reply is to be heard: what it calls is called no sooner, unless that
    changes nothing.
    """

    def __init__(
        self,
        *,
        messages: Sequence[Message],
        model: Later[ChatModel],
        voice: Later[Synthesizer],
        tools: Toolbox,
        committed: anyio.Event,
        tell: Tell,
        want: Callable[[SideEffect], None],
        broke_off: Callable[[FailedMidway], None],
    ) -> None:
        self._messages = list(messages)
        """What the model is asked with. It grows by what was called and what came of it."""
        self._model = model
        self._voice = voice
        self._tools = tools
        self._committed = committed
        self._tell = tell
        self._want = want
        self._broke_off = broke_off
        self._characters = 0
        """That were read and written."""
        self._begun = False
        self._handed: list[str] = []
        """What went to the voice in this round."""
        self._spoke = False
        """Something went to the voice, in any round."""
        self._wanted: set[str] = set()
        """A model that goes on with another's answer is not to set its timer again."""
        self._steps: list[Message] = []
        self._calls: dict[int, tuple[ToolCall, ToolResult | None]] = {}
        """Those that are being made, and what has come of them."""
        self._calling_since: float | None = None
        """When the first call of all was made."""

    @property
    def tokens(self) -> int:
        """That were read and written so far, for all rounds: an estimate from the characters."""
        return -(-self._characters // CHARACTERS_A_TOKEN)

    @property
    def steps(self) -> list[Message]:
        """What was called for this reply and what came of it: of a call that is still being made, that it was cut
        off."""
        return [*self._steps, *self._made()]

    def say(self, words: str, send: Pieces) -> None:
        """``words`` as they are."""
        splitter = Sentences()
        pieces = [*splitter.push(words), *splitter.flush()]
        self._hand_over(pieces, pieces, send)

    async def answer(self, send: Pieces) -> None:
        """What the model answers to the messages, or several models one after the other."""
        model = await self._model.get()
        tools = self._tools.tools if abilities_of(model).tools else ()
        for _ in range(ROUNDS if tools else 0):
            calls = await self._round(model, tools, send)
            if not calls:
                return
            if self._handed:
                send.send_nowait(None)
            await self._call(calls, send)
        await self._round(model, (), send)

    # --- one round ---

    async def _round(self, model: ChatModel, tools: Sequence[Tool], send: Pieces) -> list[ToolCall]:
        """What is said up to the next calls, or to the end, by whichever model can. Returns the calls."""
        messages, again = self._messages, False
        self._handed = []
        while True:
            try:
                return await self._write_from(model, messages, tools, send, again)
            except FailedMidway as failure:
                self._broke_off(failure)
                messages, again = [*self._messages, *_so_far(self._said())], True

    async def _write_from(
        self, model: ChatModel, messages: Sequence[Message], tools: Sequence[Tool], send: Pieces, again: bool
    ) -> list[ToolCall]:
        """One model's answer, piece by piece. ``again``: it goes on with what another one has begun."""
        streamed = (await self._voice.get()).abilities.streams_text
        splitter, words = Sentences(), WordStream(begun=bool(self._handed))
        told: list[str] = []
        calls: list[ToolCall] = []
        before = len(self._handed)
        wanted_before = frozenset(self._wanted) if again else frozenset[str]()

        def hand_over(sentences: Sequence[str], pieces: Sequence[str]) -> None:
            told.extend(sentences)
            self._hand_over(sentences, pieces, send)

        self._characters += sum(len(message.text) for message in messages)
        try:
            answer = model.reply(messages, tools) if tools else model.reply(messages)
            async with aclosing(answer) as deltas:  # type: ignore[type-var]
                async for delta in deltas:
                    match delta:
                        case TextDelta(text):
                            self._begin()
                            self._characters += len(text)
                            self._tell("_", None, {"stage": "llm", "what": "delta", "text": text})
                            sentences = splitter.push(text)
                            hand_over(sentences, words.push(text) if streamed else sentences)
                        case ToolCall(name=name) if tools:
                            self._begin()
                            given = redact(dict(delta.arguments))
                            self._tell("_", None, {"stage": "llm", "what": "call", "name": name, "arguments": given})
                            calls.append(delta)
                        case SideEffect(name) if name not in wanted_before:
                            self._wanted.add(name)
                            self._tell("_", None, {"stage": "llm", "what": "effect", "name": name})
                            self._want(delta)
        except FailedMidway:
            # Words go to a streaming voice one by one: neither half a sentence untold nor a told word unsaid.
            unsaid = "".join(self._handed[before:]).strip() if streamed else " ".join(told)
            hand_over(*_evened(" ".join(told), unsaid))
            raise
        sentences = splitter.flush()
        hand_over(sentences, words.flush() if streamed else sentences)
        return calls

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._tell("reply.first_token", None, {})

    def _hand_over(self, sentences: Sequence[str], pieces: Sequence[str], send: Pieces) -> None:
        for sentence in sentences:
            self._tell("reply.sentence", None, {"text": sentence})
        for piece in pieces:
            self._handed.append(piece)
            self._spoke = True
            send.send_nowait(piece)

    def _said(self) -> str:
        """In this round."""
        return " ".join(piece.strip() for piece in self._handed)

    # --- between two rounds ---

    async def _call(self, calls: Sequence[ToolCall], send: Pieces) -> None:
        """Make the calls, as soon as that is allowed, and add them to the messages with what came of them."""
        if not self._tools.pure(calls):
            await self._committed.wait()
        if self._calling_since is None:
            self._calling_since = anyio.current_time()
        self._calls = {index: (call, None) for index, call in enumerate(calls)}
        for call in calls:
            if call.name in self._tools:
                self._tell("tool.called", None, {"name": call.name})
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(self._fill, self._calling_since + FILLER_AFTER, send)
            async with anyio.create_task_group() as running:
                for index, call in enumerate(calls):
                    running.start_soon(self._run, index, call)
            waiting.cancel_scope.cancel()
        made, self._calls = self._made(), {}
        self._steps += made
        self._messages += made

    async def _run(self, index: int, call: ToolCall) -> None:
        result = await self._tools.run(call)
        self._calls[index] = (call, result)
        known = {"name": result.name, "failed": result.failed, "text": scrub(result.content)}
        self._tell("_", None, {"stage": "tool", "what": "result", **known})

    async def _fill(self, at: float, send: Pieces) -> None:
        """Say something if nothing has been said by then, and be it only that it takes a moment."""
        await anyio.sleep_until(at)
        await self._committed.wait()
        if self._tools.filler and not self._spoke:
            with suppress(anyio.BrokenResourceError):  # the voice has failed for good
                self._hand_over([self._tools.filler], [self._tools.filler], send)
                send.send_nowait(None)

    def _made(self) -> list[Message]:
        """The calls that are being made, as the model is told of them: with what was said before and meanwhile."""
        if not self._calls:
            return []
        said = (Text(self._said()),) if self._handed else ()
        results = [result or failed(call, CUT_OFF) for call, result in self._calls.values()]
        made = Message("assistant", (*said, *(call for call, _ in self._calls.values())))
        return [made, Message("user", tuple(results))]


def _evened(told: str, handed: str) -> tuple[list[str], list[str]]:
    """What is missing in ``told`` of ``handed``, and the other way round."""
    if handed.startswith(told):
        return list(filter(None, [handed[len(told) :].strip()])), []
    return [], [f" {told[len(handed) :].strip()}"] if told.startswith(handed) else []


def _so_far(said: str) -> Sequence[Message]:
    """What tells another model where to go on; nothing when it can begin anew."""
    return [Message("assistant", (Text(said),)), Message("user", (Instruction(GO_ON),))] if said else []
