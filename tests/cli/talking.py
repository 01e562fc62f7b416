"""`parley talk` as a user runs it: a process of its own, on WAV files, watched through its JSON events.

The microphone's files are drawn: a tone where the user speaks, the hiss of a quiet room elsewhere. The provider named
`scripted` judges loudness and knows what is said; where the real Silero and Whisper hear, recorded voices are used.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil

from tests.conftest import ROOT

Event = dict[str, Any]
T = TypeVar("T")

RECORDED = ROOT / "tests" / "data" / "speech"
"""Phrases that the shipped tiny Whisper knows, in synthesised voices, with their transcripts."""
AT_ONCE = 4
"""Conversations side by side: they mostly wait."""
GIVE_UP = 45.0
"""Seconds after which a conversation that does not end is killed, so that its test fails and says why."""


# --- the microphone -------------------------------------------------------------------------------------------------


def drawn(spans: Sequence[tuple[float, float]], seconds: float, rate: int = 16_000) -> np.ndarray:
    """What a microphone hears: 200 Hz at up to -13 dBFS in ``spans`` (seconds) over a room of -66 dBFS. float64, mono.

    It swells four times a second, by 10 dB, as speech does: a steady tone is taken for a machine's.
    """
    sound = np.random.default_rng(1).standard_normal(round(seconds * rate)) * 10 ** (-66 / 20)
    for start, end in spans:
        index = np.arange(round(start * rate), round(end * rate))
        swell = 0.65 + 0.35 * np.cos(2 * np.pi * 4 * (index - index[0]) / rate)
        sound[index] += 0.3 * swell * np.sin(2 * np.pi * 200 * index / rate)
    return sound


def write_wav(path: Path, sound: np.ndarray, rate: int = 16_000) -> Path:
    """Mono, 16 bit."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((sound * 32767).round().astype("<i2").tobytes())
    return path


def read_wav(path: Path) -> tuple[np.ndarray, int]:
    """Mono 16-bit sound as float64 in [-1, 1], and its rate. Raises if the file is not whole."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        count = file.getnframes()
        data = file.readframes(count)
        assert len(data) == 2 * count
        return np.frombuffer(data, "<i2") / 32768, file.getframerate()


def sounds(path: Path, louder_than: float = 0.003, hole: float = 0.03) -> list[tuple[float, float]]:
    """Beginning and end of each stretch of sound in a file, in seconds."""
    samples, rate = read_wav(path)
    loud = np.flatnonzero(np.abs(samples) > louder_than)
    if not len(loud):
        return []
    cuts = np.flatnonzero(np.diff(loud) > hole * rate)
    starts, ends = loud[np.r_[0, cuts + 1]], loud[np.r_[cuts, len(loud) - 1]] + 1
    return [(start / rate, end / rate) for start, end in zip(starts, ends, strict=True)]


# --- the config -----------------------------------------------------------------------------------------------------


def scripted(
    lines: Sequence[tuple[float, float, str]] = ((0.5, 1.1, "what time is it"),),
    *,
    stt: str = "final_after = 0.1",
    llm: str = 'replies = ["It is nine."]',
    tts: str = "delay = 0.05",
    turn: str = 'endpointing = "fixed"',
    more: str = "",
) -> str:
    """A config in which everything is scripted; ``lines`` are start, end and words of what the user says."""
    said = ", ".join(f'{{ start = {start}, end = {end}, text = "{text}" }}' for start, end, text in lines)
    return f"""
[vad]
provider = "scripted"
[turn]
{turn}
[stt]
provider = "scripted"
options = {{ lines = [{said}], {stt} }}
[llm]
provider = "scripted"
options = {{ {llm} }}
[tts]
provider = "scripted"
options = {{ {tts} }}
{more}
"""


def stage_of(config: str, stage: str, table: str) -> str:
    """The config with another provider for a stage."""
    before, _, after = config.partition(f"[{stage}]\n")
    _, following, rest = after.partition("\n[")
    return f"{before}[{stage}]\n{table}\n{following}{rest}"


REAL = """
[stt]
provider = "faster-whisper"
model = "parley-accurate"
language = "en"
[llm]
provider = "offline"
[tts]
provider = "espeak-ng"
"""
"""The real Silero, Whisper and espeak-ng, and the assistant that needs no network."""


# --- the process ----------------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What is left of a conversation."""

    code: int
    lines: list[str]
    """Of standard output."""
    stderr: str
    folder: Path
    seconds: float = 0.0
    """From the (first) signal, or from the start without one, to the end of the process."""
    children: list[psutil.Process] = field(default_factory=list)
    """Processes that it had when it was signalled."""
    threads: int = 0
    """Threads that it had then."""

    @property
    def events(self) -> list[Event]:
        return [json.loads(line) for line in self.lines]

    def all(self, event: str) -> list[Event]:
        return [found for found in self.events if found["event"] == event]

    def one(self, event: str) -> Event:
        (found,) = self.all(event)
        return found

    @property
    def speaker(self) -> Path:
        return self.folder / "speaker.wav"

    @property
    def recorded(self) -> list[Event]:
        """The lines of the recording's events.jsonl."""
        return [
            json.loads(line) for line in (self.folder / "recording" / "events.jsonl").read_text("utf-8").splitlines()
        ]


