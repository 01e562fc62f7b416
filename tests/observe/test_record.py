"""Recordings, read back from a real disk."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from assistant.audio.wavfile import open_wav
from assistant.observe.record import Recorder
from assistant.ports import FRAME, Frame, Notice, ParleyError, Samples

CONFIG = 'profile = "offline"\n'


def frame(index: int, value: float = 0.25) -> Frame:
    return Frame(np.full(FRAME, value, np.float32), index * FRAME)


def sound(path: Path) -> tuple[int, Samples]:
    with open_wav(path) as reader:
        return reader.rate, reader.read(reader.frames)


def events(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text("utf-8").splitlines()]


def test_a_session_is_a_folder(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "one", CONFIG, 24_000)
    stretch = np.linspace(-1, 1, 768, dtype=np.float32)
    for index in range(100):
        recorder.captured(frame(index, index / 128))
        recorder.played(stretch)
        recorder.notice(Notice(index * 0.032, "state", None, 0.0, {"to": "Listening"}))
        recorder.notice(Notice(index * 0.032, "_", 1, 0.0, {"stage": "tts", "what": "audio", "seconds": 0.2}))
    recorder.close()
    assert recorder.folder == tmp_path / "one"
    assert sorted(path.name for path in recorder.folder.iterdir()) == [
        "config.toml", "events.jsonl", "mic.wav", "speaker.wav"
    ]  # fmt: skip
    rate, mic = sound(recorder.folder / "mic.wav")
    assert rate == 16_000
    np.testing.assert_array_equal(mic, np.repeat(np.arange(100, dtype=np.float32) / 128, FRAME))
    rate, speaker = sound(recorder.folder / "speaker.wav")
    assert rate == 24_000
    np.testing.assert_allclose(speaker, np.tile(stretch, 100), atol=1 / 32768)
    told = events(recorder.folder)
    assert len(told) == 200
    assert told[2:4] == [
        {"t": 0.032, "event": "state", "turn": None, "at": 0.0, "to": "Listening"},
        {"t": 0.032, "turn": 1, "_": {"stage": "tts", "what": "audio", "seconds": 0.2}},
    ]
    assert tomllib.loads((recorder.folder / "config.toml").read_text("utf-8")) == {"profile": "offline"}


def test_sound_that_was_lost_is_silence_in_the_recording(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "one", CONFIG, 24_000)
    recorder.captured(frame(0))
    recorder.captured(frame(3))
    recorder.close()
    _, mic = sound(recorder.folder / "mic.wav")
    np.testing.assert_array_equal(mic, np.repeat(np.float32([0.25, 0, 0, 0.25]), FRAME))


def test_a_stretch_that_its_owner_overwrites_later(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "one", CONFIG, 24_000)
    buffer = np.ones(10, np.float32) / 2
    recorder.played(buffer)
    buffer[:] = 0
    recorder.close()
    assert (sound(recorder.folder / "speaker.wav")[1] == 0.5).all()


def test_an_empty_folder_is_used_and_a_full_one_gets_numbered_folders(tmp_path: Path) -> None:
    used = []
    for _ in range(3):
        recorder = Recorder(tmp_path, CONFIG, 24_000)
        recorder.notice(Notice(0.0, "session.started", None, 0.0, {}))
        recorder.close()
        used.append(recorder.folder)
    assert used == [tmp_path, tmp_path / "001", tmp_path / "002"]


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("precious")
    recorder = Recorder(tmp_path, CONFIG, 24_000)
    recorder.close()
    assert recorder.folder == tmp_path / "001"
    assert (tmp_path / "config.toml").read_text() == "precious"


def test_folders_above_it_are_made_and_taken_back_if_the_session_never_began(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    Recorder(folder, CONFIG, 24_000).close()
    assert list(tmp_path.iterdir()) == []
    recorder = Recorder(folder, CONFIG, 24_000)
    recorder.captured(frame(0))
    recorder.close()
    assert len(sound(folder / "mic.wav")[1]) == FRAME


def test_a_folder_above_it_that_holds_something_else_by_then_stays(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a" / "b", CONFIG, 24_000)
    (tmp_path / "a" / "precious").write_text("")
    recorder.close()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["precious"]


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(ParleyError, match="that is a file; give --record a folder"):
        Recorder(tmp_path / "a", CONFIG, 24_000)
    with pytest.raises(ParleyError, match="cannot record to"):
        Recorder(tmp_path / "a" / "b", CONFIG, 24_000)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no folder here that even root may not write")
def test_a_folder_that_cannot_be_written() -> None:
    with pytest.raises(ParleyError, match="cannot record to /proc/self/fdinfo/x"):
        Recorder(Path("/proc/self/fdinfo/x"), CONFIG, 24_000)


# --- as a program -----------------------------------------------------------------------------------------------------

PROGRAM = """
import resource, sys, threading
from pathlib import Path
import numpy as np
from assistant.observe.record import Recorder
from assistant.ports import Frame, Notice, ParleyError
folder, limit, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))  # a disk on which no file can grow beyond that
try:
    recorder = Recorder(folder, 'profile = "offline"', 24_000)
