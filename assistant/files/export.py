"""Recordings joined, mixed and exported, with pydub.

WAV and FLAC always: pydub writes the one, PyAV the other. MP3, OGG and the like are written by an ffmpeg program, where
one is found. Rates are changed by soxr: pydub's own conversion is a linear interpolation, which aliases.
"""

from __future__ import annotations

import os
import subprocess
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.audio.resample import Resampler
from assistant.audio.wavfile import open_wav
from assistant.ports import ParleyError, Samples
from providers.registry import importable

WHO = "joining and exporting recordings"
EXTRA = "files"
ALWAYS = ("wav", "flac")
WITH_FFMPEG = {"mp3": "mp3", "ogg": "ogg", "opus": "opus", "m4a": "ipod", "aac": "adts"}
"""File name endings and what ffmpeg calls the format."""
CONVERSATION = "conversation.wav"


def stereo(folder: Path) -> Path:
    """A recorded session's folder -> one stereo file in it, as heard: the user left, the assistant right.

    Returns the file, CONVERSATION, at the speaker's rate. Blocks. Raises ParleyError when mic.wav or speaker.wav cannot
    be read, or the file cannot be written.
    """
    microphone, _ = _read(folder / "mic.wav", speaker_rate := _rate(folder / "speaker.wav"))
    speaker, _ = _read(folder / "speaker.wav", speaker_rate)
    return export(beside(segment(microphone, speaker_rate), segment(speaker, speaker_rate)), folder / CONVERSATION)


def load(path: Path, rate: int | None = None) -> Any:
    """A WAV file as a pydub AudioSegment, mono, at ``rate`` (None: its own). Raises ParleyError."""
    samples, found = _read(path, rate)
    return segment(samples, found)


def segment(samples: Samples, rate: int) -> Any:
    """Mono float32 in [-1, 1] -> a pydub AudioSegment of 16 bits."""
    data = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2").tobytes()
    return _pydub().AudioSegment(data=data, sample_width=2, frame_rate=rate, channels=1)


def joined(segments: Sequence[Any], gap: float = 0.0) -> Any:
    """One after another, with ``gap`` seconds of silence between them. All of one rate and at least one."""
    whole, *others = segments
    silence = _pydub().AudioSegment.silent(round(gap * 1000), whole.frame_rate)
    for other in others:
        whole = whole.append(silence, crossfade=0).append(other, crossfade=0)
    return whole


def mixed(segments: Sequence[Any]) -> Any:
    """All at once, from the same beginning, as long as the longest. All of one rate and at least one."""
    longest, *others = sorted(segments, key=lambda one: -one.frame_count())
    for other in others:
        longest = longest.overlay(other)
    return longest


def beside(left: Any, right: Any) -> Any:
    """Two mono segments of one rate as a stereo one; the shorter is followed by silence."""
    count = max(left.frame_count(), right.frame_count())
    sides = [
        side._spawn(side.raw_data + bytes(side.frame_width * int(count - side.frame_count()))) for side in (left, right)
    ]
    return _pydub().AudioSegment.from_mono_audiosegments(*sides)


def export(sound: Any, path: Path) -> Path:
    """Write a segment in the format that the name of ``path`` says, whole or not at all. Blocks. Returns the path.

    Raises ParleyError: an unknown format, one that needs an ffmpeg that is not here, a place that cannot be written.
    """
    check(path)
    kind = _kind(path)
    partial = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        if kind == "wav":
            sound.export(str(partial), format="wav").close()
        elif kind == "flac":
            _flac(sound, partial)
        else:
            _with_ffmpeg(sound, partial, kind)
        partial.replace(path)
    except FileNotFoundError:
        raise ParleyError(f"{path} cannot be written: there is no folder {path.parent}; create it first") from None
    except OSError as error:
        raise ParleyError(f"{path} cannot be written ({error.strerror or error}); choose another place") from None
    finally:
        partial.unlink(missing_ok=True)
    return path


def check(path: Path) -> None:
    """Raises ParleyError where `export` would, as far as the name and this machine tell, before any work is done."""
    kind = _kind(path)
    if kind not in ALWAYS and kind not in WITH_FFMPEG:
        known = ", ".join((*ALWAYS, *WITH_FFMPEG))
        raise ParleyError(f"{path} names no format that Parley writes; end it in one of: {known}")
    if kind in WITH_FFMPEG and ffmpeg() is None:
        raise ParleyError(
            f"{path}: writing {kind} needs the program ffmpeg, which is not found; install it, or use .flac"
        )
    if path.is_dir():
        raise ParleyError(f"{path} is a folder; add a file's name to it")


def ffmpeg() -> str | None:
    """The ffmpeg (or avconv) that writes what PyAV's own libraries are not used for; None: there is none."""
    return which("ffmpeg") or which("avconv")


def _kind(path: Path) -> str:
    return path.suffix[1:].lower()


@cache
def _pydub() -> Any:
    with warnings.catch_warnings():
        # It warns that there is no ffmpeg, which `check` says better, and of its own regular expressions.
        warnings.simplefilter("ignore")
        importable("pydub", provider=WHO, extra=EXTRA)
        return importable("pydub.audio_segment", provider=WHO, extra=EXTRA)


def _rate(path: Path) -> int:
    with open_wav(path) as file:
        return file.rate


def _read(path: Path, rate: int | None) -> tuple[Samples, int]:
    with open_wav(path) as file:
        wanted = rate or file.rate
        return Resampler(file.rate, wanted).push(file.read(file.frames), last=True), wanted


def _flac(sound: Any, path: Path) -> None:
    av = importable("av", provider=WHO, extra=EXTRA)
    layout = {1: "mono", 2: "stereo"}[sound.channels]
    samples: NDArray[np.int16] = np.frombuffer(sound.raw_data, "<i2").reshape(1, -1)
    # The file object, since FFmpeg would take a name for a pattern or an address.
    with path.open("wb") as file, av.open(file, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=sound.frame_rate, layout=layout)
        whole = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
        whole.sample_rate, whole.pts = sound.frame_rate, 0
        pieces = av.AudioResampler(format=stream.format, layout=layout, rate=sound.frame_rate, frame_size=4096)
        for frame in (*pieces.resample(whole), *pieces.resample(None), None):
            container.mux(stream.encode(frame))


def _with_ffmpeg(sound: Any, path: Path, kind: str) -> None:
    """Through a pipe. pydub's own way leaves its temporary files behind, and open, when ffmpeg fails."""
    codec = ["-c:a", "libopus"] if kind == "opus" else []  # not what ffmpeg would take for a file of that name
    command = [str(ffmpeg()), "-loglevel", "error", "-f", "s16le", "-ar", str(sound.frame_rate)]
    command += ["-ac", str(sound.channels), "-i", "pipe:0", *codec, "-f", WITH_FFMPEG[kind], "-y", f"file:{path}"]
    done = subprocess.run(command, input=sound.raw_data, capture_output=True)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise OSError(f"ffmpeg says: {said[-1] if said else 'nothing'}")
