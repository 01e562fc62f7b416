from __future__ import annotations

import msgspec
import pytest

from assistant.config import Settings, leaves, options_for, parse_choice, with_provider
from assistant.ports import ParleyError

TIMEOUTS = {"connect": 3.0, "first_byte": 8.0, "gap": 5.0}


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("openai", ("openai", None)),
        ("faster-whisper:base.en", ("faster-whisper", "base.en")),
        ("faster-whisper:/models/a.b:c", ("faster-whisper", "/models/a.b:c")),
        (r"faster-whisper:C:\models\tiny", ("faster-whisper", r"C:\models\tiny")),
        ("openai-compatible:qwen3:8b", ("openai-compatible", "qwen3:8b")),
        ("package.module:factory", ("package.module:factory", None)),
        ("package.module:factory:model:x", ("package.module:factory", "model:x")),
        (" openai ", ("openai", None)),
    ],
)
def test_a_choice_is_a_name_and_maybe_a_model(text: str, choice: tuple[str, str | None]) -> None:
    assert parse_choice(text) == choice


@pytest.mark.parametrize("text", ["", ":", ":model", "openai:", "a.b:c:"])
def test_half_a_choice_is_refused(text: str) -> None:
    with pytest.raises(ParleyError, match="NAME"):
        parse_choice(text)


def settings(**tables: object) -> Settings:
    return msgspec.convert(tables, Settings)


def test_standard_options_of_each_stage() -> None:
    made = settings(
        stt={"provider": "faster-whisper", "model": "base.en", "language": "de", "options": {"beam": 2}},
        llm={"provider": "anthropic", "model": "claude", "options": {"api_key": "k", "base_url": "http://h"}},
        tts={"provider": "espeak-ng", "voice": "en-gb", "speed": 1.5},
        timeouts={"gap": 1.0},
    )
    timeouts = TIMEOUTS | {"gap": 1.0}
    assert options_for(made, "stt") == (
        "faster-whisper", {"model": "base.en", "language": "de", "beam": 2, "timeouts": timeouts},
    )  # fmt: skip
    assert options_for(made, "llm") == (
        "anthropic",
        {"model": "claude", "max_tokens": 400, "api_key": "k", "base_url": "http://h", "timeouts": timeouts},
    )
    assert options_for(made, "tts") == ("espeak-ng", {"voice": "en-gb", "speed": 1.5, "timeouts": timeouts})


def test_what_is_not_set_is_left_to_the_provider() -> None:
    assert options_for(settings(stt={"provider": "openai"}), "stt") == ("openai", {"timeouts": TIMEOUTS})


def test_the_assistants_language_stands_in_for_the_transcribers() -> None:
    made = settings(assistant={"language": "fr"}, stt={"provider": "openai"})
    assert options_for(made, "stt")[1]["language"] == "fr"


def test_a_fallback_gets_nothing_that_was_meant_for_the_first() -> None:
    made = settings(
        llm={"provider": "anthropic", "model": "claude", "fallback": ["openai:gpt"], "options": {"api_key": "k"}},
        tts={"provider": "openai-compatible", "model": "m", "voice": "v", "speed": 2.0, "fallback": ["espeak-ng"]},
    )
    assert options_for(made, "llm", "openai:gpt") == (
        "openai",
        {"model": "gpt", "max_tokens": 400, "timeouts": TIMEOUTS},
    )
    assert options_for(made, "llm", "openai", "gpt")[1]["model"] == "gpt"
    assert options_for(made, "tts", "espeak-ng") == ("espeak-ng", {"speed": 2.0, "timeouts": TIMEOUTS})


BACKUP = {"provider": "openai-compatible", "model": "qwen3", "options": {"base_url": "http://h/v1", "api_key": "k"}}


def test_a_named_instance_brings_its_own() -> None:
    made = settings(llm={"provider": "anthropic", "model": "claude", "options": {"a": 1}}, providers={"backup": BACKUP})
    expected = {"model": "qwen3", "max_tokens": 400, "base_url": "http://h/v1", "api_key": "k", "timeouts": TIMEOUTS}
    assert options_for(made, "llm", "backup") == ("openai-compatible", expected)
    assert options_for(made, "llm", "backup:other")[1]["model"] == "other"


