"""Cartesia's error event -> one clear sentence. Ears and voices have it in the same form.

docs.cartesia.ai/use-the-api/api-errors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assistant.ports import ProviderError
from providers._errors import answered, from_body

_TOLD = (401, 402, 403, 404, 429)
"""What these mean is known, whatever is said besides."""


def failed(event: Mapping[str, Any], provider: str, secrets: tuple[str, ...]) -> ProviderError:
    said = str(event.get("message") or event.get("title") or event.get("error") or "")
    code = event.get("error_code")
    status = event.get("status_code")
    if status in _TOLD:
        return answered(status, {"message": said, "code": code}, {}, provider, secrets)
    return from_body({"message": said, "code": code}, provider, secrets)
