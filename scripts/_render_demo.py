"""Speaks the lines of the demo's script with flite (see scripts/render_demo). Argument: another folder to write to."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.demo.build import write
from assistant.demo.script import LINES, LOUDEST, PAUSE, STRETCH, VOICE, Line
from assistant.ports import CAPTURE_RATE, Samples

DATA = Path(__file__).resolve().parent.parent / "assistant" / "demo" / "data"
QUIET = 0.01
"""Of the loudest 10 ms: what is quieter at either end is cut off, save MARGIN."""
MARGIN = CAPTURE_RATE // 50


def record(line: Line) -> Samples:
    """flite's sound of a line, its peak at LOUDEST; the pauses are without any sound."""
    kind = "-t" if line.text else "-p"
    pieces = [speak(kind, piece if line.text else f"pau {piece} pau") for piece in line.pieces]
    silence = np.zeros(round(PAUSE * CAPTURE_RATE))
    sound = np.concatenate([part for piece in pieces for part in (piece, silence)][:-1])
    recorded: Samples = (sound / np.abs(sound).max() * LOUDEST).astype(np.float32)
    return recorded


def speak(kind: str, what: str) -> NDArray[np.float64]:
    """flite's sound without the silence around it. ``kind``: its option for text or for phones."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        stretch = f"duration_stretch={STRETCH}"
        subprocess.run(["flite", "-voice", VOICE, "--setf", stretch, kind, what, "-o", str(path)], check=True)
        with wave.open(str(path)) as recording:
            if (recording.getframerate(), recording.getnchannels()) != (CAPTURE_RATE, 1):
                sys.exit(f"flite's voice {VOICE} does not speak at {CAPTURE_RATE} Hz; choose a 16 kHz voice")
            sound = np.frombuffer(recording.readframes(recording.getnframes()), "<i2").astype(np.float64)
    window = np.ones(CAPTURE_RATE // 100) / (CAPTURE_RATE // 100)
    loudness = np.sqrt(np.convolve(sound**2, window, "same"))
    loud = np.flatnonzero(loudness > QUIET * loudness.max())
    return sound[max(0, loud[0] - MARGIN) : loud[-1] + MARGIN]


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    folder.mkdir(parents=True, exist_ok=True)
    for line in LINES:
        sound = record(line)
        write(folder / line.file, sound)
        print(f"{line.file:14} {len(sound) / CAPTURE_RATE:5.2f} s  {' ... '.join(line.pieces)}")


if __name__ == "__main__":
    main()
