"""The config: TOML files, environment and flags -> validated, frozen `Settings`. See docs/config.md."""

from __future__ import annotations

from assistant.config.choose import circle, leaves, options_for, parse_choice, with_provider
from assistant.config.layers import Origin
from assistant.config.load import Loaded, files_for, load
from assistant.config.secrets import recordable, redacted, scrub
from assistant.config.settings import Settings
from assistant.config.toml import to_toml

__all__ = [
    "Loaded",
    "Origin",
    "Settings",
    "circle",
    "files_for",
    "leaves",
    "load",
    "options_for",
    "parse_choice",
    "recordable",
    "redacted",
    "scrub",
    "to_toml",
    "with_provider",
]
