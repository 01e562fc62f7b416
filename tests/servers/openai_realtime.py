"""OpenAI's Realtime API over WebSocket: transcription sessions, and responses that read a text aloud. Events as
documented on 2026-11-20, and as the types of its SDK (openai 3.52) have them.

What is heard does not depend on the words: half a second of sound is the beginning of `HEARD`, a commit all of it. What
is said is what was to be read, unless a test has it say something else.
"""

from __future__ import annotations

import base64
from itertools import count
from typing import Any

from tests.servers.compatible import RATE, SOUND
from tests.servers.openai import HEARD
from tests.servers.websocket import Line, Server, TakenBack

LIVE = ("gpt-live-transcribe", "gpt-realtime-whisper")
PIECE = 2400
"""Samples in a message of sound."""
USAGE = {
    "total_tokens": 190, "input_tokens": 120, "output_tokens": 70,
    "input_token_details": {
        "text_tokens": 120, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 0, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 20, "audio_tokens": 50},
}  # fmt: skip


class OpenAIRealtimeServer(Server):
    def __init__(self) -> None:
        super().__init__()
        self.sound = SOUND
        self.heard = HEARD
        self.says: list[str] = []
        """What is said to the next texts in place of them."""
        self.tail = 0
        """Words of the transcript that come only behind the sound."""
        self.ending: tuple[str, dict[str, Any] | None] = ("completed", None)
        """How responses end: status and details."""
        self.disorder = False
        """The second of two stretches is completed before the first."""
        self.refuses_commits = False
        """It finds every buffer empty."""
        self.asked_to_read: list[str] = []
        self.sent_events: list[Any] = []
        self._numbers = count(1)

    def error(self, status: int) -> Any:
        return {
            "error": {
                "message": self.message(status),
                "type": "invalid_request_error",
                "code": {401: "invalid_api_key", 404: "model_not_found"}.get(status),
                "param": None,
            }
        }

    def broken(self) -> Any:
        return self._event("error", error=_error("server_error", None, "Something broke."))

    def cancels(self, message: Any) -> bool:
        return isinstance(message, dict) and message.get("type") == "response.cancel"

    async def talk(self, line: Line) -> None:
        model = line.query.get("model", [None])[0]
        if model is None:
            assert line.query == {"intent": ["transcription"]}
            await self._listen(line)
        else:
            await self._read_aloud(line, model)

    # --- hearing ---

    async def _listen(self, line: Line) -> None:
        await self._send(line, "session.created", session=_transcription({}))
        buffer, item, before, first = _Buffer(), "", None, None
        model = ""
        words = self.heard.split()
        while True:
            message = await line.receive()
            match message:
                case {"type": "session.update", "session": {"type": "transcription", "audio": {"input": asked}}}:
                    model = asked["transcription"]["model"]
                    if model in LIVE and asked.get("turn_detection") is not None:
                        await self._refuse(line, message, "unsupported_turn_detection", "VAD is not supported.")
                    await self._send(line, "session.updated", session=_transcription(asked))
                case {"type": "session.update"}:
                    await self._refuse(line, message, "invalid_session_type", "Not a transcription session.")
                case {"type": "input_audio_buffer.append", "audio": str(audio)}:
                    if line.call is None:
                        line.begin()
                    if buffer.take(audio) and model in LIVE:
                        item = f"item_{next(self._numbers)}"
                        for delta in (words[0], f" {words[1]}"):
                            await line.content(self._heard("delta", item, delta=delta))
                case {"type": "input_audio_buffer.commit"} if buffer.seconds < 0.1 or self.refuses_commits:
                    text = f"buffer too small. Expected at least 100ms of audio, but has {1000 * buffer.seconds:g} ms."
                    await self._refuse(line, message, "input_audio_buffer_commit_empty",
                                       f"Error committing input audio buffer: {text}")  # fmt: skip
                    buffer, item = _Buffer(), ""
                    line.over()
                case {"type": "input_audio_buffer.commit"}:
                    item = item or f"item_{next(self._numbers)}"
                    await self._send(line, "input_audio_buffer.committed", item_id=item, previous_item_id=before)
                    await self._send(line, "conversation.item.added", previous_item_id=before, item=_spoken(item))
                    usage = {"type": "duration", "seconds": round(buffer.seconds, 2)}
                    done = self._heard(
                        "completed", item, transcript=self.heard, usage=usage, languages=[{"code": "en"}]
                    )
                    if self.disorder and first is None:
                        first = done
                    else:
                        await line.content(done, last=True)
                        line.over()
                        if first is not None:
                            await self._put(line, first)
                            first = None
                    before, item, buffer = item, "", _Buffer()
                case {"type": "input_audio_buffer.clear"}:
                    buffer, item = _Buffer(), ""
                    await self._send(line, "input_audio_buffer.cleared")

    def _heard(self, kind: str, item: str, **more: Any) -> Any:
        kind = f"conversation.item.input_audio_transcription.{kind}"
        return self._event(kind, item_id=item, content_index=0, **more)

    # --- speaking ---

    async def _read_aloud(self, line: Line, model: str) -> None:
        session: dict[str, Any] = {"type": "realtime", "model": model, "output_modalities": ["audio"]}
        await self._send(line, "session.created", session=session)
        spoken = ""
        """The voice with which it has spoken already: it cannot have another."""
        while True:
            message = await line.receive()
            match message:
                case {"type": "session.update", "session": {"type": "realtime", **asked}}:
                    output = asked.get("audio", {}).get("output", {})
                    if not 0.25 <= output.get("speed", 1.0) <= 1.5:
                        await self._refuse(line, message, "invalid_value", "Invalid speed.")
                    elif spoken and output.get("voice", spoken) != spoken:
                        await self._refuse(line, message, "cannot_update_voice", "Cannot update a voice after audio.")
                    else:
                        session |= asked
                        await self._send(line, "session.updated", session=session)
                case {"type": "session.update"}:
                    await self._refuse(line, message, "invalid_session_type", "Passing a transcription session update.")
                case {"type": "response.create", "response": asked}:
                    output = asked["audio"]["output"]
                    spoken = spoken or str(output["voice"])
                    name = f"resp_{next(self._numbers)}"
                    line.begin()
                    try:
                        await self._respond(line, name, asked)
                    except TakenBack:
                        line.given_up()
                        where = self._where(name)
                        await self._send(line, "response.output_audio.delta", delta=_sound(self.sound[:PIECE]), **where)
                        details = {"type": "cancelled", "reason": "client_cancelled"}
                        over = _response(name, "cancelled", asked, status_details=details, usage=USAGE)
                        await self._send(line, "response.done", response=over)
                case {"type": "response.cancel"}:
                    await self._refuse(line, message, "response_cancel_not_active", "Cancellation failed: no active "
                                       "response found")  # fmt: skip

    async def _respond(self, line: Line, name: str, asked: Any) -> None:
        [content] = asked["input"][0]["content"]
        text = content["text"].partition("\n\n")[2]
        self.asked_to_read.append(text)
        says = self.says.pop(0) if self.says else text
        await self._send(line, "response.created", response=_response(name, "in_progress", asked))
        where = self._where(name)
        item = {"id": where["item_id"], "object": "realtime.item", "type": "message", "role": "assistant"}
        at = {"response_id": name, "output_index": 0}
        begun = {**item, "status": "in_progress", "content": []}
        await self._send(line, "response.output_item.added", item=begun, **at)
        part = {"type": "audio", "transcript": ""}
        await self._send(line, "response.content_part.added", part=part, **where)
        words = [word if index == 0 else f" {word}" for index, word in enumerate(says.split())]
        ahead, tail = words[: len(words) - self.tail], words[len(words) - self.tail :]
        parts = [self.sound[start : start + PIECE] for start in range(0, len(self.sound), PIECE)]
        for index, samples in enumerate(parts, 1):
            for word in ahead[:4] if index == 1 else ahead[:2]:  # the transcript runs ahead
                await self._send(line, "response.output_audio_transcript.delta", delta=word, **where)
            ahead = ahead[4 if index == 1 else 2 :]
            event = self._event("response.output_audio.delta", delta=_sound(samples), **where)
            await line.content(event, last=index == len(parts))
        for word in [*ahead, *tail]:
            await self._send(line, "response.output_audio_transcript.delta", delta=word, **where)
        await self._send(line, "response.output_audio.done", **where)
        await self._send(line, "response.output_audio_transcript.done", transcript=says, **where)
        part = {"type": "audio", "transcript": says}
        await self._send(line, "response.content_part.done", part=part, **where)
        done = {**item, "status": "completed", "content": [{"type": "output_audio", "transcript": says}]}
        await self._send(line, "response.output_item.done", item=done, **at)
        status, details = self.ending
        line.over()
        over = _response(name, status, asked, output=[done], usage=USAGE, status_details=details)
        await self._send(line, "response.done", response=over)
        limit = {"name": "tokens", "limit": 40_000, "remaining": 39_000, "reset_seconds": 0.1}
        await self._send(line, "rate_limits.updated", rate_limits=[limit])

    def _where(self, response: str) -> dict[str, Any]:
        item = response.replace("resp", "item")
        return {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}

    # --- events ---

    def _event(self, kind: str, **more: Any) -> Any:
        event = {"type": kind, "event_id": f"event_{next(self._numbers)}", **more}
        self.sent_events.append(event)
        return event

    async def _send(self, line: Line, kind: str, **more: Any) -> None:
        await self._put(line, self._event(kind, **more))

    async def _put(self, line: Line, event: Any) -> None:
        await line.send(event)

    async def _refuse(self, line: Line, message: Any, code: str, text: str) -> None:
        error = {**_error("invalid_request_error", code, text), "event_id": message.get("event_id")}
        await self._send(line, "error", error=error)


