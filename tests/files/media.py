"""Recordings in every wrapping, made with PyAV."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT

av = pytest.importorskip("av", reason="PyAV is not installed (the extra 'files')")

RECORDED = ROOT / "tests" / "data" / "speech"
RATE = 48_000
CODECS = {
    "mp3": "libmp3lame", "m4a": "aac", "flac": "flac", "opus": "libopus", "ogg": "libopus", "webm": "libopus",
    "wav": "pcm_s16le", "mp4": "aac", "mkv": "flac", "aac": "aac",
}  # fmt: skip


def phrase(name: str) -> np.ndarray:
    """A recorded phrase: 16 kHz, float64."""
    with wave.open(str(RECORDED / f"{name}.wav")) as file:
        assert file.getframerate() == 16_000
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


def conversation(*names: str, gap: float = 1.5) -> tuple[np.ndarray, list[float]]:
    """Phrases with a quiet room around them at 16 kHz, and the second at which each recording begins."""
    pieces, starts, at = [], [], 0
    for name in names:
        silence = np.zeros(round(gap * 16_000))
        pieces += [silence, phrase(name)]
        starts.append((at + len(silence)) / 16_000)
        at += len(silence) + len(pieces[-1])
    sound = np.concatenate([*pieces, np.zeros(16_000)])
    return sound + np.random.default_rng(7).standard_normal(len(sound)) * 10 ** (-66 / 20), starts


def encode(
    path: Path,
    sound: np.ndarray,
    rate: int = 16_000,
    *,
    channels: int = 1,
    video: bool = False,
    starts_at: float = 0.0,
) -> Path:
    """Write ``sound`` (every channel the same) in the format that the name of ``path`` says.

    ``video``: with a black picture. ``starts_at``: the sound's first time stamp.
    """
    from av.audio.resampler import AudioResampler

    codec = CODECS[path.suffix[1:]]
    out_rate = RATE if codec == "libopus" else rate
    layout = "stereo" if channels == 2 else "mono"
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=10) if video else None
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        stream = container.add_stream(codec, rate=out_rate, layout=layout)
        if picture is not None:
            for number in range(round((starts_at + len(sound) / rate) * 10)):
                image = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
                image.pts = number
                container.mux(picture.encode(image))
            container.mux(picture.encode(None))
        to_codec = AudioResampler(
            format=stream.format, layout=layout, rate=out_rate, frame_size=stream.frame_size or 1024
        )
        data = np.clip(np.rint(np.tile(sound[:, None], channels) * 32767), -32768, 32767).astype("<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(data), format="s16", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        for piece in [*to_codec.resample(frame), *to_codec.resample(None)]:
            piece.pts = (piece.pts or 0) + round(starts_at * out_rate)
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path
