from __future__ import annotations

from tests.contract.subject import Subject
from tests.servers.openai import OpenAIServer
from tests.servers.wire import uploaded

SUBJECTS = [
    Subject("llm", "openai", OpenAIServer),
    Subject("stt", "openai", OpenAIServer, told=lambda server: uploaded(server, "languages[]")),
]
