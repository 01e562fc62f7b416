"""Models whose vendor has said when they will be shut down, and what to use then.

Only published dates stand here. Sources, read on 2026-11-20: OpenAI's deprecations page and the types of its SDK
(openai 3.52), the table in Anthropic's SDK (anthropic 2.11), Google's deprecations page, Groq's announcement. Where the
vendor names no replacement, or several, the one that suits a conversation is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from providers import _prices

SOON = 120
"""Days before the date from which on it is told."""


@dataclass(frozen=True, slots=True)
class Retiring:
    vendor: str
    """The name of its provider."""
    models: tuple[str, ...]
    """Their dated snapshots go with them."""
    on: date
    use: str


TABLE = (
    Retiring(
        "openai",
        ("gpt-4.1-nano", "gpt-4", "gpt-4-turbo", "gpt-4o-2024-05-13", "gpt-3.5-turbo", "o1", "o3-mini", "o4-mini"),
        date(2026, 10, 23),
        "gpt-6-luna",
    ),
    Retiring("openai", ("gpt-5", "o3"), date(2026, 12, 11), "gpt-6.1-sol"),
    Retiring("openai", ("gpt-5-mini",), date(2026, 12, 11), "gpt-6.1-terra"),
    Retiring("openai", ("gpt-5-nano",), date(2026, 12, 11), "gpt-6-luna"),
    Retiring("openai", ("tts-1", "tts-1-hd", "gpt-4o-mini-tts"), date(2027, 1, 6), "gpt-realtime-2.1-mini"),
    Retiring("openai", ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini"), date(2027, 1, 14), "gpt-6-luna"),
    Retiring("openai", ("gpt-realtime",), date(2027, 1, 20), "gpt-realtime-2.1"),
    Retiring("openai", ("gpt-realtime-mini", "gpt-audio-mini"), date(2027, 1, 20), "gpt-realtime-2.1-mini"),
    Retiring(
        "openai",
        ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize"),
        date(2027, 2, 26),
        "gpt-live-transcribe or gpt-transcribe",
    ),
    Retiring("openai", ("gpt-5.1", "gpt-5.4-nano"), date(2027, 4, 1), "gpt-6-luna"),
    Retiring("anthropic", ("claude-3-opus",), date(2026, 1, 5), "claude-opus-5-5"),
    Retiring(
        "anthropic",
        ("claude-3-7-sonnet", "claude-3-7-sonnet-latest", "claude-3-5-haiku", "claude-3-5-haiku-latest"),
        date(2026, 2, 19),
        "claude-haiku-5-5",
    ),
    Retiring("anthropic", ("claude-opus-4", "claude-opus-4-0"), date(2026, 6, 15), "claude-opus-5-5"),
    Retiring("anthropic", ("claude-sonnet-4", "claude-sonnet-4-0"), date(2026, 6, 15), "claude-sonnet-5-5"),
    Retiring("anthropic", ("claude-sonnet-4-5",), date(2026, 11, 30), "claude-sonnet-5-5"),
    Retiring("gemini", ("gemini-2.5-flash",), date(2026, 12, 1), "gemini-3.5-flash-lite"),
    Retiring("gemini", ("gemini-2.5-pro",), date(2026, 12, 1), "gemini-3.8-flash"),
    Retiring("groq", ("llama-3.3-70b-versatile",), date(2026, 8, 16), "openai/gpt-oss-120b"),
)


def found(vendor: str, model: str) -> Retiring | None:
    """What is published about a model; None: nothing."""
    names = (model, _prices.undated(model))
    for name in names:  # a snapshot may have a date of its own
        for row in TABLE:
            if row.vendor == vendor and name in row.models:
                return row
    return None


def warning(provider: str, model: str, base_url: str, today: date) -> str:
    """One sentence about a model that is shut down within `SOON` days, or has been; "" for any other.

    ``provider`` as it is registered; ``base_url``: its address, "" for the vendor's own. A server of one's own may call
    its models what it likes.
    """
    vendor = _prices.vendor_at(base_url) if base_url else provider
    row = found(vendor, model)
    if row is None or (row.on - today).days > SOON:
        return ""
    days = (row.on - today).days
    if days < 0:
        return f"{vendor}'s model {model} was shut down on {row.on}; use {row.use}"
    when = "today" if days == 0 else f"in {days} day{'' if days == 1 else 's'}"
    return f"{vendor}'s model {model} shuts down on {row.on} ({when}); use {row.use}"
