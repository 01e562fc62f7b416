"""What a reply says: the model's deltas -> pieces of text for the voice, and what is wanted done besides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing

from anyio.abc import ObjectSendStream

from assistant.conversation.history import Instruction, Message, Text
from assistant.conversation.sentences import Sentences
from assistant.conversation.wordstream import WordStream
from assistant.later import Later
from assistant.ports import ChatModel, FailedMidway, SideEffect, Synthesizer, TextDelta

Tell = Callable[[str, float | None, dict[str, object]], None]
"""Tell the observers: event, ``at`` (None: now), data."""

GO_ON = (
    "Your answer above was cut off by a technical fault. Go on from exactly where it stops: "
    "do not repeat any of it, do not greet, do not mention the fault."
)


class Writer:
    """Writes one reply into a stream, piece by piece. Raises ProviderError when no model is left.

    ``broke_off`` is told when a model has failed in the middle and another is to go on; it raises ProviderError when
    that was enough.
    """

    def __init__(
        self,
        *,
        messages: Sequence[Message],
        model: Later[ChatModel],
        voice: Later[Synthesizer],
        tell: Tell,
        want: Callable[[SideEffect], None],
        broke_off: Callable[[FailedMidway], None],
    ) -> None:
        self._messages = list(messages)
        self._model = model
        self._voice = voice
        self._tell = tell
        self._want = want
        self._broke_off = broke_off
        self._begun = False
        self._wanted: set[str] = set()
        """A model that goes on with another's answer is not to set its timer again."""

    async def say(self, words: str, send: ObjectSendStream[str]) -> None:
        """``words`` as they are."""
        splitter = Sentences()
        pieces = [*splitter.push(words), *splitter.flush()]
        self._tell_sentences(pieces)
        for piece in pieces:
            await send.send(piece)

    async def answer(self, send: ObjectSendStream[str]) -> None:
        """What the model answers to the messages, or several models one after the other."""
        model = await self._model.get()
        messages = self._messages
        handed: list[str] = []
        while True:
            try:
                await self._write_from(model, messages, send, handed)
                return
            except FailedMidway as failure:
                self._broke_off(failure)
                messages = [*self._messages, *_so_far(" ".join(piece.strip() for piece in handed))]

    async def _write_from(
        self, model: ChatModel, messages: Sequence[Message], send: ObjectSendStream[str], handed: list[str]
    ) -> None:
        """One model's answer, piece by piece; ``handed`` grows by what went to the voice."""
        streamed = (await self._voice.get()).abilities.streams_text
        splitter, words = Sentences(), WordStream(begun=bool(handed))
        told: list[str] = []
        before = len(handed)
        wanted_before = frozenset(self._wanted)

        async def hand_over(sentences: Sequence[str], pieces: Sequence[str]) -> None:
            told.extend(sentences)
            self._tell_sentences(sentences)
            for piece in pieces:
                handed.append(piece)
                await send.send(piece)

        try:
            async with aclosing(model.reply(messages)) as deltas:  # type: ignore[type-var]
                async for delta in deltas:
                    if isinstance(delta, SideEffect) and delta.name not in wanted_before:
                        self._wanted.add(delta.name)
                        self._tell("_", None, {"stage": "llm", "what": "effect", "name": delta.name})
                        self._want(delta)
                    if not isinstance(delta, TextDelta):
                        continue
                    if not self._begun:
                        self._begun = True
                        self._tell("reply.first_token", None, {})
                    self._tell("_", None, {"stage": "llm", "what": "delta", "text": delta.text})
                    sentences = splitter.push(delta.text)
                    await hand_over(sentences, words.push(delta.text) if streamed else sentences)
        except FailedMidway:
            # Words go to a streaming voice one by one: neither half a sentence untold nor a told word unsaid.
            await hand_over(*_evened(" ".join(told), "".join(handed[before:]).strip() if streamed else " ".join(told)))
            raise
        sentences = splitter.flush()
        await hand_over(sentences, words.flush() if streamed else sentences)

    def _tell_sentences(self, sentences: Iterable[str]) -> None:
        for sentence in sentences:
            self._tell("reply.sentence", None, {"text": sentence})


def _evened(told: str, handed: str) -> tuple[list[str], list[str]]:
    """What is missing in ``told`` of ``handed``, and the other way round."""
    if handed.startswith(told):
        return list(filter(None, [handed[len(told) :].strip()])), []
    return [], [f" {told[len(handed) :].strip()}"] if told.startswith(handed) else []


def _so_far(said: str) -> Sequence[Message]:
    """What tells another model where to go on; nothing when it can begin anew."""
    return [Message("assistant", (Text(said),)), Message("user", (Instruction(GO_ON),))] if said else []
