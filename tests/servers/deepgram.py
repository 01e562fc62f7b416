"""Deepgram: /v1/listen (Nova), /v2/listen (Flux), /v1/speak (Aura), /v2/speak (Flux TTS), as documented on 2026-11-20.

What is heard does not depend on the sound: half a second of it is the beginning of `HEARD`, and the end of the turn is
told when the client asks for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.servers.compatible import SOUND
from tests.servers.openai import HEARD
from tests.servers.websocket import Line, Server

PIECE = 2400
"""Samples in a message of sound."""
ID = "550e8400-e29b-41d4-a716-446655440000"


class DeepgramServer(Server):
    def __init__(self) -> None:
        super().__init__()
        self.sound = SOUND
        self.heard = HEARD
        self.ends = False
        """Flux itself says that the turn is over, half a second of sound after it began."""
        self.resumes = False
        """Flux says eagerly that the turn is over, and takes it back."""
        self.turn: _Turn
        """Of the newest connection to Flux."""
        self.said: list[str] = []
        """Texts that were to be spoken."""

    def error(self, status: int) -> Any:
        return {"err_code": "INVALID_AUTH", "err_msg": self.message(status), "request_id": ID}

    def broken(self) -> Any:
        return {"type": "Error", "code": "INTERNAL", "variant": "INTERNAL", "description": "Something broke."}

    async def talk(self, line: Line) -> None:
        await {
            "/v1/listen": self._nova,
            "/v2/listen": self._flux,
            "/v1/speak": self._aura,
            "/v2/speak": self._flux_voice,
        }[line.path](line)

    # --- hearing ---

    async def _nova(self, line: Line) -> None:
        got = 0
        while True:
            message = await line.receive()
            match message:
                case bytes():
                    if line.call is None:
                        line.begin()
                    before, got = got, got + len(message) // 2
                    if before < 8000 <= got:
                        words = self.heard.split()[:2]
                        await line.content(self._result(words, 0, got / 16000, final=False))
                case {"type": "Finalize"}:
                    await line.content(self._result(self.heard.split(), 0, got / 16000, final=True), last=True)
                    line.over()
                case {"type": "CloseStream"}:
                    await line.send({"type": "Metadata", "request_id": ID, "created": "", "duration": got / 16000,
                                     "channels": 1, "transaction_key": "", "sha256": "", "models": []})  # fmt: skip
                    return
                case {"type": "KeepAlive"}:
                    pass

    def _result(self, words: list[str], start: float, duration: float, *, final: bool) -> Any:
        each = duration / max(1, len(words))
        times = [
            {"word": word, "punctuated_word": word, "start": start + i * each, "end": start + (i + 1) * each,
             "confidence": 0.98}
            for i, word in enumerate(words)
        ]  # fmt: skip
        best = {"transcript": " ".join(words), "confidence": 0.98, "languages": ["en"], "words": times}
        return {
            "type": "Results", "channel_index": [0, 1], "start": start, "duration": duration, "is_final": final,
            "speech_final": False, "from_finalize": final, "channel": {"alternatives": [best]},
            "metadata": {"request_id": ID, "model_info": {"name": "", "version": "", "arch": ""}, "model_uuid": ID},
        }  # fmt: skip

    async def _flux(self, line: Line) -> None:
        turn = self.turn = _Turn(line)
        await line.send({"type": "Connected", "request_id": ID, "sequence_id": turn.next()})
        words = self.heard.split()
        while True:
            message = await line.receive()
            match message:
                case bytes() if np.frombuffer(message, "<i2").any() or line.call is not None:
                    before, turn.got = turn.got, turn.got + len(message) // 2
                    if line.call is None:
                        line.begin()
                        turn.begun = before
                        await line.content(turn.info("StartOfTurn", ""))
                    if before - turn.begun < 8000 <= turn.got - turn.begun:
                        await line.content(turn.info("Update", " ".join(words[:2])))
                        if self.resumes:
                            await line.content(turn.info("EagerEndOfTurn", " ".join(words[:2])))
                            await line.content(turn.info("TurnResumed", " ".join(words[:3])))
                        if self.ends:
                            await line.content(turn.info("EagerEndOfTurn", self.heard))
                            await line.content(turn.info("EndOfTurn", self.heard, trigger="model"), last=True)
                            line.over()
                            turn.index += 1
                case bytes():
                    turn.got += len(message) // 2
                    await line.send(turn.info("Update", ""))
                case {"type": "ForceEndTurn"} if line.call is not None:
                    await line.content(turn.info("EndOfTurn", self.heard, trigger="manual"), last=True)
                    line.over()
                    turn.index += 1
                case {"type": "CloseStream"}:
                    return

    # --- speaking ---

    async def _aura(self, line: Line) -> None:
        await line.send({"type": "Metadata", "request_id": ID, "model_name": "aura-2-thalia-en", "model_version": "1",
                         "model_uuid": ID})  # fmt: skip
        text, sequence = "", 0
        while True:
            match await line.receive():
                case {"type": "Speak", "text": str(piece)}:
                    if line.call is None:
                        line.begin()
                    text += piece
                case {"type": "Flush"} if line.call is not None:
                    self.said.append(text)
                    await self._speak(line)
                    await line.send({"type": "Flushed", "sequence_id": sequence})
                    line.over()
                    text, sequence = "", sequence + 1
                case {"type": "Clear"}:
                    await line.send({"type": "Cleared", "sequence_id": sequence})
                case {"type": "Close"}:
                    return

    async def _flux_voice(self, line: Line) -> None:
        await line.send({"type": "Connected", "request_id": ID, "model_name": "flux-kit-en",
                         "model_version": "2026.06.01", "model_uuids": [ID]})  # fmt: skip
        text, pieces = "", 0
        parts = _parts(self.sound)
        while True:
            match await line.receive():
                case {"type": "Speak", "text": str(piece)}:
                    if line.call is None:
                        line.begin()
                        await line.send({"type": "SpeechStarted", "speech_id": "dg_sp_000000000000"})
                    text, pieces = text + piece, pieces + 1
                    if pieces == 2:  # it speaks before it has all the text
                        await line.content(parts[0])
                case {"type": "Flush"} if line.call is not None:
                    self.said.append(text)
                    for index, part in enumerate(parts[1 if pieces > 1 else 0 :], 1):
                        await line.content(part, last=index == len(parts) - (pieces > 1))
                    await line.send({"type": "Flushed", "speech_id": "dg_sp_000000000000"})
                    await line.send(
                        {"type": "SpeechMetadata", "speech_id": "dg_sp_000000000000", "audio_duration_ms": 100,
                         "input_character_count": len(text), "billable_character_count": len(text),
                         "controls_applied": {"pronunciations_applied": 0, "breaks_applied": 0,
                                              "pronunciation_warnings": 0}}
                    )  # fmt: skip
                    line.over()
                    text, pieces = "", 0
                case {"type": "Close"}:
                    return

    async def _speak(self, line: Line) -> None:
        parts = _parts(self.sound)
        for index, part in enumerate(parts, 1):
            await line.content(part, last=index == len(parts))


class _Turn:
    """What Flux's messages count."""

    def __init__(self, line: Line) -> None:
        self.index = 0
        self.got = 0
        self.begun = 0
        self._sequence = -1

    def next(self) -> int:
        self._sequence += 1
        return self._sequence

    def info(self, event: str, text: str, **more: Any) -> Any:
        words = [{"word": word, "confidence": 0.98, "start": 0.1 * i, "end": 0.1 * i + 0.1}
                 for i, word in enumerate(text.split())]  # fmt: skip
        return {
            "type": "TurnInfo", "request_id": ID, "sequence_id": self.next(), "event": event, "turn_index": self.index,
            "audio_window_start": self.begun / 16000, "audio_window_end": self.got / 16000, "transcript": text,
            "words": words, "end_of_turn_confidence": 0.9 if "End" in event else 0.02, **more,
        }  # fmt: skip


def _parts(sound: Any) -> list[bytes]:
    return [sound[at : at + PIECE].astype("<i2").tobytes() for at in range(0, len(sound), PIECE)]
