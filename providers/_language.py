"""The languages that the user has chosen, as vendors take them. A user writes "auto", "en", "pt-BR", or "pt_BR"."""

from __future__ import annotations

from collections.abc import Sequence


def tag(code: str) -> str | None:
    """As BCP 47 writes it: "pt_BR" -> "pt-BR". None for "auto" and ""."""
    return None if code in ("", "auto") else code.replace("_", "-")


def primary(code: str) -> str | None:
    """The language without its region: "pt-BR" -> "pt". None for "auto" and ""."""
    found = tag(code)
    return None if found is None else found.partition("-")[0].lower()


def tags(languages: Sequence[str], language: str) -> list[str]:
    """The tags of ``languages``, or of ``language`` alone where there are none. Empty: it may be any."""
    return [found for code in languages or (language,) if (found := tag(code)) is not None]


def primaries(languages: Sequence[str], language: str) -> list[str]:
    """The same without regions."""
    return [found for code in languages or (language,) if (found := primary(code)) is not None]
