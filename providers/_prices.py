"""What a provider's model costs, from the dated table in prices.toml; what the user says of a price comes first.

A price that is not known is None, never a guess. ``python -m providers._prices`` prints the table of docs/cost.md.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from assistant.ports import Stage, Usage

MILLION = 1_000_000
READING = 60
"""Tokens, about, of the instructions that a language model which reads aloud is given with each text."""

HOSTS = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "api.groq.com": "groq",
    "generativelanguage.googleapis.com": "gemini",
    "api.deepgram.com": "deepgram",
    "api.elevenlabs.io": "elevenlabs",
    "api.cartesia.ai": "cartesia",
    "assemblyai.com": "assemblyai",
}
"""Whose servers these are, those of their subdomains (regions) too."""
ANYBODYS = "openai-compatible"
"""The provider of whom only the address says who it is."""

_SNAPSHOT = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})\Z")
_ALL = ("", "auto", "multi")


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """USD for 1,000,000 tokens."""

    input: float = 0.0
    cached: float = 0.0
    """0, here and below: as `input`."""
    cache_write: float = 0.0
    output: float = 0.0
    audio_input: float = 0.0
    """0, here and below: as text."""
    audio_output: float = 0.0


class Above(Rates, frozen=True, kw_only=True):
    tokens: int
    """The rates hold for prompts of more tokens than these."""


class Price(Rates, frozen=True, kw_only=True):
    """One row of the table. Amounts are USD."""

    provider: str = ""
    """As it is registered."""
    stage: Stage | Literal[""] = ""
    model: str = "*"
    as_of: date | None = None
    """When the source was read; None: the user says so, or there is nothing to read."""
    above: Above | None = None
    minute: float = 0.0
    """Of sound."""
    hour: float = 0.0
    several_languages: float = 0.0
    """In place of ``minute`` where more than one language may be spoken."""
    billed: Literal["sound", "requests", "open"] = "sound"
    """Seconds of what: sound that was sent; that of every request, each of which holds the utterance from its start; or
    the time for which the connection stood."""
    least: float = 0.0
    """Seconds that every request is billed for at least."""
    characters: float = 0.0
    """For 1,000."""
    audio_tokens: float = 0.0
    """In a second of sound: for an estimate of what a call had used that was cut off."""
    free: bool = False
    unpriced: str = ""
    """Why nobody knows."""

    def usd(self, used: Usage) -> float | None:
        """What that costs; None where the price is not known."""
        if self.unpriced:
            return None
        prompt = used.input_tokens + used.cached_tokens + used.cache_write_tokens
        rates: Rates = self.above if self.above is not None and prompt > self.above.tokens else self
        tokens = (
            used.input_tokens * rates.input
            + used.cached_tokens * (rates.cached or rates.input)
            + used.cache_write_tokens * (rates.cache_write or rates.input)
            + used.output_tokens * rates.output
            + used.audio_input_tokens * (rates.audio_input or rates.input)
            + used.audio_output_tokens * (rates.audio_output or rates.output)
        )
        sound = used.seconds * (self.minute / 60 + self.hour / 3600)
        return tokens / MILLION + sound + used.characters * self.characters / 1000

    @property
    def by_tokens(self) -> bool:
        return bool(self.input or self.output or self.audio_output)

    def __str__(self) -> str:
        """For people: "free", "$0.10 in, $0.50 out for a million tokens", "not known: ..."."""
        if self.unpriced:
            return f"not known: {self.unpriced}"
        said = []
        if self.by_tokens:
            spoken = f", ${_amount(self.audio_output)} for speech" if self.audio_output else ""
            said.append(f"${_amount(self.input)} in, ${_amount(self.output)} out{spoken} for a million tokens")
        if self.minute:
            said.append(f"${_amount(self.minute)} a minute")
        if self.hour:
            said.append(f"${_amount(self.hour)} an hour{' while connected' if self.billed == 'open' else ''}")
        if self.characters:
            said.append(f"${_amount(self.characters)} for 1,000 characters")
        return "; ".join(said) or "free"


FREE = Price(free=True)
Overrides = Mapping[str, Mapping[str, Any]]
"""The user's own prices: stage -> NAME or NAME:MODEL -> the fields of a Price."""


