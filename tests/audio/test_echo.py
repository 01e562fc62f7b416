"""Echo cancelling: what the re-blocking keeps, and what WebRTC's processing takes out."""

from __future__ import annotations

import sys
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
import trio.testing

from assistant.audio.echo import BLOCK, LEARNED, Block, EchoCanceller, WaryVoiceActivity
from assistant.audio.farend import SOONEST
from assistant.audio.linear import LinearCanceller
from assistant.audio.room import Acoustics, Room, synthetic
from assistant.audio.treated import TreatedDuplex
from assistant.audio.wav import WavDuplex
from assistant.audio.wavfile import WavWriter
from assistant.ports import FRAME, Duplex, Frame, ProviderUnavailable, Samples, VoiceActivity

RATE, PLAYED = 16_000, 24_000
PER_FRAME = FRAME * PLAYED // RATE
DATA = Path(__file__).resolve().parent.parent / "data" / "speech"


class Remember:
    """A processor that changes nothing, and keeps what it was given."""

    def __init__(self, lag: int = 0) -> None:
        self.lag = lag
        self.far: list[Block] = []
        self.near: list[Block] = []

    def reference(self, block: Block) -> None:
        assert block.shape == (BLOCK,) and block.dtype == np.int16
        assert len(self.far) == len(self.near), "the reference comes first"
        self.far.append(block.copy())

    def process(self, block: Block) -> None:
        assert block.shape == (BLOCK,) and block.dtype == np.int16
        self.near.append(block.copy())
        if self.lag:
            last = self.near[-2] if len(self.near) > 1 else np.zeros(BLOCK, np.int16)
            block[:] = np.concatenate((last, block))[BLOCK - self.lag : 2 * BLOCK - self.lag]


def frames_of(sound: np.ndarray) -> list[Frame]:
    return [Frame(sound[start : start + FRAME], start) for start in range(0, len(sound), FRAME)]


def through(canceller: EchoCanceller, frames: list[Frame], played: np.ndarray | None = None) -> list[Frame]:
    out = []
    for index, frame in enumerate(frames):
        if played is not None:
            canceller.played(played[index * PER_FRAME : (index + 1) * PER_FRAME])
        out.append(canceller.hear(frame))
    return out


def sine(count: int, rate: int) -> np.ndarray:
    return (0.4 * np.sin(2 * np.pi * 440 * np.arange(count) / rate)).astype(np.float32)


@pytest.mark.parametrize("lag", [0, 100])
def test_every_sample_comes_out_once_at_the_time_its_frame_says(lag: int) -> None:
    sound = sine(FRAME * 40, RATE)
    canceller = EchoCanceller(Remember(lag), PLAYED)
    out = through(canceller, frames_of(sound))
    assert canceller.lag == (128 + lag) / RATE
    for number, frame in enumerate(out):
        assert frame.samples.shape == (FRAME,) and frame.samples.dtype == np.float32
        assert frame.start == number * FRAME - round(canceller.lag * RATE)
        before = max(0, -frame.start)
        expected = np.concatenate((np.zeros(before, np.float32), sound[max(0, frame.start) : frame.start + FRAME]))
        assert np.allclose(frame.samples, expected, atol=2**-15)


