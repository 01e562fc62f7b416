"""One conversation of `parley talk` on WAV devices, in a process of its own, measured off its two waveforms."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.bench.waveform import Sounds, sounds_in
from assistant.bench.work import DRAFTS, REAL_STAGES, Scenario, Spoken, microphone
from assistant.ports import ParleyError

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn, in milliseconds; None: not heard."""

    latency: float | None
    """True end of the user's speech to the first audible sample, off the waveforms."""
    ledger: float | None
    """The same as the program's own ledger says."""
    stop: float | None = None
    """The user's first sound to the last sample of the answer it interrupted, off the waveforms."""
    words_kept: int | None = None
    words_heard: float | None = None
    """Of the interrupted answer, off the waveform."""

    @property
    def disagreement(self) -> float | None:
        return None if self.latency is None or self.ledger is None else abs(self.latency - self.ledger)


@dataclass(frozen=True, slots=True)
class Run:
    """A scenario, run."""

    scenario: Scenario
    turns: list[Turn]
    figures: Event
    """`session.ended`: reason, underruns and what the probe measured."""
    ledgers: list[Event]
    """`turn.metrics` of each turn."""


def run(
    scenario: Scenario,
    turns: int,
    *,
    warm: int = 1,
    measure: str = "cpu",
    extra: Sequence[str] = (),
    config: str | None = None,
) -> Run:
    """Run the scenario for ``turns`` measured turns after ``warm`` others. Raises ParleyError when it fails.

    ``extra``: further arguments of `parley talk`; ``config``: another config than the scenario's.
    """
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        here = Path(folder)
        lines = microphone(here / "mic.wav", scenario, turns + warm)
        (here / "config.toml").write_text(config or scenario.config(lines), "utf-8")
        command = [
            sys.executable, "-m", "assistant", "talk", "--json", "--config", str(here / "config.toml"),
            "--mic", str(here / "mic.wav"), "--speaker", str(here / "speaker.wav"), "--measure", measure,
            *extra,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ParleyError(f"the benched conversation ended with code {done.returncode}: {done.stderr.strip()}")
        events = [json.loads(line) for line in done.stdout.splitlines()]
        return measured(scenario, lines[warm:], sounds_in(here / "speaker.wav"), events)


def measured(scenario: Scenario, lines: list[Spoken], sounds: Sounds, events: list[Event]) -> Run:
    """What the waveforms say of each utterance in ``lines``, with the ledger's figures beside it."""
    ledgers = {round(event["speech_end_at"] or 0, 1): event for event in events if event["event"] == "turn.metrics"}
    cuts = [event for event in events if event["event"] == "reply.interrupted"]
    turns: list[Turn] = []
    for number, line in enumerate(lines):
        following = lines[number + 1].start if number + 1 < len(lines) else float("inf")
        heard = sounds.first_after(line.end)
        latency = None if heard is None or heard > following else (heard - line.end) * 1000
        ledger = next((event for end, event in ledgers.items() if abs(end - line.end) < 0.4), None)
        stop = kept = words = None
        if scenario.barge_in and latency is not None and heard is not None and following < float("inf"):
            stopped = sounds.stopped_after(following)
            stop = None if stopped is None else (stopped - following) * 1000
            words = None if stopped is None else (stopped - heard) / scenario.word_seconds
            cut = next((event for event in cuts if following - 0.1 < event["at"] < following + 1.5), None)
            kept = None if cut is None else len(cut["heard"].split())
        turns.append(Turn(latency, None if ledger is None else ledger["latency_ms"], stop, kept, words))
    ended = next(event for event in events if event["event"] == "session.ended")
    return Run(scenario, turns, ended, list(ledgers.values()))


def start_up(times: int = 5) -> list[float]:
    """Seconds from the start of the process to the first judged frame, in fresh processes, the first one left out."""
    return _listening_after(times, lambda: run(DRAFTS, 1, warm=0, extra=["--max-seconds", "0.3"]))


def start_up_with_real_stages(times: int = 5) -> list[float]:
    """The same with a Whisper, a vendor's SDK and a voice that load behind the listening."""
    extra = ["--max-seconds", "3", "--load-behind"]
    return _listening_after(times, lambda: run(DRAFTS, 1, warm=0, extra=extra, config=REAL_STAGES))


def _listening_after(times: int, once: Callable[[], Run]) -> list[float]:
    seconds = [once().figures["listening_after_s"] for _ in range(times + 1)][1:]
    return [each for each in seconds if each is not None]
