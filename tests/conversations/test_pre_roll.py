"""An utterance begins with sound from before its first voiced sample, but with none that was said in the last one."""

from __future__ import annotations

from pathlib import Path

from .sheet import read
from .test_sheets import on_virtual_time

INTERRUPTED_AT_ONCE = """
config drafts=off silence_ms=100
user 0.5-0.8 "wait a moment"
user 1.0-1.6 "what time is it"
llm "It is noon, and the sun is shining."
tts word=0.2
end 5.0
"""


def test_what_was_said_just_before_is_not_heard_twice(tmp_path: Path) -> None:
    _, session = on_virtual_time(read(INTERRUPTED_AT_ONCE), tmp_path)
    asked = [entry.text for entry in session.history.entries if entry.role == "user"]
    assert asked == ["wait a moment", "what time is it"]
