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
        "stt": {"provider": "openai", "fallback": ["faster-whisper"]},
        "llm": {"provider": "anthropic", "fallback": ["openai"]},
        # The best voice that is built; a cloud voice takes its place when there is one.
        "tts": {"provider": "espeak-ng", "fallback": []},
    },
}
