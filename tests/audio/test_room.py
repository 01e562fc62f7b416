"""The simulated room: level, delay, drift and noise, as a property of what comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.audio.farend import SOONEST, FarEnd
from assistant.audio.room import Acoustics, Convolver, Room, impulse_response, room_response, synthetic
from assistant.audio.wavfile import WavWriter
from assistant.ports import FRAME, Frame, ParleyError

RATE, PLAYED = 16_000, 24_000
PER_FRAME = FRAME * PLAYED // RATE
IMPULSE = np.ones(1, np.float32)


def heard_in(room: Room, played: np.ndarray, mic: np.ndarray | None = None) -> np.ndarray:
    """What the microphone hears, in step: a frame's time has passed at the loudspeaker when the frame is there."""
    frames = len(played) // PER_FRAME
    own = np.zeros(frames * FRAME, np.float32) if mic is None else mic
    heard = []
    for index in range(frames):
        room.played(played[index * PER_FRAME : (index + 1) * PER_FRAME])
        frame = Frame(own[index * FRAME : (index + 1) * FRAME], index * FRAME)
        treated = room.hear(frame)
        assert treated.start == frame.start and treated.samples.dtype == np.float32
        heard.append(treated.samples)
    return np.concatenate(heard)


def noise(seconds: float, rms: float = 0.1) -> np.ndarray:
    """White up to 7 kHz, as far as both rates carry it."""
    count = int(seconds * PLAYED) // PER_FRAME * PER_FRAME
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(count))
    spectrum[np.fft.rfftfreq(count, 1 / PLAYED) > 7000] = 0
    sound = np.fft.irfft(spectrum, count)
    return (sound * rms / np.sqrt(np.mean(sound**2))).astype(np.float32)


def db(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64))))


@pytest.mark.parametrize("gain", [0.0, -12.0, 6.0])
def test_noise_reaches_the_microphone_at_its_level_plus_the_gain(gain: float) -> None:
    room = Room(synthetic(), PLAYED, Acoustics(gain_db=gain))
    heard = heard_in(room, noise(6.0, rms=0.05))
    assert db(heard[RATE:]) == pytest.approx(db(np.array([0.05])) + gain, abs=0.5)


