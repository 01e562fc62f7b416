"""Each knob of turn-taking, in a whole session that is set up from the config: it does what its name says.

The detector of voices says how certain it is by how loud the sound is, so that a call sheet could not turn these knobs.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import msgspec
import numpy as np
import pytest
import trio.testing

from assistant.assemble import segment_rules, turn_rules
from assistant.audio.wav import WavDuplex
from assistant.audio.wavfile import WavWriter, open_wav
from assistant.config import Settings
from assistant.conversation.history import History
from assistant.later import Later
from assistant.ports import CAPTURE_RATE, Notice, Samples
from assistant.session import Limits, Parts, Session
from providers import scripted

STORY = "Once upon a time there was a fox who lived in the deep dark woods."
END = 9.0


class AsLoud:
    """Certain of a voice by its amplitude: 0.4 sounds like one with a probability of 0.4."""

    name = "as loud"

    def probability(self, samples: Samples) -> float:
        return float(np.abs(samples).max())

    def reset(self) -> None:
        pass


@dataclass(frozen=True)
class Voice:
    start: float
    end: float
    certain: float = 1.0
    text: str = ""


TELL = Voice(1.0, 2.0, text="tell me a story")


@dataclass
class Held:
    notices: list[Notice]
    speaker: Samples
    rate: int

    def at(self, event: str) -> list[float]:
        return [notice.t for notice in self.notices if notice.event == event]

    def loudness(self, start: float, end: float) -> float:
        return float(np.sqrt(np.mean(self.speaker[round(start * self.rate) : round(end * self.rate)] ** 2)))

    def said(self) -> list[str]:
        return [str(notice.data["text"]) for notice in self.notices if notice.event == "user.transcript.final"]


class Keeper:
    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def notice(self, notice: Notice) -> None:
        self.notices.append(notice)


def held(folder: Path, voices: Sequence[Voice], *, ttft: float = 0.1, **config: dict[str, Any]) -> Held:
    """``config``: tables of it."""
    clock = trio.testing.MockClock(autojump_threshold=0)
    return anyio.run(_held, folder, voices, ttft, config, backend="trio", backend_options={"clock": clock})


async def _held(folder: Path, voices: Sequence[Voice], ttft: float, config: dict[str, Any]) -> Held:
    plain = {"turn": {"endpointing": "fixed", "silence_ms": 200, "drafts": False}}
    tables = {name: {**plain.get(name, {}), **config.get(name, {})} for name in {*plain, *config}}
    settings = msgspec.convert(tables, Settings)
    _record(folder / "mic.wav", voices)
    lines = [{"start": one.start, "end": one.end, "text": one.text} for one in voices if one.text]
    keeper = Keeper()
    async with AsyncExitStack() as opened:
        owners = await opened.enter_async_context(anyio.create_task_group())
        duplex = await opened.enter_async_context(WavDuplex(folder / "mic.wav", folder / "speaker.wav"))
        stages: list[Later[Any]] = [
            Later(scripted.transcriber({"lines": lines, "partials_behind": 0.1, "final_after": 0.1})),
            Later(scripted.chat_model({"replies": [STORY, "All right.", "All right."], "ttft": ttft})),
            Later(scripted.synthesizer({"word": 0.3})),
        ]
        for stage in stages:
            owners.start_soon(stage.run)
        session = Session(
            Parts(
                duplex=duplex,
                vad=AsLoud(),
                transcriber=stages[0],
                model=stages[1],
                voice=stages[2],
                history=History(""),
                observers=[keeper],
                turns=turn_rules(settings),
                segments=segment_rules(settings),
                limits=Limits(seconds=END),
            )
        )
        duplex.start()
        await session.run()
        owners.cancel_scope.cancel()
    with open_wav(folder / "speaker.wav") as file:
        return Held(keeper.notices, file.read(file.frames), file.rate)


def _record(path: Path, voices: Sequence[Voice]) -> None:
    samples = np.zeros(round(END * CAPTURE_RATE), np.float32)
    for voice in voices:
        first, last = round(voice.start * CAPTURE_RATE), round(voice.end * CAPTURE_RATE)
        samples[first:last] = voice.certain * np.sin(2 * np.pi * 180 * np.arange(last - first) / CAPTURE_RATE + 0.5)
    writer = WavWriter(path, CAPTURE_RATE)
    writer.append(samples)
    writer.close()


# --- turn.barge_in and audio.overlap ---

PAUSED, RESUMED, FINISHED, INTERRUPTED = "reply.paused", "reply.resumed", "reply.finished", "reply.interrupted"
MURMUR, REQUEST = Voice(4.0, 4.5, text="mm-hm"), Voice(4.0, 4.8, text="what about Paris")


@pytest.mark.parametrize(
    ("barge_in", "over", "becomes", "after"),
    [
        ("off", MURMUR, [FINISHED], None),
        ("off", REQUEST, [FINISHED], None),
        ("speech", MURMUR, [PAUSED, INTERRUPTED], (0.096, 0.15)),
        ("speech", REQUEST, [PAUSED, INTERRUPTED], (0.096, 0.15)),
        ("words", MURMUR, [PAUSED, RESUMED, FINISHED], None),
        ("words", REQUEST, [PAUSED, INTERRUPTED], (0.2, 0.6)),
    ],
)
def test_barge_in_says_what_takes_the_floor(
    barge_in: str, over: Voice, becomes: list[str], after: tuple[float, float] | None, tmp_path: Path
) -> None:
    """Nothing, any voice, or words that want an answer. ``after``: so soon, of the voice's first sample."""
    told = held(tmp_path, [TELL, over], turn={"barge_in": barge_in})
    ends = [number for number, one in enumerate(told.notices) if one.event in (FINISHED, INTERRUPTED)]
    names = [one.event for one in told.notices[: ends[0] + 1]]
    assert [name for name in names if name in (PAUSED, RESUMED, FINISHED, INTERRUPTED)] == becomes
    assert told.said() == ["tell me a story", *([over.text] if after else [])]
    if after:
        assert after[0] < told.at(INTERRUPTED)[0] - over.start < after[1]


