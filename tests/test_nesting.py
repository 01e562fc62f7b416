"""Wrappers by config, to any depth: what `assistant.assemble` opens, and what is told of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from assistant.assemble import Stages, likely_phrases, open_stage, open_stages
from assistant.config import Settings, load
from assistant.opening import Opening
from assistant.ports import Message, ParleyError, Text, TextDelta
from providers import registry
from providers._cached_voice import CachedVoice
from tests.providers.doubles import sound

pytestmark = pytest.mark.anyio
QUESTION = [Message("user", (Text("hello"),))]

SCRIPTED = """
[vad]
provider = "scripted"
[stt]
provider = "scripted"
[llm]
provider = "scripted"
[tts]
provider = "scripted"
"""


def settings_of(folder: Path, text: str) -> Settings:
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    return load(config_file=path, profile=None, environ={}, flags={}, cwd=folder).settings


async def said(model: Any) -> str:
    deltas = [delta async for delta in model.reply(QUESTION)]
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


Failure = tuple[str, str, str | None]


@asynccontextmanager
async def opened(folder: Path, text: str) -> AsyncIterator[tuple[Stages, list[Failure], list[tuple[str, str]]]]:
    """All stages, the failures that are told, and the news of wrappers."""
    failures: list[Failure] = []
    news: list[tuple[str, str]] = []

    def failed(stage: str, provider: str, error: str, following: str | None) -> None:
        failures.append((stage, provider, following))

    def did(stage: str, what: str, more: Mapping[str, object]) -> None:
        news.append((stage, what))

    async with open_stages(settings_of(folder, text), failed) as stages:
        stages.report_news_to(did)
        await stages.loaded()
        yield stages, failures, news


def instance(name: str, **options: str) -> str:
    table = ", ".join(f"{key} = {value}" for key, value in {"name": f'"{name}"', **options}.items())
    return f'[providers.{name}]\nprovider = "scripted"\noptions = {{ {table} }}\n'


REFUSES = '[{ call = 0, kind = "refused" }]'

DEEP = f"""
[llm]
provider = "outer"
fallback = ["last"]
[providers.outer]
provider = "hedge"
options = {{ first = "chain", second = "other", after = 0.05 }}
[providers.chain]
provider = "fallback"
options = {{ of = ["sick", "slow"] }}
{instance("sick", faults=REFUSES)}
{instance("slow", ttft="60.0", replies='["too late"]')}
{instance("other", replies='["in time"]')}
{instance("last", replies='["not needed"]')}
"""


async def test_a_chain_in_a_hedge_in_a_chain(tmp_path: Path) -> None:
    text = SCRIPTED.replace('[llm]\nprovider = "scripted"', DEEP)
    async with opened(tmp_path, text) as (stages, failures, news):
        model = await stages.model.get()
        assert model.name == "sick+other"
        assert await said(model) == "in time"
    assert failures == [("llm", "sick", "slow")], "told once, by whoever goes on"
    assert news == [("llm", "hedge")]


async def test_a_failure_that_nobody_takes_over_is_told_once_at_the_top(tmp_path: Path) -> None:
    both = instance("a", faults=REFUSES) + instance("b", faults=REFUSES)
    table = '[llm]\nprovider = "hedge"\noptions = { first = "a", second = "b" }\n' + both
    async with opened(tmp_path, SCRIPTED.replace('[llm]\nprovider = "scripted"', table)) as (stages, failures, _):
        with pytest.raises(Exception, match="refused the call"):
            await said(await stages.model.get())
    assert failures == [("llm", "a", "b"), ("llm", "hedge", None)]


async def test_the_stages_keys_reach_hybrid_and_route(tmp_path: Path) -> None:
    text = """
        [vad]
        provider = "scripted"
        [llm]
        provider = "scripted"
        [stt]
        provider = "hybrid"
        fast = "rough"
        accurate = "fine"
        [tts]
        provider = "route"
        short = "quick"
        long = "good"
        limit = 8
    """ + "".join(map(instance, ("rough", "fine", "quick", "good")))
    async with opened(tmp_path, text) as (stages, _, _):
        assert (await stages.transcriber.get()).name == "rough+fine"
        voice = await stages.voice.get()
        assert (voice.name, voice.abilities.streams_text) == ("quick+good", False)


async def test_the_offline_assistant_is_informed_however_deep_it_lies(tmp_path: Path) -> None:
    table = f"""
[llm]
provider = "w"
[providers.w]
provider = "hedge"
options = {{ first = "sick", second = "c" }}
[providers.c]
provider = "fallback"
options = {{ of = ["offline"] }}
{instance("sick", faults=REFUSES)}
"""
    async with opened(tmp_path, SCRIPTED.replace('[llm]\nprovider = "scripted"', table)) as (stages, _, _):
        model = await stages.model.get()
        deltas = [delta async for delta in model.reply([Message("user", (Text("Set a timer for ten minutes."),))])]
        assert [type(delta).__name__ for delta in deltas][-1] == "SideEffect"


async def test_a_third_partys_wrapper_nests_like_our_own(tmp_path: Path) -> None:
    table = f"""