class _Buffer:
    def __init__(self) -> None:
        self._samples = 0

    @property
    def seconds(self) -> float:
        return self._samples / RATE

    def take(self, audio: str) -> bool:
        """Whether half a second is full with it."""
        before = self.seconds
        self._samples += len(base64.b64decode(audio, validate=True)) // 2
        return before < 0.5 <= self.seconds


def _transcription(asked: dict[str, Any]) -> dict[str, Any]:
    return {"type": "transcription", "audio": {"input": asked}}


def _spoken(item: str) -> dict[str, Any]:
    content = [{"type": "input_audio", "transcript": None}]
    return {"id": item, "object": "realtime.item", "type": "message", "status": "completed", "role": "user",
            "content": content}  # fmt: skip


def _response(name: str, status: str, asked: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": name, "object": "realtime.response", "status": status, "status_details": None, "output": [],
        "conversation_id": None, "output_modalities": ["audio"], "max_output_tokens": asked["max_output_tokens"],
        "audio": asked["audio"], "usage": None, "metadata": asked.get("metadata"), **more,
    }  # fmt: skip


def _error(kind: str, code: str | None, text: str) -> dict[str, Any]:
    return {"type": kind, "code": code, "message": text, "param": None, "event_id": None}


def _sound(samples: Any) -> str:
    return base64.b64encode(samples.astype("<i2").tobytes()).decode()
