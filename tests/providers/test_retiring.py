"""Models that their vendors are about to shut down: told in time, of the vendor's own only, and never a default."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

import providers
from assistant import forewarn
from assistant.config import load
from providers import _prices, _retiring, registry
from providers._retiring import TABLE, found, warning

TODAY = date(2026, 11, 27)


# --- what is said ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "model", "today", "said"),
    [
        ("openai", "gpt-4o", TODAY, "openai's model gpt-4o shuts down on 2027-01-14 (in 48 days); use gpt-6-luna"),
        (
            "anthropic",
            "claude-sonnet-4-5-20250929",
            date(2026, 11, 29),
            "anthropic's model claude-sonnet-4-5-20250929 shuts down on 2026-11-30 (in 1 day); use claude-sonnet-5-5",
        ),
        (
            "openai",
            "tts-1",
            date(2027, 1, 6),
            "openai's model tts-1 shuts down on 2027-01-06 (today); use gpt-realtime-2.1-mini",
        ),
        ("openai", "gpt-4", TODAY, "openai's model gpt-4 was shut down on 2026-10-23; use gpt-6-luna"),
        (
            "openai",
            "gpt-4o-2024-05-13",
            TODAY,
            "openai's model gpt-4o-2024-05-13 was shut down on 2026-10-23; use gpt-6-luna",
        ),
        ("openai", "gpt-6-luna", TODAY, ""),
        ("faster-whisper", "gpt-4o", TODAY, ""),
    ],
)  # fmt: skip
def test_one_sentence_with_the_date_and_what_to_use(provider: str, model: str, today: date, said: str) -> None:
    assert warning(provider, model, "", today) == said


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.models[0])
def test_it_is_told_from_120_days_before_on(row: _retiring.Retiring) -> None:
    for model in row.models:
        assert warning(row.vendor, model, "", row.on - timedelta(days=121)) == ""
        assert "in 120 days" in warning(row.vendor, model, "", row.on - timedelta(days=120))
        assert "was shut down" in warning(row.vendor, model, "", row.on + timedelta(days=1))


@pytest.mark.parametrize(
    ("provider", "address", "told"),
    [
        ("openai", "https://api.openai.com/v1", True),
        ("openai", "https://eu.api.openai.com/v1", True),
        ("openai-compatible", "https://api.openai.com/v1", True),
        ("openai", "http://127.0.0.1:8000/v1", False),
        ("openai-compatible", "http://speaches.local:8000/v1", False),
        ("openai-compatible", "https://api.openai.com.example.com/v1", False),
        ("openai-compatible", "", False),
    ],
)
def test_only_of_the_vendors_own_address(provider: str, address: str, told: bool) -> None:
    assert bool(warning(provider, "whisper-1", address, TODAY)) is told


# --- in every place where a model may stand --------------------------------------------------------------------------

CONFIG = """
[stt]
provider = "openai"
fallback = ["openai:gpt-4o-transcribe", "mine"]
[llm]
provider = "openai"
model = "gpt-5"
fallback = ["claude", "openai"]
[tts]
provider = "scripted"
[providers.claude]
provider = "anthropic"
model = "claude-sonnet-4-5"
[providers.mine]
provider = "openai-compatible"
model = "whisper-1"
options = { base_url = "http://127.0.0.1:8000" }
[providers.unused]
provider = "openai"
model = "gpt-4"
"""


def in_force(folder: Path, text: str, *stages: str) -> list[str]:
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    settings = load(config_file=path, profile=None, environ={}, flags={}, cwd=folder).settings
    return forewarn.retiring(settings, stages or ("stt", "llm", "tts"), TODAY)  # type: ignore[arg-type]


def test_fallbacks_and_instances_in_force_are_looked_at(tmp_path: Path) -> None:
    said = in_force(tmp_path, CONFIG)
    assert [sentence.split(" shuts")[0] for sentence in said] == [
        "openai's model gpt-4o-transcribe",
        "openai's model gpt-5",
        "anthropic's model claude-sonnet-4-5",
    ]
    assert in_force(tmp_path, CONFIG, "stt") == said[:1]


def test_what_a_wrapper_wraps_is_looked_at(tmp_path: Path) -> None:
    text = """
        [llm]
        provider = "hedge"
        options = { first = "openai:gpt-4.1", second = "spare" }
        [providers.spare]
        provider = "fallback"
        options = { of = ["anthropic:claude-sonnet-4-5", "openai:gpt-4.1"] }
    """
    names = [sentence.split()[2] for sentence in in_force(tmp_path, text, "llm")]
    assert names == ["gpt-4.1", "claude-sonnet-4-5"]


def test_nothing_is_said_of_the_defaults(tmp_path: Path) -> None:
    for provider in ("openai", "anthropic", "gemini"):
        assert in_force(tmp_path, f'[llm]\nprovider = "{provider}"\n', "llm") == []


# --- the defaults ----------------------------------------------------------------------------------------------------


def defaults() -> Iterator[tuple[str, str]]:
    """Where it stands, and the model: in every card, and in the options of every provider's module."""
    for stage in ("stt", "llm", "tts"):
        for name in registry.names(stage):
            card = registry.card(stage, name)
            if card is not None and card.model:
                yield f"{stage} {name}", card.model
    for module in pkgutil.walk_packages(providers.__path__, "providers."):
        for name, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(kind, msgspec.Struct) and kind.__module__ == module.name:
                for field in msgspec.structs.fields(kind):
                    if "model" in field.name and isinstance(field.default, str) and field.default:
                        yield f"{module.name}.{name}.{field.name}", field.default


def test_no_default_is_about_to_be_shut_down() -> None:
    vendors = {row.vendor for row in TABLE}
    seen = list(defaults())
    assert {"claude-haiku-5-5", "gpt-6-luna", "gpt-transcribe"} <= {model for _, model in seen}
    assert [where for where, model in seen for vendor in vendors if found(vendor, model)] == []


def test_no_model_that_is_recommended_is_itself_about_to_be_shut_down() -> None:
    for row in TABLE:
        for model in row.use.split(" or "):
            assert found(row.vendor, model) is None


def test_no_price_is_told_of_a_model_that_is_about_to_be_shut_down() -> None:
    """The table of prices recommends, too."""
    for row in _prices.table():
        assert found(row.provider, row.model) is None
