"""ElevenLabs: Scribe realtime, the multi-context voices and Text-to-Dialogue over WebSocket, and the list of voices.

As documented on 2026-11-20, and as elevenlabs 2.78 types it. What is heard does not depend on the words: half a second
of sound that is not silence is the beginning of `HEARD`. What is spoken is in `syllables`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.servers import syllables, wire
from tests.servers.openai import HEARD
from tests.servers.websocket import Line, Server, TakenBack

ID = "Xb7hH8MSUJpSbSDYk0k2"
MOST = 5
"""Contexts on a connection."""


class ElevenLabsServer(Server):
    def __init__(self) -> None:
        super().__init__()
        self.heard = HEARD
        self.language = "en"
        self.commits_itself = False
        """Scribe commits without having been asked, as it does after 90 s."""
        self.refusal: dict[str, Any] | None = None
        """An error in the place of what was asked for."""
        self.chatter = False
        """Messages of kinds that nobody knows."""
        self.drops_quotes = False
        """The alignment leaves quotation marks out."""
        self.said: list[str] = []
        """Texts that were to be spoken."""
        self._ending: set[str] = set()

    def error(self, status: int) -> Any:
        return {"detail": {"type": "x", "code": "x", "status": "x", "message": self.message(status)}}

    def broken(self) -> Any:
        return {"message_type": "error", "message": "Something broke.", "error": "Something broke.", "code": 1011}

    def cancels(self, message: Any) -> bool:
        """The first time that a context is closed is the end of its text."""
        if not (isinstance(message, dict) and message.get("close_context")):
            return False
        again = message["context_id"] in self._ending
        self._ending.add(message["context_id"])
        return again

    async def talk(self, line: Line) -> None:
        if line.path == "/v1/speech-to-text/realtime":
            await self._scribe(line)
        elif line.path == "/v1/text-to-dialogue/multi-stream-input":
            await self._dialogue(line)
        else:
            assert line.path.endswith("/multi-stream-input"), line.path
            await self._contexts(line)

    # --- hearing ---

    async def _scribe(self, line: Line) -> None:
        query = line.query
        assert query["commit_strategy"] == ["manual"], "otherwise the server decides"
        timed = query.get("include_timestamps") == ["true"]
        rate = int(query["audio_format"][0].removeprefix("pcm_"))
        await line.send({"message_type": "session_started", "session_id": ID,
                         "config": {"sample_rate": rate, "audio_format": query["audio_format"][0]}})  # fmt: skip
        session = _Session(rate)
        while True:
            message = await line.receive()
            assert message["message_type"] == "input_audio_chunk" and message["sample_rate"] == rate
            sound = np.frombuffer(base64.b64decode(message["audio_base_64"]), "<i2")
            if sound.any() and line.call is None:
                line.begin()
            began = session.voiced
            session.take(sound)
            if self.refusal is not None and session.voiced:
                await line.content(self.refusal)
                await line.hang_up(1008, str(self.refusal.get("error", "")))
            if session.voiced >= rate // 2 > began:
                if self.chatter:
                    await line.send({"message_type": "warning", "warning": "It is loud there."})
                    await line.send({"message_type": "from_the_future", "text": "x"})
                await line.content({"message_type": "partial_transcript", "text": " ".join(self.heard.split()[:2])})
                if self.commits_itself and not session.committed:
                    await self._commit(line, session, timed, " ".join(self.heard.split()[:2]))
            if message["commit"]:
                if line.call is None:
                    line.begin()
                if session.uncommitted < 0.3:
                    await line.content({"message_type": "commit_throttled", "error": (
                        f"Commit request ignored: only {session.uncommitted:.2f}s of uncommitted audio. "
                        "You need at least 0.3s of uncommitted audio before committing.")})  # fmt: skip
                    continue
                await self._commit(line, session, timed, self.heard if session.voiced else "", last=True)
                line.over()

    async def _commit(self, line: Line, session: _Session, timed: bool, text: str, *, last: bool = False) -> None:
        words = [*session.words(text.split())]
        session.commit()
        await line.content({"message_type": "committed_transcript", "text": text}, last=last and not timed)
        if timed:
            await line.content({"message_type": "committed_transcript_with_timestamps", "text": text,
                                "language_code": self.language, "words": words}, last=last)  # fmt: skip

    # --- speaking ---

    async def _contexts(self, line: Line) -> None:
        rate = int(line.query["output_format"][0].removeprefix("pcm_"))
        contexts: dict[str, _Context] = {}
        late: list[Any] = []
        while True:
            message = await line.receive()
            if message.get("close_socket"):
                return
            name = message["context_id"]
            if message.get("close_context"):
                self._ending.add(name)
                if (context := contexts.pop(name, None)) is not None:
                    await self._end(line, context, late)
                continue
            if name not in contexts:
                if len(contexts) == MOST:
                    await self._refuse(line, "max_active_contexts_exceeded", "Too many contexts.", 1008)
                assert message["text"] == " ", "a context begins with a space"
                contexts[name] = _Context(name, message.get("voice_settings"))
                line.begin()
                continue
            assert "voice_settings" not in message, "only in a context's first message"
            context, text = contexts[name], message["text"]
            assert text == "" or text.endswith(" "), "text ends with a space"
            context.text += text
            if text and message.get("flush"):
                if self.refusal is not None:
                    await line.content({**self.refusal, "contextId": name})
                    await line.hang_up(self.refusal.get("code", 1008), str(self.refusal.get("error")))
                try:
                    if self.chatter:
                        await line.send({"contextId": name, "weather": "fine"})
                        await line.send({"audio": base64.b64encode(b"\1\1").decode(), "contextId": "another"})
                    for part in self._parts(context, text, rate):
                        await self._pass_on(line, context, late)
                        context.kept = part
                except TakenBack:
                    self._lose(line, contexts.pop(name), late)

    async def _pass_on(self, line: Line, context: _Context, late: list[Any], *, last: bool = False) -> None:
        """Send what the context has kept back; what is still to come of others goes in front."""
        if late:
            await line.send(late.pop(0))
        if context.kept is not None:
            await line.content(context.kept, last=last)

    async def _end(self, line: Line, context: _Context, late: list[Any]) -> None:
        self.said.append(context.text)
        try:
            await self._pass_on(line, context, late, last=True)
        except TakenBack:
            self._lose(line, context, late)
            return
        await line.send({"isFinal": True, "contextId": context.name})
        line.over()

    def _lose(self, line: Line, context: _Context, late: list[Any]) -> None:
        """The client does not want it any more. What was under way comes all the same, later."""
        late += [context.kept] * 3 if context.kept is not None else []
        late.append({"isFinal": True, "contextId": context.name})
        line.given_up()

    def _parts(self, context: _Context, text: str, rate: int) -> Iterator[Any]:
        """Messages of sound, each with the characters that begin in it."""
        for at, pcm in enumerate(syllables.cut(syllables.sound(text, rate), rate)):
            begins, ends = at * syllables.MESSAGE, (at + 1) * syllables.MESSAGE
            inside = [
                (char, round(1000 * (index * syllables.CHARACTER - begins)))
                for index, char in enumerate(text)
                if begins - 1e-6 <= index * syllables.CHARACTER < ends - 1e-6
                and not (self.drops_quotes and char in '"“”')
            ]
            aligned = {
                "chars": [char for char, _ in inside],
                "charStartTimesMs": [start for _, start in inside],
                "charDurationsMs": [round(1000 * syllables.CHARACTER)] * len(inside),
            }
            yield {
                "audio": base64.b64encode(pcm).decode(), "contextId": context.name,
                "alignment": aligned if inside else None, "normalizedAlignment": aligned if inside else None,
            }  # fmt: skip

    async def _refuse(self, line: Line, error: str, message: str, code: int) -> None:
        await line.send({"message": message, "error": error, "code": code})
        await line.hang_up(code, error)

    async def _dialogue(self, line: Line) -> None:
        rate = int(line.query["output_format"][0].removeprefix("pcm_"))
        contexts: dict[str, _Context] = {}
        while True:
            message = await line.receive()
            if message.get("close_socket"):
                return
            name = message["context_id"]
            context = contexts.get(name)
            if context is None:
                if "voices" not in message:
                    await self._refuse(line, "context_not_found", f"No context {name}: voices is required.", 1008)
                if len(contexts) == MOST:
                    await self._refuse(line, "max_active_contexts_exceeded", "Too many contexts.", 1008)
                contexts[name] = _Context(name, message.get("voice_settings"), voices=message["voices"])
                continue
            assert "voices" not in message, "only in a context's first message"
            for each in message.get("inputs", ()):
                assert each["voice_id"] in context.voices
                if line.call is None:
                    line.begin()
                context.waiting += each["text"]
            if message.get("flush") and context.waiting:
                await self._batch(line, context, rate)
            if message.get("close_context"):
                del contexts[name]
                self.said.append(context.text)
                await line.send({"is_final": True, "context_id": name})
                line.over()

    async def _batch(self, line: Line, context: _Context, rate: int) -> None:
        text, context.waiting = context.waiting, ""
        context.text += text
        if self.refusal is not None:
            await line.content(self.refusal)
            await line.hang_up(self.refusal["code"], self.refusal["error"])
        parts = list(self._parts(context, text, rate))
        for index, part in enumerate(parts, 1):
            if self.chatter:
                await line.send({"context_id": context.name, "weather": "fine"})
            alignment = part["alignment"]
            told = alignment and {
                "chars": alignment["chars"],
                "char_start_times_ms": alignment["charStartTimesMs"],
                "char_durations_ms": alignment["charDurationsMs"],
            }
            message = {"audio": part["audio"], "alignment": told, "context_id": context.name}
            await line.content(message, last=index == len(parts))
        await line.send({"is_final_audio_for_turn": True, "context_id": context.name})


@dataclass
class _Context:
    name: str
    settings: dict[str, Any] | None
    voices: list[str] = field(default_factory=list)
    text: str = ""
    waiting: str = ""
    kept: Any = None
    """A message of sound that is not sent before it is known whether another follows."""


class _Session:
    """What Scribe counts."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._got = 0
        self.committed = 0
        self._first: int | None = None
        self._last = 0
        self.voiced = 0
        """Samples of the segment from the first that is not silence on."""

    @property
    def uncommitted(self) -> float:
        return (self._got - self.committed) / self._rate

    def take(self, sound: Any) -> None:
        loud = np.flatnonzero(sound)
        if len(loud):
            self._first = self._first if self._first is not None else self._got + int(loud[0])
            self._last = self._got + int(loud[-1])
        self._got += len(sound)
        self.voiced = 0 if self._first is None else self._got - self._first

    def commit(self) -> None:
        self.committed, self._first, self.voiced = self._got, None, 0

    def words(self, words: list[str]) -> Iterator[Any]:
        """Spread over the segment's voice, in seconds of the session, with the gaps between them."""
        begin = (self._first or 0) / self._rate
        each = (self._last / self._rate - begin) / max(1, len(words))
        for index, word in enumerate(words):
            start = begin + index * each
            if index:
                yield {"text": " ", "start": start, "end": start, "type": "spacing"}
            yield {"text": word, "start": start, "end": start + each, "type": "word", "logprob": -0.1}


VOICES = {
    "voices": [
        {"voice_id": "JBFqnCBsd6RMkjVDRZzb", "name": "George", "category": "premade",
         "labels": {"gender": "male", "age": "middle_aged", "accent": "british", "language": "en"},
         "verified_languages": [{"language": "en", "model_id": "eleven_flash_v2_5"},
                                {"language": "de", "model_id": "eleven_flash_v2_5"}]},
        {"voice_id": "own1", "name": "Mine", "category": "cloned", "labels": {"language": "de"},
         "verified_languages": []},
        {"voice_id": "own2", "name": "Bare", "labels": None, "verified_languages": None},
    ]
}  # fmt: skip


class ElevenLabsVoices(wire.Server):
    """GET /v1/voices."""

    body: Any = VOICES
    refused = 0
    """A status."""

    def reply(self, request: wire.Request) -> wire.Reply:
        assert request.path.partition("?")[0] == "/v1/voices", request.path
        if self.refused:
            told = {"detail": {"status": "invalid_api_key", "message": f"Invalid {request.headers['xi-api-key']}"}}
            return wire.Reply.of(told, self.refused)
        return wire.Reply.of(self.body)