except ParleyError as error:
    sys.exit(f"parley: {error}")
recorder.on_trouble = lambda message: print(message, flush=True)
for index in range(int(seconds / 0.032)):
    recorder.played(np.full(768, 0.5, np.float32))
    recorder.notice(Notice(index * 0.032, "reply.word", 1, 0.0, {"word": "x" * 100}))
    recorder.captured(Frame(np.full(512, 0.25, np.float32), index * 512))
    if index % 16 == 0:
        done = threading.Event()
        recorder._disk.submit(done.set)  # a session gives the disk as much time as its sound takes
        done.wait()
print("all captured", flush=True)
if sys.argv[4] == "close":
    recorder.close()
else:
    sys.stdin.read()
"""


def program(folder: Path, *, limit: int = 0, seconds: float = 10.0, end: str = "close") -> list[str]:
    return [sys.executable, "-c", PROGRAM, str(folder), str(limit), str(seconds), end]


def test_a_disk_that_fills_up_gives_one_warning_and_leaves_what_was_written(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    done = subprocess.run(program(folder, limit=100_000), capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.splitlines() == [
        f"the recording in {folder} has gaps from here on (File too large)",
        "all captured",
    ]
    assert done.stderr == ""
    for name, value in (("mic.wav", 0.25), ("speaker.wav", 0.5)):
        samples = sound(folder / name)[1]
        assert len(samples) > 40_000
        assert (samples == value).all()
    assert 300 <= len(events(folder)) <= 10 / 0.032


def test_a_disk_that_is_full_from_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    done = subprocess.run(program(folder, limit=20), capture_output=True, text=True, timeout=100, check=False)
    assert done.stderr.count("\n") == 1
    assert "File too large" in done.stderr
    assert not folder.exists()


def test_a_kill_loses_less_than_a_second(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    process = subprocess.Popen(
        program(folder, seconds=5.0, end="wait"), stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "all captured\n"
        os.kill(process.pid, signal.SIGKILL)
    for name, rate in (("mic.wav", 16_000), ("speaker.wav", 24_000)):
        assert len(sound(folder / name)[1]) > 4.0 * rate
    assert len(events(folder)) > 4.0 / 0.032


def test_memory_does_not_grow_with_time(tmp_path: Path) -> None:
    code = PROGRAM + (
        "\nbefore = 0\nimport tracemalloc; tracemalloc.start()\n"
        "for index in range(20_000):\n"
        "    recorder.captured(Frame(np.full(512, 0.25, np.float32), index * 512))\n"
        "    if index % 16 == 0:\n"
        "        done = threading.Event(); recorder._disk.submit(done.set); done.wait()\n"
        "print(tracemalloc.get_traced_memory()[1])\n"
    )
    command = [
        sys.executable,
        "-c",
        code.replace("recorder.close()\nelse", "pass\nelse"),
        str(tmp_path / "one"),
        "0",
        "1",
        "close",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert int(done.stdout.split()[-1]) < 1_000_000


def test_a_disk_that_does_not_answer_at_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    import threading

    recorder = Recorder(tmp_path / "one", CONFIG, 24_000)
    answer = threading.Event()
    recorder._disk.submit(answer.wait)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING, "parley"):
        recorder.close()
    assert [record.getMessage() for record in caplog.records] == [
        f"the disk does not answer: the end of the recording in {recorder.folder} is missing"
    ]
    answer.set()


def test_a_session_that_never_began_leaves_nothing(tmp_path: Path) -> None:
    for folder in (tmp_path / "new", tmp_path):
        recorder = Recorder(folder, CONFIG, 24_000)
        assert (folder / "mic.wav").exists()
        recorder.close()
        assert not list(tmp_path.iterdir())
