"""ElevenLabs' Text-to-Dialogue WebSocket, the only one for the v3 and v4 voices: a call is a context with one speaker.

The server gathers some 40 characters before it speaks, so every phrase is flushed, and each flush is answered by
``is_final_audio_for_turn``. Closing a context loses what it has not begun to say, so it is closed when all has come.
Nothing stops what it has begun: a cancelled call takes its connection with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from assistant.ports import SpeechChunk, SynthesizerAbilities
from providers._language import primary
from providers._ws import Message, Socket
from providers.elevenlabs import speaking
from providers.elevenlabs.faults import failed

PATH = "/v1/text-to-dialogue/multi-stream-input"
MODELS = ("eleven_v3", "eleven_v4")
"""What their names begin with."""
ABILITIES = SynthesizerAbilities(word_times=True, streams_text=True)
IDLE = 170.0
EVERY = 10.0
"""Seconds between signs of life: a context that hears nothing for 20 s is given up, and the connection with it."""
_KEEPER = "parley-idle"
"""A context that never says anything: only one that was opened can be kept alive, and between calls there is none."""
ALIVE: Message = {"context_id": _KEEPER, "keep_alive": True}


def greeting(chosen: speaking.Options) -> Sequence[Message]:
    return ({"context_id": _KEEPER, "voices": [chosen.voice]},)


def query(chosen: speaking.Options) -> dict[str, object]:
    return {
        "model_id": chosen.model,
        "output_format": f"pcm_{chosen.rate}",
        "language_code": primary(chosen.language),
        "sync_alignment": True,
    }


def dialect(chosen: speaking.Options, provider: str, secrets: tuple[str, ...]) -> Callable[[Socket], Dialect]:
    return lambda _: Dialect(chosen, provider, secrets)


class Dialect(speaking.Context):
    """One context."""

    reusable = False

    def __init__(self, chosen: speaking.Options, provider: str, secrets: tuple[str, ...]) -> None:
        super().__init__(chosen, provider, secrets)
        self._ended = False
        self._flushed = 0
        """Flushes that are not yet answered."""

    def text(self, piece: str) -> Sequence[Message]:
        return self._say(self._speech.push(piece))

    def end(self) -> Sequence[Message]:
        last = self._say(self._speech.flush())
        self._ended = True
        self.done = self._flushed == 0
        return last

    def cancel(self) -> Sequence[Message]:
        return ()

    def leave(self) -> Sequence[Message]:
        return ({"context_id": self._context, "close_context": True},) if self._begun else ()

    def read(self, message: Any) -> Iterable[SpeechChunk]:
        if not isinstance(message, dict) or message.get("context_id") not in (None, self._context):
            return
        if message.get("error"):
            raise failed(message["error"], message.get("message"), self._provider, self._secrets)
        alignment = message.get("alignment") or {}
        yield from self._speech.read(message.get("audio"), alignment.get("chars"), alignment.get("char_start_times_ms"))
        if message.get("is_final_audio_for_turn"):
            self._flushed = max(0, self._flushed - 1)
            self.done = self._ended and self._flushed == 0
        if message.get("is_final"):
            self.done = True

    def _say(self, phrases: Sequence[str]) -> list[Message]:
        messages: list[Message] = []
        for phrase in speaking.spaced(phrases):
            if not self._begun:
                messages.append(self._first())
            spoken = {"text": phrase, "voice_id": self._chosen.voice, "new_turn": not self._begun}
            messages.append({"context_id": self._context, "inputs": [spoken]})
            messages.append({"context_id": self._context, "flush": True})
            self._begun = True
            self._flushed += 1
        return messages

    def _first(self) -> Message:
        first: dict[str, Any] = {"context_id": self._context, "voices": [self._chosen.voice]}
        wanted = speaking.settings(stability=self._chosen.stability)
        return {**first, "voice_settings": wanted} if wanted else first
