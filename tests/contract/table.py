"""Every provider over HTTP x every fault: what must come of each cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from tests.servers.anthropic import AnthropicServer
from tests.servers.compatible import CompatibleServer
from tests.servers.openai import OpenAIServer
from tests.servers.wire import Fault

Stage = Literal["stt", "llm", "tts"]
KEY = "sk-live-DISTINCTIVE-0123456789-KEY"
TIMEOUTS = {"connect": 0.5, "first_byte": 0.6, "gap": 0.4}


@dataclass(frozen=True)
class Subject:
    """A provider, and the server that plays its vendor."""

    stage: Stage
    name: str
    server: type[OpenAIServer] | type[CompatibleServer] | type[AnthropicServer]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.stage}:{self.name}"


SUBJECTS = [
    Subject("llm", "openai", OpenAIServer),
    Subject("llm", "openai-compatible", CompatibleServer, {"model": "qwen3:8b"}),
    Subject("llm", "anthropic", AnthropicServer),
    Subject("stt", "openai", OpenAIServer),
    Subject("stt", "openai-compatible", CompatibleServer),
    Subject("tts", "openai-compatible", CompatibleServer),
]

FAULTS: tuple[Fault, ...] = get_args(Fault)

OK = "ok"
"""The fault must not be noticed."""
NOT_SSE = "n/a: the answer is one JSON document, not server-sent events"
NOT_TEXT = "n/a: the answer is sound, not text"
WHOLE = "n/a: the answer comes whole, so there is no time between its pieces to fall silent in"

_EXPECTED: dict[str, str] = {
    "refused": "cannot be reached: nothing listens there",
    "401": "rejected the key (401)",
    "402": "wants to be paid first (402)",
    "404": "does not know this model or address (404)",
    "429": "is asked too often (429)",
    "500": "failed inside (500)",
    "529": "is overloaded (529)",
    "error_in_200": "sent an error",
    "hang": "no first byte for 0.6 s",
    "hang_after_headers": "no first byte for 0.6 s",
    "hang_midway": "fell silent for 0.4 s",
    "cut_at_once": "cut the connection",
    "cut_midway": "cut the connection",
    "malformed": "malformed",
    "drip": "no first byte for 0.6 s",
    "split": OK,
    "crlf": OK,
    "comments": OK,
}
_EXCEPTIONS: dict[tuple[str, str], str] = {
    ("stt", "hang_midway"): "no first byte for 0.6 s",
    ("stt", "crlf"): NOT_SSE,
    ("stt", "comments"): NOT_SSE,
    ("tts", "crlf"): NOT_TEXT,
    ("tts", "comments"): NOT_TEXT,
    ("tts", "drip"): "fell silent for 0.4 s",
    ("tts", "malformed"): "sent text/html where sound was asked for",
    ("llm:anthropic", "error_in_200"): "sent an error: Overloaded",
}
LASTING = {"401", "402", "404"}
"""Faults after which asking again soon is of no use."""
PARTS_BEFORE = {"hang_midway", "cut_midway"}
"""Faults before which part of a streamed answer has come."""


def expected(subject: Subject, fault: Fault) -> str:
    """What the ProviderError must say; OK; or "n/a: why"."""
    for key in (subject.id, subject.stage):
        if (key, fault) in _EXCEPTIONS:
            return _EXCEPTIONS[key, fault]
    return _EXPECTED[fault]
