"""Cartesia: Ink by turns and by hand, Sonic's contexts over WebSocket, and the list of voices.

As documented on 2026-11-20, and as cartesia 4.2 types it. What is heard does not depend on the words: half a second of
sound that is not silence is the beginning of `HEARD`, and the rest is told when the client asks. What is spoken is in
`syllables`.
"""

from __future__ import annotations

import base64
import urllib.parse
from typing import Any

import numpy as np

from tests.servers import syllables, wire
from tests.servers.openai import HEARD
from tests.servers.websocket import Line, Server, TakenBack

ID = "2ff8af53-4d38-479d-8287-58940f01c701"
HALF = 8000
"""Samples of voice after which the first words are told."""


class CartesiaServer(Server):
    def __init__(self) -> None:
        super().__init__()
        self.heard = HEARD
        self.ends = False
        """Ink itself says that the turn is over, half a second of sound after it began."""
        self.eager = True
        """It says so a little before, too."""
        self.resumes = False
        """Ink says eagerly that the turn is over, and takes it back."""
        self.refusal: dict[str, Any] | None = None
        """An error in the place of what was asked for."""
        self.chatter = False
        """Messages of kinds that nobody knows."""
        self.words_late = False
        """Word times come behind their sound, all in one."""
        self.said: list[str] = []
        """Texts that were to be spoken."""
        self.hangs_up_with = 1000

    def error(self, status: int) -> Any:
        return {"error_code": None, "title": "Refused", "message": self.message(status), "request_id": ID}

    def broken(self) -> Any:
        return {"type": "error", "done": True, "status_code": 500, "error_code": None, "title": "Internal",
                "message": "Something broke.", "request_id": ID}  # fmt: skip

    def cancels(self, message: Any) -> bool:
        return isinstance(message, dict) and message.get("cancel") is True

    async def talk(self, line: Line) -> None:
        assert line.headers["Cartesia-Version"] == "2026-08-14"
        await {
            "/stt/turns/websocket": self._turns,
            "/stt/websocket": self._manual,
            "/tts/websocket": self._speak,
        }[line.path](line)

    # --- hearing ---

    async def _turns(self, line: Line) -> None:
        await line.send({"type": "connected", "request_id": ID})
        words, turn = self.heard.split(), -1
        while True:
            message = await line.receive()
            match message:
                case bytes() if turn >= 0 or np.frombuffer(message, "<i2").any():
                    if turn < 0:
                        turn = 0
                        line.begin()
                        if self.chatter:
                            await line.send({"type": "turn.weather", "request_id": ID})
                        await line.content(_event("turn.start"))
                        if self.refusal is not None:
                            await line.content(self.refusal)
                            return
                    before, turn = turn, turn + len(message) // 2
                    if before < HALF <= turn:
                        await line.content(_event("turn.update", " ".join(words[:2])))
                        if self.resumes:
                            await line.content(_event("turn.eager_end", " ".join(words[:2])))
                            await line.content(_event("turn.resume"))
                            await line.content(_event("turn.update", " ".join(words[:3])))
                        if self.ends:
                            if self.eager:
                                await line.content(_event("turn.eager_end", self.heard))
                            await line.content(_event("turn.end", self.heard), last=True)
                            line.over()
                            turn = -1
                case {"type": "close"}:
                    if turn >= 0:
                        await line.content(_event("turn.end", self.heard), last=True)
                        line.over()
                    if self.hangs_up_with != 1000:
                        await line.hang_up(self.hangs_up_with, "model crashed")
                    return

    async def _manual(self, line: Line) -> None:
        got, words = 0, self.heard.split()
        while True:
            message = await line.receive()
            match message:
                case bytes():
                    if line.call is None:
                        line.begin()
                    before, got = got, got + len(message) // 2
                    if before < HALF <= got:
                        await line.content(_transcript(" ".join(words[:2]), final=False, seconds=got / 16_000))
                case "finalize":
                    if line.call is None:
                        line.begin()
                    if self.refusal is not None:
                        await line.content(self.refusal)
                        return
                    # In two pieces, the first of which ends inside a word.
                    cut = len(self.heard) // 2
                    first = _transcript(self.heard[:cut], seconds=got / 16_000)
                    rest = _transcript(self.heard[cut:], seconds=got / 16_000, words=words)
                    await line.content(first)
                    await line.content(rest)
                    await line.content({"type": "flush_done", "request_id": ID}, last=True)
                    line.over()
                case "close":
                    await line.send({"type": "done", "request_id": ID})
                    return

    # --- speaking ---

    async def _speak(self, line: Line) -> None:
        contexts: dict[str, str] = {}
        """Name -> the text so far."""
        late: list[Any] = []
        kept: Any = None
        while True:
            message = await line.receive()
            name = message["context_id"]
            try:
                match message:
                    case {"cancel": True}:
                        if contexts.pop(name, None) is not None:
                            late += [kept] * 3 if kept else []
                            late.append(_done(name))
                            kept = None
                            line.given_up()
                    case {"transcript": str(text), "continue": bool(more)}:
                        assert {"model_id", "voice", "output_format"} <= set(message), "every message says it all"
                        if name not in contexts:
                            contexts[name] = ""
                            line.begin()
                        if self.refusal is not None:
                            await line.content({**self.refusal, "context_id": name})
                            del contexts[name]
                            line.over()
                            continue
                        rate = message["output_format"]["sample_rate"]
                        for part in self._parts(name, text, contexts[name], rate):
                            if late:
                                await line.send(late.pop(0))
                            await self._pass_on(line, kept)
                            kept = part
                        contexts[name] += text
                        if not more:
                            await self._pass_on(line, kept, last=True)
                            kept = None
                            self.said.append(contexts.pop(name))
                            await line.send(_done(name))
                            line.over()
            except TakenBack:
                contexts.pop(name, None)
                late += [kept] * 3 if kept else []
                late.append(_done(name))
                kept = None
                line.given_up()

    async def _pass_on(self, line: Line, kept: Any, *, last: bool = False) -> None:
        if kept is not None and kept["type"] == "chunk":
            await line.content(kept, last=last)
        elif kept is not None:
            await line.send(kept)

    def _parts(self, name: str, text: str, before: str, rate: int) -> list[Any]:
        """A transcript's messages: sound, with the words that begin in it in front of it; times are the context's."""
        base = {"done": False, "status_code": 206, "context_id": name}
        origin = len(before) * syllables.CHARACTER
        words = [(at, word) for at, word in _words(text)]
        parts: list[Any] = []
        told = {"words": [word for _, word in words], "start": [origin + at * syllables.CHARACTER for at, _ in words],
                "end": [origin + (at + len(word)) * syllables.CHARACTER for at, word in words]}  # fmt: skip
        timestamps = {**base, "type": "timestamps", "word_timestamps": told, "flush_id": 1}
        if words and not self.words_late:
            parts.append(timestamps)
        for pcm in syllables.cut(syllables.sound(text, rate), rate):
            if self.chatter:
                parts.append({**base, "type": "weather"})
            parts.append({**base, "type": "chunk", "data": base64.b64encode(pcm).decode(), "step_time": 12.5})
        if words and self.words_late:
            parts.insert(-1, timestamps)
        if text:
            parts.insert(-1, {**base, "type": "flush_done", "flush_done": True, "flush_id": 1})
        return parts


