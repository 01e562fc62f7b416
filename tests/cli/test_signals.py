"""Ctrl+C and SIGTERM in every state: it ends at once with code 130, leaves nothing running and every file whole."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.servers.anthropic import AnthropicServer
from tests.servers.compatible import CompatibleServer
from tests.servers.openai import OpenAIServer
from tests.servers.wire import Server

from .serving import serving
from .talking import (
    REAL,
    RECORDED,
    Event,
    Outcome,
    drawn,
    interrupt,
    killed_if_stuck,
    lives,
    read_wav,
    scripted,
    side_by_side,
    signalled,
    stage_of,
    start,
    talk_arguments,
)

SOON = 3.0
"""Seconds. It takes a tenth of one; the machine that runs the tests may be busy."""
INT, TERM = signal.SIGINT, signal.SIGTERM

MIC = drawn([(0.5, 1.1)], 20.0)
FOR_EVER = "faults = [{ call = 0, kind = 'hang' }]"
LONG = 'replies = ["One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen."]'


def event_is(name: str, **fields: object) -> Callable[[Event], bool]:
    return lambda event: event["event"] == name and all(event[key] == value for key, value in fields.items())


def state_is(name: str) -> Callable[[Event], bool]:
    return event_is("state", to=name)


@dataclass(frozen=True)
class State:
    config: str
    when: Callable[[Event], bool]
    after: float = 0.0
    """Seconds from the event to the signal."""
    mic: np.ndarray | Path | None = None
    sounding: bool = False
    """The assistant is being heard."""


STATES = {
    "listening": State(scripted(), event_is("session.started"), after=0.1),
    "hearing": State(scripted(stt="partials_behind = 0.05"), state_is("Hearing")),
    "endpointing": State(scripted(turn='endpointing = "fixed"\nsilence_ms = 5000'), state_is("Endpointing")),
    "a draft": State(scripted(turn='endpointing = "fixed"\nsilence_ms = 5000'), event_is("reply.sentence"), after=0.1),
    "the model is slow": State(scripted(llm="ttft = 30.0"), state_is("Replying"), after=0.1),
    "replying": State(scripted(llm=LONG, tts="word = 0.4"), event_is("reply.audible"), after=0.5, sounding=True),
    "the transcriber hangs": State(scripted(stt=FOR_EVER), event_is("turn.endpoint"), after=0.1),
    "the model hangs": State(scripted(llm=FOR_EVER), state_is("Replying"), after=0.1),
    "the voice hangs": State(scripted(tts=FOR_EVER), event_is("reply.sentence"), after=0.3),
    "a real decode": State(REAL, state_is("Endpointing"), mic=RECORDED / "slt-what-is-two-plus-two.wav"),
    "a real voice": State(
        REAL, event_is("reply.audible"), after=0.3, mic=RECORDED / "kal16-tell-me-a-story.wav", sounding=True
    ),
}
TWICE = {
    "twice at once": ((0.0, INT), (0.0, INT)),
    "both": ((0.0, INT), (0.01, TERM)),
    "impatient": ((0.0, TERM), (0.02, TERM), (0.04, INT), (0.06, TERM), (0.08, INT)),
}


def interrupted(folder: Path, state: State, signals: tuple[tuple[float, signal.Signals], ...]) -> Outcome:
    mic = MIC if state.mic is None else state.mic
    process = start(folder, talk_arguments(folder, state.config, mic, "--record", folder / "recording"))
    return interrupt(process, folder, state.when, [(state.after + delay, number) for delay, number in signals])


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Every state and signal."""
    jobs: dict[str, Callable[[], Outcome]] = {}
    folder = tmp_path_factory.mktemp("signals")

    def add(name: str, state: State, signals: tuple[tuple[float, signal.Signals], ...]) -> None:
        jobs[name] = lambda: interrupted(folder / name.replace(" ", "-"), state, signals)

    for name, state in STATES.items():
        for number in (INT, TERM):
            add(f"{name}, {number.name}", state, ((0.0, number),))
    for name, signals in TWICE.items():
        add(name, STATES["replying"], signals)
    return side_by_side(jobs)


