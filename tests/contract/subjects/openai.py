from __future__ import annotations

from tests.contract.subject import Subject
from tests.servers.openai import OpenAIServer

SUBJECTS = [
    Subject("llm", "openai", OpenAIServer),
    Subject("stt", "openai", OpenAIServer),
]