def test_overlap_says_whether_the_assistant_falls_silent_or_speaks_softly_meanwhile(tmp_path: Path) -> None:
    told = {}
    for overlap in ("pause", "duck"):
        (tmp_path / overlap).mkdir()
        told[overlap] = held(tmp_path / overlap, [TELL, MURMUR], turn={"barge_in": "words"}, audio={"overlap": overlap})
    before = told["pause"].loudness(3.0, 4.0)
    assert told["pause"].loudness(4.3, 4.6) == 0
    assert 0.05 * before < told["duck"].loudness(4.3, 4.6) < 0.3 * before
    later = {name: one.at("reply.finished")[0] for name, one in told.items()}
    assert later["pause"] > later["duck"] + 0.4, "what is held comes later, and what is only softer goes by"


# --- vad.threshold, threshold_thinking, threshold_speaking: a voice of 0.4 in each state, and one threshold over it ---


@pytest.mark.parametrize(("threshold", "heard"), [(0.3, True), (0.5, False)])
def test_the_threshold_is_for_listening(threshold: float, heard: bool, tmp_path: Path) -> None:
    others = {"threshold_thinking": 0.9, "threshold_speaking": 0.9}
    soft = Voice(1.0, 2.0, 0.4, "tell me a story")
    told = held(tmp_path, [soft], vad={"threshold": threshold, **others})
    assert bool(told.at("user.speech_started")) is heard


@pytest.mark.parametrize(("threshold", "heard"), [(0.3, True), (0.5, False)])
def test_the_threshold_of_thinking_is_for_the_time_before_an_answer_is_heard(
    threshold: float, heard: bool, tmp_path: Path
) -> None:
    others = {"threshold": 0.9, "threshold_speaking": 0.9}
    more = Voice(3.0, 3.6, 0.4)  # without words, for the recogniser listens on by itself
    told = held(tmp_path, [TELL, more], ttft=3.0, vad={"threshold_thinking": threshold, **others})
    assert bool(told.at("reply.discarded")) is heard


@pytest.mark.parametrize(("threshold", "heard"), [(0.3, True), (0.5, False)])
def test_the_threshold_of_speaking_is_for_the_time_while_it_is_heard(
    threshold: float, heard: bool, tmp_path: Path
) -> None:
    others = {"threshold": 0.9, "threshold_thinking": 0.9}
    over = Voice(4.0, 4.8, 0.4, "what about Paris")
    told = held(tmp_path, [TELL, over], vad={"threshold_speaking": threshold, **others})
    assert bool(told.at("reply.paused")) is heard


# --- vad.min_speech_ms and min_speech_speaking_ms: how much of a voice ---


@pytest.mark.parametrize(("least", "heard"), [(96, True), (320, False)])
def test_min_speech_is_how_much_of_a_voice_begins_an_utterance(least: int, heard: bool, tmp_path: Path) -> None:
    told = held(tmp_path, [Voice(1.0, 1.2, text="yes")], vad={"min_speech_ms": least, "min_speech_speaking_ms": 640})
    assert bool(told.at("user.speech_started")) is heard


@pytest.mark.parametrize(("least", "heard"), [(64, True), (320, False)])
def test_min_speech_speaking_is_how_much_of_one_holds_the_reply(least: int, heard: bool, tmp_path: Path) -> None:
    told = held(tmp_path, [TELL, Voice(4.0, 4.2)], vad={"min_speech_speaking_ms": least})
    assert bool(told.at("reply.paused")) is heard
