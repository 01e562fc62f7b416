from __future__ import annotations

from tests.contract.subject import Subject
from tests.servers.anthropic import AnthropicServer

SUBJECTS = [
    Subject("llm", "anthropic", AnthropicServer, expected={"error_in_200": "sent an error: Overloaded"}),
]
