from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.contract.subject import Subject
from tests.servers import syllables
from tests.servers.cartesia import CartesiaServer


def heard(server: CartesiaServer) -> dict[str, Any]:
    query = server.query
    return {"language": query.get("language", ["en"])[0], "rate": int(query["sample_rate"][0])}


def spoke(server: CartesiaServer) -> dict[str, Any]:
    request = next(message for line in server.lines for message in line.received)
    return {"language": request.get("language"), "rate": request["output_format"]["sample_rate"]}


def spoken(pieces: Sequence[Any]) -> bool:
    return bool(pieces) and np.array_equal(np.concatenate(pieces), syllables.heard("It is four o'clock."))


TURNS: dict[str, Any] = {"force_after": 0.1}
MANUAL: dict[str, Any] = {"turns": False}
SUBJECTS = [
    Subject("stt", "cartesia", CartesiaServer, TURNS, wire="websocket", told=heard, reuses=False, variant="turns"),
    Subject("stt", "cartesia", CartesiaServer, MANUAL, wire="websocket", told=heard, reuses=False, variant="manual"),
    Subject("tts", "cartesia", CartesiaServer, wire="websocket", told=spoke, whole=spoken),
]
