from __future__ import annotations

from tests.contract.subject import Subject
from tests.servers.compatible import CompatibleServer

SUBJECTS = [
    Subject("llm", "openai-compatible", CompatibleServer, {"model": "qwen3:8b"}),
    Subject("stt", "openai-compatible", CompatibleServer),
    Subject("tts", "openai-compatible", CompatibleServer),
]
