"""Somebody's Python function, called by a vendor's model in the middle of `parley talk`, and its result spoken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.serving import serving
from tests.cli.talking import Outcome, drawn, one_sentence, scripted, side_by_side, sounds, stage_of, talk
from tests.servers.anthropic import AnthropicServer
from tests.servers.compatible import CompatibleServer
from tests.servers.openai import OpenAIServer
from tests.servers.wire import Server

SOURCE = '''
"""A package that knows nothing of Parley."""

import time


def look(where: str, closely: bool = False) -> dict:
    """What is there."""
    time.sleep(0.1)
    return {"cats": 2, "where": where}


def endless() -> None:
    """Looks for ever."""
    time.sleep(600)


async def broken() -> None:
    """Looks, and falls."""
    raise RuntimeError("the ladder has slipped")
'''
KEY = "sk-test-DISTINCTIVE-0123456789"
THEN = ["Two", " cats."]
MIC = drawn([(0.5, 1.1)], 1.6)


def install(folder: Path) -> dict[str, str]:
    """The package with an entry point, as it would be installed; returns the environment that finds it."""
    package, metadata = folder / "gardening", folder / "gardening-1.0.dist-info"
    package.mkdir(parents=True)
    metadata.mkdir()
    (package / "__init__.py").write_text(SOURCE, "utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: gardening\nVersion: 1.0\n", "utf-8")
    (metadata / "entry_points.txt").write_text("[parley.tools]\ngarden = gardening:look\n", "utf-8")
    return {"PYTHONPATH": str(folder)}


def config(provider: str, server: Server, functions: list[str]) -> str:
    llm = f"""provider = "{provider}"
model = "m"
options = {{ base_url = "{server.url}", api_key = "{KEY}" }}
"""
    return f"{stage_of(scripted(), 'llm', llm)}\n[tools]\nfunctions = {json.dumps(functions)}\n"


def anthropics() -> AnthropicServer:
    server = AnthropicServer()
    server.words, server.thought = ["Let me see."], "Hm."
    server.tools, server.then = [("toolu_1", "look", '{"where": "garden"}')], THEN
    return server


def openais() -> OpenAIServer:
    server = OpenAIServer()
    server.words, server.then = ["Let me see."], THEN
    server.tools = [("call_1", "look", '{"where": "garden"}')]
    return server


def others() -> CompatibleServer:
    server = CompatibleServer()
    server.words, server.tool, server.then = ["Let me see."], ("call_1", "look", {"where": "garden"}), THEN
    return server


VENDORS: dict[str, Callable[[], Server]] = {
    "anthropic": anthropics,
    "openai": openais,
    "openai-compatible": others,
}


@pytest.fixture(scope="module")
def conversations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Outcome, Server]]:
    """One with each vendor's model; the function is named by its entry point, and once by its module."""
    folder = tmp_path_factory.mktemp("tools")
    env = install(folder / "site")
    servers = {name: make() for name, make in VENDORS.items()}

    def one(name: str) -> Outcome:
        functions = ["gardening:look" if name == "openai" else "garden"]
        text = config(name, servers[name], functions)
        return talk(folder / name, text, MIC, "--record", folder / name / "recording", env=env)

    with serving(*servers.values()):
        found = side_by_side({name: lambda name=name: one(name) for name in servers})  # type: ignore[misc]
    return {name: (found[name], servers[name]) for name in servers}


@pytest.mark.parametrize("name", VENDORS)
def test_the_function_is_called_and_the_answer_spoken(
    name: str, conversations: dict[str, tuple[Outcome, Server]]
) -> None:
    outcome, server = conversations[name]
    assert outcome.code == 0, outcome.stderr
    assert outcome.one("tool.called")["name"] == "look"
    assert outcome.one("reply.finished")["text"] == "Let me see. Two cats."
    assert [word["word"] for word in outcome.all("reply.word")] == ["Let", "me", "see.", "Two", "cats."]
    spoken = outcome.one("reply.audible")["at"]
    assert sounds(outcome.speaker)[0][0] == pytest.approx(spoken, abs=0.05)
    assert sum(end - start for start, end in sounds(outcome.speaker)) == pytest.approx(5 * 0.1, abs=0.05)
    assert outcome.one("session.ended")["underruns"] == 0
    asked, told = server.posts
    assert "What is there." in asked.body.decode()
    assert json.dumps({"cats": 2, "where": "garden"}, separators=(",", ":")) in _texts(told.json)


def _texts(value: Any) -> list[str]:
    """All the strings in a body."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", VENDORS)
def test_a_recording_tells_what_was_called_and_what_came_of_it(
    name: str, conversations: dict[str, tuple[Outcome, Server]]
) -> None:
    outcome, _ = conversations[name]
    kept = [line["_"] for line in outcome.recorded if "_" in line and line["_"]["what"] in ("call", "result")]
    assert kept == [
        {"stage": "llm", "what": "call", "name": "look", "arguments": {"where": "garden"}},
        {
            "stage": "tool", "what": "result", "name": "look", "failed": False,
            "text": '{"cats":2,"where":"garden"}',
        },
    ]  # fmt: skip
    everything = (outcome.folder / "recording" / "events.jsonl").read_text("utf-8") + outcome.stderr
    assert KEY not in everything


def test_a_function_that_raises_is_the_models_to_explain(tmp_path: Path) -> None:
    env = install(tmp_path / "site")
    llm = 'replies = ["<broken> Sorry: {broken}."]'
    text = f'{scripted(llm=llm)}\n[tools]\nfunctions = ["gardening:broken"]\n'
    outcome = talk(tmp_path / "talk", text, MIC, env=env)
    assert outcome.code == 0, outcome.stderr
    said = outcome.one("reply.finished")["text"]
    assert said == "Sorry: failed: RuntimeError: the ladder has slipped."
    assert "Traceback" not in outcome.stderr


def test_a_function_that_never_ends_keeps_the_program_from_nothing(tmp_path: Path) -> None:
    env = install(tmp_path / "site")
    llm = 'replies = ["<endless> Sorry."]'
    text = f'{scripted(llm=llm)}\n[tools]\nfunctions = ["gardening:endless"]\n'
    outcome = talk(tmp_path / "talk", text, MIC, "--max-seconds", 4, env=env)
    assert outcome.code == 0, outcome.stderr
    assert outcome.one("reply.sentence")["text"] == "One moment."
    assert outcome.one("session.ended")["reason"] == "max_seconds"
    assert outcome.seconds < 30


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gardn", "there is no tool called 'gardn'; name those of the installed packages: garden, or give"),
        ("gardening:lok", "the tool 'gardening:lok' cannot be loaded (AttributeError"),
    ],
)
def test_a_wrong_name_ends_it_before_it_begins(name: str, says: str, tmp_path: Path) -> None:
    env = install(tmp_path / "site")
    text = f'{scripted()}\n[tools]\nfunctions = ["{name}"]\n'
    outcome = talk(tmp_path / "talk", text, MIC, env=env)
    assert outcome.code == 2
    assert outcome.lines == []
    assert says in one_sentence(outcome.stderr)
