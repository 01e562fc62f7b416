"""What is said to the profiles lies where it is said to, and a user's own recordings are read as documented."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from assistant.audio.wavfile import open_wav
from assistant.bench import dialogue
from assistant.errors import ParleyError
from tests.cli.talking import RECORDED, write_wav


def spoken(start: float, end: float, seconds: float, rate: int = 16_000) -> np.ndarray:
    sound = np.random.default_rng(1).standard_normal(round(seconds * rate)) * 10 ** (-60 / 20)
    index = np.arange(round(start * rate), round(end * rate))
    sound[index] += 0.3 * np.sin(2 * np.pi * 200 * index / rate)
    return sound


def folder(path: Path, table: str) -> Path:
    path.mkdir(exist_ok=True)
    write_wav(path / "one.wav", spoken(0.5, 1.5, 2.0))
    write_wav(path / "two.wav", spoken(0.25, 0.75, 1.0, 44_100), 44_100)
    (path / "said.tsv").write_text(table, "utf-8")
    return path


def test_the_built_in_utterances_begin_and_end_with_speech() -> None:
    said = dialogue.built_in()
    assert len(said.utterances) == 6
    for each in said.utterances:
        assert each.start == 0
        assert each.end == pytest.approx(len(each.sound) / 16_000)
        assert np.abs(each.sound[:160]).max() > 0.003, each.name
        assert np.abs(each.sound[-160:]).max() > 0.003, each.name


def test_the_utterances_lie_where_they_are_said_to(tmp_path: Path) -> None:
    said = dialogue.built_in()
    lines, seconds = dialogue.lay_out(tmp_path / "mic.wav", said, 8, gap=3.0)
    with open_wav(tmp_path / "mic.wav") as reader:
        wave = reader.read(reader.frames)
    assert len(wave) / 16_000 == pytest.approx(seconds)
    assert [line.number for line in lines] == list(range(1, 9))
    assert [line.text for line in lines[6:]] == [line.text for line in lines[:2]], "it begins again"
    for line, each in zip(lines, said.utterances, strict=False):
        first = round(line.start * 16_000)
        assert np.allclose(wave[first : first + len(each.sound)], each.sound, atol=0.01)
    gaps = [after.start - before.end for before, after in zip(lines, lines[1:], strict=False)]
    assert all(3.0 <= gap < 3.3 for gap in gaps)
    assert len({round(line.start * 16_000) % 512 for line in lines}) > 4, "they lie differently to the 32 ms grid"


def test_it_is_the_same_conversation_every_time(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        dialogue.lay_out(tmp_path / name, dialogue.built_in(), 3)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_a_folder_of_recordings_whose_ends_are_found_by_loudness(tmp_path: Path) -> None:
    said = dialogue.read(folder(tmp_path, "file\tspeaker\ttext\none.wav\tann\tSet a timer.\n\ntwo.wav\tbob\tStop!\n"))
    assert [each.text for each in said.utterances] == ["Set a timer.", "Stop!"]
    assert [(each.start, each.end) for each in said.utterances] == [
        (pytest.approx(0.5, abs=0.01), pytest.approx(1.5, abs=0.01)),
        (pytest.approx(0.25, abs=0.01), pytest.approx(0.75, abs=0.01)),
    ]
    assert len(said.utterances[1].sound) == 16_000, "at the rate of a microphone"


def test_ends_that_are_written_down_are_taken_as_they_are(tmp_path: Path) -> None:
    table = folder(tmp_path, "path\tsentence\tstart\tend\none.wav\tSet a timer.\t0.6\t1.4\ntwo.wav\tStop!\t\t0.7\n")
    said = dialogue.read(table / "said.tsv")
    assert (said.utterances[0].start, said.utterances[0].end) == (0.6, 1.4)
    assert said.utterances[1].start == pytest.approx(0.25, abs=0.01)
    assert said.utterances[1].end == 0.7


def test_the_recordings_of_the_tests_are_such_a_folder(tmp_path: Path) -> None:
    said = dialogue.read(RECORDED)
    assert len(said.utterances) > 10
    for each in said.utterances:
        assert 0.45 < each.start < each.end <= len(each.sound) / 16_000, "half a second of silence comes first"


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("", 'the first line names no column "file"'),
        ("file\twords\none.wav\thello\n", 'the first line names no column "text"'),
        ("file\ttext\n", "lists no recording"),
        ("file\ttext\none.wav\t\n", "line 2: the file or what is said in it is missing"),
        ("file\ttext\none.wav\thello\nnone.wav\thello\n", "there is no sound file"),
        ("file\ttext\nsaid.tsv\thello\n", "is not a WAV file"),
        ("file\ttext\tend\none.wav\thello\tlate\n", "line 2: end = late is not a number of seconds"),
        ("file\ttext\tend\none.wav\thello\t9\n", "line 2: from 0.5 s to 9 s is no part of one.wav"),
        ("file\ttext\nsilent.wav\thello\n", "line 2: silent.wav holds no sound"),
        ("file\ttext\nlong.wav\thello\n", "line 2: long.wav is longer than 55 s"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_in_a_sentence(tmp_path: Path, table: str, complaint: str) -> None:
    write_wav(tmp_path / "silent.wav", np.zeros(16_000))
    write_wav(tmp_path / "long.wav", spoken(1, 55, 56, 8000), 8000)
    with pytest.raises(ParleyError) as raised:
        dialogue.read(folder(tmp_path, table))
    assert complaint in str(raised.value)


def test_a_folder_must_say_which_table(tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match="there is no conversation"):
        dialogue.read(tmp_path / "nowhere")
    with pytest.raises(ParleyError, match="has no TSV file"):
        dialogue.read(tmp_path)
    folder(tmp_path, "file\ttext\none.wav\thello\n")
    shutil.copy(tmp_path / "said.tsv", tmp_path / "more.tsv")
    with pytest.raises(ParleyError, match="has 2 TSV files"):
        dialogue.read(tmp_path)
    assert len(dialogue.read(tmp_path / "said.tsv").utterances) == 1
