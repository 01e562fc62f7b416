"""A conversation that one voice alone may interrupt: the enrolled one takes the floor, another does not."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from assistant.audio.wavfile import open_wav
from assistant.bench.work import UTTERANCE
from assistant.voiceprints import Voiceprint, Voiceprints
from tests.cli.talking import Outcome, one_sentence, side_by_side, talk
from tests.providers.onnx import loudest_model

STORY = "The lighthouse stood at the end of the long pier, and every night its lamp was lit by the keeper's daughter."
CONFIG = """
[turn]
endpointing = "fixed"
speaker_gate = "me"
[stt]
provider = "scripted"
options = { lines = [
  { start = 0.5, end = 2.58, text = "tell me a story" }, { start = 4.0, end = 6.08, text = "and now the news" } ] }
[llm]
provider = "scripted"
options = { replies = ["STORY"] }
[tts]
provider = "espeak-ng"
"""


def twice() -> np.ndarray:
    """Real speech half a second in, and again over the answer."""
    with open_wav(UTTERANCE) as reader:
        said = reader.read(reader.frames)
    sound = (np.random.default_rng(1).standard_normal(16_000 * 12) * 10 ** (-66 / 20)).astype(np.float32)
    for start in (0.5, 4.0):
        sound[int(16_000 * start) : int(16_000 * start) + len(said)] = said
    return sound


def enrolled(folder: Path, sign: float) -> Path:
    """A voice that a network of one operator takes everybody's for (1), or nobody's (-1)."""
    folder.mkdir()
    network = folder / "net.onnx"
    network.write_bytes(loudest_model())
    vector = (sign / math.sqrt(80),) * 80
    voices = Voiceprints(folder / "home" / "parley" / "voices")
    voices.save(Voiceprint("me", f"onnx:{network}", network.name, vector, 12.0, "2026-11-27"))
    return folder


def test_another_voice_is_ignored_and_the_enrolled_one_takes_the_floor(tmp_path: Path) -> None:
    folders = {"other": enrolled(tmp_path / "other", -1), "theirs": enrolled(tmp_path / "theirs", 1)}

    def talked(name: str) -> Outcome:
        return talk(folders[name], CONFIG.replace("STORY", STORY), twice())

    outcomes = side_by_side({name: lambda name=name: talked(name) for name in folders})
    other, theirs = outcomes["other"], outcomes["theirs"]
    assert other.code == theirs.code == 0, other.stderr + theirs.stderr

    assert other.all("reply.interrupted") == []
    assert other.one("reply.finished")["text"] == STORY
    assert [told["reason"] for told in other.all("user.ignored")] == ["other_speaker"]
    held, went_on = other.all("reply.paused")[0], other.all("reply.resumed")[0]
    assert 0.5 < went_on["at"] - held["at"] < 1.6, "a second of speech is what a voice is told by"

    assert len(theirs.all("reply.interrupted")) == 1
    assert [said["text"] for said in theirs.all("user.transcript.final")][-1] == "and now the news"


def test_a_voice_that_nobody_learned_is_told_before_the_conversation_begins(tmp_path: Path) -> None:
    outcome = talk(tmp_path, CONFIG.replace("STORY", STORY), twice())
    assert outcome.code == 2
    assert "no voice is called 'me' (there is none yet); learn it with: parley enroll me" in one_sentence(
        outcome.stderr
    )
