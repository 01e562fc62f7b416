"""docs/config.md tells the truth."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec

from assistant.config import Settings
from assistant.config.profiles import PROFILES

PAGE = (Path(__file__).parents[2] / "docs" / "config.md").read_text(encoding="utf-8")
EXAMPLES = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]


def test_the_first_example_holds_every_key_with_its_default() -> None:
    everything = EXAMPLES[0]
    defaults = msgspec.to_builtins(Settings())
    del defaults["providers"], defaults["profiles"], defaults["cost"]["prices"]
    assert everything == msgspec.json.decode(msgspec.json.encode(defaults))


def test_the_other_examples_load(loaded) -> None:
    texts = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1:]
    inventing_nothing, named, wrapped, profiled = (loaded(only=text).settings for text in texts)
    assert inventing_nothing.stt.provider == "pocketsphinx"
    assert set(named.providers) == {"backup", "openai"}
    assert set(wrapped.providers) == {"others", "quick-ears", "kept"}
    assert (profiled.profile, profiled.tts.speed, profiled.turn.silence_ms) == ("quiet", 0.9, 500)


def test_the_examples_of_what_it_costs_load(loaded) -> None:
    page = (Path(__file__).parents[2] / "docs" / "cost.md").read_text(encoding="utf-8")
    own, budget = (loaded(only=text).settings.cost for text in re.findall(r"```toml\n(.*?)```", page, re.DOTALL))
    assert own.prices.tts["elevenlabs"].characters == 0.05
    assert own.prices.llm["openai:gpt-6-sol"].output == 10.0
    assert own.prices.stt["cartesia"].hour == 0.2
    assert (budget.budget, budget.on_budget) == (0.5, "stop")


def test_the_built_in_profiles_are_described() -> None:
    for name, profile in PROFILES.items():
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
        for table in profile.values():
            assert all(provider in row for provider in [table["provider"], *table["fallback"]])
