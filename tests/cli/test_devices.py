"""WAV files in the place of a microphone and a loudspeaker, to the letter of the command line's contract."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soxr

from . import thirdparty
from .talking import REAL, RECORDED, Outcome, drawn, read_wav, run, scripted, side_by_side, sounds, talk, talk_arguments

SAID = [(0.5, 1.1, "what time is it"), (2.6, 3.1, "thank you")]
MIC = drawn([(0.5, 1.1), (2.6, 3.1)], 3.6)
STORY = "One two three four five six seven eight nine ten eleven twelve."
NEAR = 0.02
"""Seconds by which an event may differ from the waveform."""


def encoded(sound: np.ndarray, rate: int, channels: int, bits: int, codec: int = 1) -> bytes:
    """A WAV file of any format. ``sound``: float in [-1, 1], mono; a second channel gets the same."""
    sound = np.repeat(sound[:, None], channels, axis=1)
    if codec == 3:
        data = sound.astype(f"<f{bits // 8}").tobytes()
    elif bits == 8:
        data = np.round(sound * 127 + 128).astype(np.uint8).tobytes()
    else:
        wide = np.round(sound * (2.0 ** (bits - 1) - 1)).astype("<i4")
        data = wide.view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    align = channels * bits // 8
    form = struct.pack("<HHIIHH", codec, channels, rate, rate * align, align, bits)
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


FORMATS = [
    (16_000, 1, 16, 1),
    (8_000, 1, 16, 1),
    (22_050, 1, 16, 1),
    (44_100, 2, 16, 1),
    (48_000, 2, 24, 1),
    (16_000, 1, 8, 1),
    (16_000, 2, 32, 1),
    (48_000, 1, 32, 3),
    (11_025, 2, 64, 3),
]
SPOKEN = [FORMATS[index] for index in (0, 1, 3, 7)]


def named(form: tuple[int, int, int, int]) -> str:
    rate, channels, bits, codec = form
    return f"{rate} Hz, {channels} ch, {bits} bit{' float' if codec == 3 else ''}"


@pytest.fixture(scope="module")
def by_format(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """The same microphone in every format, heard by scripted providers."""
    folder = tmp_path_factory.mktemp("formats")

    def heard(form: tuple[int, int, int, int]) -> Outcome:
        mic = folder / f"{named(form)}.wav"
        sound = drawn([(0.5, 1.1)], 1.3, form[0])
        mic.write_bytes(encoded(sound, *form))
        return talk(folder / named(form), scripted(), mic)

    return side_by_side({named(form): lambda f=form: heard(f) for form in FORMATS}, at_once=5)


@pytest.mark.parametrize("form", FORMATS, ids=named)
def test_every_format_is_the_same_conversation(form: tuple[int, int, int, int], by_format: dict[str, Outcome]) -> None:
    outcome = by_format[named(form)]
    assert (outcome.code, outcome.stderr) == (0, "")
    assert [event["text"] for event in outcome.all("user.transcript.final")] == ["what time is it"]
    assert outcome.one("user.speech_started")["at"] == pytest.approx(0.5, abs=NEAR)
    assert outcome.one("user.speech_ended")["at"] == pytest.approx(1.1, abs=NEAR)
    assert outcome.one("reply.finished")["text"] == "It is nine."


def test_real_ears_hear_the_same_in_every_format(tmp_path: Path) -> None:
    voice, rate = read_wav(RECORDED / "slt-what-time-is-it.wav")
    voice = np.pad(voice, (rate // 2, rate))

    def heard(form: tuple[int, int, int, int]) -> Outcome:
        mic = tmp_path / f"{named(form)}.wav"
        mic.write_bytes(encoded(np.clip(soxr.resample(voice, rate, form[0]), -1, 1), *form))
        return talk(tmp_path / named(form), REAL, mic)

    for name, outcome in side_by_side({named(f): lambda f=f: heard(f) for f in SPOKEN}, at_once=2).items():
        assert (outcome.code, outcome.stderr) == (0, ""), name
        assert outcome.all("user.transcript.final")[-1]["text"] == "What time is it?", name
        assert outcome.one("reply.finished")["text"].startswith("It is "), name
        assert sounds(outcome.speaker)[0][0] == pytest.approx(outcome.one("reply.audible")["at"], abs=NEAR), name


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Two turns, recorded, after loading for 1.5 s."""
    folder = tmp_path_factory.mktemp("two-turns")
    config = scripted(SAID, stt="final_after = 0.1, load = 1.5", llm='replies = ["It is nine.", "You are welcome."]')
    return talk(folder, config, MIC, "--record", folder / "recording")


def test_it_begins_when_everything_is_loaded(spoken: Outcome) -> None:
    assert spoken.events[0]["event"] == "session.started"
    assert spoken.events[0]["at"] == 0.0
    first, second = spoken.all("user.speech_started")
    assert first["at"] == pytest.approx(0.5, abs=NEAR)  # where it is in the file: nothing of it went by unheard
    assert second["at"] == pytest.approx(2.6, abs=NEAR)
    samples, rate = read_wav(spoken.speaker)
    assert len(samples) / rate == pytest.approx(spoken.events[-1]["t"], abs=0.3)


def test_sound_is_in_the_file_where_the_events_say(spoken: Outcome) -> None:
    heard = sounds(spoken.speaker)
    audible = spoken.all("reply.audible")
    assert [start for start, _ in heard] == pytest.approx([event["at"] for event in audible], abs=NEAR)
    assert [end for _, end in heard] == pytest.approx([event["at"] for event in spoken.all("reply.finished")], abs=NEAR)
    words = spoken.all("reply.word")
    assert [event["word"] for event in words] == ["It", "is", "nine.", "You", "are", "welcome."]
    assert words[0]["at"] == pytest.approx(audible[0]["at"], abs=NEAR)
    for metrics, event, start in zip(spoken.all("turn.metrics"), audible, (1.1, 3.1), strict=True):
        assert metrics["latency_ms"] == pytest.approx((event["at"] - start) * 1000, abs=1000 * NEAR)


