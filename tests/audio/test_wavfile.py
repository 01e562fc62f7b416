"""WAV files: every format that is read, every way to be wrong, and a writer that is never caught half-way."""

from __future__ import annotations

import os
import struct
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.audio.wavfile import WavWriter, open_wav
from assistant.ports import ParleyError

RAMP = np.linspace(-0.9, 0.9, 101)


def wav(
    data: bytes, *, codec: int = 1, channels: int = 1, rate: int = 16_000, bits: int = 16,
    data_size: int | None = None, riff_size: int | None = None, before: bytes = b"", after: bytes = b"",
    guid: bool = False,
) -> bytes:  # fmt: skip
    align = channels * bits // 8
    form = struct.pack("<HHIIHH", 0xFFFE if guid else codec, channels, rate, rate * align, align, bits)
    if guid:
        form += struct.pack("<HHIH", 22, bits, 0, codec) + bytes.fromhex("000000001000800000aa00389b71")
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + before
    body += b"data" + struct.pack("<I", len(data) if data_size is None else data_size) + data + after
    return b"RIFF" + struct.pack("<I", len(body) if riff_size is None else riff_size) + body


def read(path: Path, content: bytes, block: int = 37) -> tuple[int, np.ndarray]:
    path.write_bytes(content)
    with open_wav(path) as reader:
        blocks = []
        while len(samples := reader.read(block)):
            assert samples.dtype == np.float32
            blocks.append(samples)
        assert reader.position == reader.frames
        return reader.rate, np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def int24(sound: np.ndarray) -> bytes:
    return b"".join(int(value).to_bytes(3, "little", signed=True) for value in np.rint(sound * 2**23))


FORMATS = {
    "8 bit": (np.rint(RAMP * 128 + 128).astype("u1").tobytes(), 1, 8, 1 / 128),
    "16 bit": (np.rint(RAMP * 2**15).astype("<i2").tobytes(), 1, 16, 2**-15),
    "24 bit": (int24(RAMP), 1, 24, 2**-22),
    "32 bit": (np.rint(RAMP * 2**31).astype("<i4").tobytes(), 1, 32, 1e-6),
    "float": (RAMP.astype("<f4").tobytes(), 3, 32, 1e-6),
    "double": (RAMP.astype("<f8").tobytes(), 3, 64, 1e-6),
}


@pytest.mark.parametrize("guid", [False, True], ids=["plain", "extensible"])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_sample_format_is_read(tmp_path: Path, kind: str, guid: bool) -> None:
    data, codec, bits, precision = FORMATS[kind]
    rate, sound = read(tmp_path / "a.wav", wav(data, codec=codec, bits=bits, guid=guid, rate=44_100))
    assert rate == 44_100
    np.testing.assert_allclose(sound, RAMP, atol=precision)


def test_two_channels_are_averaged(tmp_path: Path) -> None:
    both = np.stack((np.full(50, 0.5), np.full(50, -0.25)), axis=1).astype("<f4")
    _, sound = read(tmp_path / "a.wav", wav(both.tobytes(), codec=3, bits=32, channels=2))
    assert sound.tolist() == [0.125] * 50


def test_floats_out_of_range_or_undefined_cannot_spoil_what_follows(tmp_path: Path) -> None:
    data = np.array([np.nan, np.inf, -np.inf, 7.0, -1e300, 0.5], "<f8")
    _, sound = read(tmp_path / "a.wav", wav(data.tobytes(), codec=3, bits=64))
    assert sound.tolist() == [0.0, 1.0, -1.0, 1.0, -1.0, 0.5]


def test_other_chunks_are_passed_over_odd_ones_with_their_padding(tmp_path: Path) -> None:
    data = np.arange(9, dtype="<i2").tobytes()
    content = wav(data, before=b"LIST\x03\x00\x00\x00abc\x00", after=b"id3 \x04\x00\x00\x00abcd")
    _, sound = read(tmp_path / "a.wav", content)
    assert (sound * 32768).tolist() == list(range(9))


@pytest.mark.parametrize(("data_size", "riff_size"), [(0, 36), (0, 0), (0xFFFFFFFF, 0xFFFFFFFF), (4000, None)])
def test_a_file_whose_writer_was_killed_is_read_to_its_end(tmp_path: Path, data_size: int, riff_size: int) -> None:
    data = np.arange(50, dtype="<i2").tobytes() + b"\x01"  # half a sample at the end
    _, sound = read(tmp_path / "a.wav", wav(data, data_size=data_size, riff_size=riff_size))
    assert len(sound) == 50


def test_a_file_without_a_sample_is_just_short(tmp_path: Path) -> None:
    assert len(read(tmp_path / "a.wav", wav(b""))[1]) == 0
    assert len(read(tmp_path / "b.wav", wav(b"", after=b"LIST\x04\x00\x00\x00abcd"))[1]) == 0