def test_a_named_instance_as_the_stages_provider_takes_the_stages_options_on_top() -> None:
    made = settings(llm={"provider": "backup", "options": {"base_url": "http://i"}}, providers={"backup": BACKUP})
    name, options = options_for(made, "llm")
    assert (name, options["model"], options["base_url"], options["api_key"]) == (
        "openai-compatible", "qwen3", "http://i", "k",
    )  # fmt: skip


def test_an_instance_may_bear_the_name_of_a_provider() -> None:
    made = settings(
        llm={"provider": "anthropic", "fallback": ["openai"]},
        providers={"openai": {"provider": "openai", "options": {"base_url": "http://h"}}},
    )
    assert options_for(made, "llm", "openai")[1]["base_url"] == "http://h"


def test_options_without_a_chosen_provider_go_to_whichever_is_taken() -> None:
    made = settings(llm={"model": "m", "fallback": ["offline"], "options": {"base_url": "http://h"}})
    assert options_for(made, "llm", "openai")[1]["base_url"] == "http://h"
    assert "base_url" not in options_for(made, "llm", "offline")[1]
    taken = with_provider(made, "llm", "openai")
    assert options_for(taken, "llm") == options_for(made, "llm", "openai")
    with pytest.raises(ParleyError, match="no llm provider is chosen"):
        options_for(made, "llm")


def test_the_options_can_be_changed_without_changing_the_settings() -> None:
    made = settings(llm={"provider": "openai", "options": {"a": 1}})
    options_for(made, "llm")[1]["a"] = 2
    assert made.llm.options == {"a": 1}


def test_a_stages_keys_for_wrappers_are_options_of_the_wrapper_that_knows_them() -> None:
    made = settings(
        stt={"provider": "hybrid", "fast": "faster-whisper:base", "accurate": "deepgram"},
        tts={"provider": "r", "short": "espeak-ng", "long": "openai-compatible", "limit": 30},
        providers={"r": {"provider": "route"}},
    )
    assert options_for(made, "stt") == (
        "hybrid", {"fast": "faster-whisper:base", "accurate": "deepgram", "timeouts": TIMEOUTS},
    )  # fmt: skip
    voices = {"short": "espeak-ng", "long": "openai-compatible", "limit": 30}
    assert options_for(made, "tts") == ("route", {**voices, "speed": 1.0, "timeouts": TIMEOUTS})
    assert options_for(made, "stt", "faster-whisper:base")[1] == {"model": "base", "timeouts": TIMEOUTS}
    alone = settings(stt={"provider": "faster-whisper", "fast": "x"}, tts={"provider": "espeak-ng", "limit": 9})
    assert options_for(alone, "stt") == ("faster-whisper", {"timeouts": TIMEOUTS})
    assert options_for(alone, "tts") == ("espeak-ng", {"speed": 1.0, "timeouts": TIMEOUTS})


def test_what_a_wrapper_leads_to() -> None:
    made = settings(
        llm={"provider": "quick", "max_tokens": 9},
        providers={
            "quick": {"provider": "hedge", "options": {"first": "chain", "second": "openai:gpt", "after": 2.0}},
            "chain": {"provider": "fallback", "options": {"of": ["anthropic", "backup"]}},
            "backup": BACKUP,
        },
    )
    found = list(leaves(made, "llm"))
    assert [(name, options.get("model")) for name, options in found] == [
        ("anthropic", None), ("openai-compatible", "qwen3"), ("openai", "gpt"),
    ]  # fmt: skip
    assert {options["max_tokens"] for _, options in found} == {9}
    assert list(leaves(made, "llm", "backup")) == [options_for(made, "llm", "backup")]


def test_a_circle_is_found_before_it_is_walked() -> None:
    made = settings(
        llm={"provider": "a"},
        providers={
            "a": {"provider": "hedge", "options": {"first": "offline", "second": "b"}},
            "b": {"provider": "fallback", "options": {"of": ["a:x"]}},
        },
    )
    with pytest.raises(ParleyError, match="a -> b -> a leads round in a circle"):
        list(leaves(made, "llm"))
