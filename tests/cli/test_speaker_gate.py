"""A conversation that one voice alone may interrupt: the enrolled one takes the floor, another does not."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from assistant.audio.wavfile import open_wav
from assistant.bench.work import UTTERANCE
from assistant.voiceprints import Voiceprint, Voiceprints
from tests.cli.command import parley
from tests.cli.talking import Outcome, one_sentence, side_by_side, talk
from tests.files.media import encode
from tests.providers.onnx import loudest_model
from tests.providers.speakers import VOICES, network, said_by

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


def over_the_answer(*voices: str) -> np.ndarray:
    """A question, and over its answer each of these voices for some two seconds, five seconds apart."""
    sound = twice()[: 16_000 * 3]
    room = np.random.default_rng(2).standard_normal(16_000 * (3 + 5 * len(voices))) * 10 ** (-66 / 20)
    room[: len(sound)] += sound
    for number, voice in enumerate(voices):
        said = said_by(voice)[: 16_000 * 2]
        room[16_000 * (4 + 5 * number) :][: len(said)] += said
    return room.astype(np.float32)


def test_a_voice_is_learned_by_an_onnx_network_and_is_the_only_one_to_interrupt(tmp_path: Path) -> None:
    """Enrolment, check and gate through a graph of the declared form, and a filterbank of real recordings."""
    (tmp_path / "net.onnx").write_bytes(network())
    for voice in VOICES:
        encode(tmp_path / f"{voice}.wav", np.resize(said_by(voice), 16_000 * 14) + 1e-3 * tone_of_the_room(14))
    learned = parley(tmp_path, "enroll", "--mic", "slt.wav", "--provider", "onnx:net.onnx")
    assert learned.code == 0, learned.stderr
    checked = {voice: parley(tmp_path, "enroll", "--check", f"{voice}.wav").code for voice in VOICES}
    assert checked == {"awb": 1, "kal16": 1, "rms": 1, "slt": 0}

    lines = "{ start = 0.5, end = 2.58, text = 'tell me a story' }, { start = 4.0, end = 6.0, text = 'the news' }, "
    lines += "{ start = 9.0, end = 11.0, text = 'and now me' }"
    before, after = CONFIG[: CONFIG.index("options")], CONFIG[CONFIG.index("[llm]") :]
    config = f"{before}options = {{ lines = [{lines}] }}\n{after}"
    outcome = talk(tmp_path, config.replace("STORY", f"{STORY} {STORY} {STORY}"), over_the_answer("kal16", "slt"))
    assert outcome.code == 0, outcome.stderr
    assert [told["reason"] for told in outcome.all("user.ignored")] == ["other_speaker"]
    (cut,) = outcome.all("reply.interrupted")
    assert 9.4 < cut["at"] < 11.0, "while they speak"
    assert [said["text"] for said in outcome.all("user.transcript.final")][-1] == "and now me"


def tone_of_the_room(seconds: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal(16_000 * seconds)


def test_a_voice_that_nobody_learned_is_told_before_the_conversation_begins(tmp_path: Path) -> None:
    outcome = talk(tmp_path, CONFIG.replace("STORY", STORY), twice())
    assert outcome.code == 2
    assert "no voice is called 'me' (there is none yet); learn it with: parley enroll me" in one_sentence(
        outcome.stderr
    )
