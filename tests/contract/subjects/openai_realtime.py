from __future__ import annotations

from typing import Any

from tests.contract.subject import Subject
from tests.servers.openai_realtime import OpenAIRealtimeServer


def session(server: OpenAIRealtimeServer) -> dict[str, Any]:
    """What the newest session was told."""
    return next(event["session"] for event in reversed(server.sent_events) if event["type"] == "session.updated")


def heard(server: OpenAIRealtimeServer) -> dict[str, Any]:
    asked = session(server)["audio"]["input"]
    return {"language": asked["transcription"].get("languages", [None])[0], "rate": asked["format"]["rate"]}


def spoken(server: OpenAIRealtimeServer) -> dict[str, Any]:
    return {"rate": session(server)["audio"]["output"]["format"]["rate"]}


LIVE = {"model": "gpt-live-transcribe"}
GREETED = {"hang_after_headers": "fell silent for 0.4 s"}
"""A session is confirmed: that much has been heard."""
SUBJECTS = [
    Subject(
        "stt",
        "openai",
        OpenAIRealtimeServer,
        LIVE,
        wire="websocket",
        variant="live",
        reuses=False,
        told=heard,
        expected=GREETED,
    ),
    Subject("tts", "openai", OpenAIRealtimeServer, wire="websocket", told=spoken),
]
