"""`parley say` as a user runs it, with the real espeak-ng."""

from __future__ import annotations

import signal
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from assistant.audio.wavfile import open_wav
from tests.cli.command import parley, start
from tests.cli.talking import killed_if_stuck, one_sentence, read_wav

ESPEAK = ("--tts", "espeak-ng")


def seconds(path: Path) -> float:
    sound, rate = read_wav(path)
    assert np.abs(sound).max() > 0.05
    return len(sound) / rate


def test_a_sentence_in_a_file(tmp_path: Path) -> None:
    done = parley(tmp_path, "say", "The quick brown fox jumps over the lazy dog.", "-o", "fox.wav", *ESPEAK)
    assert (done.code, done.lines, done.stderr) == (0, [], "")
    assert 1.5 < seconds(tmp_path / "fox.wav") < 5


def test_words_need_no_quotes(tmp_path: Path) -> None:
    assert parley(tmp_path, "say", "good", "morning", "-o", "a.wav", *ESPEAK).code == 0
    assert parley(tmp_path, "say", "good", "-o", "b.wav", *ESPEAK).code == 0
    assert seconds(tmp_path / "a.wav") > seconds(tmp_path / "b.wav") + 0.2


def test_standard_input(tmp_path: Path) -> None:
    done = parley(tmp_path, "say", "-", "-o", "a.wav", *ESPEAK, text="Grüß Gott.\nUnd auf Wiedersehen.\n".encode())
    assert done.code == 0, done.stderr
    assert seconds(tmp_path / "a.wav") > 1


def test_flac(tmp_path: Path) -> None:
    pytest.importorskip("pydub", reason="pydub is not installed (the extra 'files')")
    assert parley(tmp_path, "say", "Hello.", "-o", "a.flac", *ESPEAK).code == 0
    assert (tmp_path / "a.flac").read_bytes()[:4] == b"fLaC"
    assert sorted(path.name for path in tmp_path.glob("*a.*")) == ["a.flac"], "nothing else is left"


def test_a_player_gets_sound_before_the_text_is_over(tmp_path: Path) -> None:
    """What is typed is spoken line by line."""
    process = start(tmp_path, ["say", "-", "-o", "-", *ESPEAK], stdin=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    with killed_if_stuck(process):
        process.stdin.write(b"Here is the first line.\n")
        process.stdin.flush()
        head = process.stdout.read(44)
        first = process.stdout.read(22_050)
        process.stdin.close()
        rest = process.stdout.read()
        assert process.wait() == 0
        process.stderr.close() if process.stderr else None
        process.stdout.close()
    assert head[:4] + head[8:12] == b"RIFFWAVE"
    assert struct.unpack_from("<I", head, 24)[0] == 22_050
    assert np.abs(np.frombuffer(first, "<i2")).max() > 1000
    (tmp_path / "all.wav").write_bytes(head + first + rest)
    with open_wav(tmp_path / "all.wav") as file:
        assert 1 < file.seconds < 4


def test_a_player_that_goes_away_is_no_trouble(tmp_path: Path) -> None:
    process = start(tmp_path, ["say", "Hello there, my friend. " * 200, "-o", "-", *ESPEAK])
    assert process.stdout is not None and process.stderr is not None
    with killed_if_stuck(process):
        process.stdout.read(1000)
        process.stdout.close()
        assert process.wait() == 1
        assert process.stderr.read() == b""
        process.stderr.close()


def test_ctrl_c_leaves_a_file_that_can_be_played(tmp_path: Path) -> None:
    process = start(tmp_path, ["say", "-", "-o", "a.wav", *ESPEAK], stdin=subprocess.PIPE)
    assert process.stdin is not None
    path = tmp_path / "a.wav"
    with killed_if_stuck(process):
        process.stdin.write(b"Here is the first line.\n")
        process.stdin.flush()
        while not path.exists() or path.stat().st_size < 40_000:
            pass
        process.send_signal(signal.SIGINT)
        process.stdin.close()
        assert process.wait() == 130
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            assert pipe.read() == b""
            pipe.close()
    assert seconds(path) > 0.8


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["Hi"], 1, "there is no loudspeaker on this machine"),
        ([" ", "-o", "a.wav"], 2, "there is nothing to say"),
        (["Hi", "-o", "nowhere/a.wav"], 2, "there is no folder nowhere"),
        (["Hi", "-o", "a.xyz"], 2, "names no format"),
        (["Hi", "-o", "there.wav"], 2, "there.wav is there already; add --overwrite"),
        (["Hi", "-o", "a.wav", "--tts", "espeak-ng:martian"], 2, "there is no voice 'martian'"),
        (["Hi", "-o", "a.wav", "--tts", "nobody"], 2, "nobody"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments: list[str], code: int, message: str, tmp_path: Path) -> None:
    (tmp_path / "there.wav").write_bytes(b"mine")
    done = parley(tmp_path, "say", *arguments)
    assert done.code == code
    assert message in one_sentence(done.stderr)
    assert (tmp_path / "there.wav").read_bytes() == b"mine"
    assert not (tmp_path / "a.wav").exists()


def test_a_voice_that_fails_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        '[tts]\nprovider = "openai-compatible"\noptions = { base_url = "http://127.0.0.1:9/v1" }\n'
    )
    done = parley(tmp_path, "say", "Hi.", "-o", "a.wav", "--config", "c.toml")
    assert done.code == 1
    assert "the voice failed" in one_sentence(done.stderr)
    assert not (tmp_path / "a.wav").exists()
