"""`parley talk` on the card's devices, and a user who waits for what happens before saying the next thing."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.cli.talking import read_wav
from tests.devices.card import PATIENCE, ROOT, Card, Sound

SPEECH = ROOT / "tests" / "data" / "speech"
HEARS, THINKS, SPEAKS = "faster-whisper:parley-accurate", "offline", "espeak-ng"


class Talker:
    """A running conversation. ``events`` are those that were waited for or passed over so far."""

    def __init__(self, card: Card, record: Path, *arguments: str) -> None:
        self.card = card
        self.record = record
        self._errors = record.parent / "talk.stderr"
        command = [sys.executable, "-m", "assistant", "talk", "--json", "--record", str(record)]
        stages = ["--stt", HEARS, "--llm", THINKS, "--tts", SPEAKS, "--max-seconds", "120"]
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [*command, *stages, *arguments], cwd=ROOT, env=card.env, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip
        self.events: list[dict[str, Any]] = []
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(json.loads(line))
        self._lines.put(None)

    def until(self, event: str, **data: Any) -> dict[str, Any]:
        """The next event of that name, with those fields."""
        end = time.monotonic() + 2 * PATIENCE
        while True:
            try:
                found = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {event} {data} came; {self._so_far()}") from None
            if found is None:
                raise AssertionError(f"ended without {event} {data}; {self._so_far()}; {self._errors.read_text()}")
            self.events.append(found)
            if found["event"] == event and all(found.get(name) == value for name, value in data.items()):
                return found

    def _so_far(self) -> str:
        return "; ".join(f"{e['t']} {e['event']} {e.get('text', e.get('to', ''))}" for e in self.events[-12:])

    def say(self, phrase: str) -> None:
        """Say a recorded phrase, and return when it is said."""
        samples, rate = read_wav(SPEECH / f"{phrase}.wav")
        tail = np.zeros(rate // 5)  # the last of it must have left before the sound server is told to forget it
        sound: Sound = np.concatenate((samples, tail)).astype(np.float32)
        with self.card.saying(sound, rate=rate) as said:
            said.wait(PATIENCE)

    def interrupt(self) -> int:
        """Ctrl+C. The exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self) -> int:
        """Wait for the end; the exit code. ``events`` are complete then."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        while (line := self._lines.get_nowait()) is not None:
            self.events.append(line)
        return code

    def of(self, *names: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] in names]


@contextmanager
def talking(card: Card, record: Path, *arguments: str) -> Iterator[Talker]:
    talker = Talker(card, record, *arguments)
    try:
        talker.until("session.started")
        yield talker
    finally:
        talker.process.kill()
        talker.process.wait()
        talker._reader.join(PATIENCE)
