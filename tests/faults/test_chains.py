"""Chains of real providers on real sockets: who goes on, with what, and what is heard of it."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

from assistant.audio.wavfile import open_wav
from assistant.ports import CAPTURE_RATE
from assistant.writing import GO_ON
from providers.scripted import tokens
from tests.conftest import ROOT
from tests.contract.table import KEY
from tests.faults.conversing import PLAIN, Belongings, Call, Outcome, Together, hold, other_tasks, tone_at
from tests.servers.anthropic import AnthropicServer
from tests.servers.compatible import CompatibleServer
from tests.servers.openai import HEARD, OpenAIServer
from tests.servers.wire import Fault, Server

FIRST, SECOND = (0.7, 1.3), (5.2, 5.8)
MICROPHONE = tone_at([FIRST, SECOND], 6.1)
BEGUN = "One is first. Two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
"""Cut in the middle its first sentence is whole, and of the second a part has come that nobody has heard."""
REST = "Two is second. Three is last."
SAID = "One is first."

KINDS: dict[str, type[Server]] = {
    "openai": OpenAIServer,
    "openai-compatible": CompatibleServer,
    "anthropic": AnthropicServer,
}


@dataclass(frozen=True)
class Link:
    """One provider of a chain."""

    name: str
    fault: Fault | None = None
    words: str = REST


@dataclass(frozen=True)
class Plot:
    """A conversation: each stage's chain, first to last. A stage that is not named is scripted."""

    stages: Mapping[str, Sequence[Link]]
    turn: Mapping[str, Any] = field(default_factory=lambda: PLAIN)
    vad: str = "scripted"
    microphone: np.ndarray = field(default_factory=lambda: MICROPHONE)
    voice: Mapping[str, Any] = field(default_factory=dict)
    """Options of the scripted voice."""


@dataclass
class Played:
    outcome: Outcome
    servers: dict[str, list[Server]]
    """By stage, in the order of the chain."""


def posted(server: Server) -> list[Any]:
    """The JSON bodies that a server got."""
    return [request.json for request in server.posts]


