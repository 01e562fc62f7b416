"""Recordings joined, mixed, laid side by side and exported, read back by others than who wrote them."""

from __future__ import annotations

import stat
import wave
from pathlib import Path

import numpy as np
import pytest

from assistant.audio.wavfile import WavWriter
from assistant.files import export
from assistant.files.decode import Media
from assistant.ports import ParleyError

pytest.importorskip("pydub", reason="pydub is not installed (the extra 'files')")


def tone(hertz: float, seconds: float, rate: int) -> np.ndarray:
    return (0.4 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def write(path: Path, sound: np.ndarray, rate: int) -> Path:
    with WavWriter(path, rate) as file:
        file.append(sound)
    return path


def read(path: Path) -> tuple[np.ndarray, int]:
    """(samples, channels) as float64, and the rate."""
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
        return data.reshape(-1, file.getnchannels()), file.getframerate()


def pitch(sound: np.ndarray, rate: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(sound))) * rate / len(sound))


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A recorded session: the user hums at 300 Hz for 2 s, the assistant at 700 Hz for 3 s."""
    write(tmp_path / "mic.wav", tone(300, 2.0, 16_000), 16_000)
    write(tmp_path / "speaker.wav", tone(700, 3.0, 24_000), 24_000)
    return tmp_path


def test_a_session_in_stereo_has_the_user_left_and_the_assistant_right(session: Path) -> None:
    path = export.stereo(session)
    assert path == session / "conversation.wav"
    sound, rate = read(path)
    assert (rate, sound.shape) == (24_000, (72_000, 2))
    assert pitch(sound[:48_000, 0], rate) == pytest.approx(300, abs=1)
    assert pitch(sound[:, 1], rate) == pytest.approx(700, abs=1)
    assert np.abs(sound[48_100:, 0]).max() < 1e-3, "the shorter side ends in silence"
    assert np.abs(sound).max() == pytest.approx(0.4, abs=0.01)
    assert sorted(file.name for file in session.iterdir()) == ["conversation.wav", "mic.wav", "speaker.wav"]


def test_sides_stay_in_step(session: Path) -> None:
    """A click at the same second on both."""
    for name, rate in (("mic.wav", 16_000), ("speaker.wav", 24_000)):
        sound = np.zeros(3 * rate, np.float32)
        sound[round(1.5 * rate)] = 0.9
        write(session / name, sound, rate)
    sound, rate = read(export.stereo(session))
    left, right = np.argmax(np.abs(sound), axis=0) / rate
    assert left == pytest.approx(1.5, abs=1e-4)
    assert right == pytest.approx(1.5, abs=1e-4)


def test_joined(tmp_path: Path) -> None:
    pieces = [export.segment(tone(hertz, 0.5, 16_000), 16_000) for hertz in (300, 500, 700)]
    sound, rate = read(export.export(export.joined(pieces, gap=0.25), tmp_path / "all.wav"))
    assert (len(sound), rate) == (2.0 * 16_000, 16_000)
    assert [pitch(sound[start : start + 8000, 0], rate) for start in (0, 12_000, 24_000)] == [300, 500, 700]
    assert not sound[8_000:12_000].any()


def test_mixed(tmp_path: Path) -> None:
    short, long = export.segment(tone(300, 1.0, 16_000), 16_000), export.segment(tone(700, 2.0, 16_000), 16_000)
    sound, _ = read(export.export(export.mixed([short, long]), tmp_path / "both.wav"))
    assert sound[:16_000, 0] == pytest.approx(tone(300, 1.0, 16_000) + tone(700, 1.0, 16_000), abs=1e-3)
    assert sound[16_000:, 0] == pytest.approx(tone(700, 2.0, 16_000)[16_000:], abs=1e-3)


def test_a_loaded_file_has_the_rate_that_is_asked_for(session: Path, tmp_path: Path) -> None:
    loaded = export.load(session / "speaker.wav", 16_000)
    assert (loaded.frame_rate, loaded.frame_count()) == (16_000, 48_000)
    assert export.load(session / "speaker.wav").frame_rate == 24_000


def test_flac_is_written_without_any_program_and_bit_exact(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    original = export.load(session / "mic.wav")
    path = export.export(original, session / "user.flac")
    assert path.read_bytes()[:4] == b"fLaC"
    with Media(path) as media:
        assert media.seconds == pytest.approx(2.0)
        heard = np.concatenate(list(media.blocks()))
    assert np.array_equal(np.rint(heard * 32768), np.frombuffer(original.raw_data, "<i2"))


def test_stereo_flac(session: Path) -> None:
    mic, speaker = (export.load(session / name, 24_000) for name in ("mic.wav", "speaker.wav"))
    export.export(export.beside(mic, speaker), session / "both.flac")
    with Media(session / "both.flac") as media:
        assert media.seconds == pytest.approx(3.0)


@pytest.mark.parametrize("kind", ["mp3", "ogg"])
def test_without_ffmpeg_it_says_so_before_any_work(kind: str, session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ParleyError, match=f"writing {kind} needs the program ffmpeg") as caught:
        export.check(session / f"talk.{kind}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["mp3", "ogg", "opus", "m4a"])
def test_with_ffmpeg(kind: str, session: Path) -> None:
    if export.ffmpeg() is None:
        pytest.skip("there is no ffmpeg here")
    path = export.export(export.load(session / "speaker.wav"), session / f"talk.{kind}")
    with Media(path) as media:
        heard = np.concatenate(list(media.blocks()))
    assert pitch(heard, 16_000) == pytest.approx(700, abs=2)


def _program(folder: Path, script: str) -> str:
    """A folder for PATH with an ffmpeg in it that is this script."""
    program = folder / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return f"{program.parent}:/usr/bin:/bin"


def test_the_ffmpeg_that_is_found_is_used(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "PATH", _program(session, 'for last; do :; done; echo "$@" > "${last#file:}"; wc -c >> "${last#file:}"')
    )
    path = export.export(export.load(session / "mic.wav"), session / "talk.mp3")
    arguments, size = path.read_text().splitlines()
    assert "-ar 16000 -ac 1" in arguments
    assert "-f mp3" in arguments
    assert int(size) == 2 * 32_000, "it was given all of the sound"


def test_an_ffmpeg_that_fails_is_one_sentence_and_leaves_nothing(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", _program(session, 'echo "Unknown encoder" >&2; exit 1'))
    before = sorted(session.iterdir())
    with pytest.raises(ParleyError, match=r"talk\.mp3 cannot be written \(ffmpeg says: ") as caught:
        export.export(export.load(session / "mic.wav"), session / "talk.mp3")
    assert "\n" not in str(caught.value)
    assert sorted(session.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("talk.xyz", "names no format that Parley writes; end it in one of: wav, flac, mp3"),
        ("talk", "names no format"),
        ("nowhere/talk.wav", "there is no folder"),
        ("nowhere/talk.flac", "there is no folder"),
        ("folder.wav", "is a folder"),
    ],
)
def test_wrong_places_are_one_sentence(name: str, message: str, session: Path) -> None:
    (session / "folder.wav").mkdir()
    with pytest.raises(ParleyError, match=message) as caught:
        export.export(export.load(session / "mic.wav"), session / name)
    assert "\n" not in str(caught.value)


def test_a_folder_that_holds_no_session(tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match=r"there is no sound file .*\.wav"):
        export.stereo(tmp_path)


def test_pydub_that_is_not_installed_is_one_sentence(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    export._pydub.cache_clear()
    monkeypatch.setitem(sys.modules, "pydub", None)
    with pytest.raises(ParleyError, match=r"pip install 'parley-voice\[files\]'"):
        export.stereo(session)