def environment(folder: Path, **extra: str) -> dict[str, str]:
    """This process's, without keys, and without a config of whoever runs the tests."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENAI", "ANTHROPIC", "PARLEY"))
    }
    home = folder / "home"
    kinds = ("CONFIG", "DATA", "CACHE", "STATE")
    places = {name: str(home) for name in ("HOME", *(f"XDG_{kind}_HOME" for kind in kinds))}
    return clean | places | {"HF_HUB_OFFLINE": "1", "COLUMNS": "100"} | extra


def start(
    folder: Path, arguments: Iterable[object], *, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """``parley ARGUMENTS`` in ``folder``."""
    return subprocess.Popen(
        [sys.executable, "-m", "assistant", *map(str, arguments)],
        cwd=folder,
        env=environment(folder, **(env or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # what has been read line by line is not read again, and nothing lies in between
    )


def run(
    folder: Path, arguments: Iterable[object], *, env: Mapping[str, str] | None = None, give_up: float = GIVE_UP
) -> Outcome:
    """``parley ARGUMENTS`` from beginning to end."""
    began = time.monotonic()
    process = start(folder, arguments, env=env)
    with killed_if_stuck(process, give_up):
        out, err = process.communicate()
    seconds = time.monotonic() - began
    return Outcome(process.returncode, out.decode().splitlines(), err.decode(), folder, seconds)


def talk_arguments(folder: Path, config: str, mic: np.ndarray | Path, *flags: object) -> list[object]:
    """The command line of a conversation whose files lie in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(config, "utf-8")
    path = mic if isinstance(mic, Path) else write_wav(folder / "mic.wav", mic)
    speaker = () if "--speaker" in flags else ("--speaker", folder / "speaker.wav")
    return ["talk", "--json", "--config", folder / "config.toml", "--mic", path, *speaker, *flags]


def talk(
    folder: Path, config: str, mic: np.ndarray | Path, *flags: object, env: Mapping[str, str] | None = None
) -> Outcome:
    """A whole conversation."""
    return run(folder, talk_arguments(folder, config, mic, *flags), env=env)


def interrupt(
    process: subprocess.Popen[bytes],
    folder: Path,
    when: Callable[[Event], bool],
    signals: Sequence[tuple[float, signal.Signals]],
) -> Outcome:
    """Read events until ``when`` holds, send each signal so many seconds after that, and watch it end.

    Without an event that fits (the process ended before) nothing is sent.
    """
    assert process.stdout is not None and process.stderr is not None
    lines: list[str] = []
    with killed_if_stuck(process):
        for line in process.stdout:
            lines.append(line.decode().rstrip("\n"))
            if when(json.loads(line)):
                break
        outcome = signalled(process, folder, signals)
    outcome.lines = lines + outcome.lines
    return outcome


def signalled(
    process: subprocess.Popen[bytes], folder: Path, signals: Sequence[tuple[float, signal.Signals]]
) -> Outcome:
    """Send each signal so many seconds from now, and watch it end."""
    began = time.monotonic()
    watched = psutil.Process(process.pid)
    children: list[psutil.Process] = []
    threads, first = 0, None
    for delay, number in signals:
        time.sleep(max(0.0, began + delay - time.monotonic()))
        if first is None:
            children, threads, first = watched.children(recursive=True), watched.num_threads(), time.monotonic()
        process.send_signal(number)
    ended: list[float] = []
    waiting = threading.Thread(target=lambda: (process.wait(), ended.append(time.monotonic())))
    waiting.start()
    out, err = process.communicate()
    waiting.join()
    seconds = ended[0] - (began if first is None else first)
    return Outcome(process.returncode, out.decode().splitlines(), err.decode(), folder, seconds, children, threads)


def lives(process: psutil.Process) -> bool:
    """It is still there, and no mere entry that its heir has not collected yet: whoever is in a hurry does not wait."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class killed_if_stuck:  # noqa: N801 - reads as what it does
    """Kills the process after GIVE_UP seconds, should it still be there."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float = GIVE_UP) -> None:
        self._timer = threading.Timer(seconds, process.kill)

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def side_by_side(jobs: Mapping[str, Callable[[], T]], at_once: int = AT_ONCE) -> dict[str, T]:
    """Run every job in a thread, ``at_once`` at a time; the results by name."""
    with ThreadPoolExecutor(at_once) as pool:
        running = {name: pool.submit(job) for name, job in jobs.items()}
        return {name: job.result() for name, job in running.items()}


def one_sentence(stderr: str) -> str:
    """What a user is told of a mistake: one line for people, without a traceback. Returns it without "parley: "."""
    lines = stderr.splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith("parley: "), stderr
    assert "Traceback" not in stderr
    assert "broke that should not" not in stderr, stderr
    return lines[0].removeprefix("parley: ")
