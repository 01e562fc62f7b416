"""`parley listen` as a user runs it: the real VAD, a real Whisper, and a scripted one where failures are wanted."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import termios
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command import WHISPER, parley, start
from tests.cli.talking import drawn, killed_if_stuck, one_sentence, scripted, write_wav
from tests.cli.test_detector import SOURCE
from tests.files.media import conversation

SAID = ["Turn off the lights in the kitchen.", "Goodbye."]


@pytest.fixture(scope="module")
def talk() -> np.ndarray:
    return conversation("slt-turn-off-the-lights-in-the-kitchen", "slt-goodbye")[0]


def config(folder: Path, *lines: tuple[float, float, str], stt: str = "final_after = 0.1") -> Path:
    (folder / "c.toml").write_text(scripted(lines, stt=stt), "utf-8")
    return folder / "c.toml"


def test_one_row_an_utterance(talk: np.ndarray, tmp_path: Path) -> None:
    write_wav(tmp_path / "mic.wav", talk)
    done = parley(tmp_path, "listen", "--mic", "mic.wav", *WHISPER)
    assert (done.code, done.lines, done.stderr) == (0, SAID, "")


def test_events(talk: np.ndarray, tmp_path: Path) -> None:
    write_wav(tmp_path / "mic.wav", talk)
    done = parley(tmp_path, "listen", "--mic", "mic.wav", "--json", *WHISPER)
    assert done.code == 0, done.stderr
    events = [json.loads(line) for line in done.lines]
    assert [event["event"] for event in events if event["turn"] is None] == ["session.started", "session.ended"]
    assert events[-1]["reason"] == "input_over"
    assert [event["t"] for event in events] == sorted(event["t"] for event in events)
    for turn, text in enumerate(SAID, 1):
        mine = [event for event in events if event["turn"] == turn]
        names = [event["event"] for event in mine]
        assert (names[0], names[-1]) == ("user.speech_started", "user.speech_ended")
        assert [event["text"] for event in mine if event["event"] == "user.transcript.final"][-1] == text


def test_on_a_terminal_the_words_grow_in_place(tmp_path: Path) -> None:
    """The row is drawn over with every partial, and stands once at the end."""
    write_wav(tmp_path / "mic.wav", drawn([(0.5, 2.5)], 4.0))
    path = config(tmp_path, (0.5, 2.5, "turn the lights off"), stt="final_after = 0.1, partials_behind = 0.1")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = start(tmp_path, ["listen", "--mic", "mic.wav", "--config", path], stdout=theirs, env={"TERM": "xterm"})
    os.close(theirs)
    shown = b""
    with killed_if_stuck(process):
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
        _, err = process.communicate()
    os.close(ours)
    assert (process.returncode, err) == (0, b"")
    states = [re.sub(r"\x1b\[[?0-9]*[a-zA-Z]", "", state) for state in shown.decode().split("\r")]
    assert "turn" in states or "turn the" in states, states
    assert len(re.findall(r"turn the lights off\r+\n", shown.decode())) == 1
    assert not shown.endswith(b"\x1b[K"), "the last row stays"


def test_a_pause_in_a_sentence_does_not_cut_it(tmp_path: Path) -> None:
    """What reads as unfinished is waited for."""
    write_wav(tmp_path / "mic.wav", drawn([(0.5, 1.2), (2.0, 2.7)], 5.0))
    path = config(tmp_path, (0.5, 1.2, "turn on the"), (2.0, 2.7, "lights please"))
    text = path.read_text().replace('endpointing = "fixed"', 'endpointing = "text"')
    path.write_text(text)
    done = parley(tmp_path, "listen", "--mic", "mic.wav", "--config", path)
    assert (done.code, done.lines) == (0, ["turn on the lights please"])


def test_max_seconds_and_what_was_being_said(tmp_path: Path) -> None:
    write_wav(tmp_path / "mic.wav", drawn([(0.5, 1.0)], 60.0))
    path = config(tmp_path, (0.5, 1.0, "hello"))
    done = parley(tmp_path, "listen", "--mic", "mic.wav", "--config", path, "--max-seconds", "2", "--json")
    assert done.code == 0
    assert json.loads(done.lines[-1])["reason"] == "max_seconds"


def test_ctrl_c(tmp_path: Path) -> None:
    write_wav(tmp_path / "mic.wav", drawn([(0.5, 1.0)], 60.0))
    path = config(tmp_path, (0.5, 1.0, "hello"))
    process = start(tmp_path, ["listen", "--mic", "mic.wav", "--config", path, "--json"])
    assert process.stdout is not None
    with killed_if_stuck(process):
        lines = [json.loads(process.stdout.readline())]
        while lines[-1]["event"] != "user.speech_ended":
            lines.append(json.loads(process.stdout.readline()))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, err) == (130, b"")
    assert json.loads(out.splitlines()[-1])["reason"] == "interrupted"


def test_a_reader_that_goes_away_ends_it(tmp_path: Path) -> None:
    write_wav(tmp_path / "mic.wav", drawn([(at + 0.5, at + 1.0) for at in range(0, 30, 2)], 40.0))
    path = config(tmp_path, *((at + 0.5, at + 1.0, "hello") for at in range(0, 30, 2)))
    process = start(tmp_path, ["listen", "--mic", "mic.wav", "--config", path])
    assert process.stdout is not None and process.stderr is not None
    with killed_if_stuck(process):
        assert process.stdout.readline() == b"hello\n"
        process.stdout.close()
        assert process.wait() == 1
        assert process.stderr.read() == b""
        process.stderr.close()


@pytest.mark.parametrize(
    ("spans", "told"),
    [([], "no speech was heard"), ([(0.5, 1.0)], "speech was heard, and nothing of it understood")],
    ids=["silence", "not understood"],
)
def test_that_there_are_no_words_is_said(spans: list[tuple[float, float]], told: str, tmp_path: Path) -> None:
    write_wav(tmp_path / "mic.wav", drawn(spans, 2.0))
    done = parley(tmp_path, "listen", "--mic", "mic.wav", "--config", config(tmp_path))
    assert (done.code, done.lines, one_sentence(done.stderr)) == (0, [], told)


def test_a_failing_transcriber_is_told_and_listening_goes_on(tmp_path: Path) -> None:
    write_wav(tmp_path / "mic.wav", drawn([(0.5, 1.0)], 2.5))
    (tmp_path / "c.toml").write_text(
        scripted([(0.5, 1.0, "hello")])
        .replace('[stt]\nprovider = "scripted"', '[stt]\nprovider = "openai-compatible"')
        .replace("options = { lines", "# ", 1)
        + '[stt.options]\nbase_url = "http://127.0.0.1:9/v1"\n'
    )
    done = parley(tmp_path, "listen", "--mic", "mic.wav", "--config", "c.toml", "--json")
    assert done.code == 0, done.stderr
    names = [json.loads(line)["event"] for line in done.lines]
    assert "provider.failed" in names
    assert names[-3:] == ["user.speech_ended", "user.ignored", "session.ended"]
    assert "nobody is left to go on" in one_sentence(done.stderr)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 1, "there is no microphone"),
        (["--mic", "absent.wav"], 2, "there is no sound file absent.wav"),
        (["--mic", "talk.mp3"], 2, "only WAV files"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments: list[str], code: int, message: str, tmp_path: Path) -> None:
    done = parley(tmp_path, "listen", *arguments, *WHISPER)
    assert done.code == code
    assert message in one_sentence(done.stderr)


def test_a_detector_is_asked_and_its_failure_told_once(tmp_path: Path) -> None:
    """Sure, it ends an utterance sooner than doubtful; broken or missing, all is as without one."""
    (tmp_path / "acme_turns.py").write_text(SOURCE)
    spans = [(0.5, 2.1), (5.0, 6.6)]
    write_wav(tmp_path / "mic.wav", drawn(spans, 9.5))
    waited: dict[str, list[float]] = {}
    for detector in ("acme_turns:sure", "acme_turns:doubtful", "acme_turns:broken", ""):
        turn = f'endpointing = "adaptive"\ndetector = "{detector}"'
        lines = [(*span, "the red car over there") for span in spans]
        (tmp_path / "c.toml").write_text(scripted(lines, stt="final_after = 0.05", turn=turn), "utf-8")
        env = {"PYTHONPATH": str(tmp_path)}
        done = parley(tmp_path, "listen", "--mic", "mic.wav", "--config", "c.toml", "--json", env=env)
        assert done.code == 0, done.stderr
        events = [json.loads(line) for line in done.lines]
        ended = [event for event in events if event["event"] == "user.speech_ended"]
        waited[detector] = [event["t"] - event["at"] for event in ended]
        warnings = [event["message"] for event in events if event["event"] == "warning"]
        assert warnings == (["acme: it broke"] if "broken" in detector else [])
    for turn in range(2):
        sure, doubtful, broken, without = (each[turn] for each in waited.values())
        assert sure < without < doubtful
        assert broken == pytest.approx(without, abs=0.15)
