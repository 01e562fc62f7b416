"""What is said of providers, from facts as plain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from assistant.catalogue.survey import Facts, Lack, Row, Server, addresses, can, survey
from assistant.config import Settings
from assistant.config.settings import Instance
from assistant.ports import ChatAbilities, ParleyError, SynthesizerAbilities, TranscriberAbilities
from providers._card import Card
from providers._prices import Price

CLOUD = Card(ChatAbilities(tools=True), model="big", key="CLOUD_API_KEY", package="cloudy", extra="cloud")
OWN = Card(ChatAbilities(), package="openai", extra="openai", server="serve --now")
HERE = Card(ChatAbilities(), model="small", megabytes=63, real=False, note="a note")
NAMES = ("cloud", "own", "here", "silent", "wrapper")


def facts(**changed: Any) -> Facts:
    """A machine on which everything is there."""
    return Facts(
        **{
            "names": {"stt": (), "llm": NAMES, "tts": ()},
            "cards": {("llm", "cloud"): CLOUD, ("llm", "own"): OWN, ("llm", "here"): HERE, ("llm", "silent"): None},
            "mended_by": {},
            "wraps": {("llm", "wrapper"): ("first", "second")},
            "installed": lambda package: True,
            "environ": {"CLOUD_API_KEY": "secret"},
            "downloads": lambda stage, provider, options: False,
            "price": lambda stage, provider, options, called: Price(free=True),
            "retiring": lambda provider, model, base_url: "",
            **changed,
        }
    )


def settings(llm: Mapping[str, Any] | None = None, **providers: Mapping[str, Any]) -> Settings:
    plain = Settings()
    return msgspec.structs.replace(
        plain,
        llm=msgspec.structs.replace(plain.llm, **{"provider": "here", **(llm or {})}),
        providers={name: Instance(**table) for name, table in providers.items()},
    )


def rows(facts: Facts, chosen: Settings | None = None, *chain: str) -> dict[str, Row]:
    return {row.name: row for row in survey(chosen or settings(), {"llm": chain}, facts)}


def lacks(row: Row) -> list[tuple[str, str]]:
    return [(lack.kind, lack.command) for lack in row.lacks]


def notes(row: Row) -> str:
    return "; ".join(map(str, row.notes))


def test_ready() -> None:
    cloud = rows(facts())["cloud"]
    assert (cloud.ready, cloud.lacks, cloud.model) == (True, (), "big")


def test_a_missing_key_and_package_with_their_commands() -> None:
    cloud = rows(facts(installed=lambda package: False, environ={"CLOUD_API_KEY": "  "}))["cloud"]
    assert cloud.ready is False
    assert lacks(cloud) == [
        ("package", "pip install 'parley-voice[cloud]'"),
        ("key", "export CLOUD_API_KEY=..."),
    ]


def test_a_key_may_be_in_another_variable_or_in_the_options() -> None:
    other = dataclasses.replace(CLOUD, other_keys=("CLOUDY_KEY",))
    cards = {("llm", "cloud"): other}
    assert rows(facts(cards=cards, environ={"CLOUDY_KEY": "k"}))["cloud"].ready
    (lack,) = rows(facts(cards=cards, environ={}))["cloud"].lacks
    assert "CLOUD_API_KEY or CLOUDY_KEY" in lack.what
    given = settings({"provider": "cloud", "options": {"api_key": "k"}})
    assert rows(facts(environ={}), given, "cloud")["cloud"].ready


def test_a_model_that_is_fetched_at_the_first_use() -> None:
    here = rows(facts(downloads=lambda stage, provider, options: provider == "here"))["here"]
    assert here.ready
    assert "fetched at the first use (about 63 MB); now: parley" in notes(here)
    assert "never run here with a real model" in notes(here)
    assert "a note" in notes(here)


def test_another_model_has_another_weight() -> None:
    chosen = settings({"model": "other"})
    here = rows(facts(downloads=lambda stage, provider, options: True), chosen, "here")["here"]
    assert here.model == "other"
    assert "at the first use; now" in notes(here)


def test_a_model_that_may_not_be_fetched() -> None:
    here = rows(facts(downloads=lambda stage, provider, options: True, fetching_forbidden=True))["here"]
    assert lacks(here) == [("model", "unset HF_HUB_OFFLINE")]


def test_a_server_that_nobody_named() -> None:
    own = rows(facts())["own"]
    (lack,) = own.lacks
    assert (lack.kind, lack.command) == ("server", "serve --now")
    assert "[llm.options]" in lack.what


def test_a_server_that_answers_and_is_not_named() -> None:
    server = Server("http://127.0.0.1:11434/v1", "Ollama", "qwen3")
    (lack,) = rows(facts(servers=(server,)))["own"].lacks
    assert "Ollama answers with qwen3" in lack.what
    assert 'base_url = "http://127.0.0.1:11434/v1" under [llm.options]' in lack.what


@pytest.mark.parametrize(
    ("listing", "ready"),
    [({"http://h:1/v1": ["m"]}, True), ({"http://h:1/v1": []}, True), ({"http://h:1/v1": None}, False), ({}, True)],
)
def test_a_server_that_is_named(listing: Mapping[str, Any], ready: bool) -> None:
    """Up, up without models, down, and too far away to be asked."""
    own = rows(facts(listings=listing), settings({"provider": "own", "options": {"base_url": "h:1"}}), "own")["own"]
    assert own.ready is ready
    assert [kind for kind, _ in lacks(own)] == ([] if ready else ["server"])


def test_an_address_that_is_none() -> None:
    own = rows(facts(), settings({"provider": "own", "options": {"base_url": "ftp://x"}}), "own")["own"]
    assert [kind for kind, _ in lacks(own)] == ["options"]


def test_options_that_the_provider_refuses() -> None:
    def refuse(stage: str, provider: str, options: Mapping[str, Any]) -> bool:
        raise ParleyError("here: there is no model called 'x'")

    here = rows(facts(downloads=refuse))["here"]
    assert here.lacks == (Lack("options", "here: there is no model called 'x'"),)


def test_one_that_says_nothing_of_itself() -> None:
    silent = rows(facts())["silent"]
    assert (silent.ready, notes(silent), silent.price) == (None, "says nothing of itself", None)


def test_one_whose_module_is_broken() -> None:
    broken = facts(cards={("llm", "silent"): "No module named 'x'"}, mended_by={("llm", "silent"): "pip install y"})
    silent = rows(broken)["silent"]
    assert silent.ready is False
    assert silent.lacks[0].remark.text == "cannot be loaded: No module named 'x'"
    assert silent.lacks[0].command == "pip install y"


def test_a_wrapper_that_nobody_set_up() -> None:
    wrapper = rows(facts())["wrapper"]
    assert [lack.kind for lack in wrapper.lacks] == ["parts"]
    assert "`first` and `second` under [llm.options]" in wrapper.lacks[0].what


def test_a_wrapper_lacks_what_its_parts_lack() -> None:
    chosen = settings({"provider": "wrapper", "options": {"first": "here", "second": "cloud:huge"}})
    wrapper = rows(facts(environ={}), chosen, "wrapper")["wrapper"]
    assert lacks(wrapper) == [("key", "export CLOUD_API_KEY=...")]
    assert wrapper.lacks[0].what.endswith("(for cloud:huge)")
    assert wrapper.parts == {"first": ("here",), "second": ("cloud:huge",)}
    assert rows(facts(), chosen, "wrapper")["wrapper"].ready


def test_a_wrapper_that_leads_round_in_a_circle_ends() -> None:
    chosen = settings({"provider": "wrapper", "options": {"first": "wrapper"}})
    assert rows(facts(), chosen, "wrapper")["wrapper"].ready


def test_named_instances_appear_with_what_they_are() -> None:
    found = rows(facts(environ={}), settings(mine={"provider": "cloud", "model": "huge", "options": {"api_key": "k"}}))
    assert (found["mine"].provider, found["mine"].model, found["mine"].ready) == ("cloud", "huge", True)
    assert "is cloud" in notes(found["mine"])
    assert found["cloud"].ready is False, "the instance's key is its own"


def test_an_instance_of_another_stages_provider_does_not() -> None:
    assert "ears" not in rows(facts(), settings(ears={"provider": "deepgram"}))


def test_the_chain_comes_first_in_its_order() -> None:
    found = survey(settings({"fallback": ("silent", "cloud:huge")}), {"llm": ("here", "silent", "cloud:huge")}, facts())
    assert [(row.name, row.place) for row in found][:3] == [("here", 1), ("silent", 2), ("cloud", 3)]
    assert found[2].model == "huge"
    assert [row.place for row in found][3:] == [None, None]


def test_a_factory_by_its_path_appears_where_it_is_used() -> None:
    chosen = settings({"provider": "acme.x:make"})
    assert rows(facts(), chosen, "acme.x:make")["acme.x:make"].place == 1


def test_a_model_that_is_about_to_be_shut_down() -> None:
    told = facts(retiring=lambda provider, model, base_url: f"{model} shuts down" if provider == "cloud" else "")
    assert "big shuts down" in notes(rows(told)["cloud"])


def test_the_addresses_that_are_asked() -> None:
    chosen = settings(
        {"provider": "own", "options": {"base_url": "127.0.0.1:9"}},
        second={"provider": "own", "options": {"base_url": "http://127.0.0.1:10/v1/"}},
        wrong={"provider": "own", "options": {"base_url": "ftp://x"}},
    )
    assert addresses(chosen, {"llm": ("own",)}, {"llm": NAMES}) == {"http://127.0.0.1:9/v1", "http://127.0.0.1:10/v1"}


@pytest.mark.parametrize(
    ("abilities", "words"),
    [
        (TranscriberAbilities(), ""),
        (TranscriberAbilities(partials=True, word_times=True, end_of_turn=True, languages=("en",)),
         "partials, word times, own end of turn, en"),
        (TranscriberAbilities(languages=tuple("abcde")), "5 languages"),
        (ChatAbilities(tools=True, usage=True), "tools, usage"),
        (SynthesizerAbilities(word_times=True, streams_text=True, adjusts_speed=True),
         "word times, streamed text, speed while it speaks"),
    ],
)  # fmt: skip
def test_abilities_in_standard_words(abilities: Any, words: str) -> None:
    assert can(abilities) == words
