"""What goes wrong in a vendor's SDK -> one ProviderError: one clause, no secrets, and whether it is likely to last."""

from __future__ import annotations

import email.utils
import math
import re
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from assistant.ports import ProviderError
from providers._options import Timeouts


class Rejected(ProviderError):
    """Asking again soon is of no use: the key, the balance, the model's name or the address is wrong."""


class Refusal(ProviderError):
    """The model is well and will not answer this. Another may."""


class Unreadable(ValueError):
    """What came cannot be used: says what the server did, behind its name."""


_REASONS = {
    400: "called the request invalid",
    401: "rejected the key",
    402: "wants to be paid first",
    403: "does not allow this key to do that",
    404: "does not know this model or address",
    413: "found the request too large",
    422: "called the request invalid",
    429: "is asked too often",
    500: "failed inside",
    503: "is not available",
    529: "is overloaded",
}
_LASTING = {401, 402, 403, 404}
_LASTING_CODES = {
    "insufficient_quota",
    "billing_error",
    "model_not_found",
    "model_decommissioned",
    "invalid_api_key",
    "authentication_error",
    "permission_error",
    "not_found_error",
}
_QUIET = {401, 403}
"""Their bodies may quote the key."""
_KEYLIKE = re.compile(r"\b(?:sk|pk|gsk|xai|key)[-_][\w*.-]{4,}|(?i:bearer)\s+\S+")
_LOADING = re.compile(r"\bloading\b.*\bmodel\b|\bmodel\b.*\bloading\b", re.IGNORECASE)
_CUT = {
    "RemoteProtocolError", "ReadError", "WriteError", "ClosedResourceError", "BrokenResourceError", "EndOfStream",
}  # fmt: skip
_CERTIFICATE = {
    10: ": its certificate has expired",
    62: ": its certificate is for another name",
    64: ": its certificate is for another name",
}
"""By OpenSSL's X509_V_ERR codes."""
_LONGEST = 160


def scrubbed(text: str, secrets: tuple[str, ...] = ()) -> str:
    """``text`` on one line, at most 160 characters, without the given secrets or anything that looks like a key."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = _KEYLIKE.sub("***", " ".join(text.split()))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def from_body(body: object, provider: str, secrets: tuple[str, ...] = ()) -> ProviderError:
    """An error that a server put into the body or an event of a reply that had begun well."""
    message, code = _said(body)
    status = _number(code)
    clause = f"{provider} sent an error"
    if message and status not in _QUIET and code not in _LASTING_CODES & {"invalid_api_key", "authentication_error"}:
        clause += f": {scrubbed(message, secrets)}"
    elif code:
        clause += f" ({scrubbed(code, secrets)})"
    kind = Rejected if code in _LASTING_CODES or status in _LASTING else ProviderError
    return kind(clause, provider=provider)


def translate(error: BaseException, provider: str, timeouts: Timeouts, secrets: tuple[str, ...] = ()) -> ProviderError:
    """Any error of the openai or anthropic SDK, of their HTTP library, or of reading what came.

    The SDKs' errors are recognised by their form (``status_code``, ``response``, ``body``): this file needs no SDK.
    """
    if isinstance(error, ProviderError):
        return error
    status = getattr(error, "status_code", None)
    response = getattr(error, "response", None)
    body = getattr(error, "body", None)
    if isinstance(status, int) and status >= 400:
        return answered(status, body, getattr(response, "headers", {}), provider, secrets)
    for link in _chain(error):
        if isinstance(link, Unreadable):
            return ProviderError(f"{provider} {link} (malformed)", provider=provider)
    names = {type(link).__name__ for link in _chain(error)}
    if "ConnectTimeout" in names or "PoolTimeout" in names:
        return ProviderError(f"{provider}: no connection within {timeouts.connect:g} s", provider=provider)
    if "ConnectError" in names:
        return unreachable(error, provider)
    if names & {"ReadTimeout", "WriteTimeout", "TimeoutException", "APITimeoutError"}:
        return ProviderError(f"{provider} stopped answering", provider=provider)
    if names & _CUT:
        return ProviderError(f"{provider} cut the connection", provider=provider)
    if isinstance(error, ValueError):
        return ProviderError(f"{provider} sent something that cannot be read (malformed)", provider=provider)
    if status is not None or body is not None:  # an error event after HTTP 200
        return from_body(body if body is not None else str(error), provider, secrets)
    return ProviderError(f"{provider} failed: {scrubbed(str(error), secrets)}", provider=provider)


def answered(
    status: int, body: object, headers: Mapping[str, str], provider: str, secrets: tuple[str, ...] = ()
) -> ProviderError:
    """The server answered with an HTTP status of 400 or more. ``body``: parsed, as text, or None."""
    message, code = _said(body)
    reason = _REASONS.get(status, "answered with an error")
    if status == 503 and _LOADING.search(message):
        reason, message = "is still loading its model", ""
    clause = f"{provider} {reason} ({status})"
    if message and status not in _QUIET:
        clause += f": {scrubbed(message, secrets)}"
    kind = Rejected if status in _LASTING or code in _LASTING_CODES else ProviderError
    return kind(clause, provider=provider, retry_after=retry_after(headers))


def unreachable(error: BaseException, provider: str) -> ProviderError:
    """No connection came about."""
    return ProviderError(f"{provider} cannot be reached{_because(error)}", provider=provider)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that ``retry-after-ms`` or ``Retry-After`` (seconds or a date) asks to wait; None without one."""
    for name, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / divisor
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        date = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


def _said(body: object) -> tuple[str, str]:
    """The message and the code in a vendor's error body, wherever it keeps them."""
    if isinstance(body, str):
        return body, ""
    if not isinstance(body, Mapping):
        return "", ""
    inner: Any = body.get("error") or body.get("detail") or body
    if isinstance(inner, list) and inner and isinstance(inner[0], Mapping):  # a form's faults, field by field
        inner = {"message": inner[0].get("msg")}
    if not isinstance(inner, Mapping):
        return str(inner), ""
    code = inner.get("code") or inner.get("type") or ""
    return str(inner.get("message") or ""), str(code)


def _number(code: str) -> int | None:
    return int(code) if code.isdigit() else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _because(error: BaseException) -> str:
    """Why no connection came about, in the system's words, where it is one of the plain cases."""
    for link in _chain(error):
        if isinstance(link, ConnectionRefusedError):
            return ": nothing listens there (connection refused)"
        if type(link).__name__ == "gaierror":
            return ": its name cannot be resolved"
        if isinstance(link, ssl.SSLCertVerificationError):
            return _CERTIFICATE.get(link.verify_code, ": its certificate is not trusted")
        if isinstance(link, ssl.SSLError) and link.reason == "WRONG_VERSION_NUMBER":
            return ": it does not speak TLS (an address with http:// may do)"
    return ""
