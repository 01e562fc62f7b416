"""A user and the assistant on the virtual sound card, in a room: what a pair of ears beside them would measure.

Two recorders of the sound server hear what the loudspeaker plays and all that reaches the microphone. In the latter
both voices are on one clock, so that every figure is read off waveforms and none is the program's own word.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from assistant.ports import CAPTURE_RATE
from tests.cli.talking import read_wav
from tests.devices.alignment import Sound, look_for
from tests.devices.card import ROOT, Card
from tests.devices.talker import Talker, talking

RATE = 48_000
"""Hz of the card: nothing is resampled on the way to the recorders."""
ECHO = -6.0
"""dB at which the microphone hears the loudspeaker."""
STORY = (
    "Once there was a lighthouse keeper who could not sleep in the dark. Every night he lit the great lamp, and every "
    "night the ships thanked him with their horns. One winter the lamp went out, and he sat on the stairs."
)
CONFIG = f"""[llm.options]
replies = [{json.dumps(STORY)}, "All right."]
"""
"""What is answered does not depend on what was understood: under an echo the small test model mishears."""
TELL, INTERRUPT = "kal16-tell-me-a-story", "kal16-good-morning"
SILENT = 0.003
NEAR = 0.15
"""Seconds around what the user says in which a voice is told as his."""
HOLE = 0.25
"""Seconds of silence that end what one of them says."""


@dataclass
class Found:
    answers: list[float] = field(default_factory=list)
    """Seconds from the end of the user's question to the beginning of the answer."""
    barge_ins: list[float] = field(default_factory=list)
    """Seconds from the user's first sound to the assistant's last one."""
    said: list[tuple[int, int]] = field(default_factory=list)
    """What the user said: first and last sample of what the recorder at the microphone heard."""
    cut_by_itself: int = 0
    missed: int = 0
    card: float = 0.0
    """Seconds that the card itself takes from a program that plays to a program that listens."""


def run(seconds: float, seed: int) -> tuple[str, list[str]]:
    """Hold conversations for about ``seconds``. Returns what came of it, and what was wrong."""
    found = Found()
    card = Card()
    try:
        card.start()
        card.echo(ECHO)
        found.card = _own_latency(card)
        with tempfile.TemporaryDirectory() as folder:
            _converse(card, Path(folder), seconds, found)
    finally:
        card.stop()
    broken = []
    if found.cut_by_itself:
        broken.append(f"{found.cut_by_itself} answers were cut by their own echo")
    if found.missed:
        broken.append(f"{found.missed} interruptions were not noticed")
    if not found.barge_ins:
        broken.append("nothing was measured")
        return "", broken
    return (
        f"{len(found.answers)} questions and as many interruptions on the virtual card, echo {ECHO:g} dB: from the end "
        f"of the question to the answer {_ms(found.answers)}; from the user's first sound to the assistant's last "
        f"{_ms(found.barge_ins)}; of each, the card's own way from a program to a program is {1000 * found.card:.0f} ms"
    ), broken


def _ms(seconds: list[float]) -> str:
    return f"median {1000 * median(seconds):.0f} ms, at most {1000 * max(seconds):.0f} ms"


def _own_latency(card: Card) -> float:
    """From a program that plays to a program that hears it."""
    command = [sys.executable, "-m", "assistant", "devices", "--test", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=card.env, capture_output=True, text=True, timeout=60, check=True)
    return float(json.loads(done.stdout)["test"]["round_trip_ms"]) / 1000


def _converse(card: Card, folder: Path, seconds: float, found: Found) -> None:
    config = folder / "config.toml"
    config.write_text(CONFIG, "utf-8")
    arguments = ["--llm", "scripted", "--config", str(config), "--max-seconds", f"{seconds + 60:.0f}"]
    with (
        card.recording("vspk.monitor", rate=RATE) as played,
        card.recording("vmic_feed.monitor", rate=RATE) as heard,
        talking(card, folder / "session", *arguments) as talker,
    ):
        end = time.monotonic() + seconds
        rounds = 0
        while rounds == 0 or time.monotonic() < end:
            _round(talker)
            rounds += 1
        assistant, everything = played(), heard()
    overlaps = [event["at"] for event in talker.of("overlap.started")]
    microphone, _ = read_wav(talker.record / "mic.wav")
    _measure(assistant, everything, found)
    own = [at for at in overlaps if not _somebody_spoke(at, found.said, microphone, everything)]
    found.cut_by_itself = len(own)
    found.missed = max(0, rounds - len(found.barge_ins))


def _somebody_spoke(at: float, said: list[tuple[int, int]], microphone: Sound, everything: Sound) -> bool:
    """The user made a sound about then: second ``at`` of the session's microphone."""
    piece = slice(round((at - 0.5) * CAPTURE_RATE), round((at + 0.5) * CAPTURE_RATE))
    there = look_for(microphone, piece.start, piece.stop, everything[:: RATE // CAPTURE_RATE])
    moment = (there.found + CAPTURE_RATE // 2) * RATE // CAPTURE_RATE
    return any(start - NEAR * RATE < moment < end + NEAR * RATE for start, end in said)


def _round(talker: Talker) -> None:
    talker.say(TELL)
    talker.until("reply.audible")
    time.sleep(4.0)
    talker.say(INTERRUPT)
    talker.until("reply.interrupted")
    talker.until("reply.finished")
    talker.until("state", to="Listening")
    time.sleep(0.7)


def _measure(assistant: Sound, everything: Sound, found: Found) -> None:
    """``everything`` less the echo of ``assistant`` is the user."""
    first = int(np.flatnonzero(np.abs(assistant) > SILENT)[0])
    lag = look_for(assistant, first, first + 2 * RATE, everything).lag
    assistant, echoed = assistant[max(0, -lag) :], everything[max(0, lag) :]
    length = min(len(assistant), len(echoed))
    assistant, echoed = assistant[:length], echoed[:length]
    piece = slice(first, first + 2 * RATE)
    gain = np.float32(np.vdot(assistant[piece], echoed[piece]) / np.vdot(assistant[piece], assistant[piece]))
    user = echoed - gain * assistant
    said, told = _stretches(user), _stretches(assistant)
    found.said = [(start + max(0, lag), end + max(0, lag)) for start, end in said]
    for start, end in said:
        cut = [stop for begin, stop in told if begin < start - RATE and start < stop < start + 2 * RATE]
        if cut:
            found.barge_ins.append((cut[0] - start) / RATE)
        elif answer := [begin for begin, _ in told if end < begin < end + 2 * RATE]:
            found.answers.append((answer[0] - end) / RATE)


def _stretches(sound: Sound) -> list[tuple[int, int]]:
    """First and last sample of what was said in one go."""
    loud = np.flatnonzero(np.abs(sound) > SILENT)
    cuts = np.flatnonzero(np.diff(loud) > HOLE * RATE)
    return list(zip(loud[np.r_[0, cuts + 1]].tolist(), loud[np.r_[cuts, len(loud) - 1]].tolist(), strict=True))
