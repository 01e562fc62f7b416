from __future__ import annotations

from typing import Any

from tests.contract.subject import Subject
from tests.servers.deepgram import DeepgramServer


def told(server: DeepgramServer) -> dict[str, Any]:
    query = server.query
    return {"language": query.get("language", ["en"])[0], "rate": int(query["sample_rate"][0])}


FLUX: dict[str, Any] = {"force_after": 0.1}
NOVA: dict[str, Any] = {"model": "nova-3"}
SUBJECTS = [
    Subject("stt", "deepgram", DeepgramServer, FLUX, wire="websocket", variant="flux", reuses=False, told=told),
    Subject("stt", "deepgram", DeepgramServer, NOVA, wire="websocket", variant="nova", reuses=False, told=told),
    Subject("tts", "deepgram", DeepgramServer, wire="websocket", variant="aura", told=told),
    Subject("tts", "deepgram", DeepgramServer, {"voice": "flux-kit-en"}, wire="websocket", variant="flux", told=told),
]