def test_the_reference_is_that_of_the_same_time() -> None:
    processor = Remember()
    frames = 60
    through(EchoCanceller(processor, PLAYED), frames_of(sine(FRAME * frames, RATE)), sine(PER_FRAME * frames, PLAYED))
    far, near = np.concatenate(processor.far), np.concatenate(processor.near)
    late = SOONEST * RATE
    expected = 0.4 * np.sin(2 * np.pi * 440 * (np.arange(len(far)) - late) / RATE)
    assert np.abs(far / 32768 - expected)[RATE // 10 :].max() < 1e-3
    assert np.abs(near / 32768 - sine(len(near), RATE)).max() < 1e-4


def test_a_gap_in_the_capture_keeps_the_clocks_together() -> None:
    processor = Remember()
    canceller = EchoCanceller(processor, PLAYED)
    played = np.zeros(PER_FRAME * 40, np.float32)
    sound = sine(FRAME * 40, RATE)
    frames = [frame for frame in frames_of(sound) if not 10 <= frame.start // FRAME < 13]
    canceller.played(played)
    for frame in [canceller.hear(frame) for frame in frames][-20:]:
        assert np.allclose(frame.samples, sound[frame.start : frame.start + FRAME], atol=2**-15)


def test_what_is_too_loud_is_clipped_and_does_not_wrap_around() -> None:
    processor = Remember()
    out = through(EchoCanceller(processor, PLAYED), frames_of(np.tile(np.float32([3.0, -3.0]), FRAME * 2)))
    assert processor.near[0][0] == 32767 and processor.near[0][1] == -32768
    assert out[-1].samples.max() == pytest.approx(1.0, abs=1e-4) and out[-1].samples.min() == -1.0


def test_the_echo_counts_as_learned_after_some_seconds_of_far_end_sound() -> None:
    canceller = EchoCanceller(Remember(), PLAYED)
    silence = [np.zeros(PER_FRAME, np.float32)] * 40
    sound = list(sine(PER_FRAME * 110, PLAYED).reshape(-1, PER_FRAME))
    learned_after = None
    for index, played in enumerate(silence + sound):
        canceller.played(played)
        canceller.hear(Frame(np.zeros(FRAME, np.float32), index * FRAME))
        if canceller.learned and learned_after is None:
            learned_after = (index + 1 - len(silence)) * FRAME / RATE
    assert learned_after == pytest.approx(LEARNED, abs=0.05)
    canceller.forget()
    assert not canceller.learned, "another loudspeaker has another echo"


# --- what the detector makes of it ---


class Mute:
    """A processor that takes everything out, or nothing."""

    lag = 0

    def __init__(self) -> None:
        self.gain = 1.0

    def reference(self, block: Block) -> None:
        pass

    def process(self, block: Block) -> None:
        block[:] = (block * self.gain).astype(np.int16)


class Always:
    """A detector that is certain."""

    name = "always"

    def probability(self, samples: Samples) -> float:
        return 0.9

    def reset(self) -> None:
        pass


def probabilities(processor: Mute, frames: range, playing: bool, canceller: EchoCanceller, ears: VoiceActivity) -> list:
    told = []
    for index in frames:
        canceller.played(sine(PER_FRAME, PLAYED) if playing else np.zeros(PER_FRAME, np.float32))
        told.append(ears.probability(canceller.hear(Frame(sine(FRAME, RATE), index * FRAME)).samples))
    return told


def test_a_voice_over_an_unknown_echo_must_last_and_over_a_known_one_need_not() -> None:
    processor = Mute()
    canceller = EchoCanceller(processor, PLAYED)
    ears: VoiceActivity = WaryVoiceActivity(Always(), canceller)
    assert probabilities(processor, range(10), False, canceller, ears) == [0.9] * 10, "nobody plays: no doubt"
    over_echo = probabilities(processor, range(10, 40), True, canceller, ears)
    assert over_echo[-1] == 0.9 and 7 <= over_echo.index(0.9, 3) <= 10
    assert not canceller.learned
    probabilities(processor, range(40, 120), True, canceller, ears)
    assert canceller.learned
    assert probabilities(processor, range(120, 125), True, canceller, ears) == [0.9] * 5


def test_a_rest_of_echo_is_no_voice_and_what_is_left_of_noise_without_one_may_be() -> None:
    processor = Mute()
    canceller = EchoCanceller(processor, PLAYED)
    ears: VoiceActivity = WaryVoiceActivity(Always(), canceller)
    probabilities(processor, range(120), True, canceller, ears)
    processor.gain = 0.05  # 26 dB
    assert probabilities(processor, range(120, 140), True, canceller, ears)[2:] == [0.0] * 18
    processor.gain = 0.5
    assert probabilities(processor, range(140, 160), True, canceller, ears)[2:] == [0.9] * 18
    processor.gain = 0.24  # 12.4 dB: it may be either
    assert all(0.2 < one < 0.6 for one in probabilities(processor, range(160, 180), True, canceller, ears)[2:])
    processor.gain = 0.05
    assert probabilities(processor, range(180, 210), False, canceller, ears)[20:] == [0.9] * 10


def test_what_is_far_softer_than_the_echo_was_is_the_room_ringing_until_the_loudspeaker_has_been_silent() -> None:
    processor = Mute()
    canceller = EchoCanceller(processor, PLAYED)
    ears: VoiceActivity = WaryVoiceActivity(Always(), canceller)
    processor.gain = 0.05
    probabilities(processor, range(120), True, canceller, ears)

    def heard(frames: range, softer: float, playing: bool = True) -> list[float]:
        told = []
        for index in frames:
            canceller.played(sine(PER_FRAME, PLAYED) if playing else np.zeros(PER_FRAME, np.float32))
            sound = sine(FRAME, RATE) * np.float32(10 ** (-softer / 20))
            told.append(ears.probability(canceller.hear(Frame(sound, index * FRAME)).samples))
        return told[2:]

    processor.gain = 1.0
    assert heard(range(120, 126), 26.0) == [0.0] * 4
    assert heard(range(126, 132), 6.0) == [0.9] * 4
    assert heard(range(132, 160), 26.0, playing=False)[-8:] == [0.9] * 8, "nobody speaks over it any more"


def test_a_user_at_a_microphone_that_hears_no_loudspeaker_is_not_doubted_for_being_soft() -> None:
    processor = Mute()
    canceller = EchoCanceller(processor, PLAYED)
    ears: VoiceActivity = WaryVoiceActivity(Always(), canceller)
    probabilities(processor, range(120), True, canceller, ears)
    canceller.played(sine(PER_FRAME, PLAYED))
    soft = sine(FRAME, RATE) * np.float32(0.05)
    told = [ears.probability(canceller.hear(Frame(soft, index * FRAME)).samples) for index in range(120, 124)]
    assert told == [0.9] * 4


# --- the second opinion ---


class Loud:
    """A detector that takes whatever is over -40 dBFS for a voice."""

    name = "loud"

    def probability(self, samples: Samples) -> float:
        return 0.9 if db(samples) > -40 else 0.0

    def reset(self) -> None:
        pass


def over_an_echo(canceller: EchoCanceller, mic: Samples, far: Samples) -> tuple[list[float], list[float], list[bool]]:
    """In a room, of each frame: the probability of a voice, the dB that were taken off, whether an echo is expected."""
    room = Room(synthetic(), PLAYED, Acoustics(-6.0, 0.06, drift_ppm=100, noise_dbfs=-65.0))
    ears = WaryVoiceActivity(Loud(), canceller)
    told, taken, echoing = [], [], []
    for frame in frames_of(mic):
        stretch = far[frame.start * 3 // 2 : (frame.start + FRAME) * 3 // 2]
        for one in (room, canceller):
            one.played(stretch)
        told.append(ears.probability(canceller.hear(room.hear(frame)).samples))
        taken.append(canceller.taken)
        echoing.append(canceller.echoing)
    return told, taken, echoing


def a_user_in_the_end(seconds: float = 20.0) -> tuple[Samples, Samples, slice]:
    """The microphone without the echo, what is played, and the frames in which the user speaks."""
    said, played = talk(["rms-what-is-your-name.wav", "awb-hello-how-are-you.wav"])
    _, played = talk(ASSISTANT)
    frames = round(seconds * RATE / FRAME)
    mic = np.zeros(frames * FRAME + len(said), np.float32)
    mic[frames * FRAME :] = said * np.float32(0.7)
    return mic, np.resize(played, len(mic) * 3 // 2), slice(frames, len(mic) // FRAME)


def test_a_user_whom_the_processor_mutes_is_heard_by_what_a_linear_canceller_leaves_and_the_echo_is_not() -> None:
    mic, far, speaks = a_user_in_the_end()
    processor = Mute()
    processor.gain = 0.05
    alone, taken_alone, _ = over_an_echo(EchoCanceller(processor, PLAYED), mic, far)
    assert not any(alone) and np.median(taken_alone[speaks]) > 20
    canceller = EchoCanceller(processor, PLAYED, LinearCanceller(PLAYED))
    told, taken, echoing = over_an_echo(canceller, mic, far)
    loud = [at for at in range(speaks.start, speaks.stop) if echoing[at] and db(mic[at * FRAME :][:FRAME]) > -26]
    assert sum(told[at] > 0.5 for at in loud) > 0.8 * len(loud) > 20
    assert not any(told[: speaks.start]), "20 s of the assistant alone"
    assert np.median([taken[at] for at in loud]) < 6, "and what was taken was the echo"


def test_what_comes_through_is_the_processors_all_the_same() -> None:
    mic, far, _ = a_user_in_the_end(12.0)
    with_linear = EchoCanceller(Remember(), PLAYED, LinearCanceller(PLAYED))
    without = EchoCanceller(Remember(), PLAYED)
    for one, other in zip(
        through(with_linear, frames_of(mic), far), through(without, frames_of(mic), far), strict=True
    ):
        assert one.start == other.start and np.array_equal(one.samples, other.samples)


def test_a_linear_canceller_that_does_not_know_the_echo_is_not_asked_about_a_voice() -> None:
    mic, far, _ = a_user_in_the_end(12.0)
    canceller = EchoCanceller(Remember(), PLAYED, LinearCanceller(PLAYED))
    over_an_echo(canceller, mic, far)
    assert canceller.left is not None
    canceller.forget()
    canceller.played(far[:PER_FRAME])
    canceller.hear(Frame(mic[:FRAME], len(mic)))
    assert canceller.left is None
    later = np.zeros(PER_FRAME, np.float32)
    for index in range(1, 40):
        canceller.played(later)
        canceller.hear(Frame(sine(FRAME, RATE), len(mic) + index * FRAME))
    assert not canceller.echoing and canceller.left is None and canceller.believed == 1.0


# --- WebRTC ---


@pytest.fixture
def webrtc() -> Callable[..., EchoCanceller]:
    pytest.importorskip("livekit.rtc", reason="needs the package livekit (pip install 'parley-voice[echo]')")
    from assistant.audio.webrtc import echo_canceller

    return echo_canceller


def recorded(name: str) -> Samples:
    with wave.open(str(DATA / name)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / np.float32(32768)


def talk(names: list[str]) -> tuple[Samples, Samples]:
    """One after the other: at 16 kHz, and as a loudspeaker gets it at 24 kHz."""
    import soxr

    sound = np.concatenate([recorded(name) for name in names])
    sound = sound[: len(sound) // FRAME * FRAME]
    return sound, soxr.resample(sound, RATE, PLAYED).astype(np.float32)


ASSISTANT = ["slt-turn-off-the-lights-in-the-kitchen.wav", "slt-what-is-two-plus-two.wav", "slt-tell-me-a-joke.wav"]


def db(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-12))


def cancelled(canceller: EchoCanceller, room: Room, mic: Samples, played: Samples) -> tuple[Samples, Samples]:
    """What the microphone hears in the room, and what is left of it."""
    raw, out = [], []
    for frame in frames_of(mic):
        stretch = played[frame.start * 3 // 2 : (frame.start + FRAME) * 3 // 2]
        for one in (room, canceller):
            one.played(stretch)
        heard = room.hear(frame)
        raw.append(heard.samples)
        out.append(canceller.hear(heard).samples)
    return np.concatenate(raw), np.concatenate(out)


@pytest.mark.parametrize("delay_ms", [30, 60, 200])
@pytest.mark.parametrize("gain", [-12.0, -6.0])
def test_the_echo_is_taken_out(webrtc: Callable[..., EchoCanceller], gain: float, delay_ms: int) -> None:
    sound, played = talk(ASSISTANT)
    room = Room(synthetic(), PLAYED, Acoustics(gain, delay_ms / 1000, noise_dbfs=-65.0))
    raw, left = cancelled(webrtc(PLAYED), room, np.zeros_like(sound), played)
    settled = slice(2 * RATE, None)
    assert db(raw[settled]) - db(left[settled]) > 25


def test_a_drifting_echo_is_taken_out(webrtc: Callable[..., EchoCanceller]) -> None:
    sound, played = talk(ASSISTANT)
    room = Room(synthetic(), PLAYED, Acoustics(-6.0, 0.06, drift_ppm=100, noise_dbfs=-65.0))
    raw, left = cancelled(webrtc(PLAYED), room, np.zeros_like(sound), played)
    assert db(raw[2 * RATE :]) - db(left[2 * RATE :]) > 20


def test_the_users_voice_comes_through_in_its_time(webrtc: Callable[..., EchoCanceller]) -> None:
    sound, _ = talk(["rms-what-is-your-name.wav", "awb-hello-how-are-you.wav"])
    canceller = webrtc(PLAYED)
    out = through(canceller, frames_of(sound), np.zeros(len(sound) * 3 // 2, np.float32))
    treated = np.concatenate([frame.samples for frame in out])
    lag = round(canceller.lag * RATE)
    assert out[0].start == -lag
    assert abs(db(treated) - db(sound)) < 2
    # Where the energy lies: WebRTC changes phases, so waveforms are not alike.
    envelope = [np.convolve(np.square(one), np.ones(64) / 64) for one in (sound, treated)]
    before, after = (np.log(one + 1e-6) - np.log(one + 1e-6).mean() for one in envelope)
    found = max(
        range(lag - 200, lag + 200, 4), key=lambda shift: float(np.dot(before[: -shift or None], after[shift:]))
    )
    assert found == pytest.approx(lag, abs=24)  # 1.5 ms


def test_steady_noise_is_suppressed_only_if_asked(webrtc: Callable[..., EchoCanceller]) -> None:
    noise = (np.random.default_rng(3).standard_normal(FRAME * 120) * 0.01).astype(np.float32)
    frames = frames_of(noise)
    suppressed = np.concatenate([frame.samples for frame in through(webrtc(PLAYED), frames)])
    kept = np.concatenate([frame.samples for frame in through(webrtc(PLAYED, noise=False), frames)])
    assert db(suppressed[2 * RATE :]) < db(noise) - 8
    assert db(kept[2 * RATE :]) > db(noise) - 3
    assert webrtc(PLAYED, noise=False).lag < webrtc(PLAYED).lag


def test_without_the_package_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from assistant.audio import webrtc

    monkeypatch.setitem(sys.modules, "livekit", None)
    monkeypatch.setitem(sys.modules, "livekit.rtc", None)
    with pytest.raises(ProviderUnavailable, match=r"'livekit'; install it with: pip install 'parley-voice\[echo\]'"):
        webrtc.echo_canceller(PLAYED)


# --- on its way from a device ---


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


async def taken(frames: AsyncIterator[Frame], count: int) -> list[Frame]:
    return [await anext(frames) for _ in range(count)]


@pytest.mark.anyio
async def test_a_wav_device_is_heard_in_a_room_and_recorded_before_the_echo_is_taken_out(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "mic.wav", RATE) as file:
        file.append(sine(FRAME * 20, RATE))
    recording: list[Frame] = []
    async with WavDuplex(tmp_path / "mic.wav", tmp_path / "speaker.wav") as wav:
        room = Room(np.ones(1, np.float32), PLAYED, Acoustics(-6.0, 0.060))
        duplex: Duplex = TreatedDuplex(
            wav, room=room, echo=EchoCanceller(Remember(), PLAYED), captured=recording.append
        )
        assert isinstance(duplex, TreatedDuplex) and duplex.lag == 0.008 and not duplex.echo_learned
        wav.start()
        tick = np.zeros(240, np.float32)
        tick[0] = 0.5
        assert duplex.play(tick, first=True) == 0
        heard = await taken(duplex.frames(), 10)
        heard += await taken(duplex.frames(), 20)  # another iterator goes on
        assert duplex.heard() == 240 and duplex.input_over and duplex.underruns == duplex.overflows == 0
    raw = np.concatenate([frame.samples for frame in recording])
    own = np.concatenate((sine(FRAME * 20, RATE), np.zeros(FRAME * 10, np.float32)))
    echo = raw - own
    assert [frame.start for frame in recording] == [FRAME * number for number in range(30)]
    assert int(np.argmax(np.abs(echo))) == 960
    assert heard[0].start == -128
    assert np.allclose(np.concatenate([frame.samples for frame in heard])[128:], raw[:-128], atol=1e-4)


@pytest.mark.anyio
async def test_without_treatments_frames_pass_untouched() -> None:
    async with WavDuplex(None, None) as wav:
        duplex = TreatedDuplex(wav)
        wav.start()
        assert [frame.start for frame in await taken(duplex.frames(), 3)] == [0, FRAME, 2 * FRAME]
        assert duplex.lag == 0 and duplex.echo_learned


class Unsteady(WavDuplex):
    """Loses sound when it is told to."""

    lost = 0


@pytest.mark.anyio
async def test_an_echo_is_not_trusted_after_a_device_has_lost_sound() -> None:
    async with Unsteady(None, None) as wav:
        canceller = EchoCanceller(Remember(), PLAYED)
        duplex = TreatedDuplex(wav, echo=canceller)
        wav.start()
        wav.play(sine(PLAYED * 10, PLAYED), first=True)
        await taken(duplex.frames(), 120)
        assert duplex.echo_learned
        wav.lost += 1
        await taken(duplex.frames(), 2)
        assert not duplex.echo_learned
        await taken(duplex.frames(), 120)
        assert duplex.echo_learned, "it was learned anew"
