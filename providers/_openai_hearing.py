"""Speech recognition by HTTP, as OpenAI has it and the servers that speak its protocol: one request an utterance."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from assistant.conversation.events import Sureness, Word
from assistant.ports import CAPTURE_RATE, Samples, TranscriberAbilities
from providers import _http, _openai_client, _remote
from providers._batch import BatchTranscriber, Heard
from providers._wav import wav


@asynccontextmanager
async def opened(
    options: _remote.Options,
    fields: dict[str, Any],
    provider: str,
    base_url: str,
    api_key: str,
    find: Callable[[_http.Vendor], Awaitable[str]] | None = None,
) -> AsyncIterator[BatchTranscriber]:
    """A transcriber over ``base_url``. It gives no partials: each would be a paid upload of everything said so far."""

    async def use(vendor: _http.Vendor) -> AsyncIterator[object]:
        yield await Recogniser(vendor, provider, fields)(np.zeros(1600, np.float32), optional=False)

    async with _openai_client.opened(
        options,
        provider=provider,
        base_url=base_url,
        api_key=api_key,
        rehearsal=(b'{"text": "Hi."}', "application/json"),
        use=use,
    ) as made:
        abilities = TranscriberAbilities(word_times="timestamp_granularities" in fields, generative=True)
        yield BatchTranscriber(Recogniser(made, provider, fields, find), name=provider, abilities=abilities)


class Recogniser:
    """`Decode` over ``POST /audio/transcriptions``: one WAV file up, one text back.

    ``fields`` are the form's fields beside the file. ``find`` finds the model, when it is first needed.
    """

    def __init__(
        self,
        vendor: _http.Vendor,
        name: str,
        fields: dict[str, Any],
        find: Callable[[_http.Vendor], Awaitable[str]] | None = None,
    ) -> None:
        self._vendor = vendor
        self._name = name
        self._fields = fields
        self._find = find

    async def __call__(self, samples: Samples, *, optional: bool) -> Heard:
        call = _http.Call(self._name, self._vendor)
        if (find := self._find) is not None:
            self._fields = {**self._fields, "model": await call.step(lambda: find(self._vendor))}
            self._find = None
        file = ("speech.wav", wav(samples, CAPTURE_RATE), "audio/wav")
        answer = await call.step(lambda: self._vendor.client.audio.transcriptions.create(file=file, **self._fields))
        if isinstance(answer, str):  # a server that answers in plain text, or in JSON that calls itself something else
            return Heard(_text_in(answer, call))
        text = getattr(answer, "text", None)
        if not isinstance(text, str):
            raise call.failed(getattr(answer, "error", None) or "no transcript in the answer")
        languages = getattr(answer, "languages", None) or [getattr(answer, "language", None)]
        language = getattr(languages[0], "code", languages[0])
        language = language if isinstance(language, str) else None
        words = tuple(
            Word(str(word.word).strip(), float(word.start), float(word.end))
            for word in getattr(answer, "words", None) or ()
        )
        return Heard(text.strip(), language, words, _sureness(getattr(answer, "segments", None) or ()))


def _sureness(segments: Sequence[Any]) -> Sureness | None:
    """Of servers that tell (Whisper's, with ``words``): the mean over the text, and the likeliest speech."""
    told = [
        (len(segment.text), float(segment.avg_logprob), float(segment.no_speech_prob))
        for segment in segments
        if None not in (getattr(segment, key, None) for key in ("text", "avg_logprob", "no_speech_prob"))
    ]
    length = sum(letters for letters, _, _ in told)
    if not length:
        return None
    return Sureness(sum(letters * sure for letters, sure, _ in told) / length, min(silent for _, _, silent in told))


def _text_in(answer: str, call: _http.Call) -> str:
    if not answer.lstrip().startswith(("{", "[", "<")):
        return answer.strip()
    try:
        body = json.loads(answer)
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("text"), str):
        return str(body["text"]).strip()
    if isinstance(body, dict) and "error" in body:
        raise call.failed(body)
    raise call.error("sent something that cannot be read (malformed)")