@cache
def table() -> tuple[Price, ...]:
    """The rows of prices.toml, in their order."""
    text = (Path(__file__).parent / "prices.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text)["price"], tuple[Price, ...])


def price_of(
    stage: Stage,
    provider: str,
    model: str = "",
    *,
    base_url: str = "",
    language: str = "",
    names: Sequence[str] = (),
    overrides: Overrides | None = None,
) -> Price:
    """The price of ``provider`` (as it is registered) with ``model`` ("": its usual one).

    ``base_url``: where its server is, when the config says so. ``names``: what the config calls it besides (the name of
    an instance). ``language``: what is spoken; "" and "auto": any.
    """
    own = (overrides or {}).get(stage, {})
    for name in (*names, provider):
        for key in (f"{name}:{model}", name):
            if key in own:
                return msgspec.convert(own[key], Price)
    if provider == ANYBODYS:
        vendor = vendor_at(base_url)
        if not vendor:
            return FREE if _is_near(base_url) else Price(unpriced="it is not known whose server that is")
        provider = vendor
    for row in table():
        if (row.provider, row.stage) == (provider, stage) and _fits(row.model, model):
            several = row.several_languages and language.lower() in _ALL
            return msgspec.structs.replace(row, minute=row.several_languages) if several else row
    return Price(unpriced=f"no price of {provider} is known here")


def vendor_at(base_url: str) -> str:
    """Whose server stands at that address; "" for nobody known."""
    host = (_host(base_url) or "").lower()
    return next((who for name, who in HOSTS.items() if host == name or host.endswith(f".{name}")), "")


def undated(model: str) -> str:
    """The model of which that may be a dated snapshot: gpt-6-luna-2026-09-22 -> gpt-6-luna."""
    return _SNAPSHOT.sub("", model)


def _fits(pattern: str, model: str) -> bool:
    """No model is the usual one, of which the first row speaks."""
    return not model or fnmatchcase(model, pattern) or undated(model) == pattern


def _host(base_url: str) -> str | None:
    try:
        return urlsplit(base_url).hostname
    except ValueError:
        return None


def _is_near(base_url: str) -> bool:
    """A server of one's own: on this machine, or in the same network."""
    host = _host(base_url)
    if not host:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".localhost", ".internal", ".home.arpa"))
    return address.is_private or address.is_loopback


def _amount(usd: float) -> str:
    return f"{usd:.2f}" if round(usd, 2) == usd else f"{usd:.5f}".rstrip("0")


# --- the table of docs/cost.md ----------------------------------------------------------------------------------------

MINUTE: dict[Stage, Usage] = {
    "stt": Usage(seconds=30),
    "llm": Usage(input_tokens=4000, output_tokens=200),
    "tts": Usage(characters=400, seconds=30),
}
"""What a minute of conversation uses: four turns of which each speaks for half. The model reads 1,000 tokens a turn (a
system prompt and a short history) and writes 50; the voice says 100 characters in 7.5 s."""
TURNS = 4


def a_minute(row: Price) -> float | None:
    """USD for a minute of conversation with the row's model in its stage; None: not known."""
    assert row.stage
    used = MINUTE[row.stage]
    if row.billed == "requests":
        used = Usage(seconds=max(used.seconds, TURNS * row.least))
    if row.stage == "tts" and row.audio_tokens:
        spoken = round(used.seconds * row.audio_tokens)
        used = Usage(input_tokens=TURNS * READING + used.characters // 4, audio_output_tokens=spoken)
    return row.usd(used)


def page() -> str:
    """The Markdown table."""
    lines = ["| stage | provider | model | price | a minute of conversation | as of |", "|---|---|---|---|---|---|"]
    for stage in ("stt", "llm", "tts"):
        rows = [row for row in table() if row.stage == stage and row.provider != "scripted"]
        for row in rows:
            minute = a_minute(row)
            costs = "free" if row.free else "" if minute is None else f"${minute:.5f}"
            alone = sum(other.provider == row.provider for other in rows) == 1
            model = row.model if row.model != "*" else "any" if alone else "any other"
            when = row.as_of.isoformat() if row.as_of else ""
            lines.append(f"| {stage} | {row.provider} | {model} | {row} | {costs} | {when} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(page())  # noqa: T201
