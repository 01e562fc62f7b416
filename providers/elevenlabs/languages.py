"""The languages of ElevenLabs' models, and how it writes them.

Voices: elevenlabs.io/docs/models; eleven_v3 and eleven_v4_turbo know more than seventy, which are not listed here.
Scribe: those of scribe_v2_realtime that LiveKit documents by name; ElevenLabs says "over 90".
"""

from __future__ import annotations

FLASH = (
    "ar", "bg", "cs", "da", "de", "el", "en", "es", "fi", "fil", "fr", "hi", "hr", "hu", "id", "it", "ja", "ko", "ms",
    "nl", "no", "pl", "pt", "ro", "ru", "sk", "sv", "ta", "tr", "uk", "vi", "zh",
)  # fmt: skip
"""eleven_flash_v2_5 and eleven_turbo_v2_5."""

_THREE = {
    "ara": "ar", "bul": "bg", "ces": "cs", "cym": "cy", "dan": "da", "deu": "de", "ell": "el", "eng": "en", "est": "et",
    "fin": "fi", "fra": "fr", "gle": "ga", "heb": "he", "hin": "hi", "hrv": "hr", "hun": "hu", "ind": "id", "isl": "is",
    "ita": "it", "jpn": "ja", "kor": "ko", "lav": "lv", "lit": "lt", "mlt": "mt", "msa": "ms", "nld": "nl", "nor": "no",
    "pol": "pl", "por": "pt", "ron": "ro", "rus": "ru", "slk": "sk", "slv": "sl", "spa": "es", "srp": "sr", "swe": "sv",
    "tha": "th", "tur": "tr", "ukr": "uk", "vie": "vi", "zho": "zh",
}  # fmt: skip
"""ISO 639-3 -> 639-1."""


def read(code: object) -> str | None:
    """ElevenLabs' code, of two or three letters, as BCP 47."""
    return _THREE.get(str(code), str(code)) if code else None
