"""What ElevenLabs calls its errors -> one clear sentence, and whether asking again soon is of any use."""

from __future__ import annotations

from assistant.ports import ProviderError
from providers._errors import Rejected, from_body, scrubbed

_KEY = "rejected the key"
_MONEY = "says that the quota is used up (elevenlabs.io/app/usage)"
_PLAN = "does not allow that on this plan"
_BUSY = "is asked too often"

_FAULTS: dict[str, tuple[str, bool]] = {
    "auth_error": (_KEY, True),
    "authentication_required": (_KEY, True),
    "invalid_api_key": (_KEY, True),
    "missing_permissions": ("does not allow this key to do that", True),
    "quota_exceeded": (_MONEY, True),
    "unaccepted_terms": ("wants its terms accepted first (elevenlabs.io)", True),
    "payment_required": (_PLAN, True),
    "subscription_required": (_PLAN, True),
    "model_not_found": ("does not know this model", True),
    "voice_not_found": ("does not know this voice", True),
    "rate_limited": (_BUSY, False),
    "rate_limit_exceeded": (_BUSY, False),
    "too_many_concurrent_requests": ("has too many calls of this key under way", False),
    "concurrent_limit_exceeded": ("has too many calls of this key under way", False),
    "resource_exhausted": ("is overloaded", False),
    "system_busy": ("is overloaded", False),
    "queue_overflow": ("cannot keep up with the sound", False),
    "session_time_limit_exceeded": ("ended the session: it had gone on for too long", False),
    "input_timeout_exceeded": ("was given nothing to say for too long", False),
    "chunk_size_exceeded": ("was sent too much sound at once", False),
    "insufficient_audio_activity": ("heard too little speech in the session", False),
    "transcriber_error": ("failed inside", False),
    "input_error": ("called the request invalid", False),
    "invalid_request": ("called the request invalid", False),
}
"""The types of Scribe's messages (elevenlabs 2.78, types/scribe_*), and the codes of its other APIs' errors."""
_QUIET = {_KEY, "does not allow this key to do that"}
"""Their messages may quote the key."""


def is_fault(code: object) -> bool:
    return str(code) in _FAULTS


def failed(code: object, message: object, provider: str, secrets: tuple[str, ...]) -> ProviderError:
    """``code``: the error's name. What has none that is known here is told in ElevenLabs' own words."""
    clause, lasting = _FAULTS.get(str(code), ("", False))
    said = str(message or "")
    if not clause:
        return from_body({"message": said, "code": code}, provider, secrets)
    kind = Rejected if lasting else ProviderError
    why = f": {scrubbed(said, secrets)}" if said and clause not in _QUIET else ""
    return kind(f"{provider} {clause}{why}", provider=provider)
