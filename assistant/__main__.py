"""``python -m assistant``."""

from assistant.cli import entry

entry()
