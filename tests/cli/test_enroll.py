"""`parley enroll` as a user runs it: real files, the real VAD, a disk of one's own.

A speaker network of one operator tells the voices apart here; what a real one gets right is in docs/measurements.md.
"""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assistant.voiceprints import Voiceprints
from tests.cli.command import parley
from tests.cli.talking import Outcome, one_sentence
from tests.files.media import RECORDED, conversation, encode
from tests.providers.onnx import loudest_model, same_model

ALL = sorted(path.stem for path in RECORDED.glob("*.wav"))


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """More than ten seconds of speech, with pauses in it."""
    return conversation(*ALL, gap=0.4)[0]


@pytest.fixture
def folder(tmp_path: Path, speech: np.ndarray) -> Path:
    encode(tmp_path / "me.wav", speech)
    (tmp_path / "net.onnx").write_bytes(loudest_model())
    return tmp_path


def enroll(folder: Path, *arguments: str) -> Outcome:
    return parley(folder, "enroll", *arguments)


def learned(folder: Path, *arguments: str) -> Outcome:
    return enroll(folder, *arguments, "--mic", "me.wav", "--provider", "onnx:net.onnx")


def kept(folder: Path) -> Voiceprints:
    return Voiceprints(folder / "home" / "parley" / "voices")


def test_a_voice_is_learned_shown_recognised_and_forgotten(folder: Path) -> None:
    done = learned(folder)
    assert done.code == 0, done.stderr
    assert done.lines[0].startswith("Learned the voice of me from ")
    path = kept(folder).place / "me.json"
    assert done.lines[1] == f"It is kept, without any sound, in {path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size < 10_000, "numbers, and no sound"

    shown = enroll(folder, "--list")
    assert shown.code == 0 and shown.lines[0].startswith("me: learned on ")
    checked = enroll(folder, "--check", "me.wav")
    assert (checked.code, checked.stderr) == (0, "") and checked.lines[0].startswith("me: most likely (")
    assert enroll(folder, "--forget", "me").lines == ["Forgot the voice of me."]
    assert enroll(folder, "--list").lines == ["No voice has been learned yet; learn one with: parley enroll"]


def test_for_programs_all_of_it_is_json(folder: Path) -> None:
    enrolled = json.loads(learned(folder, "Anna", "--json").lines[0])
    assert enrolled["enrolled"]["name"] == "anna" and enrolled["enrolled"]["speech_s"] >= 10
    assert "vector" not in enrolled["enrolled"]
    assert [voice["name"] for voice in json.loads(enroll(folder, "--list", "--json").lines[0])["voices"]] == ["anna"]
    checked = json.loads(enroll(folder, "anna", "--check", "me.wav", "--json").lines[0])
    assert checked["voices"][0]["whose"] == "theirs" and checked["voices"][0]["likeness"] > 0.5
    assert json.loads(enroll(folder, "--forget", "anna", "--json").lines[0]) == {"forgotten": "anna"}


def test_somebody_elses_voice_is_told_by_the_exit_code(folder: Path) -> None:
    learned(folder)
    voice = kept(folder).load("me")
    kept(folder).save(replace(voice, vector=tuple(-value for value in voice.vector)))
    checked = enroll(folder, "--check", "me.wav")
    assert (checked.code, checked.lines) == (1, ["me: no (0%)"])


def test_too_little_speech_is_refused_and_nothing_is_kept(folder: Path) -> None:
    encode(folder / "me.wav", conversation("slt-tell-me-a-joke")[0])
    done = learned(folder)
    assert done.code == 1
    assert "10 s are needed to learn a voice" in one_sentence(done.stderr)
    assert kept(folder).names() == []


def test_speech_that_is_cut_off_or_noisy_is_refused(folder: Path, speech: np.ndarray) -> None:
    noise = np.random.default_rng(3).standard_normal(len(speech))
    for sound, why in ((speech * 40, "too loud"), (speech + 0.06 * noise, "too noisy")):
        encode(folder / "me.wav", np.clip(sound, -1, 1))
        done = learned(folder)
        assert done.code == 1 and why in one_sentence(done.stderr)


def test_a_network_that_is_none_for_voices_is_told_of(folder: Path) -> None:
    (folder / "net.onnx").write_bytes(same_model())  # what it gives is as long as the sound
    done = learned(folder)
    assert done.code == 1 and "gives voices of different sizes" in one_sentence(done.stderr)


def test_a_damaged_voice_is_told_of_and_hides_no_other(folder: Path) -> None:
    learned(folder)
    (kept(folder).place / "zoe.json").write_text("{")
    shown = enroll(folder, "--list")
    assert shown.code == 2 and shown.lines[0].startswith("me: ")
    assert "zoe.json is damaged; learn the voice anew with: parley enroll zoe" in one_sentence(shown.stderr)
    checked = enroll(folder, "zoe", "--check", "me.wav")
    assert checked.code == 2 and "zoe.json is damaged" in one_sentence(checked.stderr)


def test_a_voice_of_another_model_is_not_compared(folder: Path) -> None:
    learned(folder)
    kept(folder).save(replace(kept(folder).load("me"), model="another.onnx"))
    checked = enroll(folder, "--check", "me.wav")
    assert checked.code == 2
    assert "learned with another model; learn it anew with: parley enroll me" in one_sentence(checked.stderr)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["../me", "--mic", "me.wav"], "cannot be the name of a voice"),
        (["--mic", "no.wav"], "there is no sound file no.wav"),
        (["--mic", "me.mp3"], "only WAV files"),
        (["--mic", "me.wav", "--provider", "nobody"], "there is no speaker provider called 'nobody'"),
        (["--mic", "me.wav", "--provider", "onnx:no.onnx"], "there is no file no.onnx"),
        (["--check", "me.wav"], "no voice has been learned yet"),
        (["ben", "--check", "me.wav"], "no voice is called 'ben'"),
        (["--forget", "ben"], "no voice is called 'ben'"),
        (["anna", "--list"], "take no other NAME"),
        (["--list", "--mic", "me.wav"], "--mic is for learning a voice"),
        (["--list", "--check", "me.wav"], "not allowed with argument"),
    ],
)
def test_bad_usage_is_told_in_a_sentence(folder: Path, arguments: list[str], why: str) -> None:
    if "no.wav" in arguments:
        arguments = [*arguments, "--provider", "onnx:net.onnx"]
    done = enroll(folder, *arguments)
    assert done.code == 2, done.stderr
    assert why in one_sentence(done.stderr)
