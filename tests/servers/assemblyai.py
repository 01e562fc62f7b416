"""AssemblyAI: /v3/ws (streaming recognition) and /v1/ws (voices), as documented on 2026-11-20.

What is heard does not depend on the words: half a second of sound that is not silence is the beginning of `HEARD`, and
the turn's end is told when the client forces it, or by itself where a test says so.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from tests.servers.compatible import SOUND
from tests.servers.openai import HEARD
from tests.servers.websocket import Line, Server, TakenBack

PIECE = 1920
"""Samples in a message of sound: 80 ms."""
ID = "de5d9927-73a6-4be8-b52d-b4c07be37e6b"


class AssemblyAIServer(Server):
    def __init__(self) -> None:
        super().__init__()
        self.sound = SOUND
        self.heard = HEARD
        self.ends: float | None = None
        """The model itself says that the turn is over, half a second of voice after it began, so sure."""
        self.said: list[str] = []
        """Texts that were to be spoken."""
        self.terminated = 0
        """Sessions that were ended as they should be."""
        self.tardy = False
        """Word times come behind the first sound of the next request."""
        self.wordless = False
        """They do not come at all."""
        self.refusal: dict[str, Any] | None = None
        """An Error in the place of sound."""

    def error(self, status: int) -> Any:
        return {"error": self.message(status)}

    def broken(self) -> Any:
        return {"type": "Error", "error_code": 3005, "error_type": "server_error", "error": "Something broke.",
                "retryable": True}  # fmt: skip

    def cancels(self, message: Any) -> bool:
        return message == {"type": "Cancel"}

    async def talk(self, line: Line) -> None:
        await {"/v3/ws": self._listen, "/v1/ws": self._speak}[line.path](line)

    # --- hearing ---

    async def _listen(self, line: Line) -> None:
        rate = int(line.query["sample_rate"][0])
        for name in ("language_codes", "keyterms_prompt"):  # lists are JSON
            assert isinstance(json.loads(line.query.get(name, ["[]"])[0]), list)
        model = line.query["speech_model"][0]
        configuration = {"model": model, "mode": "balanced", "api_version": line.headers["AssemblyAI-Version"]}
        await line.send({"type": "Begin", "id": ID, "expires_at": 1795550400, "configuration": configuration})
        turn = _Turn(self.heard.split(), rate, older=model.startswith("universal-streaming"))
        while True:
            message = await line.receive()
            match message:
                case bytes():
                    seconds = len(message) / 2 / rate
                    if not 0.05 <= seconds <= 1.0:
                        await line.hang_up(3007, f"Input duration violation: {1000 * seconds:g} ms")
                    before, turn.got = turn.got, turn.got + len(message) // 2
                    if line.call is None and np.frombuffer(message, "<i2").any():
                        line.begin()
                        turn.begun = before
                        await line.send({"type": "SpeechStarted", "timestamp": round(1000 * before / rate)})
                    if line.call is not None and before - turn.begun < rate // 2 <= turn.got - turn.begun:
                        await line.content(turn.told(2))
                        if self.ends is not None:
                            await self._end(line, turn, self.ends)
                case {"type": "ForceEndpoint"} if line.call is not None:
                    await self._end(line, turn, 0.1)
                case {"type": "Terminate"}:
                    self.terminated += 1
                    seconds = turn.got // rate
                    await line.send({"type": "Termination", "audio_duration_seconds": seconds,
                                     "session_duration_seconds": seconds + 1})  # fmt: skip
                    return

    async def _end(self, line: Line, turn: _Turn, confidence: float) -> None:
        await line.content(turn.told(over=True, confidence=confidence), last=True)
        line.over()
        if turn.older:
            await line.send(turn.told(over=True, confidence=confidence, formatted=True))
        turn.order += 1

    # --- speaking ---

    async def _speak(self, line: Line) -> None:
        configuration = {
            "voice_id": line.query.get("voice_id", ["aai-jane"])[0],
            "limits": {"max_generate_text_length": 2000},
        }
        await line.send({"type": "Begin", "id": ID, "expires_at": 1795550400, "configuration": configuration})
        rate = int(line.query["sample_rate"][0])
        text, number, played, characters = "", 0, 0, 0
        late: list[Any] = []
        while True:
            match await line.receive():
                case {"type": "Generate", "text": str(piece)}:
                    if len(piece) > 2000:
                        await line.send({"type": "Error", "error_code": 3006, "error_type": "text_too_long",
                                         "error": "Text is too long.", "retryable": False})  # fmt: skip
                        await line.hang_up(3006, "Text is too long.")
                    if line.call is None:
                        line.begin()
                    text, characters = text + piece, characters + len(piece)
                case {"type": "Flush"}:
                    self.said.append(text)
                    try:
                        late = await self._request(line, text, number, 1000 * played // rate, late)
                    except TakenBack:
                        line.given_up()
                        await line.send(_audio(number, self.sound[:PIECE]))  # it was on its way already
                        await line.send({"type": "Cancelled", "audio_duration_seconds": 0.08})
                        number, played = number + 1, played + PIECE
                    else:
                        played += len(self.sound)
                    text, number = "", number + 1
                case {"type": "Cancel"}:
                    line.given_up()
                    await line.send({"type": "Cancelled", "audio_duration_seconds": 0.0})
                    text, number = "", number + 1
                case {"type": "Terminate"}:
                    if text:
                        self.said.append(text)
                    self.terminated += 1
                    await line.send({"type": "Termination", "session_duration_seconds": 1,
                                     "total_input_char_length": characters,
                                     "audio_duration_seconds": played / rate})  # fmt: skip
                    return

    async def _request(self, line: Line, text: str, number: int, start: int, late: list[Any]) -> list[Any]:
        """One request's sound; returns the word times that are still to come."""
        if self.refusal is not None:
            await line.send({"type": "Error", **self.refusal})
            await line.hang_up(self.refusal["error_code"])
        if not any(map(str.isalnum, text)):
            await line.send({"type": "FlushDone", "flush_id": number, "audio_duration_ms": 0})
            line.over()
            return late
        parts = [self.sound[at : at + PIECE] for at in range(0, len(self.sound), PIECE)]
        for index, part in enumerate(parts, 1):
            await line.content(_audio(number, part), last=index == len(parts))
            if index == 1:
                for message in late:
                    await line.send(message)
        words = text.split()
        times = [{"word": word, "start": start + 60 * i, "end": start + 60 * i + 50, "confidence": 0.9}
                 for i, word in enumerate(words)]  # fmt: skip
        boundaries = {"type": "WordBoundaries", "flush_id": number, "audio_start_ms": start, "words": times}
        line.over()
        await line.send({"type": "FlushDone", "flush_id": number, "audio_duration_ms": 500})
        if self.tardy:
            return [boundaries]
        if not self.wordless:
            await line.send(boundaries)
        return []


