from __future__ import annotations

from tests.contract.subject import Subject
from tests.servers.gemini import GeminiServer

SUBJECTS = [
    Subject(
        "llm",
        "gemini",
        GeminiServer,
        expected={
            "401": "rejected the key (400)",
            "402": "wants to be paid first (429)",
            "529": "is not available (503)",
            "comments": "n/a: Google's API sends none, and its SDK knows none",
        },
    ),
]
