"""The profiles that come with Parley. "auto" has no table: it lies over nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PROFILES: Mapping[str, Mapping[str, Any]] = {
    "offline": {
        "stt": {"provider": "pocketsphinx", "fallback": []},
        "llm": {"provider": "offline", "fallback": []},
        "tts": {"provider": "espeak-ng", "fallback": []},
    },
    "local": {
        "stt": {"provider": "faster-whisper", "fallback": ["pocketsphinx"]},
        "llm": {"provider": "openai-compatible", "fallback": ["offline"]},
        "tts": {"provider": "espeak-ng", "fallback": []},
    },
    "cloud": {
        # One whose key is missing is passed over with a line that says so.
        "stt": {"provider": "deepgram", "fallback": ["openai", "faster-whisper"]},
        "llm": {"provider": "anthropic", "fallback": ["openai", "gemini"]},
        "tts": {"provider": "elevenlabs", "fallback": ["deepgram", "openai", "espeak-ng"]},
    },
}
