"""What a server of OpenAI's older protocol lists as its models, and which of them chats, hears or speaks.

By what the server says of a model (speaches tells the task, the voices and the rate), else by the model's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from providers import _http

UNKNOWN = (404, 405, 501)
"""Statuses of a server that does not have the question."""
ANY = "default"
"""Sent where the server lists nothing: such a server has one model, and takes any name."""

NOT_CHAT = (
    "embed", "rerank", "whisper", "transcribe", "parakeet", "moonshine", "-asr", "tts", "kokoro", "orpheus", "piper",
)  # fmt: skip
"""In the name of a model: it does not chat."""
ELSEWHERE = ("-cloud", ":cloud")
"""How Ollama marks models that it would ask its own service for."""
HEARS = ("whisper", "transcribe", "parakeet", "canary", "moonshine", "sensevoice", "voxtral", "asr", "stt")
SPEAKS = ("kokoro", "orpheus", "piper", "chatterbox", "xtts", "tts", "voice")
"""Parts of models' names, those that say most first."""


@dataclass(frozen=True, slots=True)
class Model:
    id: str
    task: str = ""
    voices: tuple[str, ...] = ()
    rate: int = 0
    """Hz of its sound; zero: not told."""


async def listed(vendor: _http.Vendor) -> list[Model]:
    """What ``GET /models`` answers; nothing where the server does not have that. Raises the SDK's own errors."""
    try:
        answer = await vendor.client.models.list()
    except vendor.faults as error:
        if getattr(error, "status_code", None) in UNKNOWN:
            return []
        raise
    rows = getattr(answer, "data", None)
    return [model for row in (rows if isinstance(rows, list) else ()) if (model := _model(row)) is not None]


def chatting(names: Sequence[str]) -> str | None:
    """The first that chats, on the server rather than elsewhere."""
    chat = [name for name in names if not any(word in name.lower() for word in NOT_CHAT)]
    here = [name for name in chat if not name.lower().endswith(ELSEWHERE)]
    return next(iter(here or chat), None)


def hearing(models: Sequence[Model]) -> Model:
    """The one to transcribe with."""
    return _chosen(models, "automatic-speech-recognition", HEARS)


def speaking(models: Sequence[Model]) -> Model:
    """The one to speak with."""
    return _chosen(models, "text-to-speech", SPEAKS)


def _chosen(models: Sequence[Model], task: str, words: Sequence[str]) -> Model:
    said = [model for model in models if model.task == task]
    named = [model for word in words for model in models if not model.task and word in model.id.lower()]
    return next(iter([*said, *named, *models]), Model(ANY))


def _model(row: Any) -> Model | None:
    id = row if isinstance(row, str) else getattr(row, "id", None)
    if not isinstance(id, str) or not id:
        return None
    task, rate, voices = (getattr(row, name, None) for name in ("task", "sample_rate", "voices"))
    names = [_voice(voice) for voice in (voices if isinstance(voices, list) else ())]
    return Model(
        id,
        task if isinstance(task, str) else "",
        tuple(filter(None, names)),
        rate if isinstance(rate, int) else 0,
    )


def _voice(voice: Any) -> str:
    told = voice.get("name") or voice.get("id") if isinstance(voice, Mapping) else voice
    return told if isinstance(told, str) else ""
