"""What is said before a session begins. (Models about to be shut down: tests/providers/test_retiring.py.)"""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.config import load
from assistant.forewarn import uncountable

CHAIN = """
[stt]
provider = "scripted"
[llm]
provider = "anthropic"
fallback = ["mine"]
[tts]
provider = "scripted"
fallback = ["acme.providers:voice"]
[providers.mine]
provider = "openai-compatible"
model = "qwen3"
options = { base_url = "https://llm.example.com" }
"""


def said(folder: Path, text: str) -> list[str]:
    (folder / "config.toml").write_text(text, "utf-8")
    path = folder / "config.toml"
    return uncountable(load(config_file=path, profile=None, environ={}, flags={}, cwd=folder).settings)


def test_whatever_has_no_known_price_is_named_in_one_sentence(tmp_path: Path) -> None:
    [sentence] = said(tmp_path, f"{CHAIN}\n[cost]\nbudget = 0.5")
    assert sentence.startswith("the budget of $0.5 cannot be counted whole, as the price of this is not known: ")
    assert "llm mine:qwen3 (it is not known whose server that is); tts acme.providers:voice (" in sentence
    assert sentence.endswith("; say what it costs you under [cost.prices]")


def test_nothing_is_said_where_every_price_is_known(tmp_path: Path) -> None:
    own = '[cost]\nbudget = 0.5\n[cost.prices.llm.mine]\n[cost.prices.tts."acme.providers:voice"]\ncharacters = 1.0'
    assert said(tmp_path, f"{CHAIN}\n{own}") == []


@pytest.mark.parametrize("cost", ["", "[cost]\nbudget = 0.0"])
def test_nothing_is_said_without_a_budget(cost: str, tmp_path: Path) -> None:
    assert said(tmp_path, f"{CHAIN}\n{cost}") == []
