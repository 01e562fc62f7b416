from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.contract.subject import Subject
from tests.servers import syllables
from tests.servers.elevenlabs import ElevenLabsServer


def told(server: ElevenLabsServer) -> dict[str, Any]:
    query = server.query
    rate = query.get("audio_format") or query["output_format"]
    return {"language": query.get("language_code", [None])[0], "rate": int(rate[0].removeprefix("pcm_"))}


def spoken(pieces: Sequence[Any]) -> bool:
    return bool(pieces) and np.array_equal(np.concatenate(pieces), syllables.heard("It is four o'clock. "))


V4 = {"model": "eleven_v4_turbo"}
SUBJECTS = [
    Subject("stt", "elevenlabs", ElevenLabsServer, wire="websocket", told=told, reuses=False),
    Subject("tts", "elevenlabs", ElevenLabsServer, wire="websocket", told=told, whole=spoken, variant="flash"),
    Subject("tts", "elevenlabs", ElevenLabsServer, V4, wire="websocket", told=told, whole=spoken, variant="v4"),
]