@settings(max_examples=20, deadline=None)
@given(delay=st.integers(3, 2000), at=st.integers(100, 4000))
def test_the_delay_is_exact_to_the_sample(delay: int, at: int) -> None:
    played = np.zeros(PER_FRAME * (2 + (at + 16 * delay) // FRAME), np.float32)
    played[at * 3 // 2 // 3 * 3] = 1.0  # a tick that both rates share
    heard = heard_in(Room(IMPULSE, PLAYED, Acoustics(0.0, delay / 1000)), played)
    assert int(np.argmax(np.abs(heard))) == at * 3 // 2 // 3 * 2 + 16 * delay


def test_a_delay_that_is_too_short_to_simulate_becomes_the_shortest() -> None:
    played = np.zeros(4 * PER_FRAME, np.float32)
    played[PER_FRAME] = 1.0
    heard = heard_in(Room(IMPULSE, PLAYED, Acoustics(0.0, 0.0)), played)
    assert np.argmax(np.abs(heard)) - FRAME == pytest.approx(SOONEST * RATE, abs=1)


@pytest.mark.parametrize("ppm", [100.0, -100.0])
def test_drift_moves_the_echo_by_its_millionths(ppm: float) -> None:
    played = np.zeros(int(100 * PLAYED) // PER_FRAME * PER_FRAME, np.float32)
    played[PLAYED // 2] = played[PLAYED * 90] = 1.0
    heard = np.abs(heard_in(Room(IMPULSE, PLAYED, Acoustics(0.0, 0.060, drift_ppm=ppm)), played))
    first, last = np.argmax(heard[: RATE * 10]), RATE * 80 + np.argmax(heard[RATE * 80 :])
    # A loudspeaker that is 100 ppm fast has played 90 s of sound 9 ms = 144 samples early.
    assert last - first == pytest.approx(89.5 * RATE * (1 - ppm * 1e-6), abs=2)


def test_a_drift_that_has_used_up_the_delay_stops_there() -> None:
    played = np.tile(np.sin(2 * np.pi * 500 * np.arange(PER_FRAME) / PLAYED), 200).astype(np.float32) * 0.5
    heard = heard_in(Room(IMPULSE, PLAYED, Acoustics(0.0, 0.010, drift_ppm=5000)), played)
    assert db(heard[RATE * 4 :]) == pytest.approx(db(played), abs=0.5)


def test_the_microphones_own_sound_is_kept_and_its_noise_has_the_level_asked_for() -> None:
    silence = np.zeros(PER_FRAME * 100, np.float32)
    mic = np.sin(np.arange(FRAME * 100) / 7).astype(np.float32) * np.float32(0.3)
    room = Room(synthetic(), PLAYED, Acoustics(noise_dbfs=-50.0))
    assert db(heard_in(room, silence, mic) - mic) == pytest.approx(-50.0, abs=0.2)
    assert np.array_equal(heard_in(Room(synthetic(), PLAYED), silence, mic), mic)


def test_what_is_too_loud_is_clipped() -> None:
    heard = heard_in(Room(IMPULSE, PLAYED, Acoustics(20.0, 0.01)), noise(1.0, rms=0.5))
    assert np.abs(heard).max() == 1.0


@settings(max_examples=25, deadline=None)
@given(length=st.integers(1, 4000), seed=st.integers(0, 99), gap=st.integers(0, 9))
def test_the_convolver_convolves(length: int, seed: int, gap: int) -> None:
    random = np.random.default_rng(seed)
    response = (random.standard_normal(length) / np.sqrt(length)).astype(np.float32)
    sound = random.standard_normal(FRAME * 24).astype(np.float32)
    sound[FRAME * 4 : FRAME * (4 + gap)] = 0
    sound[FRAME * 14 :] = 0
    convolver = Convolver(response)
    streamed = np.concatenate([convolver.push(block) for block in sound.reshape(-1, FRAME)])
    assert np.allclose(streamed, np.convolve(sound, response)[: len(sound)], atol=1e-4)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_the_far_end_is_read_at_16_khz_whatever_its_rate(rate: int) -> None:
    far = FarEnd(rate)
    read = []
    sound = np.sin(2 * np.pi * 1000 * np.arange(rate * 2) / rate).astype(np.float32)
    for index in range(50):
        far.push(sound[index * rate // 25 : (index + 1) * rate // 25])
        read.append(far.read(index / 25 - 0.01, RATE // 25))
    times = np.arange(RATE * 2) / RATE - 0.01
    expected = np.sin(2 * np.pi * 1000 * times)
    assert np.abs(np.concatenate(read) - expected)[RATE // 10 :].max() < 2e-3


def test_what_is_not_played_yet_is_silence() -> None:
    far = FarEnd(PLAYED)
    far.push(np.ones(240, np.float32))
    assert not far.read(1.0, 100).any()
    assert not far.read(-1.0, 100).any()


def test_the_synthetic_room_decays_by_60_db_in_its_time_and_is_always_the_same() -> None:
    response = synthetic()
    energy = np.cumsum(np.square(response[::-1], dtype=np.float64))[::-1]  # Schroeder's backward integration
    decay = 10 * np.log10(energy / energy[0])
    times = np.arange(len(response)) / RATE
    fit = (decay < -5) & (decay > -35)
    assert -60 / np.polyfit(times[fit], decay[fit], 1)[0] == pytest.approx(0.3, rel=0.1)
    assert energy[0] == pytest.approx(1.0, abs=1e-5)
    assert np.array_equal(response, synthetic()) and np.array_equal(response, room_response("synthetic"))


def test_a_response_from_a_file_is_cut_at_its_strongest_tap_and_scaled(tmp_path: Path) -> None:
    recorded = np.zeros(48_000, np.float32)
    recorded[4_800], recorded[9_600] = 0.4, -0.2
    with WavWriter(tmp_path / "room.wav", 48_000) as file:
        file.append(recorded)
    response = impulse_response(tmp_path / "room.wav")
    assert np.argmax(np.abs(response)) == 0
    assert np.sum(response**2) == pytest.approx(1.0, abs=1e-4)
    assert int(np.argmin(response)) == 1_600  # 0.1 s later
    assert response[1_600] / response[0] == pytest.approx(-0.5, abs=0.01)


def test_real_rooms_are_read(speech: Path) -> None:
    rooms = [*speech.glob("*/tests/samples/RIRs/*.wav"), *speech.glob("*/demo/ir/*.wav"), *speech.glob("*/assets/rir*")]
    assert rooms, "no impulse responses among the recordings"
    for path in rooms:
        response = impulse_response(path)
        assert np.sum(response**2) == pytest.approx(1.0, abs=1e-3)
        assert db(heard_in(Room(response, PLAYED, Acoustics(0.0)), noise(6.0, rms=0.05))[4 * RATE :]) == pytest.approx(
            db(np.array([0.05])),
            abs=3.0,  # a room colours: the noise is white, its response is not
        )


def test_a_file_that_is_no_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match="no sound file .*nowhere.wav; check the path"):
        room_response(str(tmp_path / "nowhere.wav"))
    for samples in (np.zeros(100, np.float32), np.zeros(0, np.float32)):
        with WavWriter(tmp_path / "silent.wav", RATE) as file:
            file.append(samples)
        with pytest.raises(ParleyError, match="silent.wav is silent, so it is no room's impulse response"):
            room_response(str(tmp_path / "silent.wav"))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"gain_db": float("nan")}, "echo gain of nan dB"),
        ({"gain_db": 100.0}, "echo gain of 100 dB .* from -120 to 40"),
        ({"delay": -0.001}, "echo delay of -1 ms .* from 0 to 5000"),
        ({"delay": float("inf")}, "echo delay of inf ms"),
        ({"drift_ppm": 1e6}, "drift of 1e[+]06 ppm"),
        ({"noise_dbfs": 3.0}, "microphone noise of 3 dBFS"),
    ],
)
def test_acoustics_that_cannot_be_are_refused(wrong: dict[str, float], sentence: str) -> None:
    with pytest.raises(ParleyError, match=sentence):
        Acoustics(**wrong)
