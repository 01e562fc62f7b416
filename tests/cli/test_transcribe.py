"""`parley transcribe` as a user runs it: real decoders, the real VAD, a real Whisper."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command import WHISPER, parley, start
from tests.cli.talking import killed_if_stuck, one_sentence
from tests.files.media import conversation, encode

SAID = ["Tell me a joke.", "What is two plus two?", "Goodbye."]


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    return conversation("slt-tell-me-a-joke", "slt-what-is-two-plus-two", "slt-goodbye")[0]


@pytest.mark.parametrize("name", ["talk.mp3", "film.mp4"])
def test_one_file_goes_to_standard_output(name: str, talk: np.ndarray, tmp_path: Path) -> None:
    encode(tmp_path / name, talk, channels=2, video=name.endswith("mp4"))
    done = parley(tmp_path, "transcribe", name, *WHISPER)
    assert (done.code, done.lines, done.stderr) == (0, SAID, "")


def test_subtitles_have_the_times_of_the_recording(talk: np.ndarray, tmp_path: Path) -> None:
    encode(tmp_path / "talk.m4a", talk)
    done = parley(tmp_path, "transcribe", "talk.m4a", "--format", "json", "--words", *WHISPER)
    assert done.code == 0, done.stderr
    found = json.loads("\n".join(done.lines))
    assert [segment["text"] for segment in found["segments"]] == SAID
    assert found["text"] == " ".join(SAID)
    assert [segment["start"] for segment in found["segments"]] == pytest.approx([2.3, 5.6, 9.35], abs=0.15)
    for segment in found["segments"]:
        assert [word["word"] for word in segment["words"]] == segment["text"].split()
        times = [word["start"] for word in segment["words"]]
        assert segment["start"] <= times[0] <= times[-1] <= segment["end"] + 0.2


def test_several_files_go_to_a_folder_and_a_bad_one_does_not_stop_the_others(talk: np.ndarray, tmp_path: Path) -> None:
    encode(tmp_path / "a.flac", talk)
    encode(tmp_path / "b.ogg", talk[: len(talk) // 2])
    (tmp_path / "notes.txt").write_text("no sound")
    done = parley(
        tmp_path, "transcribe", "a.flac", "notes.txt", "b.ogg", "--format", "srt", "--output", "out", *WHISPER
    )
    assert done.code == 2
    assert "notes.txt is no audio or video file" in one_sentence(done.stderr)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.srt", "b.srt"]
    assert (tmp_path / "out" / "a.srt").read_text().count("-->") == 3
    assert "Tell me a joke." in (tmp_path / "out" / "b.srt").read_text()


def test_files_that_are_there_are_kept_unless_told_otherwise(talk: np.ndarray, tmp_path: Path) -> None:
    encode(tmp_path / "talk.wav", talk[: len(talk) // 3])
    (tmp_path / "talk.txt").write_text("mine")
    arguments = ("transcribe", "talk.wav", "--output", ".", *WHISPER)
    done = parley(tmp_path, *arguments)
    assert (done.code, (tmp_path / "talk.txt").read_text()) == (2, "mine")
    assert "talk.txt is there already; add --overwrite" in one_sentence(done.stderr)
    assert parley(tmp_path, *arguments, "--overwrite").code == 0
    assert (tmp_path / "talk.txt").read_text() == "Tell me a joke.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.mp3"], "there is no file absent.mp3"),
        (["."], "is a folder"),
        (["a.wav", "b.wav"], "several files need a folder"),
        (["a.wav", "--output", "file"], "--output file cannot be a folder"),
        (["x/a.wav", "y/a.wav", "--output", "out"], "two files are called a.wav"),
        (["a.wav", "--words"], "--words needs a format with times"),
        (["a.wav", "--translate", "--stt", "scripted"], "scripted cannot do --translate"),
        (["a.wav", "--words", "--json", "--stt", "openai"], "openai cannot do --words"),
        (["a.wav", "--language", "klingon"], "klingon"),
        (["a.wav", "--language", "tlh", "--stt", "faster-whisper:parley-accurate"], "does not know the language 'tlh'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    encode(tmp_path / "a.wav", np.zeros(8_000))
    done = parley(tmp_path, "transcribe", *arguments)
    assert done.code == 2
    assert message in one_sentence(done.stderr)
    assert done.lines == []


def test_noise_is_taken_out_first(talk: np.ndarray, tmp_path: Path) -> None:
    pytest.importorskip("livekit", reason="livekit is not installed (the extra 'echo')")
    noise = np.random.default_rng(2).standard_normal(len(talk)) * 10 ** (-45 / 20)
    encode(tmp_path / "talk.flac", talk + noise)
    done = parley(tmp_path, "transcribe", "talk.flac", "--denoise", "--json", *WHISPER)
    assert done.code == 0, done.stderr
    segments = json.loads("\n".join(done.lines))["segments"]
    assert [segment["start"] for segment in segments] == pytest.approx([2.3, 5.6, 9.35], abs=0.2)
    assert segments[-1]["text"] == "Goodbye."


def test_silence_is_no_words_and_no_failure(tmp_path: Path) -> None:
    encode(tmp_path / "silence.flac", np.zeros(5 * 16_000))
    done = parley(tmp_path, "transcribe", "silence.flac", *WHISPER)
    assert (done.code, done.lines) == (0, [])
    assert one_sentence(done.stderr) == "no speech was understood in silence.flac"


def test_a_bar_shows_the_progress_on_a_terminal_and_words_alone_go_to_the_pipe(
    talk: np.ndarray, tmp_path: Path
) -> None:
    encode(tmp_path / "talk.flac", talk)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = start(tmp_path, ["transcribe", "talk.flac", *WHISPER], stderr=theirs, env={"TERM": "xterm"})
    os.close(theirs)
    shown = b""
    with killed_if_stuck(process):
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
        out, _ = process.communicate()
    os.close(ours)
    assert process.returncode == 0
    assert out.decode().splitlines() == SAID
    assert b"talk.flac" in shown
    assert b"100%" in shown


def test_a_reader_that_goes_away_is_no_trouble(talk: np.ndarray, tmp_path: Path) -> None:
    encode(tmp_path / "talk.flac", talk)
    process = start(tmp_path, ["transcribe", "talk.flac", *WHISPER])
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    with killed_if_stuck(process):
        assert process.wait() == 1
        assert process.stderr.read() == b""
        process.stderr.close()


def test_ctrl_c_ends_it_and_leaves_no_half_file(talk: np.ndarray, tmp_path: Path) -> None:
    encode(tmp_path / "long.flac", np.tile(talk, 50))
    process = start(tmp_path, ["transcribe", "long.flac", "--output", "out", *WHISPER], stderr=subprocess.PIPE)
    with killed_if_stuck(process):
        while not (tmp_path / "out").is_dir():
            pass
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2.0)  # it is at work
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out, err) == (130, b"", b"")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_person_speaks(speech: Path, tmp_path: Path) -> None:
    """The tiny model cannot write down what it never learnt; how it is cut and timed is real."""
    recording = speech / "SYSTRAN__faster-whisper" / "tests" / "data" / "jfk.flac"
    done = parley(tmp_path, "transcribe", recording, "--format", "vtt", *WHISPER)
    assert done.code == 0
    assert done.lines[0] == "WEBVTT"
