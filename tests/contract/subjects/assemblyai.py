from __future__ import annotations

import json
from typing import Any

from tests.contract.subject import Subject
from tests.servers.assemblyai import AssemblyAIServer


def told(server: AssemblyAIServer) -> dict[str, Any]:
    query = server.query
    codes = json.loads(query.get("language_codes", ["[null]"])[0])
    return {"language": codes[0], "rate": int(query["sample_rate"][0])}


BROKEN = {"error_in_200": "failed inside (3005): Something broke."}
GREETED = {"hang_after_headers": "fell silent for 0.4 s"}
"""A session begins with a greeting: that much has been heard."""
HEARING: dict[str, Any] = {"force_after": 0.1}
SUBJECTS = [
    Subject(
        "stt",
        "assemblyai",
        AssemblyAIServer,
        HEARING,
        wire="websocket",
        reuses=False,
        told=told,
        expected=BROKEN | GREETED,
    ),
    Subject("tts", "assemblyai", AssemblyAIServer, wire="websocket", told=told, expected=BROKEN),
]