def test_an_hour_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "hour.wav"
    path.write_bytes(wav(b"", data_size=3600 * 32_000))
    os.truncate(path, 44 + 3600 * 32_000)
    with open_wav(path) as reader:
        assert reader.seconds == 3600
        assert len(reader.read(16_000)) == 16_000
        assert reader._file.tell() < 100_000


BAD = {
    "empty": (b"", "is empty"),
    "text": (b"hello, I am no sound at all", "is not a WAV file"),
    "mp3 codec": (wav(b"abcd", codec=0x55), "holds MP3"),
    "odd codec": (wav(b"abcd", codec=0x1234), "codec 0x1234"),
    "12 bit": (wav(b"abcd", bits=12), "holds 12-bit sound"),
    "three channels": (wav(b"abcdef", channels=3), "has 3 channels"),
    "rate 0": (wav(b"abcd", rate=0), "contradicts itself"),
    "no data": (wav(b"")[:36], "without sound data"),
    "header cut": (wav(b"")[:30], "cut short"),
    "sizes cut": (b"RF64\xff\xff\xff\xffWAVEds64\x1c\x00\x00\x00abcdefgh", "cut short"),
    "data first": (b"RIFF\x10\x00\x00\x00WAVEdata\x04\x00\x00\x00abcd", "before its format"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path, what: str) -> None:
    content, reason = BAD[what]
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(ParleyError) as refused:
        open_wav(path)
    sentence = str(refused.value)
    assert str(path) in sentence and reason in sentence and ";" in sentence and "\n" not in sentence


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match="there is no sound file .*nobody.wav"):
        open_wav(tmp_path / "nobody.wav")
    with pytest.raises(ParleyError, match="is a folder"):
        open_wav(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has files that even root can neither read nor create")
def test_an_unreadable_file_and_a_read_only_folder_are_named() -> None:
    with pytest.raises(ParleyError, match="/proc/self/mem cannot be read"):
        open_wav("/proc/self/mem")
    with pytest.raises(ParleyError, match="/sys/a.wav cannot be written"):
        WavWriter("/sys/a.wav", 24_000)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 60))
def test_no_broken_header_raises_anything_but_its_sentence(tmp_path_factory, junk: bytes, at: int) -> None:
    content = bytearray(wav(bytes(40)))
    content[at : at + len(junk)] = junk
    path = tmp_path_factory.getbasetemp() / "junk.wav"
    path.write_bytes(content)
    try:
        with open_wav(path) as reader:
            assert len(reader.read(1000)) <= 1000
    except ParleyError as error:
        assert str(path) in str(error)


# --- writing ---


def stdlib(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    whole = np.arange(-300, 300, dtype=np.int16)
    with WavWriter(path, 24_000) as writer:
        writer.append(whole)
        writer.append(whole.astype(np.float32) / 32768)
        writer.append(np.array([2.0, -2.0], np.float32))
    assert stdlib(path).tolist() == [*whole, *whole, 32767, -32768]
    with open_wav(path) as reader:
        assert (reader.rate, reader.frames) == (24_000, 1202)
        np.testing.assert_array_equal(reader.read(600) * 32768, whole)


def test_the_file_is_valid_at_every_moment(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, 24_000)
    assert len(stdlib(path)) == 0
    writer.append(np.ones(100, np.int16))
    assert len(stdlib(path)) == 0
    writer.flush()
    assert len(stdlib(path)) == 100
    writer.append(np.ones(50, np.int16))
    with open_wav(path) as reader:
        assert reader.frames == 100
    writer.close()
    writer.close()
    assert len(stdlib(path)) == 150


def test_a_stretch_that_was_lost_leaves_silence_and_moves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with WavWriter(path, 24_000) as writer:
        writer.append(np.ones(10, np.int16), at=0)
        writer.append(np.ones(10, np.int16), at=20)
    assert stdlib(path).tolist() == [1] * 10 + [0] * 10 + [1] * 10


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_an_oserror_of_that_stretch_only() -> None:
    writer = WavWriter.__new__(WavWriter)
    writer.rate, writer.length = 24_000, 0
    writer._file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115
    for _ in range(2):
        with pytest.raises(OSError, match="No space"):
            writer.append(np.ones(10, np.int16))
    assert writer.length == 20
    writer._file.close()


def test_a_folder_that_is_missing_or_in_the_way_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match=r"cannot be written: there is no folder .*nowhere"):
        WavWriter(tmp_path / "nowhere" / "a.wav", 24_000)
    with pytest.raises(ParleyError, match="cannot be written"):
        WavWriter(tmp_path, 24_000)