def turns_of(request: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Role and text of the messages in a request to any of the chat APIs, without the system's."""
    messages = request.get("messages", request.get("input"))
    return [(m["role"], m["content"]) for m in messages if m["role"] != "system"]


def speech(name: str, at: float, seconds: float) -> np.ndarray:
    """A recorded phrase at second ``at`` of a quiet room."""
    with open_wav(ROOT / "tests" / "data" / "speech" / f"{name}.wav") as reader:
        assert reader.rate == CAPTURE_RATE
        phrase = reader.read(reader.frames)
    sound = tone_at([], seconds)
    start = round(at * CAPTURE_RATE)
    sound[start : start + len(phrase)] += phrase
    return sound


MODELS = ("openai", "openai-compatible", "anthropic")
PLOTS: dict[str, Plot] = {
    **{
        f"model {first} -> {second}": Plot(
            {
                "llm": [Link(first, "cut_midway", BEGUN), Link(second)],
                "tts": [Link("openai-compatible")],
                "stt": [Link("openai")],
            }
        )
        for first in MODELS
        for second in MODELS
    },
    **{
        f"model {fault}": Plot({"llm": [Link("openai", fault, BEGUN), Link("anthropic")]})
        for fault in ("refused", "401", "429", "500", "hang", "hang_midway", "malformed")
    },
    **{
        f"voice {fault}": Plot(
            {
                "llm": [Link("openai", words="This is a sentence of nine words in all.")],
                "tts": [Link("openai-compatible", fault), Link("openai-compatible")],
            }
        )
        for fault in ("refused", "401", "429", "500", "hang", "hang_midway", "cut_midway", "malformed")
    },
    **{
        f"ears {fault}": Plot({"stt": [Link(first, fault), Link("openai-compatible")]})
        for fault, first in (
            ("refused", "openai"), ("401", "openai"), ("429", "openai-compatible"), ("500", "openai"),
            ("hang", "openai-compatible"), ("hang_midway", "openai"), ("cut_midway", "openai"), ("malformed", "openai"),
        )
    },
    "everything at once, real speech, real Silero": Plot(
        {
            "stt": [Link("openai", "500"), Link("openai-compatible")],
            "llm": [Link("anthropic", "cut_midway", BEGUN), Link("openai")],
            "tts": [Link("openai-compatible", "hang"), Link("openai-compatible")],
        },
        turn={"endpointing": "text", "silence_ms": 200, "drafts": True, "barge_in": "words"},
        vad="silero",
        microphone=speech("slt-what-time-is-it", 0.5, 3.0),
    ),
}  # fmt: skip


def tables(plot: Plot, servers: Mapping[str, Sequence[Server]]) -> dict[str, Mapping[str, Any]]:
    lines = [{"start": start, "end": end, "text": HEARD} for start, end in (FIRST, SECOND)]
    found: dict[str, Mapping[str, Any]] = {
        "vad": {"provider": plot.vad},
        "turn": plot.turn,
        "stt": {"provider": "scripted", "options": {"lines": lines}},
        "llm": {"provider": "scripted", "options": {"replies": ["It is four."]}},
        "tts": {"provider": "scripted", "options": dict(plot.voice)},
    }
    for stage, links in plot.stages.items():
        names = [f"{stage}{number}" for number in range(len(links))]
        found[stage] = {"provider": names[0], "fallback": names[1:]}
        for name, link, server in zip(names, links, servers[stage], strict=True):
            found[f"providers.{name}"] = {"provider": link.name, "options": {"base_url": server.url, "api_key": KEY}}
    return found


async def play(plot: Plot, folder: Path, together: Together) -> Played:
    servers: dict[str, list[Server]] = {}
    async with AsyncExitStack() as serving:
        for stage, links in plot.stages.items():
            for link in links:
                server = KINDS[link.name]()
                if stage == "llm":
                    server.words = tokens(link.words)  # type: ignore[attr-defined]
                await serving.enter_async_context(server)
                servers.setdefault(stage, []).append(server)

        async def ready() -> None:
            for stage, links in plot.stages.items():
                for link, server in zip(links, servers[stage], strict=True):
                    server.fault = link.fault
                    if link.fault == "refused":
                        await server.stop()
            await together.arrive()

        everybody = [server for chain in servers.values() for server in chain]
        outcome = await hold(Call(folder, tables(plot, servers), plot.microphone, everybody), ready)
        for stage, links in plot.stages.items():
            for link, server in zip(links, servers[stage], strict=True):
                if link.fault == "refused":
                    await server.listen()  # for its owner stops it
    return Played(outcome, servers)


@dataclass
class Results:
    played: dict[str, Played] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    found = Results()

    async def one(name: str, together: Together) -> None:
        found.played[name] = await play(PLOTS[name], tmp_path_factory.mktemp("chain"), together)

    async def all_of(names: Sequence[str]) -> None:
        together = Together(len(names), stagger=0.2)
        async with anyio.create_task_group() as group:
            for name in names:
                group.start_soon(one, name, together)
        found.left += other_tasks()

    anyio.run(all_of, [name for name in PLOTS if name.startswith("everything")])  # what is loaded once stays loaded
    before = Belongings.now()
    anyio.run(all_of, list(PLOTS))
    found.left += Belongings.now().more_than(before)
    return found


def starting(*beginnings: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return pytest.mark.parametrize("name", [name for name in PLOTS if name.startswith(beginnings)])


@starting("")
def test_the_first_utterance_is_answered_and_so_is_the_next(name: str, results: Results) -> None:
    outcome = results.played[name].outcome
    story = outcome.story()
    assert outcome.reason == "input_over", story
    turns = (1,) if name.startswith("everything") else (1, 2)
    for turn in turns:
        assert outcome.heard(turn, "answer"), story
    assert set(outcome.data("reply.started", "kind")) == {"answer"}, story
    assert outcome.still_connected == 0


@starting("")
def test_every_failure_is_told_with_who_goes_on(name: str, results: Results) -> None:
    played, plot = results.played[name], PLOTS[name]
    told = [(n.data["stage"], n.data["provider"], n.data["next"]) for n in played.outcome.all("provider.failed")]
    sick = [stage for stage, links in plot.stages.items() if links[0].fault]
    assert sorted(told) == sorted((stage, f"{stage}0", f"{stage}1") for stage in sick), played.outcome.story()


@starting("model", "voice", "ears")
def test_who_failed_rests_while_the_second_utterance_is_answered(name: str, results: Results) -> None:
    played = results.played[name]
    for stage, links in PLOTS[name].stages.items():
        if links[0].fault is not None:
            first = played.servers[stage][0]
            assert len(first.posts) == (0 if links[0].fault == "refused" else 1)


@starting("model openai ->", "model openai-compatible ->", "model anthropic ->")
def test_the_next_model_goes_on_after_the_last_word_handed_to_the_voice(name: str, results: Results) -> None:
    played = results.played[name]
    outcome, (first, second) = played.outcome, played.servers["llm"]
    assert turns_of(posted(second)[0]) == [("user", HEARD), ("assistant", SAID), ("user", GO_ON)]
    assert turns_of(posted(first)[0]) == [("user", HEARD)]
    # Nothing twice, nothing lost: in the events, at the voice's server, in the history.
    whole = f"{SAID} {REST}"
    spoken = [request["input"] for request in posted(played.servers["tts"][0])]
    assert " ".join(outcome.data("reply.sentence", "text", 1)) == whole
    assert " ".join(spoken[: len(outcome.data("reply.sentence", "text", 1))]) == whole
    assert outcome.data("reply.finished", "text") == [whole, REST]
    assert outcome.history[1:] == [("user", HEARD), ("assistant", whole), ("user", HEARD), ("assistant", REST)]
    # And the instruction is no part of the conversation.
    assert turns_of(posted(second)[1]) == [("user", HEARD), ("assistant", whole), ("user", HEARD)]


@pytest.mark.parametrize("fault", ["refused", "401", "429", "500", "hang", "malformed"])
def test_before_the_first_word_the_next_model_begins_anew(fault: str, results: Results) -> None:
    played = results.played[f"model {fault}"]
    assert turns_of(posted(played.servers["llm"][1])[0]) == [("user", HEARD)]
    assert played.outcome.data("reply.finished", "text") == [REST, REST]


def test_a_model_that_falls_silent_is_followed_as_one_that_is_cut(results: Results) -> None:
    played = results.played["model hang_midway"]
    assert turns_of(posted(played.servers["llm"][1])[0]) == [("user", HEARD), ("assistant", SAID), ("user", GO_ON)]
    assert played.outcome.data("reply.finished", "text") == [f"{SAID} {REST}", REST]


@starting("voice")
def test_the_next_voice_begins_at_the_first_unspoken_word(name: str, results: Results) -> None:
    played = results.played[name]
    sentence = "This is a sentence of nine words in all."
    begun, rest = posted(played.servers["tts"][1])[0]["input"], posted(played.servers["tts"][1])[1]["input"]
    assert rest == sentence, "the second utterance's answer, whole"
    if name in ("voice cut_midway", "voice hang_midway"):
        assert begun != sentence and sentence.endswith(f" {begun}")
        heard = sum(end - start for start, end in played.outcome.sounds() if end < SECOND[0])
        assert heard > 0.6, "a part of the one voice's half second and all of the other's"
    else:
        assert begun == sentence
    assert played.outcome.data("reply.finished", "text") == [sentence, sentence]


@starting("ears")
def test_the_next_transcriber_gets_the_whole_utterance(name: str, results: Results) -> None:
    played = results.played[name]
    assert played.outcome.data("user.transcript.final", "text") == [HEARD, HEARD]
    sounds = [_sound(request.form["file"][0]) for server in played.servers["stt"] for request in server.posts]
    successors = [_sound(request.form["file"][0]) for request in played.servers["stt"][1].posts]
    assert len(successors) == 2
    for sound in successors:
        loud = np.flatnonzero(np.abs(sound) > 0.1) / CAPTURE_RATE
        # Half a second before the first voiced sample, every sample of the voice, and the pause so far.
        assert loud[0] == pytest.approx(0.5, abs=0.033)
        assert loud[-1] - loud[0] == pytest.approx(FIRST[1] - FIRST[0], abs=0.002)
    if len(sounds) == 3:
        assert np.array_equal(sounds[0][: len(successors[0])], successors[0][: len(sounds[0])]), "the same sound"


def test_with_every_stage_failing_in_one_turn_the_user_notices_nothing(results: Results) -> None:
    played = results.played["everything at once, real speech, real Silero"]
    (said,) = played.outcome.data("reply.finished", "text")
    assert said in (f"{SAID} {REST}", REST)
    assert played.outcome.history[1:] == [("user", HEARD), ("assistant", said)]


def test_nothing_is_left_behind(results: Results) -> None:
    assert results.left == []


def _sound(file: bytes) -> np.ndarray:
    with wave.open(io.BytesIO(file)) as reader:
        assert (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) == (CAPTURE_RATE, 1, 2)
        return np.frombuffer(reader.readframes(reader.getnframes()), "<i2") / 32768