def _words(text: str) -> list[tuple[int, str]]:
    found, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        found.append((at, word))
        at += len(word)
    return found


def _done(name: str) -> Any:
    return {"type": "done", "done": True, "status_code": 200, "context_id": name}


def _event(kind: str, transcript: str | None = None) -> Any:
    return {"type": kind, "request_id": ID, **({"transcript": transcript} if transcript is not None else {})}


def _transcript(text: str, *, seconds: float, final: bool = True, words: list[str] | None = None) -> Any:
    each = seconds / max(1, len(words or ()))
    times = [{"word": word, "start": i * each, "end": (i + 1) * each} for i, word in enumerate(words or ())]
    return {"type": "transcript", "request_id": ID, "text": text, "is_final": final, "duration": seconds,
            "language": "en", "words": times}  # fmt: skip


class CartesiaVoices(wire.Server):
    """GET /voices, in pages."""

    refused = 0
    """A status."""
    voices: tuple[dict[str, Any], ...] = tuple(
        {"id": f"voice-{index}", "name": f"Voice {index}", "language": "de" if index % 2 else "en", "tagline": "Warm",
         "description": "A warm voice.", "gender": "feminine", "access": "public", "visibility": "all",
         "is_owner": False, "created_at": "2026-01-01T00:00:00Z",
         "locales": [{"locale": "en-US", "is_native": True}]}
        for index in range(120)
    )  # fmt: skip

    def reply(self, request: wire.Request) -> wire.Reply:
        path, _, query = request.path.partition("?")
        assert path == "/voices" and request.headers["cartesia-version"] == "2026-08-14", request.path
        if self.refused:
            told = {"error_code": "unauthorized", "title": "Unauthorized", "message": request.headers["authorization"],
                    "request_id": ID}  # fmt: skip
            return wire.Reply.of(told, self.refused)
        asked = urllib.parse.parse_qs(query)
        limit = int(asked.get("limit", ["10"])[0])
        ids = [voice["id"] for voice in self.voices]
        begin = ids.index(asked["starting_after"][0]) + 1 if "starting_after" in asked else 0
        page = self.voices[begin : begin + limit]
        return wire.Reply.of({"data": page, "has_more": begin + limit < len(ids)})
