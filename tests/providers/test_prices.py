"""The table of prices: every row says what it is, every provider has one, and the sums are right."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from assistant.ports import Stage, Usage
from providers import _prices, registry
from providers._prices import Price, price_of, table

DOCS = Path(__file__).parents[2] / "docs" / "cost.md"
STAGES: tuple[Stage, ...] = ("stt", "llm", "tts")
LEAVES = [
    (stage, name)
    for stage in STAGES
    for name in registry.names(stage)
    if name != _prices.ANYBODYS and not registry.wraps(stage, name)
]
ROWS = [pytest.param(row, id=f"{row.stage} {row.provider} {row.model}") for row in table()]


# --- the rows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_free_or_has_a_price_or_says_why_it_has_none(row: Price) -> None:
    amounts = (row.input, row.output, row.audio_output, row.minute, row.hour, row.characters)
    assert [row.free, bool(row.unpriced), any(amounts)].count(True) == 1
    assert all(amount >= 0 for amount in amounts)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_says_when_its_source_was_read(row: Price) -> None:
    assert row.free or (row.as_of is not None and date(2026, 1, 1) <= row.as_of <= date(2026, 11, 20))


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_of_a_provider_that_there_is(row: Price) -> None:
    assert row.provider in registry.names(row.stage)


def test_every_row_can_be_reached() -> None:
    """None stands behind one that takes all of its models."""
    for row in table():
        model = "some-model" if row.model == "*" else row.model.replace("*", "-x")
        assert price_of(row.stage, row.provider, model, language="en") == row  # type: ignore[arg-type]


@pytest.mark.parametrize(("stage", "name"), LEAVES)
def test_every_provider_has_a_row(stage: Stage, name: str) -> None:
    assert any((row.stage, row.provider) == (stage, name) for row in table())


@pytest.mark.parametrize(("stage", "name"), LEAVES)
def test_the_usual_model_is_not_in_the_rest(stage: Stage, name: str) -> None:
    """Its price is known, or it is said in so many words why it is not."""
    card = registry.card(stage, name)
    price = price_of(stage, name, card.model if card is not None else "")
    assert "this model was not read" not in price.unpriced


# --- the sums --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "provider", "model", "used", "usd"),
    [
        ("llm", "anthropic", "claude-haiku-5-5", Usage(input_tokens=1_000_000), 0.50),
        ("llm", "anthropic", "claude-haiku-5-5", Usage(input_tokens=100_000), 0.01),
        ("llm", "anthropic", "claude-haiku-5-5", Usage(input_tokens=100_001), 0.0500005),
        ("llm", "anthropic", "claude-haiku-5-5", Usage(1000, 90_000, 9000, 1000), 0.0001 + 0.0009 + 0.001125 + 0.0005),
        ("llm", "anthropic", "claude-haiku-5-5", Usage(1000, 99_001, 0, 1000), 0.0005 + 0.00495005 + 0.0025),
        ("llm", "openai", "gpt-6-luna", Usage(input_tokens=272_000, output_tokens=1000), 0.0272 + 0.0005),
        ("llm", "openai", "gpt-6-luna", Usage(input_tokens=272_001, output_tokens=1000), 0.0544002 + 0.00075),
        ("llm", "openai", "gpt-6-luna-2026-09-22", Usage(output_tokens=2_000_000), 1.00),
        ("llm", "openai", "gpt-6.1-terra", Usage(cached_tokens=1_000_000), 1.00),
        ("stt", "openai", "gpt-transcribe", Usage(seconds=120), 0.009),
        ("stt", "deepgram", "flux-general-en", Usage(seconds=60), 0.0065),
        ("stt", "deepgram", "flux-general-multi", Usage(seconds=60), 0.0078),
        ("stt", "elevenlabs", "scribe_v2_realtime", Usage(seconds=1800), 0.195),
        ("stt", "assemblyai", "universal-3-6-pro", Usage(seconds=3600), 0.45),
        ("tts", "deepgram", "aura-2-thalia-en", Usage(characters=250, seconds=20), 0.0075),
        ("tts", "openai", "gpt-realtime-2.1-mini", Usage(100, 0, 0, 10, 0, 1000), 0.00006 + 0.000024 + 0.02),
        ("tts", "espeak-ng", "", Usage(characters=100_000, seconds=1000), 0.0),
        ("llm", "offline", "", Usage(input_tokens=100_000, output_tokens=1000), 0.0),
    ],
)
def test_what_a_use_costs(stage: Stage, provider: str, model: str, used: Usage, usd: float) -> None:
    assert price_of(stage, provider, model).usd(used) == pytest.approx(usd, rel=1e-9)


def test_what_nobody_knows_is_not_guessed() -> None:
    price = price_of("tts", "elevenlabs", "eleven_flash_v2_5")
    assert price.usd(Usage(characters=1000)) is None
    assert "$20, $40 and $50" in str(price)


@pytest.mark.parametrize(("language", "minute"), [("", 0.0058), ("auto", 0.0058), ("multi", 0.0058), ("en", 0.0048)])
def test_several_languages_cost_more_where_the_vendor_says_so(language: str, minute: float) -> None:
    assert price_of("stt", "deepgram", "nova-3", language=language).minute == minute
    assert price_of("stt", "deepgram", "flux-general-en", language=language).minute == 0.0065


# --- whose price -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:11434/v1",
        "http://localhost:8080",
        "http://[::1]:8080/v1",
        "http://192.168.1.20:8000/v1",
        "http://gpu:8000/v1",
        "http://gpu.local:8000",
    ],
)
def test_a_server_of_ones_own_is_free(address: str) -> None:
    assert price_of("llm", "openai-compatible", "qwen3", base_url=address).free


@pytest.mark.parametrize(
    ("address", "model", "as_vendor"),
    [
        ("https://api.openai.com/v1", "gpt-6-luna", "openai"),
        ("https://eu.api.openai.com/v1", "gpt-6-luna", "openai"),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "gemini-3.8-flash", "gemini"),
    ],
)
def test_a_compatible_servers_address_says_whose_price_it_is(address: str, model: str, as_vendor: str) -> None:
    assert price_of("llm", "openai-compatible", model, base_url=address) == price_of("llm", as_vendor, model)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address", ["https://llm.example.com/v1", "https://api.openai.com.example.com", "", "http://["]
)
def test_any_other_servers_price_is_not_known(address: str) -> None:
    assert price_of("llm", "openai-compatible", "qwen3", base_url=address).unpriced


def test_somebody_elses_provider_has_no_known_price() -> None:
    assert price_of("tts", "acme.providers:voice").unpriced


def test_the_users_own_price_comes_first_and_the_nearest_name_counts() -> None:
    own = {
        "llm": {"openai": {"input": 1.0}, "openai:gpt-6-sol": {"input": 2.0}, "mine": {"input": 3.0}},
        "tts": {"elevenlabs": {"characters": 0.04}},
    }

    def million(provider: str, model: str, *names: str) -> float | None:
        return price_of("llm", provider, model, names=names, overrides=own).usd(Usage(input_tokens=1_000_000))

    assert million("openai", "gpt-6-luna") == 1.0
    assert million("openai", "gpt-6-sol") == 2.0
    assert million("openai", "gpt-6-sol", "mine") == 3.0
    assert million("anthropic", "claude-sonnet-5-5") == 2.0  # the table's
    assert price_of("tts", "elevenlabs", "any", overrides=own).usd(Usage(characters=500)) == pytest.approx(0.02)
    assert price_of("stt", "elevenlabs", "scribe_v2_realtime", overrides=own).hour == 0.39


def test_an_own_price_may_be_nothing() -> None:
    price = price_of("stt", "cartesia", overrides={"stt": {"cartesia": {}}})
    assert (price.usd(Usage(seconds=100)), str(price)) == (0.0, "free")


# --- for people ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "provider", "model", "said"),
    [
        ("llm", "anthropic", "claude-haiku-5-5", "$0.10 in, $0.50 out for a million tokens"),
        ("stt", "openai", "gpt-transcribe", "$0.0045 a minute"),
        ("stt", "assemblyai", "universal-3-6-pro", "$0.45 an hour while connected"),
        ("tts", "deepgram", "aura-2-thalia-en", "$0.03 for 1,000 characters"),
        ("tts", "piper", "", "free"),
    ],
)
def test_a_price_in_words(stage: Stage, provider: str, model: str, said: str) -> None:
    assert str(price_of(stage, provider, model)) == said


def test_the_page_has_the_table() -> None:
    """python -m providers._prices writes it."""
    assert _prices.page() in DOCS.read_text("utf-8")


def test_a_minute_of_conversation_by_hand() -> None:
    minutes = {(row.provider, row.model): _prices.a_minute(row) for row in table() if row.stage in STAGES}
    assert minutes["anthropic", "claude-haiku-5-5"] == pytest.approx(4000 * 0.1e-6 + 200 * 0.5e-6)
    assert minutes["openai", "gpt-transcribe"] == pytest.approx(0.0045 / 2)
    assert minutes["groq", "whisper-large-v3-turbo"] == pytest.approx(40 * 0.04 / 3600)  # four times 10 s at least
    assert minutes["deepgram", "aura-2*"] == pytest.approx(0.012)
    assert minutes["openai", "gpt-realtime-2.1-mini"] == pytest.approx((240 + 100) * 0.6e-6 + 600 * 20e-6)
