"""What a conversation costs, as a user runs it: the money against what the vendors' servers were really sent."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.servers.anthropic import AnthropicServer, PromptCache
from tests.servers.compatible import CompatibleServer
from tests.servers.openai import OpenAIServer
from tests.servers.wire import Request

from .serving import serving
from .talking import drawn, run, scripted, stage_of, talk, write_wav

TWICE = drawn([(0.5, 1.1), (4.0, 4.6)], 5.0)
OWN_PRICE = "[cost.prices.tts.openai-compatible]\ncharacters = 2.0\n"


def seconds_uploaded(request: Request) -> float:
    """Of 16 kHz 16-bit sound, read off the WAV file in the form."""
    data = request.body.index(b"data", request.body.index(b"RIFF"))
    return int.from_bytes(request.body[data + 4 : data + 8], "little") / 32_000


def test_the_money_is_that_of_what_was_sent_and_came(tmp_path: Path) -> None:
    ears, model, voice = OpenAIServer(), AnthropicServer(), CompatibleServer()
    with serving(ears, model, voice):
        config = scripted(more=OWN_PRICE)
        for stage, provider, url in (
            ("stt", "openai", ears.url),
            ("llm", "anthropic", model.url),
            ("tts", "openai-compatible", voice.url),
        ):
            options = f'{{ base_url = "{url}", api_key = "sk-test" }}'
            config = stage_of(config, stage, f'provider = "{provider}"\noptions = {options}')
        outcome = talk(tmp_path, config, TWICE, "--record", tmp_path / "recording")
    assert outcome.code == 0

    seconds = sum(map(seconds_uploaded, ears.posts))
    heard = seconds / 60 * 0.0045
    cache = PromptCache()
    thought = 0.0
    for request in model.posts:
        usage = cache.usage(json.loads(request.body))
        prompt = usage["input_tokens"] * 0.10 + usage["cache_read_input_tokens"] * 0.01
        thought += (prompt + usage["cache_creation_input_tokens"] * 0.125 + 42 * 0.50) / 1e6
    spoken = sum(len(json.loads(request.body)["input"]) for request in voice.posts) * 2.0 / 1000
    assert heard > 0
    assert thought > 0
    assert spoken > 0

    cost = outcome.one("session.ended")["cost"]
    rows = {row["stage"]: row for row in cost["by_provider"]}
    assert {stage: (row["provider"], row["model"]) for stage, row in rows.items()} == {
        "stt": ("openai", "gpt-transcribe"),
        "llm": ("anthropic", "claude-haiku-5-5"),
        "tts": ("openai-compatible", ""),
    }
    assert rows["stt"]["seconds"] == pytest.approx(seconds, abs=0.01)
    assert rows["stt"]["usd"] == pytest.approx(heard, abs=1e-8)
    assert rows["llm"]["usd"] == pytest.approx(thought, abs=1e-8)
    assert rows["tts"]["usd"] == pytest.approx(spoken, abs=1e-8)
    assert cost["usd"] == pytest.approx(heard + thought + spoken, abs=2e-8)
    assert cost["unpriced"] == []
    assert cost["prices_as_of"] == "2026-11-20"

    turns = outcome.all("turn.metrics")
    assert len(turns) == 2
    assert sum(turn["cost_usd"] for turn in turns) == pytest.approx(cost["usd"], abs=5e-8)
    uses = [line["_"] for line in outcome.recorded if line.get("_", {}).get("what") == "used"]
    assert sum(use["usd"] for use in uses) == pytest.approx(cost["usd"], abs=5e-8)


def test_a_budget_that_stops_ends_with_goodbye_and_code_0(tmp_path: Path) -> None:
    more = '[cost]\nbudget = 0.01\non_budget = "stop"\n[cost.prices.tts.scripted]\ncharacters = 1.0\n'
    said = ((0.5, 1.1, "what time is it"), (4.0, 4.6, "and the date"))
    outcome = talk(tmp_path, scripted(said, more=more), drawn([(0.5, 1.1), (4.0, 4.6)], 20.0))
    assert (outcome.code, outcome.stderr) == (0, "")
    assert outcome.one("session.ended")["reason"] == "goodbye"
    assert [event["text"] for event in outcome.all("reply.finished")] == [
        "It is nine.",
        "The budget for this session is used up. Goodbye.",
    ]
    assert [event["message"] for event in outcome.all("warning")] == [
        "80 % of this session's budget of $0.01 is spent ($0.011)",
        "this session's budget of $0.01 is used up ($0.011)",
    ]


def test_a_budget_that_cannot_be_counted_is_told_of_at_the_start(tmp_path: Path) -> None:
    config = scripted(more="[cost]\nbudget = 1.0\n").replace(
        '[tts]\nprovider = "scripted"', '[tts]\nprovider = "scripted"\nfallback = ["acme.providers:voice"]'
    )
    events = talk(tmp_path, config, drawn([], 0.5)).events
    assert [event["event"] for event in events[:2]] == ["session.started", "warning"]
    assert "cannot be counted" in events[1]["message"]
    assert "acme.providers:voice" in events[1]["message"]


@pytest.mark.parametrize("as_json", [True, False])
def test_a_model_that_is_about_to_be_shut_down_is_told_of_at_the_start(as_json: bool, tmp_path: Path) -> None:
    """On standard error, and to programs as an event."""
    config = scripted().replace(
        '[llm]\nprovider = "scripted"', '[llm]\nprovider = "scripted"\nfallback = ["openai:gpt-4"]'
    )
    sentence = "openai's model gpt-4 was shut down on 2026-10-23; use gpt-6-luna"
    (tmp_path / "config.toml").write_text(config, "utf-8")
    mic = write_wav(tmp_path / "mic.wav", drawn([], 0.5))
    flags = ["--json"] if as_json else []
    outcome = run(tmp_path, ["talk", "--config", tmp_path / "config.toml", "--mic", mic, *flags])
    assert outcome.code == 0
    assert outcome.stderr == f"parley: {sentence}\n"
    if as_json:
        assert [event["message"] for event in outcome.all("warning")] == [sentence]
    else:
        assert "gpt-4" not in "\n".join(outcome.lines)


MINE = """
[providers.theirs]
provider = "openai-compatible"
model = "{model}"
options = {{ base_url = "https://api.openai.com/v1" }}
"""
COMMANDS = {
    "listen": (["listen", "--mic", "mic.wav", "--json"], "stt", "whisper-1", "2027-02-26"),
    "transcribe": (["transcribe", "mic.wav"], "stt", "gpt-4o-transcribe", "2027-02-26"),
    "say": (["say", "Hello.", "-o", "hello.wav"], "tts", "tts-1", "2027-01-06"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_so_it_is_by_every_command_that_uses_one(command: str, tmp_path: Path) -> None:
    """It stands in the chain's second place, and nobody asks for it."""
    arguments, stage, model, day = COMMANDS[command]
    write_wav(tmp_path / "mic.wav", drawn([(0.2, 0.5)], 1.0))
    config = scripted(((0.2, 0.5, "hello"),), more=MINE.format(model=model)).replace(
        f'[{stage}]\nprovider = "scripted"', f'[{stage}]\nprovider = "scripted"\nfallback = ["theirs"]'
    )
    (tmp_path / "config.toml").write_text(config, "utf-8")
    outcome = run(tmp_path, [*arguments, "--config", "config.toml"])
    assert outcome.code == 0, outcome.stderr
    told = f"openai's model {model} (shuts|was shut) down on {day}"
    assert re.match(f"parley: {told}", outcome.stderr), outcome.stderr
    if command == "listen":
        assert re.match(told, outcome.one("warning")["message"])
