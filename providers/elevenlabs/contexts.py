"""ElevenLabs' multi-context WebSocket, for Flash, Turbo and Multilingual voices: a call is a context on it.

A context that is closed may still send what was under way: its name tells that from the next call's sound, so the
connection outlives a cancellation.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from assistant.ports import SpeechChunk, SynthesizerAbilities
from providers._language import primary
from providers._ws import Message, Socket
from providers.elevenlabs import languages, speaking
from providers.elevenlabs.faults import failed

ABILITIES = SynthesizerAbilities(word_times=True, streams_text=True, languages=languages.FLASH)
FAREWELL: Sequence[Message] = ({"close_socket": True},)
IDLE = 170.0
"""Seconds for which an idle connection is kept. ElevenLabs keeps one for `_INACTIVITY`, and there is nothing that could
be said to keep it alive: a context's first message is the one with its settings, whatever else it was meant for."""
_INACTIVITY = 180
"""Seconds: the most that it takes."""
_ONE_LANGUAGE = ("eleven_flash_v2", "eleven_turbo_v2", "eleven_multilingual_v2")
"""These take no code."""


def abilities(chosen: speaking.Options) -> SynthesizerAbilities:
    if chosen.model in ("eleven_flash_v2_5", "eleven_turbo_v2_5"):
        return ABILITIES
    return SynthesizerAbilities(word_times=True, streams_text=True)


def path(chosen: speaking.Options) -> str:
    return f"/v1/text-to-speech/{urllib.parse.quote(chosen.voice, safe='')}/multi-stream-input"


def query(chosen: speaking.Options) -> dict[str, object]:
    return {
        "model_id": chosen.model,
        "output_format": f"pcm_{chosen.rate}",
        "language_code": None if chosen.model in _ONE_LANGUAGE else primary(chosen.language),
        "auto_mode": True,  # what is sent are whole phrases: it need not gather them
        "sync_alignment": True,
        "inactivity_timeout": _INACTIVITY,
    }


def dialect(chosen: speaking.Options, provider: str, secrets: tuple[str, ...]) -> Callable[[Socket], Dialect]:
    return lambda _: Dialect(chosen, provider, secrets)


class Dialect(speaking.Context):
    """One context."""

    reusable = True

    def text(self, piece: str) -> Sequence[Message]:
        return self._say(self._speech.push(piece))

    def end(self) -> Sequence[Message]:
        last = self._say(self._speech.flush())
        if not self._begun:
            self.done = True
            return ()
        # What is to be flushed is still spoken before the context closes; without closing it nothing tells its end.
        return [*last, {"text": "", "context_id": self._context, "flush": True}, self._close()]

    def cancel(self) -> Sequence[Message]:
        return (self._close(),) if self._begun else ()

    def read(self, message: Any) -> Iterable[SpeechChunk]:
        if not isinstance(message, dict):
            return
        context = message.get("contextId", message.get("context_id"))
        if context not in (None, self._context):
            return
        if message.get("error"):
            raise failed(message["error"], message.get("message"), self._provider, self._secrets)
        if context is None:
            return
        alignment = message.get("alignment") or message.get("normalizedAlignment") or {}
        yield from self._speech.read(message.get("audio"), alignment.get("chars"), alignment.get("charStartTimesMs"))
        if message.get("isFinal", message.get("is_final")):
            self.done = True

    def _say(self, phrases: Sequence[str]) -> list[Message]:
        messages: list[Message] = [
            {"text": phrase, "context_id": self._context, "flush": True} for phrase in speaking.spaced(phrases)
        ]
        if messages and not self._begun:
            self._begun = True
            messages.insert(0, self._first())
        return messages

    def _first(self) -> Message:
        chosen = self._chosen
        speed = min(max(chosen.speed, 0.7), 1.2)
        wanted = speaking.settings(
            stability=chosen.stability,
            similarity_boost=chosen.similarity_boost,
            style=chosen.style,
            speed=None if speed == 1.0 else speed,
        )
        first: dict[str, Any] = {"text": " ", "context_id": self._context}
        return {**first, "voice_settings": wanted} if wanted else first

    def _close(self) -> Message:
        return {"context_id": self._context, "close_context": True}
