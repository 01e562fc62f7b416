"""An assistant in a room with its own voice: with echo cancelling it finishes its sentence, without it does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assistant.audio.wavfile import open_wav
from assistant.bench.work import UTTERANCE

from .talking import one_sentence, side_by_side, talk

ANSWER = "The lighthouse stood at the end of the long pier, and every night its lamp was lit by the keeper's daughter."
CONFIG = """
[turn]
endpointing = "fixed"
[stt]
provider = "scripted"
options = { lines = [{ start = 0.5, end = 2.58, text = "tell me a story" }] }
[llm]
provider = "scripted"
options = { replies = ["%s"] }
[tts]
provider = "espeak-ng"
[audio]
echo_cancel = "%s"
"""


def question() -> np.ndarray:
    """Half a second of room, real speech, and time for the answer."""
    with open_wav(UTTERANCE) as reader:
        said = reader.read(reader.frames)
    noise = (np.random.default_rng(1).standard_normal(16_000 * 11) * 10 ** (-66 / 20)).astype(np.float32)
    noise[8_000 : 8_000 + len(said)] = said
    return noise


def test_it_does_not_interrupt_itself(tmp_path: Path) -> None:
    room = ("--room", "synthetic", "--echo-gain", "-6")
    outcomes = side_by_side(
        {
            "cancelled": lambda: talk(tmp_path / "on", CONFIG % (ANSWER, "auto"), question(), *room),
            "not cancelled": lambda: talk(tmp_path / "off", CONFIG % (ANSWER, "off"), question(), *room),
        }
    )
    cancelled, raw = outcomes["cancelled"], outcomes["not cancelled"]
    assert cancelled.code == raw.code == 0, cancelled.stderr + raw.stderr
    assert cancelled.one("session.started")["echo_cancel"] == "on"
    assert "room" in cancelled.one("session.started")["why"]
    assert cancelled.all("reply.interrupted") == []
    assert cancelled.one("reply.finished")["text"] == ANSWER
    assert raw.one("session.started")["echo_cancel"] == "off"
    # Held, it makes no echo: so it is not cut off, and stutters.
    holds = len(raw.all("reply.paused")) + len(raw.all("reply.interrupted"))
    assert holds >= 3, "the echo is loud enough to be taken for a user"


def test_a_room_needs_a_loudspeaker_and_the_echo_a_room(tmp_path: Path) -> None:
    outcomes = side_by_side(
        {
            "no speaker": lambda: talk(
                tmp_path / "none", CONFIG % ("Yes.", "auto"), question(), "--room", "synthetic", "--speaker", "none"
            ),
            "no room": lambda: talk(tmp_path / "echo", CONFIG % ("Yes.", "auto"), question(), "--echo-gain", "-6"),
            "no such room": lambda: talk(
                tmp_path / "file", CONFIG % ("Yes.", "auto"), question(), "--room", str(tmp_path / "nowhere.wav")
            ),
            "no such gain": lambda: talk(
                tmp_path / "gain", CONFIG % ("Yes.", "auto"), question(), "--room", "synthetic", "--echo-gain", "400"
            ),
        }
    )
    for name, outcome in outcomes.items():
        assert outcome.code == 2, name
        assert one_sentence(outcome.stderr), name
