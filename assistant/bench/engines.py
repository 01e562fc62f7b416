"""The engines of this machine, at work: a spoken question to the real ears, the offline assistant and the real voice.

Nothing here has a known delay, so there is no path to compare with: the figures are the engines' and the loop's.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.audio.wavfile import WavWriter, open_wav
from assistant.bench.single import Run, measured
from assistant.bench.waveform import sounds_in
from assistant.bench.work import LEAD, SILENCE_MS, Scenario, Spoken, room_noise
from assistant.observe.metrics import percentile
from assistant.ports import CAPTURE_RATE, ParleyError

QUESTION = Path(__file__).with_name("question.wav")
"""flite's voice slt asking "What time is it?", cut so that the first and last samples are the true ends of the speech;
-20 dBFS."""
GAP = 4.5
"""Seconds from the end of a question to the next one: the answer takes two to three."""
LISTENING = 20.0
"""Seconds in which nobody says a word."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What is benched: a row."""

    name: str
    flags: tuple[str, ...]
    """Of `parley talk`."""
    turn: str = f'endpointing = "fixed"\nsilence_ms = {SILENCE_MS}'
    """The table [turn] of the config; empty: as the program has it."""


ENGINES = (
    Engine("offline profile (PocketSphinx)", ("--profile", "offline")),
    Engine("the same, its own endpointing", ("--profile", "offline"), turn=""),
    Engine(
        "Whisper of 1.8 MB, offline, espeak-ng",
        ("--stt", "faster-whisper:parley-accurate", "--llm", "offline", "--tts", "espeak-ng"),
    ),
)
IN_A_ROOM = ("--room", "synthetic")


def answered(engine: Engine, turns: int) -> dict[str, Any]:
    """Latencies in ms off the waveforms, CPU in cores, and the worst stall of another run, in ms."""
    run = _talk(engine, turns)
    latencies = [turn.latency for turn in run.turns if turn.latency is not None]
    disagreements = [turn.disagreement for turn in run.turns if turn.disagreement is not None]
    return {
        "row": engine.name,
        "turns": len(run.turns),
        "answered": len(latencies),
        "latency_ms": round(statistics.median(latencies), 1) if latencies else None,
        "latency_p95_ms": round(percentile(latencies, 95), 1) if latencies else None,
        "ledger_off_by_ms": round(max(disagreements), 1) if disagreements else None,
        "start_s": run.figures["listening_after_s"],
        "cpu_cores": run.figures["cpu_cores"],
        "memory_mb": run.figures["memory_mb"],
        "worst_stall_ms": _talk(engine, 2, measure="stalls").figures["worst_stall_ms"],
    }


def listening(engine: Engine, *, echo_cancel: bool) -> float:
    """CPU of a session in which nobody speaks, in cores."""
    flags = IN_A_ROOM if echo_cancel else ()
    cores: float = _talk(engine, 0, flags=flags).figures["cpu_cores"]
    return cores


def _talk(engine: Engine, turns: int, *, measure: str = "cpu", flags: tuple[str, ...] = ()) -> Run:
    """Ask the question ``turns`` times after one that does not count; 0: be silent. Raises ParleyError."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        here = Path(folder)
        lines = _microphone(here / "mic.wav", turns + 1 if turns else 0)
        (here / "config.toml").write_text(f"[turn]\n{engine.turn}\n", "utf-8")
        command = [
            sys.executable, "-m", "assistant", "talk", "--json", "--config", str(here / "config.toml"), *engine.flags,
            "--mic", str(here / "mic.wav"), "--speaker", str(here / "speaker.wav"), "--measure", measure, *flags,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ParleyError(f"the benched conversation ended with code {done.returncode}: {done.stderr.strip()}")
        events = [json.loads(line) for line in done.stdout.splitlines()]
        scenario = Scenario(engine.name, drafts=True, gap=GAP)
        return measured(scenario, lines[1:], sounds_in(here / "speaker.wav"), events)


def _microphone(path: Path, questions: int) -> list[Spoken]:
    """Write what is heard; returns where the questions are, at random places of the 32 ms grid."""
    with open_wav(QUESTION) as reader:
        question = reader.read(reader.frames)
    choose = random.Random(1)
    lines: list[Spoken] = []
    at = LEAD
    for _ in range(questions):
        start = round((at + choose.random() * 0.2) * CAPTURE_RATE) / CAPTURE_RATE
        lines.append(Spoken(start, start + len(question) / CAPTURE_RATE))
        at = lines[-1].end + GAP
    samples = room_noise(round((at if questions else LISTENING) * CAPTURE_RATE))
    for line in lines:
        first = round(line.start * CAPTURE_RATE)
        samples[first : first + len(question)] = question
    writer = WavWriter(path, CAPTURE_RATE)
    writer.append(samples)
    writer.close()
    return lines