CASES = [(f"{name}, {number.name}", name) for name in STATES for number in (INT, TERM)]
CASES += [(name, "replying") for name in TWICE]


@pytest.mark.parametrize(("case", "state"), CASES, ids=[case for case, _ in CASES])
def test_a_signal_ends_it(case: str, state: str, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[case]
    print(f"{case}: gone after {outcome.seconds * 1000:.0f} ms, {outcome.threads} threads when it was signalled")
    assert any(map(STATES[state].when, outcome.events))
    assert outcome.code == 130
    assert outcome.stderr == f"parley: recording to {outcome.folder / 'recording'}\n"
    assert outcome.seconds < SOON
    assert not [child for child in outcome.children if lives(child)]

    ended = outcome.events[-1]
    assert (ended["event"], ended["reason"]) == ("session.ended", "interrupted")
    told = [event for event in outcome.recorded if "event" in event]
    assert told == outcome.events

    for path in (
        outcome.speaker,
        outcome.folder / "recording" / "speaker.wav",
        outcome.folder / "recording" / "mic.wav",
    ):
        samples, rate = read_wav(path)
        # All sound up to the signal: the microphone's within two of its frames, the loudspeaker's to the end.
        assert len(samples) / rate == pytest.approx(ended["t"], abs=0.3), path
    heard, rate = read_wav(outcome.speaker)
    assert rate == 24_000
    if STATES[state].sounding:
        assert np.abs(heard[-round(0.25 * rate) :]).max() > 0.01
        assert outcome.one("reply.interrupted")["heard"]
        assert outcome.one("turn.metrics")["interrupted"] is True
    else:
        assert not heard.any()


@pytest.mark.parametrize("number", [INT, TERM], ids=lambda number: number.name)
def test_while_it_is_loading(number: signal.Signals, tmp_path: Path) -> None:
    arguments = talk_arguments(tmp_path, scripted(stt="load = 30.0"), MIC, "--record", tmp_path / "recording")
    process = start(tmp_path, arguments)
    with killed_if_stuck(process):
        while not (tmp_path / "recording" / "events.jsonl").exists():
            time.sleep(0.01)
        outcome = signalled(process, tmp_path, [(0.3, number)])
    print(f"loading, {number.name}: gone after {outcome.seconds * 1000:.0f} ms")
    assert (outcome.code, outcome.lines, outcome.stderr) == (130, [], "")
    assert outcome.seconds < SOON
    assert not (tmp_path / "recording").exists()  # there is nothing in it
    assert len(read_wav(outcome.speaker)[0]) == 0


def test_while_the_real_models_are_loading(tmp_path: Path) -> None:
    def ended_after(delay: float, number: signal.Signals) -> Outcome:
        folder = tmp_path / f"{delay}"
        process = start(folder, talk_arguments(folder, REAL, MIC, "--record", folder / "recording"))
        with killed_if_stuck(process):
            while not (folder / "recording" / "events.jsonl").exists():
                time.sleep(0.005)
            return signalled(process, folder, [(delay, number)])

    delays = (0.0, 0.05, 0.15, 0.3, 0.5)
    jobs = {
        f"{delay}": lambda d=delay, n=number: ended_after(d, n)
        for delay, number in zip(delays, [INT, TERM] * 3, strict=False)
    }
    for outcome in side_by_side(jobs, at_once=3).values():
        print(f"loading for {outcome.folder.name} s: gone after {outcome.seconds * 1000:.0f} ms")
        said = outcome.stderr.replace(f"parley: recording to {outcome.folder / 'recording'}\n", "")  # it had loaded
        assert (outcome.code, said) == (130, "")
        assert outcome.seconds < SOON
        read_wav(outcome.speaker)


def test_while_a_vendor_does_not_answer(tmp_path: Path) -> None:
    """Through the vendors' own SDKs: their connections are closed, and nobody waits for a timeout."""

    def ended_while_asking(stage: str, provider: str, server: Server, when: Callable[[Event], bool]) -> Outcome:
        folder = tmp_path / provider
        table = f'provider = "{provider}"\noptions = {{ base_url = "{server.url}", api_key = "key" }}'
        process = start(folder, talk_arguments(folder, stage_of(scripted(), stage, table), MIC))
        return interrupt(process, folder, when, [(0.3, INT)])

    model, ears, voice = AnthropicServer("hang"), OpenAIServer("hang"), CompatibleServer("hang_midway")
    with serving(model, ears, voice):
        jobs = {
            "anthropic": lambda: ended_while_asking("llm", "anthropic", model, event_is("reply.committed")),
            "openai": lambda: ended_while_asking("stt", "openai", ears, event_is("turn.endpoint")),
            "a voice": lambda: ended_while_asking("tts", "openai-compatible", voice, event_is("reply.sentence")),
        }
        outcomes = side_by_side(jobs)
    for name, outcome in outcomes.items():
        print(f"{name} does not answer: gone after {outcome.seconds * 1000:.0f} ms")
        assert (outcome.code, outcome.stderr) == (130, "")
        assert outcome.seconds < SOON
        assert outcome.events[-1]["reason"] == "interrupted"
    assert model.posts
    assert ears.posts
    assert voice.posts


def test_while_a_model_is_being_downloaded(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        env = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        arguments = talk_arguments(tmp_path, scripted(), MIC, "--stt", "faster-whisper:tiny.en")
        process = start(tmp_path, arguments, env=env)
        with killed_if_stuck(process):
            silent.settimeout(20)
            connection, _ = silent.accept()
            with connection:
                outcome = signalled(process, tmp_path, [(0.3, TERM)])
    print(f"downloading: gone after {outcome.seconds * 1000:.0f} ms")
    assert (outcome.code, outcome.stderr, outcome.lines) == (130, "", [])
    assert outcome.seconds < SOON


def test_the_terminal_view_is_left_in_order(tmp_path: Path) -> None:
    arguments = [word for word in talk_arguments(tmp_path, STATES["replying"].config, MIC) if word != "--json"]
    process = start(tmp_path, arguments)
    assert process.stdout is not None
    with killed_if_stuck(process):
        shown = process.stdout.readline()
        outcome = signalled(process, tmp_path, [(2.0, INT)])
    assert (outcome.code, outcome.stderr) == (130, "")
    assert shown.decode().startswith("scripted")
    assert "ended: interrupted" in "\n".join(outcome.lines)


def test_the_demo(tmp_path: Path) -> None:
    """Its recording stays, its temporary files do not."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = start(tmp_path, ["demo", "--json", "--record", tmp_path / "recording"], env={"TMPDIR": str(temporary)})
    outcome = interrupt(process, tmp_path, state_is("Hearing"), [(0.0, INT), (0.01, INT)])
    assert outcome.code == 130
    assert outcome.seconds < SOON
    assert "Traceback" not in outcome.stderr
    assert outcome.recorded[-1]["reason"] == "interrupted"
    assert not list(temporary.iterdir())


def test_before_anything_is_loaded(tmp_path: Path) -> None:
    """While the program itself is being imported: no traceback, no other code."""

    def ended_after(delay: float, number: signal.Signals) -> Outcome:
        folder = tmp_path / f"{delay}-{number.name}"
        process = start(folder, talk_arguments(folder, scripted(stt="load = 30.0"), MIC))
        with killed_if_stuck(process):
            while not program_obeys(process.pid):
                time.sleep(0.001)
            return signalled(process, folder, [(delay, number)])

    jobs = {
        f"{delay} {number.name}": lambda d=delay, n=number: ended_after(d, n)
        for delay in (0.0, 0.02, 0.05, 0.08, 0.12, 0.17, 0.23, 0.3)
        for number in (INT, TERM)
    }
    for name, outcome in side_by_side(jobs, at_once=3).items():
        assert (outcome.code, outcome.stderr, outcome.lines) == (130, "", []), name
        assert outcome.seconds < SOON


def program_obeys(pid: int) -> bool:
    """The process has a handler for SIGTERM: its main function has begun (proc(5), SigCgt of status)."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(caught >> (TERM - 1) & 1)
