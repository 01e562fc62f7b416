"""A recording cut into utterances: the real Silero, real and drawn speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assistant.files.utterances import LONGEST, Cutter, Utterance
from assistant.ports import CAPTURE_RATE, FRAME, Samples
from providers import silero
from tests.files.media import conversation, phrase

pytestmark = pytest.mark.anyio


class Loud:
    """Speech is what is loud."""

    name = "loud"

    def probability(self, samples: Samples) -> float:
        return 1.0 if float(np.dot(samples, samples)) / len(samples) > 1e-4 else 0.0

    def reset(self) -> None:
        pass


def utterances(sound: np.ndarray, cutter: Cutter, piece: int = 5_000) -> list[Utterance]:
    samples = sound.astype(np.float32)
    found = [one for at in range(0, len(samples), piece) for one in cutter.push(samples[at : at + piece])]
    return found + cutter.push(np.empty(0, np.float32), last=True)


def drawn(*spans: tuple[float, float], seconds: float) -> np.ndarray:
    sound = np.random.default_rng(3).standard_normal(round(seconds * CAPTURE_RATE)) * 1e-4
    for start, end in spans:
        index = np.arange(round(start * CAPTURE_RATE), round(end * CAPTURE_RATE))
        sound[index] += 0.3 * np.sin(2 * np.pi * 200 * index / CAPTURE_RATE)
    return sound


async def test_recorded_phrases_are_cut_where_they_are() -> None:
    names = ("slt-tell-me-a-joke", "slt-what-is-two-plus-two", "slt-goodbye")
    sound, starts = conversation(*names)
    async with silero.voice_activity({}) as vad:
        found = utterances(sound, Cutter(vad))
    assert len(found) == 3
    for one, name, start in zip(found, names, starts, strict=True):
        loud = np.flatnonzero(np.abs(phrase(name)) > 0.02) / CAPTURE_RATE + start
        assert one.voice[0] == pytest.approx(loud[0], abs=0.15)
        assert one.voice[1] == pytest.approx(loud[-1], abs=0.15)
        assert one.start / CAPTURE_RATE < loud[0] < loud[-1] < (one.start + len(one.samples)) / CAPTURE_RATE


@pytest.mark.parametrize("piece", [1, 511, 512, 16_000, 10**7])
def test_the_size_of_the_pieces_changes_nothing(piece: int) -> None:
    sound = drawn((0.3, 0.6), (1.5, 1.8), seconds=2.0)
    whole = utterances(sound, Cutter(Loud()), 10**7)
    found = utterances(sound, Cutter(Loud()), piece)
    assert [(one.start, one.voice) for one in found] == [(one.start, one.voice) for one in whole]
    assert all(np.array_equal(one.samples, other.samples) for one, other in zip(found, whole, strict=True))


def test_samples_are_those_of_the_recording() -> None:
    sound = drawn((1.0, 2.0), (3.5, 4.0), seconds=6.0).astype(np.float32)
    for one in utterances(sound, Cutter(Loud())):
        assert np.array_equal(one.samples, sound[one.start : one.start + len(one.samples)])


def test_each_frame_has_the_detectors_opinion_of_its_middle() -> None:
    """The frames of an utterance lie between those that the detector was shown."""
    spans = (1.0, 2.0), (2.3, 2.6), (40.0, 72.0)
    found = utterances(drawn(*spans, seconds=75.0), Cutter(Loud()))
    assert len(found) == 3
    for one in found:
        assert len(one.speech) == -(-len(one.samples) // FRAME)
        for number, speech in enumerate(one.speech):
            middle = (one.start + (number + 0.5) * FRAME) / CAPTURE_RATE
            if all(abs(middle - edge) > FRAME / CAPTURE_RATE for span in spans for edge in span):
                assert speech == any(start < middle < end for start, end in spans)


def test_a_breath_does_not_end_it_and_a_pause_does() -> None:
    found = utterances(drawn((1.0, 2.0), (2.3, 3.0), (4.0, 5.0), seconds=7.0), Cutter(Loud()))
    assert [tuple(np.round(one.voice, 1)) for one in found] == [(1.0, 3.0), (4.0, 5.0)]


def test_after_a_while_a_breath_does() -> None:
    found = utterances(drawn((1.0, 17.0), (17.35, 20.0), seconds=22.0), Cutter(Loud()))
    assert [tuple(np.round(one.voice, 1)) for one in found] == [(1.0, 17.0), (17.4, 20.0)]


def test_endless_talk_is_cut_and_nothing_is_lost() -> None:
    sound = drawn((1.0, 80.0), seconds=82.0).astype(np.float32)
    quiet = slice(round(27.0 * CAPTURE_RATE), round(27.04 * CAPTURE_RATE))
    sound[quiet] *= 0.3
    found = utterances(sound, Cutter(Loud()))
    assert len(found) >= 3
    assert all(len(one.samples) <= (LONGEST + 1) * CAPTURE_RATE for one in found)
    assert found[0].voice[1] == pytest.approx(27.0, abs=FRAME / CAPTURE_RATE), "at its quietest place"
    for one, other in zip(found, found[1:], strict=False):
        assert one.start + len(one.samples) == other.start
    assert (found[-1].voice[1]) == pytest.approx(80.0, abs=0.05)


def test_what_is_being_said_at_the_end_counts() -> None:
    sound = drawn((1.0, 2.0), seconds=2.0)
    [one] = utterances(sound, Cutter(Loud()))
    assert one.voice == (pytest.approx(1.0, abs=0.01), pytest.approx(2.0, abs=0.04))


@pytest.mark.parametrize("seconds", [0.0, 0.01, 5.0])
def test_silence_has_none(seconds: float) -> None:
    assert utterances(drawn(seconds=seconds), Cutter(Loud())) == []


async def test_memory_does_not_grow_in_silence() -> None:
    cutter = Cutter(Loud())
    for _ in range(60):
        cutter.push(np.zeros(CAPTURE_RATE, np.float32))
    assert len(cutter._kept) < 200


async def test_real_speech_of_a_person(speech: Path) -> None:
    from assistant.files.decode import Media

    with Media(speech / "SYSTRAN__faster-whisper" / "tests" / "data" / "jfk.flac") as media:
        sound = np.concatenate(list(media.blocks()))
    async with silero.voice_activity({}) as vad:
        found = utterances(sound, Cutter(vad))
    assert 1 <= len(found) <= 5
    voiced = sum(one.voice[1] - one.voice[0] for one in found)
    assert 7 < voiced < 11
