from __future__ import annotations

from tests.contract.subject import Subject
from tests.servers.compatible import RATE, CompatibleServer
from tests.servers.wire import uploaded

SUBJECTS = [
    Subject("llm", "openai-compatible", CompatibleServer, {"model": "qwen3:8b"}),
    Subject("stt", "openai-compatible", CompatibleServer, {"model": "whisper"}, told=uploaded),
    Subject("tts", "openai-compatible", CompatibleServer, {"model": "kokoro"}, told=lambda server: {"rate": RATE}),
]
