"""What AssemblyAI's close codes mean. An Error message before the close carries the same code."""

from __future__ import annotations

from assistant.ports import ProviderError
from providers._errors import Rejected, scrubbed

CLOSES: dict[int, tuple[str, bool]] = {
    1008: ("refused the session", False),
    1011: ("failed inside", False),
    1012: ("is restarting", False),
    1013: ("is overloaded", False),
    3005: ("failed inside", False),
    3006: ("called what it was asked invalid", True),
    3007: ("found a piece of sound too short or too long", False),
    3008: ("ended the session: none may be longer", False),
    3009: ("has too many sessions open for this key", False),
    4000: ("does not take this sample rate", True),
    4001: ("rejected the key", True),
    4002: ("wants to be paid first", True),
    4003: ("gives this to paying accounts only", True),
    4004: ("does not know the session", False),
    4008: ("ended the session: it has expired", False),
    4010: ("had closed the session before", False),
    4029: ("was sent sound too fast", False),
    4030: ("has the session on another connection", False),
    4031: ("heard nothing for too long", False),
    4032: ("found the sound too short", False),
    4033: ("found the sound too long", False),
    4034: ("found the sound too little to read", False),
    4100: ("could not read a message", False),
    4101: ("could not read a message", False),
    4102: ("has as many sessions open as this account may have", False),
    4103: ("has the session on a newer connection", False),
}
"""As assemblyai 1.8 lists them: what the server did; whether asking again soon is of no use."""
_QUIET = {4001}
"""What it says may quote the key."""


def told(
    provider: str,
    code: int | None,
    reason: str,
    secrets: tuple[str, ...],
    *,
    lasting: bool | None = None,
    retry_after: float | None = None,
) -> ProviderError:
    """An Error message in a sentence. ``lasting`` and ``retry_after``: what the message itself says of that."""
    clause, usually = CLOSES.get(code or 0, ("sent an error", False))
    number = "" if code is None else f" ({code})"
    why = f": {scrubbed(reason, secrets)}" if reason and code not in _QUIET else ""
    kind = Rejected if (usually if lasting is None else lasting) else ProviderError
    return kind(f"{provider} {clause}{number}{why}", provider=provider, retry_after=retry_after)