[llm]
provider = "hedge"
options = {{ first = "double", second = "offline" }}
[providers.double]
provider = "tests.twice:model"
options = {{ whom = "chain" }}
[providers.chain]
provider = "fallback"
options = {{ of = ["sick", "well"] }}
{instance("sick", faults=REFUSES)}
{instance("well", replies='["Ha."]')}
"""
    async with opened(tmp_path, SCRIPTED.replace('[llm]\nprovider = "scripted"', table)) as (stages, failures, _):
        assert await said(await stages.model.get()) == "Ha.Ha."
    assert failures == [("llm", "sick", "well")]
    with pytest.raises(ParleyError, match=r'providers\.double\.options\.whom = "nobody" is not a known llm provider'):
        settings_of(tmp_path, table.replace('whom = "chain"', 'whom = "nobody"'))


# --- circles and names, where nothing has checked the settings --------------------------------------------------------


async def test_a_circle_ends_in_a_sentence(tmp_path: Path) -> None:
    text = instance("ok") + '[providers.a]\nprovider = "hedge"\noptions = { first = "ok", second = "b" }\n'
    text += '[providers.b]\nprovider = "fallback"\noptions = { of = ["a"] }\n'
    opening = Opening(settings_of(tmp_path, text), "llm", lambda *_: None)
    with pytest.raises(ParleyError, match="llm: a -> b -> a leads round in a circle"):
        async with opening("a"):
            pytest.fail("not opened")
    with pytest.raises(ParleyError, match="no llm provider called 'nobody'"):
        async with opening("nobody"):
            pytest.fail("not opened")
    async with opening("ok") as one, opening("ok") as other:
        assert one is not other


# --- the cache that comes by itself -----------------------------------------------------------------------------------

SERVED = """
[tts]
provider = "openai-compatible"
model = "kokoro"
options = { base_url = "http://127.0.0.1:9/v1" }
"""


@pytest.mark.parametrize(
    ("table", "cached"),
    [
        (SERVED, True),
        (SERVED + "cache = false\n", False),
        ('[tts]\nprovider = "espeak-ng"\n', False),
        ('[tts]\nprovider = "scripted"\n', False),
        ('[tts]\nprovider = "c"\n[providers.c]\nprovider = "cache"\noptions = { of = "scripted" }\n', True),
        (
            '[tts]\nprovider = "c"\ncache = false\n[providers.c]\nprovider = "cache"\noptions = { of = "scripted" }\n',
            True,
        ),
    ],
)
async def test_it_goes_around_voices_that_servers_make_and_those_that_are_named(
    table: str, cached: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made: list[str] = []
    before = CachedVoice.__init__

    def noted(self: CachedVoice, voice: Any, *rest: Any) -> None:
        made.append(voice.name)
        before(self, voice, *rest)

    monkeypatch.setattr(CachedVoice, "__init__", noted)
    async with open_stage(settings_of(tmp_path, table), "tts", lambda *_: None):
        assert len(made) == cached


async def test_by_name_around_a_chain_each_voice_is_kept_as_its_own(tmp_path: Path) -> None:
    """What the second has said while the first was ill is not heard as the first one's afterwards."""
    kept = f"""
[tts]
provider = "kept"
[providers.kept]
provider = "cache"
options = {{ of = "chain", folder = "{tmp_path / "speech"}" }}
[providers.chain]
provider = "fallback"
options = {{ of = ["first", "second"] }}
{instance("second", word="0.1")}
"""
    spoken = []
    for first in (instance("first", word="0.2", faults=REFUSES), instance("first", word="0.2")):
        async with open_stage(settings_of(tmp_path, kept + first), "tts", lambda *_: None) as voice:
            spoken += [len((await sound(voice.speak("hello")))[0]) for _ in range(2)]
    assert spoken == [2_400, 2_400, 4_800, 4_800]
    assert len(list((tmp_path / "speech").iterdir())) == 2


def test_what_is_made_ahead_is_little_where_there_is_a_budget(tmp_path: Path) -> None:
    plain = likely_phrases(settings_of(tmp_path, ""))
    assert plain[0].startswith("Sorry")
    assert "Sure." in plain
    assert len(plain) < 12
    assert list(likely_phrases(settings_of(tmp_path, "[cost]\nbudget = 1.0"))) == list(plain[:2])
    assert "Sure." not in likely_phrases(settings_of(tmp_path, '[assistant]\nlanguage = "de"'))


def test_wrappers_are_found_by_what_their_modules_say() -> None:
    assert registry.wraps("tts", "route") == ("short", "long")
    assert registry.wraps("llm", "fallback") == ("of",)
    assert registry.wraps("llm", "scripted") == ()
    assert registry.wraps("llm", "no.such.module:factory") == ()
