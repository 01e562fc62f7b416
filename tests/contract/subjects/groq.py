from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.contract.subject import KEY, Playing, Subject
from tests.servers.dialects import Groq
from tests.servers.wire import uploaded


def where(server: Playing) -> Mapping[str, Any]:
    return {"base_url": server.url, "api_key": SECRET}


SECRET = f"gsk_{KEY}"
SUBJECTS = [
    Subject("llm", "groq", Groq, where=where, secrets=(KEY, SECRET)),
    Subject("stt", "groq", Groq, where=where, secrets=(KEY, SECRET), told=uploaded),
]
