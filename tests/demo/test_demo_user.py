"""The demo's recorded user: sound, times, and that the real recogniser and the real VAD hear what is meant."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import wave
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from assistant.demo.build import microphone, phrase, render_microphone
from assistant.demo.script import JOKE, LENGTH, LINES, NOISE_DBFS, PAUSE, TIMER, Line
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Message, Samples, SideEffect, Synthesizer, Text
from providers import registry
from providers.offline.model import answer

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 11, 20, 12, 0)

TIME_TO_ANSWER = 1.4
"""Seconds from the end of a phrase to the first sound of its answer, at the most: about 0.5 on an idle machine."""
BETWEEN_SENTENCES = 0.3


def ids(line: Line) -> str:
    return line.file.removesuffix(".wav")


def end(line: Line) -> float:
    return line.start + len(phrase(line)) / CAPTURE_RATE


def answers(now: datetime = NOON) -> list[tuple[str, ...]]:
    """What the offline assistant says to each line; nothing to a sound without words."""
    messages: list[Message] = []
    found: list[tuple[str, ...]] = []
    for line in LINES:
        if not line.text:
            found.append(())
            continue
        messages.append(Message("user", (Text(line.text),)))
        found.append(answer(messages, now, JOKE).sentences)
        messages.append(Message("assistant", (Text(" ".join(found[-1])),)))
    return found


# --- the file -------------------------------------------------------------------------------------------------------


def test_the_microphone_file_is_what_a_wav_device_takes(tmp_path: Path) -> None:
    path = tmp_path / "mic.wav"
    assert render_microphone(path) == list(LINES)
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (CAPTURE_RATE, 1, 2)
        assert file.getnframes() == LENGTH * CAPTURE_RATE


def test_it_is_the_same_every_time(tmp_path: Path) -> None:
    render_microphone(tmp_path / "one.wav")
    render_microphone(tmp_path / "two.wav")
    assert (tmp_path / "one.wav").read_bytes() == (tmp_path / "two.wav").read_bytes()


def test_between_the_lines_there_is_only_the_noise_of_the_room() -> None:
    sound = microphone()
    assert np.abs(sound).max() < 0.5
    for before, after in itertools.pairwise(LINES):
        gap = sound[round(end(before) * CAPTURE_RATE) : round(after.start * CAPTURE_RATE)]
        assert 20 * np.log10(np.sqrt(np.mean(gap**2))) == pytest.approx(NOISE_DBFS, abs=0.5)


def test_a_folder_that_does_not_exist_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        render_microphone(tmp_path / "nowhere" / "mic.wav")


def test_the_recordings_are_small() -> None:
    folder = ROOT / "assistant" / "demo" / "data"
    assert {path.name for path in folder.iterdir()} == {line.file for line in LINES}
    assert sum(path.stat().st_size for path in folder.iterdir()) < 600_000


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed: the recordings cannot be made anew")
def test_the_script_makes_the_recordings_that_are_shipped(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "_render_demo.py"  # scripts/render_demo less the set-up
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, stdout=subprocess.DEVNULL)
    for line in LINES:
        assert (tmp_path / line.file).read_bytes() == (ROOT / "assistant" / "demo" / "data" / line.file).read_bytes()


# --- the conversation -----------------------------------------------------------------------------------------------


def test_every_line_has_an_answer_and_the_last_one_ends_the_session() -> None:
    for line, sentences in zip(LINES, answers(), strict=True):
        assert bool(sentences) is bool(line.text)
        assert not any(sentence.startswith("I cannot") for sentence in sentences)
    goodbye = answer([Message("user", (Text(LINES[-1].text),))], NOON)
    assert goodbye.effects == (SideEffect("goodbye"),)


def test_what_a_conversation_has_to_cope_with_is_in_it() -> None:
    assert [line.text for line in LINES if line.interrupts] == ["tell me a joke"]
    hums = [line for line in LINES if not line.text]
    assert len(hums) == 1 and 0.2 < len(phrase(hums[0])) / CAPTURE_RATE < 0.5
    (thought,) = [line for line in LINES if len(line.pieces) > 1]
    assert longest_silence(phrase(thought)) >= PAUSE


def longest_silence(sound: Samples) -> float:
    """Seconds."""
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    return float(np.diff(loud).max() / CAPTURE_RATE)


def test_the_demo_takes_less_than_ninety_seconds() -> None:
    assert end(LINES[-1]) < LENGTH < 90


async def seconds_to_say(voice: Synthesizer, sentences: Iterable[str]) -> float:
    sentences = list(sentences)
    samples = 0
    for sentence in sentences:
        async for chunk in voice.speak(sentence):
            samples += len(chunk.samples)
    return samples / voice.rate + BETWEEN_SENTENCES * (len(sentences) - 1)


@pytest.mark.anyio
async def test_every_answer_has_time_to_be_heard_whatever_the_time_and_date() -> None:
    async with registry.find("tts", "espeak-ng")({}) as voice:
        for now in (NOON.replace(hour=10, minute=29), NOON.replace(hour=10, minute=37), datetime(2026, 9, 23, 17, 31)):
            for (line, following), sentences in zip(itertools.pairwise(LINES), answers(now), strict=False):
                if following.interrupts:
                    continue
                quiet_from = end(line) + TIME_TO_ANSWER + await seconds_to_say(voice, sentences)
                assert following.start >= quiet_from, (line.text, following.start - quiet_from)


@pytest.mark.anyio
async def test_the_timer_rings_in_a_silence() -> None:
    at = next(at for at, line in enumerate(LINES) if "timer" in line.text)
    async with registry.find("tts", "espeak-ng")({}) as voice:
        said = await seconds_to_say(voice, answers()[at])
        ring = await seconds_to_say(voice, ["Your 5 second timer is over."])
    following = next(line for line in LINES[at + 1 :] if line.text)
    earliest, latest = end(LINES[at]) + TIMER, end(LINES[at]) + TIMER + 2 * TIME_TO_ANSWER
    assert earliest > end(LINES[at]) + TIME_TO_ANSWER + said, "not into its own confirmation"
    assert earliest > end(LINES[at + 1]) + 1.0, "the hum before it has been passed over"
    assert latest + ring < following.start, "and before the next question"


@pytest.mark.anyio
async def test_the_interruption_falls_into_the_middle_of_the_story() -> None:
    at = next(at for at, line in enumerate(LINES) if line.interrupts)
    async with registry.find("tts", "espeak-ng")({}) as voice:
        story = await seconds_to_say(voice, answers()[at - 1])
    into = LINES[at].start - end(LINES[at - 1])
    assert into - TIME_TO_ANSWER > 2, "the story has begun even on a slow machine"
    assert into < story - 5, "and is far from over on a fast one"


# --- heard by the real ones -----------------------------------------------------------------------------------------


def frames(sound: Samples) -> list[Frame]:
    whole = np.concatenate([sound, np.zeros(-len(sound) % FRAME, np.float32)])
    return [Frame(whole[at : at + FRAME], at) for at in range(0, len(whole), FRAME)]


@pytest.mark.anyio
async def test_voice_activity_finds_each_line_and_nothing_else() -> None:
    async with registry.find("vad", "silero")({}) as vad:
        voiced = [frame for frame in frames(microphone()) if vad.probability(frame.samples) >= 0.5]
    heard = [end(line) for line in LINES]
    for frame in voiced:
        assert any(line.start <= frame.end and frame.at <= over + 0.1 for line, over in zip(LINES, heard, strict=True))
    for line, over in zip(LINES, heard, strict=True):
        inside = [frame for frame in voiced if line.start - 0.1 < frame.at < over + 0.1]
        assert inside[0].at - line.start < 0.15
        pauses = sum(after.start - before.start > 8 * FRAME for before, after in itertools.pairwise(inside))
        assert pauses == len(line.pieces) - 1


@pytest.mark.anyio
@pytest.mark.parametrize("lead", [0.3, 0.4, 0.5, 0.6])
async def test_the_offline_recogniser_writes_each_line_exactly(lead: float) -> None:
    sound = microphone()
    async with registry.find("stt", "pocketsphinx")({}) as transcriber:
        for line in LINES:
            first, last = round((line.start - lead) * CAPTURE_RATE), round((end(line) + 0.1) * CAPTURE_RATE)
            async with transcriber.stream() as stream:
                for frame in frames(sound[first:last]):
                    stream.push(frame)
                stream.finish()
                transcripts = aiter(stream)
                while not (final := await anext(transcripts)).final:
                    pass
            assert (final.text, final.unintelligible) == (line.text, not line.text)
