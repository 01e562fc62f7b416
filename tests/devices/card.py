"""The virtual sound card (`scripts/vsound`) as tests use it, and a process that talks with its devices."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent.parent
VSOUND = ROOT / "scripts" / "vsound"
PATIENCE = 20.0
"""Seconds for anything to happen: far more than it needs on a busy machine."""

Sound = NDArray[np.float32]


class Card:
    """One card, in a folder of its own."""

    def __init__(self) -> None:
        for tool in ("pulseaudio", "pactl", "parec", "pacat"):
            if shutil.which(tool) is None:  # no skip: scripts/test installs them
                raise AssertionError(f"{tool} is missing: sudo apt-get install pulseaudio pulseaudio-utils")
        self.folder = Path(tempfile.mkdtemp(prefix="parley-card-"))
        """Its name is short: that of a socket in it may have 107 bytes."""
        self.env = {**os.environ, "VSOUND_DIR": str(self.folder / "card")}
        for line in self._vsound("env").replace("export ", "").split():
            name, _, value = line.partition("=")
            self.env[name] = value.strip("'")
        # libasound and libpulse look at more than the card's own files where these are set.
        for name in ("PULSE_SINK", "PULSE_SOURCE", "PULSE_CLIENTCONFIG", "ALSA_CARD", "ALSA_PCM_CARD"):
            self.env.pop(name, None)

    def _vsound(self, what: str) -> str:
        done = subprocess.run(
            [str(VSOUND), what], env=self.env, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        self._vsound("start")

    def stop(self) -> None:
        try:
            self._vsound("stop")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """The server ends without a word."""
        os.kill(int((self.folder / "card" / "run" / "pid").read_text()), signal.SIGKILL)

    def pactl(self, *arguments: str) -> str:
        done = subprocess.run(
            ["pactl", *arguments], env=self.env, capture_output=True, text=True, timeout=20, check=False
        )
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout.strip()

    def add_alsa_devices(self, text: str) -> None:
        """More of ALSA's configuration, for processes started afterwards. Only while the card runs."""
        with (self.folder / "card" / "asound.conf").open("a") as conf:
            conf.write(text)

    def add_loudspeaker(self, name: str) -> str:
        """Another one, and the number of its module."""
        return self.pactl(
            "load-module", "module-null-sink", f"sink_name={name}", f"sink_properties=device.description={name}",
            "rate=48000", "channels=1", "channel_map=mono", "norewinds=1",
        )  # fmt: skip

    def echo(self, gain_db: float) -> None:
        """From now on the microphone hears the loudspeaker. To be called while nobody plays.

        The one plays into the other: a loopback module would do, but loses and repeats sound when the machine is busy.
        """
        self.pactl("unload-module", self._module("sink_name=vspk"))
        self.pactl(
            "load-module", "module-remap-sink", "sink_name=vspk", "master=vmic_feed", "channels=1",
            "channel_map=mono", "remix=no", "sink_properties=device.description=Virtual_loudspeaker",
        )  # fmt: skip
        (stream,) = self.pactl("list", "short", "sink-inputs").splitlines()
        self.pactl("set-sink-input-volume", stream.split("\t")[0], f"{gain_db}dB")
        self.pactl("set-default-sink", "vspk")

    def _module(self, argument: str) -> str:
        """The number of the module that was loaded with that argument."""
        lines = self.pactl("list", "short", "modules").splitlines()
        (module,) = [line.split("\t")[0] for line in lines if argument in line]
        return module

    @contextmanager
    def recording(self, source: str = "vspk.monitor", *, rate: int) -> Iterator[Callable[[], Sound]]:
        """While inside, what that source gives is recorded; call what is yielded for all there is so far."""
        fd, path = tempfile.mkstemp(dir=self.folder)
        with os.fdopen(fd, "wb") as file:
            recorder = subprocess.Popen(
                ["parec", "-d", source, "--raw", "--format=float32le", f"--rate={rate}", "--channels=1",
                 "--latency-msec=20"],
                env=self.env, stdout=file, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            try:
                wait_until(lambda: os.path.getsize(path) > 0, "the recorder does not start")
                yield lambda: np.frombuffer(Path(path).read_bytes()[: os.path.getsize(path) // 4 * 4], np.float32)
            finally:
                recorder.kill()
                recorder.wait()

    @contextmanager
    def saying(self, sound: Sound, *, rate: int) -> Iterator[subprocess.Popen[bytes]]:
        """While inside, ``sound`` is said to the microphone, once, by a process that ends with it."""
        speaker = subprocess.Popen(
            ["pacat", "-d", "vmic_feed", "--raw", "--format=float32le", f"--rate={rate}", "--channels=1",
             "--latency-msec=50"],
            env=self.env, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert speaker.stdin is not None
        feed = threading.Thread(target=_feed, args=(speaker, sound.astype("<f4").tobytes()))
        feed.start()
        try:
            yield speaker
        finally:
            speaker.kill()
            speaker.wait()
            feed.join(PATIENCE)

    @contextmanager
    def player(self, **options: Any) -> Iterator[Player]:
        """A process with the card's devices open."""
        player = Player(self, options)
        try:
            yield player
        finally:
            player.end()


def _feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.write(data)
    with suppress(BrokenPipeError):
        process.stdin.close()


class Player:
    """The other end of `tests.devices._play`."""

    def __init__(self, card: Card, options: dict[str, Any]) -> None:
        self.card = card
        self._errors = card.folder / "player.stderr"
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.devices._play", json.dumps(options)],
                cwd=ROOT, env=card.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.changes: list[tuple[str | None, str | None]] = []
        """What `on_device_changed` was told, so far as lines were read."""
        self.opened = self._next({"open", "refused"})

    def ask(self, do: str, **more: Any) -> Any:
        """Have it done, and return the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()
        return self._next({"answer"})["value"]

    def play(self, sound: Sound, *, first: bool = True) -> int:
        """Its first position. ``sound``: at 24 kHz."""
        path = self.card.folder / "sound.npy"
        np.save(path, sound.astype(np.float32))
        position: int = self.ask("play", file=str(path), first=first)
        return position

    def microphone(self) -> Sound:
        """All it heard, at 16 kHz."""
        path = self.card.folder / "mic.npy"
        self.ask("mic", file=str(path))
        sound: Sound = np.load(path)
        return sound

    def tapped(self) -> Sound:
        path = self.card.folder / "tapped.npy"
        self.ask("tapped", file=str(path))
        sound: Sound = np.load(path)
        return sound

    def changed(self, to: str | None) -> None:
        """Wait until it is told that a device changed to that one."""
        while not any(after == to for _, after in self.changes):
            self._next({"changed"})

    def until(self, true: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Wait until its state is so; returns it."""
        state: dict[str, Any] = {}

        def look() -> bool:
            state.update(self.ask("state"))
            return true(state)

        wait_until(look, what)
        return state

    def end(self) -> tuple[int, str]:
        """Its exit code and what it wrote to stderr."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self._reader.join(PATIENCE)
        return code, self._errors.read_text()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(json.loads(line))
        self._lines.put(None)

    def _next(self, events: set[str]) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"nothing of {events} came; so far: {self.changes}") from None
            if line is None:
                raise AssertionError(f"the player has ended, {self.process.wait(PATIENCE)}: {self._errors.read_text()}")
            if line["event"] == "changed":
                self.changes.append((line["from"], line["to"]))
            if line["event"] in events:
                return line


def wait_until(true: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, otherwise
        time.sleep(0.03)