class _Turn:
    """What AssemblyAI's messages count."""

    def __init__(self, words: list[str], rate: int, *, older: bool) -> None:
        """``older``: a model that writes a turn well only when it is over."""
        self.older = older
        self.order = 0
        self.got = 0
        self.begun = 0
        self._words = words
        self._rate = rate

    def told(
        self, words: int | None = None, *, over: bool = False, confidence: float = 0.0, formatted: bool = False
    ) -> Any:
        said = self._words[:words]
        each = 1000 * (self.got - self.begun) / self._rate / len(said)
        start = 1000 * self.begun / self._rate
        settled = [over or (self.older and word is not said[-1]) for word in said]
        times = [
            {"text": word, "start": round(start + i * each), "end": round(start + (i + 1) * each), "confidence": 0.98,
             "word_is_final": settled[i]}
            for i, word in enumerate(said)
        ]  # fmt: skip
        text = " ".join(word for word, final in zip(said, settled, strict=True) if final or not self.older)
        if formatted:
            text = f"{text[:1].upper()}{text[1:]}?"
        return {
            "type": "Turn", "turn_order": self.order, "turn_is_formatted": formatted or (over and not self.older),
            "end_of_turn": over, "transcript": text, "utterance": text if over else "",
            "end_of_turn_confidence": confidence, "words": times, "language_code": "en", "language_confidence": 0.99,
        }  # fmt: skip


def _audio(number: int, samples: Any) -> Any:
    pcm = samples.astype("<i2").tobytes()
    return {"type": "Audio", "flush_id": number, "audio": base64.b64encode(pcm).decode()}