def test_gaps_are_zeros(spoken: Outcome) -> None:
    for path in (spoken.speaker, spoken.folder / "recording" / "speaker.wav"):
        samples, rate = read_wav(path)
        assert rate == 24_000
        for start, end in sounds(path):
            samples = samples.copy()
            samples[round((start - 0.001) * rate) : round((end + 0.001) * rate)] = 0
        assert not samples.any()


def test_the_recording_holds_what_was_heard_and_said(spoken: Outcome) -> None:
    recording = spoken.folder / "recording"
    heard, rate = read_wav(recording / "mic.wav")
    assert rate == 16_000
    original = np.round(MIC * 32767) / 32768
    assert np.abs(heard[: len(original)] - original).max() < 1e-4
    assert not heard[len(original) :].any()
    assert np.array_equal(read_wav(recording / "speaker.wav")[0], read_wav(spoken.speaker)[0])
    assert [event for event in spoken.recorded if "event" in event] == spoken.events
    results = [event["_"] for event in spoken.recorded if "_" in event]
    assert {(result["stage"], result["what"]) for result in results} >= {
        ("stt", "final"),
        ("llm", "delta"),
        ("tts", "audio"),
    }
    assert 'provider = "scripted"' in (recording / "config.toml").read_text("utf-8")


def test_how_it_ends(tmp_path: Path) -> None:
    arguments = talk_arguments(tmp_path / "no speaker", scripted(SAID), MIC, "--speaker", "none", "--turns", "1")
    jobs = {
        "input_over": lambda: talk(tmp_path / "input", scripted(), drawn([(0.5, 1.1)], 1.2)),
        "turns": lambda: talk(tmp_path / "turns", scripted(SAID), MIC, "--turns", "1"),
        "turns, interrupted": lambda: talk(
            tmp_path / "cut",
            scripted([(0.5, 1.1, "a story"), (3.0, 3.5, "stop")], llm=f'replies = ["{STORY}"]', tts="word = 0.4"),
            drawn([(0.5, 1.1), (3.0, 3.5)], 8.0),
            "--turns",
            "1",
        ),
        "max_seconds": lambda: talk(tmp_path / "max", scripted(SAID), MIC, "--max-seconds", "1.5"),
        "goodbye": lambda: talk(tmp_path / "goodbye", REAL, RECORDED / "slt-goodbye.wav"),
        "no speaker": lambda: run(tmp_path / "no speaker", arguments),
    }
    outcomes = side_by_side(jobs, at_once=3)
    for name, outcome in outcomes.items():
        assert outcome.code == 0, name
        assert outcome.stderr == "", name
        assert outcome.events[-1]["event"] == "session.ended"
        assert outcome.events[-1]["reason"] == {"no speaker": "turns"}.get(name, name.split(",")[0])
    # The file is over at 1.2 s, but the turn is not; its answer is heard to the end.
    assert outcomes["input_over"].one("reply.finished")["t"] <= outcomes["input_over"].events[-1]["t"]
    assert len(outcomes["turns"].all("reply.finished")) == 1
    assert not outcomes["turns, interrupted"].all("reply.finished")
    heard = outcomes["turns, interrupted"].one("reply.interrupted")["heard"]
    assert heard
    assert STORY.startswith(heard)
    assert 1.5 <= outcomes["max_seconds"].events[-1]["t"] < 3.5
    assert outcomes["goodbye"].one("reply.finished")["text"]
    assert outcomes["no speaker"].one("reply.finished")
    assert not outcomes["no speaker"].speaker.exists()


def test_a_loop_that_is_blocked_is_heard_late(tmp_path: Path) -> None:
    """By a provider that computes where it should not: a model before its first word, a voice between its sounds."""
    env = thirdparty.install(tmp_path / "site")
    drafts_off = 'endpointing = "fixed"\ndrafts = false'

    def heard(name: str, model: float, voice: float) -> Outcome:
        config = scripted(turn=drafts_off)
        config = config.split("[llm]")[0]
        config += f"""
[llm]
provider = "acme"
options = {{ answer = "Yes.", block = {model} }}
[tts]
provider = "acme"
options = {{ block = {voice} }}
"""
        return talk(tmp_path / name, config, drawn([(0.5, 1.1)], 2.0), env=env)

    outcomes = side_by_side(
        {
            "fluent": lambda: heard("fluent", 0.0, 0.0),
            "model": lambda: heard("model", 1.0, 0.0),
            "voice": lambda: heard("voice", 0.0, 0.8),
        },
        at_once=3,
    )
    for outcome in outcomes.values():
        assert (outcome.code, outcome.stderr) == (0, "")
        assert outcome.events[-1]["overflows"] == 0
        assert sounds(outcome.speaker)[0][0] == pytest.approx(outcome.one("reply.audible")["at"], abs=NEAR)
    assert sounds(outcomes["model"].speaker)[0][0] > 1.1 + 0.2 + 1.0  # speech, silence, block: the least there is
    assert outcomes["model"].one("turn.metrics")["latency_ms"] > 1200
    first, second = sounds(outcomes["voice"].speaker)[:2]
    assert second[0] - first[0] > 0.8
    assert outcomes["voice"].events[-1]["underruns"] == 1
    (whole,) = sounds(outcomes["fluent"].speaker)
    assert whole[1] - whole[0] == pytest.approx(0.6, abs=NEAR)
    assert outcomes["fluent"].events[-1]["underruns"] == 0
