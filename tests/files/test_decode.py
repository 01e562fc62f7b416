"""Any audio or video file: real encoders and decoders, damaged files, and files that are none."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from assistant.files.decode import Media
from assistant.ports import CAPTURE_RATE, ParleyError
from tests.files.media import CODECS, conversation, encode


def decoded(path: Path) -> np.ndarray:
    with Media(path) as media:
        return np.concatenate(list(media.blocks()))


def lag(one: np.ndarray, other: np.ndarray) -> float:
    """Seconds by which ``other`` comes later, and how alike they are at best (1: the same)."""
    length = len(one) + len(other)
    correlation = np.fft.irfft(np.conj(np.fft.rfft(one, length)) * np.fft.rfft(other, length))
    at = int(np.argmax(correlation))
    alike = correlation[at] / np.sqrt(np.dot(one, one) * np.dot(other, other))
    assert alike > 0.97
    return (at if at < length // 2 else at - length) / CAPTURE_RATE


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return conversation("slt-tell-me-a-joke", "slt-goodbye")[0]


@pytest.mark.parametrize("kind", sorted(CODECS))
def test_every_format_gives_the_same_sound_at_the_same_time(kind: str, sound: np.ndarray, tmp_path: Path) -> None:
    heard = decoded(encode(tmp_path / f"talk.{kind}", sound, channels=2))
    assert heard.dtype == np.float32
    # Raw AAC has nowhere to say that it begins with the encoder's own delay.
    assert abs(lag(sound, heard)) < (0.08 if kind == "aac" else 0.003)
    assert np.abs(heard).max() == pytest.approx(np.abs(sound).max(), rel=0.08), "two equal channels are not added up"


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 96_000])
def test_any_rate(rate: int, tmp_path: Path) -> None:
    seconds = 2.5
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    heard = decoded(encode(tmp_path / "tone.wav", tone, rate))
    assert len(heard) == pytest.approx(seconds * CAPTURE_RATE, abs=2)
    spectrum = np.abs(np.fft.rfft(heard))
    assert np.argmax(spectrum) * CAPTURE_RATE / len(heard) == pytest.approx(440, abs=1)


def test_full_scale_stereo_does_not_clip(tmp_path: Path) -> None:
    tone = 0.95 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
    heard = decoded(encode(tmp_path / "loud.wav", tone, 48_000, channels=2))
    assert np.abs(heard).max() == pytest.approx(0.95, abs=0.01)


def test_a_video_whose_sound_starts_late_keeps_its_time(sound: np.ndarray, tmp_path: Path) -> None:
    path = encode(tmp_path / "film.mkv", sound, video=True, starts_at=2.0)
    assert lag(sound, decoded(path)) == pytest.approx(2.0, abs=0.01)
    with Media(path) as media:
        assert media.seconds == pytest.approx(2 + len(sound) / CAPTURE_RATE, abs=0.2)


def test_a_file_that_was_cut_short_is_read_to_its_end(sound: np.ndarray, tmp_path: Path) -> None:
    whole = encode(tmp_path / "talk.mp3", sound).read_bytes()
    (tmp_path / "cut.mp3").write_bytes(whole[: len(whole) // 2])
    assert len(decoded(tmp_path / "cut.mp3")) == pytest.approx(len(sound) / 2, rel=0.1)


def test_damage_in_the_middle_is_counted_and_the_rest_is_read(sound: np.ndarray, tmp_path: Path) -> None:
    data = bytearray(encode(tmp_path / "talk.mp3", sound).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = np.random.default_rng(1).bytes(2000)
    (tmp_path / "bad.mp3").write_bytes(data)
    with Media(tmp_path / "bad.mp3") as media:
        heard = np.concatenate(list(media.blocks()))
        assert media.damaged > 0
    assert len(heard) == pytest.approx(len(sound), rel=0.15)


def test_names_are_names_and_no_patterns(sound: np.ndarray, tmp_path: Path) -> None:
    path = encode(tmp_path / "talk.wav", sound)
    for name in ("take%02d.wav", "file:x.wav", "concat:a|b.wav"):
        assert len(decoded(path.replace(tmp_path / name))) == len(sound)
        (tmp_path / name).replace(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.mp3", None, "there is no file"),
        ("empty.mp3", b"", "is empty"),
        ("notes.mp3", b"Just some notes.\n" * 20, "is no audio or video file that can be read"),
        ("noise.wav", bytes(range(256)) * 40, "is no audio or video file that can be read"),
    ],
)
def test_what_is_no_media_is_one_sentence(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ParleyError, match=message) as caught:
        Media(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match="is a folder"):
        Media(tmp_path)


def test_a_video_without_sound_is_one_sentence(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "mute.mp4"), "w") as container:
        picture = container.add_stream("mpeg4", rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        image = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        container.mux(picture.encode(image))
        container.mux(picture.encode(None))
    with pytest.raises(ParleyError, match="a video without sound"):
        Media(tmp_path / "mute.mp4")


def test_a_playlist_in_disguise_reaches_nothing(tmp_path: Path) -> None:
    """A file that somebody sent must not make this machine fetch addresses or open other files."""
    asked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(1.0)

        def serve() -> None:
            try:
                server.accept()[0].close()
                asked.set()
            except TimeoutError:
                pass

        thread = threading.Thread(target=serve)
        thread.start()
        (tmp_path / "talk.m3u8").write_text(
            "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n"
            f"http://127.0.0.1:{server.getsockname()[1]}/x.ts\n#EXT-X-ENDLIST\n"
        )
        with pytest.raises(ParleyError, match="is no audio or video file"):
            Media(tmp_path / "talk.m3u8")
        thread.join()
    assert not asked.is_set()


def test_pyav_that_is_not_installed_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ParleyError, match=r"pip install 'parley-voice\[files\]'"):
        Media(tmp_path / "talk.mp3")
