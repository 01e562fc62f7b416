"""Voices of OpenAI's older protocol: 16-bit PCM over HTTP, played as it comes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import numpy as np

from assistant.audio.resample import Resampler
from assistant.ports import SpeechChunk, SynthesizerAbilities
from providers import _http, _model_list, _remote
from providers._errors import scrubbed
from providers._wav import PcmReader


class SpeakingOptions(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = ""
    """Empty: the first that the server lists and that speaks, by its task or its name."""
    voice: str = ""
    """Empty: the model's first, where the server tells, else the one that such models usually have."""
    speed: float = 1.0
    instructions: str = ""
    rate: int = 24_000
    """Hz of the server's PCM. The protocol says 24000; not every server keeps to it, and few tell."""


_VOICES = {"kokoro": "af_heart", "orpheus": "tara"}
"""By a part of the model's name, a voice that it has."""
_USUAL = "alloy"


class Voice:
    """`Synthesizer` over ``POST /audio/speech``: 16-bit PCM, played as it comes."""

    abilities = SynthesizerAbilities()

    def __init__(self, vendor: _http.Vendor, options: SpeakingOptions, name: str) -> None:
        self.name = name
        self.rate = options.rate
        self._vendor = vendor
        self._options = options
        self._model = _model_list.Model(options.model) if options.model else None

    async def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        options = self._options
        call = _http.Call(self.name, self._vendor)
        if self._model is None:
            self._model = _model_list.speaking(await call.step(lambda: _model_list.listed(self._vendor)))
        model = self._model
        request: dict[str, Any] = {
            "model": model.id, "voice": options.voice or _usual(model), "input": text, "response_format": "pcm",
        }  # fmt: skip
        request |= {"speed": options.speed} if options.speed != 1.0 else {}
        request |= {"instructions": options.instructions} if options.instructions else {}
        speech = self._vendor.client.audio.speech.with_streaming_response
        pcm = PcmReader(model.rate or self.rate)
        resampler = Resampler(model.rate, self.rate) if model.rate not in (0, self.rate) else None
        sounded = False
        async with _http.Body(call, lambda: speech.create(**request)) as body:
            kind = body.response.headers.get("content-type", "")
            if "json" in kind:
                raise call.failed(_parsed(await body.all()))
            if kind.startswith("text/"):
                raise call.error(f"sent {scrubbed(kind)} where sound was asked for")
            if any(coded in kind for coded in ("mpeg", "mp3", "ogg", "opus", "flac", "aac")):
                raise call.error(f"sent {scrubbed(kind)} where 16-bit PCM was asked for")
            async for piece in body:
                call.content()
                try:
                    samples = pcm.feed(piece)
                except ValueError as error:
                    raise call.error(str(error)) from None
                if len(samples):
                    sounded = True
                    yield SpeechChunk(samples if resampler is None else resampler.push(samples))
        if not sounded:
            raise call.error("sent no sound")
        if resampler is not None:
            yield SpeechChunk(resampler.push(np.zeros(0, np.float32), last=True))


def _usual(model: _model_list.Model) -> str:
    """The voice to speak with, where none was chosen."""
    if model.voices:
        return model.voices[0]
    return next((voice for word, voice in _VOICES.items() if word in model.id.lower()), _USUAL)


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
