"""No key shows anywhere: every provider with one is called, refused and recorded, and all that was written is searched.

Keys come from the environment and from the config's options, and every server quotes the key that it refuses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from providers.registry import card
from tests.contract.subject import Subject
from tests.contract.table import SUBJECTS

from .serving import serving
from .talking import Outcome, drawn, run, scripted, side_by_side, stage_of, talk_arguments, write_wav

MARK = "DISTINCTIVE-0123456789"
ONCE = drawn([(0.5, 1.1)], 1.4)
STAGES = ("stt", "llm", "tts")


@dataclass
class Link:
    """A provider of the contract on a server of its own, as a named instance of the config."""

    subject: Subject
    number: int
    server: Any
    key: str = ""
    variable: str | None = None
    """Where the key comes from; None: from the options."""

    @property
    def name(self) -> str:
        return f"{self.subject.stage}{self.number}"

    def table(self) -> str:
        options = {**self.subject.where(self.server), **self.subject.options}
        options |= {} if self.variable else {"api_key": self.key}
        options.pop("api_key") if self.variable else None
        return f'[providers.{self.name}]\nprovider = "{self.subject.name}"\noptions = {toml(options)}\n'


@dataclass
class Vendors:
    links: list[Link]
    env: dict[str, str] = field(default_factory=dict)

    def of(self, stage: str) -> list[str]:
        return [link.name for link in self.links if link.subject.stage == stage]

    def config(self, **stages: list[str]) -> str:
        """``stages``: the chain of each; the others are scripted."""
        config = scripted(more="\n".join(link.table() for link in self.links))
        for stage, (first, *rest) in stages.items():
            config = stage_of(config, stage, f'provider = "{first}"\nfallback = {json.dumps(rest)}')
        return config + "\n[timeouts]\nconnect = 2.0\nfirst_byte = 2.0\ngap = 2.0\n"


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(list(value) if isinstance(value, tuple) else value)


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    found, env = [], {}
    for number, subject in enumerate(SUBJECTS):
        link = Link(subject, number, subject.server())
        about = card(subject.stage, subject.name)
        link.server.key = f"sk-{subject.name}-{MARK}"
        link.key = subject.where(link.server)["api_key"]  # some vendors' keys have a form of their own
        assert MARK in link.key
        if about is not None and about.key and subject.stage != "llm":
            link.variable = about.key
            env[about.key] = link.key
        found.append(link)
    with serving(*(link.server for link in found)):
        yield Vendors(found, env)


def leaks(outcome: Outcome) -> list[str]:
    """Where the mark is found in what a command printed, and in every file that it wrote."""
    printed = [*outcome.lines, *outcome.stderr.splitlines()]
    written = [path for path in outcome.folder.rglob("*") if path.is_file() and path != outcome.folder / "config.toml"]
    return [
        *(line for line in printed if MARK in line),
        *(str(path) for path in written if MARK.encode() in path.read_bytes()),
    ]


def hold(vendors: Vendors, folder: Path, **stages: list[str]) -> Outcome:
    arguments = talk_arguments(folder, vendors.config(**stages), ONCE, "--verbose", "--record", folder / "recording")
    return run(folder, arguments, env=vendors.env)


def test_conversations_that_go_well(vendors: Vendors, tmp_path: Path) -> None:
    longest = max(len(vendors.of(stage)) for stage in STAGES)
    plans = [{stage: [vendors.of(stage)[i % len(vendors.of(stage))]] for stage in STAGES} for i in range(longest)]
    outcomes = side_by_side(
        {f"{i}": lambda i=i, plan=plan: hold(vendors, tmp_path / f"{i}", **plan) for i, plan in enumerate(plans)}
    )
    for name, outcome in outcomes.items():
        assert outcome.code == 0, (plans[int(name)], outcome.stderr)
        assert outcome.all("reply.finished"), plans[int(name)]
        assert not [event["error"] for event in outcome.all("provider.failed")]
        assert (outcome.folder / "recording" / "events.jsonl").stat().st_size
        assert leaks(outcome) == []


def test_keys_that_are_refused_and_quoted(vendors: Vendors, tmp_path: Path) -> None:
    for link in vendors.links:
        link.server.fault = "401"
    try:
        outcomes = side_by_side(
            {
                stage: lambda stage=stage: hold(vendors, tmp_path / stage, **{stage: vendors.of(stage)})  # type: ignore[misc]
                for stage in STAGES
            }
        )
    finally:
        for link in vendors.links:
            link.server.fault = None
    for stage, outcome in outcomes.items():
        assert {event["provider"] for event in outcome.all("provider.failed")} == set(vendors.of(stage))
        assert all("rejected the key" in event["error"] for event in outcome.all("provider.failed"))
        assert leaks(outcome) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("config", "show"), ("config", "show", "--origin"), ("config", "show", "--json"), ("config", "check"),
        ("providers",), ("providers", "--json"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_commands_that_tell_of_the_config(vendors: Vendors, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    config = tmp_path / "config.toml"
    config.write_text(vendors.config(**{stage: vendors.of(stage) for stage in STAGES}), "utf-8")
    outcome = run(tmp_path, (*arguments, "--config", config), env=vendors.env)
    assert outcome.code == 0, outcome.stderr
    assert outcome.lines
    assert leaks(outcome) == []


def test_a_providers_own_mistake_with_a_traceback(vendors: Vendors, tmp_path: Path) -> None:
    """It puts its key into an exception that nobody expected, and --verbose shows where that came from."""
    key = f"sk-live-{MARK}-KEY"
    config = stage_of(scripted(), "llm", f'provider = "acme:chat_model"\noptions = {{ api_key = "{key}" }}')
    (tmp_path / "acme.py").write_text(
        "from contextlib import asynccontextmanager\n"
        "@asynccontextmanager\n"
        "async def chat_model(options):\n"
        "    yield Model(options)\n"
        "class Model:\n"
        "    name = 'acme'\n"
        "    def __init__(self, options):\n"
        "        self.options = options\n"
        "    async def reply(self, messages):\n"
        "        raise ValueError(f'no good: {self.options}')\n"
        "        yield\n",
        "utf-8",
    )
    config = config.replace("acme:chat_model", "acme.model:chat_model")
    package = tmp_path / "acme"
    package.mkdir()
    (package / "__init__.py").touch()
    (tmp_path / "acme.py").rename(package / "model.py")
    arguments = talk_arguments(tmp_path, config, ONCE, "--verbose", "--record", tmp_path / "recording")
    outcome = run(tmp_path, arguments, env={"PYTHONPATH": str(tmp_path)})
    assert "ValueError" in outcome.stderr and "model.py" in outcome.stderr, "its traceback is shown"
    assert leaks(outcome) == []


def test_a_page_that_compares_profiles(vendors: Vendors, tmp_path: Path) -> None:
    (tmp_path / "talk").mkdir()
    write_wav(tmp_path / "talk" / "one.wav", ONCE)
    first = vendors.of("llm")[0]
    config = tmp_path / "config.toml"
    config.write_text(
        vendors.config() + f'\n[profiles.mine]\nllm = {{ provider = "{first}" }}\n[profiles.plain]\n', "utf-8"
    )
    page = tmp_path / "page.html"
    outcome = run(
        tmp_path, ("bench", "--compare", "mine,plain", "--turns", "1", "--config", config, "--html", page),
        env=vendors.env,
    )  # fmt: skip
    assert page.is_file(), outcome.stderr
    assert leaks(outcome) == []
