from __future__ import annotations

import json
import string
import tomllib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.config import Settings, recordable, redacted, scrub, to_toml
from assistant.config.secrets import is_secret, redact
from assistant.config.settings import Vad
from assistant.ports import ParleyError

KEY = "sk-live-0123456789"


SECRET_KEYS = """
    api_key API_KEY apiKey api-key xi-api-key x_key key apikey token auth_token client_secret password cookie
    Authorization Proxy-Authorization
"""


@pytest.mark.parametrize("key", SECRET_KEYS.split())
def test_keys_that_hold_secrets(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize(
    "key", ["max_tokens", "base_url", "model", "keywords", "keyterm", "tokenizer", "monkey", "voice"]
)
def test_keys_that_do_not(key: str) -> None:
    assert not is_secret(key)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("https://joe:pa@ss@h/v1", "https://***@h/v1"),
        ("https://tokenonly@h/v1", "https://***@h/v1"),
        ("wss://h/x?api_key=abc&v=2", "wss://h/x?api_key=***&v=***"),
        ("https://h/x?abcdef", "https://h/x?***"),
        ("https://h/a@b", "https://h/a@b"),
    ],
)
def test_addresses_lose_their_users_and_queries(url: str, shown: str) -> None:
    assert redact({"base_url": url}) == {"base_url": shown}


SECRET = st.text(string.ascii_letters + string.digits, min_size=9, max_size=37).map("7q7{}".format)
"""None is part of an option's name."""


@given(SECRET, st.sampled_from(["api_key", "token", "Authorization", "x-api-key"]), st.sampled_from([0, 1, 2, 3, 4]))
def test_a_secret_is_in_nothing_that_is_shown(secret: str, key: str, where: int) -> None:
    options = [
        {key: secret},
        {"headers": {key: f"Bearer {secret}"}},
        {"list": [{key: [secret, secret]}]},
        {"base_url": f"http://u:{secret}@h/"},
        {"base_url": f"http://h/?{key}={secret}"},
    ][where]
    settings = msgspec.convert(
        {
            "llm": {"provider": "openai", "options": options},
            "providers": {"b": {"provider": "openai", "options": options}},
            "profiles": {"p": {"llm": {"options": options}}},
        },
        Settings,
    )
    plain = redacted(settings)
    assert secret not in json.dumps(plain)
    assert secret not in to_toml(plain)
    assert secret not in recordable(settings)
    assert secret not in repr(settings) and repr(Vad()) in repr(settings)


def test_what_is_loaded_is_scrubbed_from_any_text(loaded) -> None:
    loaded(
        '[llm.options]\napi_key = "first-secret"\nheaders = { Authorization = "Bearer second-secret" }\n'
        'base_url = "http://joe:third%2Fsecret@h/?token=fourth-secret"',
        environ={
            "OPENAI_API_KEY": "fifth+secret",
            "HF_TOKEN": "sixth-secret",
            "OTHER": "not-a-secret",
            "A_KEY": "short",
        },
    )
    text = (
        "first-secret second-secret third/secret third%2Fsecret fourth-secret fifth+secret fifth%2Bsecret sixth-secret"
    )
    assert set(scrub(text).split()) == {"***"}
    assert scrub("not-a-secret short words") == "not-a-secret short words"


def test_without_secrets_nothing_is_changed() -> None:
    assert scrub("any text at all") == "any text at all"


def test_a_known_key_is_hidden_under_a_harmless_name_too(loaded) -> None:
    settings = loaded(f'[llm.options]\nextra = "x {KEY} y"', environ={"OPENAI_API_KEY": KEY}).settings
    assert redacted(settings)["llm"]["options"] == {"extra": "x *** y"}


@pytest.mark.parametrize(
    "text",
    [
        f'[llm]\napi_key = "{KEY}"',
        f'[llm]\napi_kye = "{KEY}"',
        f'[llm]\nmax_tokens = "{KEY}"',
        f'[llm]\nextra = ["http://u:{KEY}@h"]',
        f'[llm.options]\napi_key = "{KEY}"\n[turn]\nbarge_in = "{KEY}"',
        f'[llm.options]\napi_key = "{KEY}\n',
    ],
)
def test_no_error_message_holds_a_key(loaded, text: str) -> None:
    with pytest.raises(ParleyError) as error:
        loaded(text)
    assert KEY not in str(error.value)


def test_the_settings_show_without_keys_and_without_losing_anything_else(loaded) -> None:
    settings = loaded(f'[llm]\nprovider = "openai"\nmodel = "gpt"\noptions = {{ api_key = "{KEY}", top = 1 }}').settings
    plain = redacted(settings)
    assert plain["llm"]["options"] == {"api_key": "***", "top": 1}
    assert plain["llm"]["model"] == "gpt"
    assert tomllib.loads(to_toml(plain)) == plain


def test_a_recorded_config_loads_to_the_same_settings(loaded) -> None:
    text = f"""\
profile = "mine"
[llm]
provider = "anthropic"
options = {{ api_key = "{KEY}", base_url = "http://u:{KEY}@127.0.0.1:1/v1" }}
[profiles.mine.turn]
silence_ms = 300
[profiles.mine.llm]
provider = "openai"
[providers.backup]
provider = "openai-compatible"
"""
    before = loaded(text, flags={"llm": {"provider": "backup"}, "turn": {"drafts": False}}).settings
    again = loaded(only=recordable(before)).settings
    assert again == msgspec.structs.replace(before, profile="auto", profiles={})
    assert again.llm.provider == "backup"


def test_a_recorded_config_has_no_masks_that_would_be_taken_for_keys(loaded) -> None:
    settings = loaded(f'[llm.options]\napi_key = "{KEY}"\nbase_url = "http://u:{KEY}@h:1/v1?token=x"').settings
    assert loaded(only=recordable(settings)).settings.llm.options == {"base_url": "http://h:1/v1"}
