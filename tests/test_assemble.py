"""The offline assistant learns what it may promise, wherever in the chain of models it stands."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from assistant.assemble import Stages, open_stages
from assistant.config import Settings, load
from assistant.ports import Message, SideEffect, Text, TextDelta

pytestmark = pytest.mark.anyio
AFTERNOON = datetime(2026, 11, 20, 15, 5, tzinfo=timezone(timedelta(hours=1)))
SCRIPTED = """
[vad]
provider = "scripted"
[stt]
provider = "scripted"
options = { lines = [] }
[tts]
provider = "TTS"
[llm]
"""
REFUSES = (
    'provider = "scripted"\noptions = { faults = [{ call = 1, kind = "refused" }, { call = 2, kind = "refused" }] }\n'
)
PLACES = {
    "first": 'provider = "offline"',
    "with a model": 'provider = "offline"\nmodel = "any"',
    "fallback": REFUSES + 'fallback = ["offline"]',
    "fallback with a model": REFUSES + 'fallback = ["offline:any"]',
    "an instance": 'provider = "plain"\n[providers.plain]\nprovider = "offline"\noptions = { seed = 1 }',
    "a fallback's instance": REFUSES + 'fallback = ["plain"]\n[providers.plain]\nprovider = "offline"',
}


def settings(folder: Path, llm: str, tts: str = "espeak-ng") -> Settings:
    path = folder / "config.toml"
    path.write_text(SCRIPTED.replace("TTS", tts) + llm, "utf-8")
    return load(config_file=path, profile=None, environ={}, flags={}, cwd=folder).settings


async def asked(stages: Stages, text: str) -> tuple[str, list[SideEffect]]:
    model = await stages.model.get()
    deltas: list[Any] = [delta async for delta in model.reply([Message("user", (Text(text),))])]
    words = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    return words, [delta for delta in deltas if isinstance(delta, SideEffect)]


@pytest.mark.parametrize("place", PLACES)
async def test_it_offers_what_the_session_does_and_knows_what_is_set(place: str, tmp_path: Path) -> None:
    async with open_stages(settings(tmp_path, PLACES[place]), clock=lambda: AFTERNOON) as stages:
        await stages.loaded()
        words, [timer] = await asked(stages, "Set a pasta timer for eight minutes.")
        assert words == "Your pasta timer for 8 minutes is set."
        assert stages.effects.pending.entries == (), "a model does nothing itself"
        stages.effects.carry_out(timer)
        assert await asked(stages, "How much time is left?") == ("The pasta timer has 8 minutes left.", [])
        words, [alarm] = await asked(stages, "Wake me up at seven.")
        stages.effects.carry_out(alarm)
        assert (await asked(stages, "When is my alarm?"))[0].endswith("seven o'clock tomorrow morning.")
        words, [cancel] = await asked(stages, "Cancel the pasta timer.")
        stages.effects.carry_out(cancel)
        assert [entry.kind for entry in stages.effects.pending.entries] == ["alarm"]
        assert [effect.name for effect in (await asked(stages, "Louder, please."))[1]] == ["volume"]


@pytest.mark.parametrize(("tts", "offered"), [("espeak-ng", True), ("scripted", False)])
async def test_another_pace_is_offered_where_the_voice_has_one(tts: str, offered: bool, tmp_path: Path) -> None:
    async with open_stages(settings(tmp_path, PLACES["first"], tts)) as stages:
        await stages.loaded()
        assert ("slower" in (await asked(stages, "What can you do?"))[0]) == offered
        _, effects = await asked(stages, "Speak slower.")
        assert [effect.name for effect in effects] == (["speed"] if offered else [])


async def test_the_pace_goes_by_steps_as_far_as_can_be_understood_and_back(tmp_path: Path) -> None:
    async with open_stages(settings(tmp_path, PLACES["first"])) as stages:
        await stages.loaded()

        async def length() -> int:
            voice = await stages.voice.get()
            return sum([len(chunk.samples) async for chunk in voice.speak("The quick brown fox jumps.")])

        normal = await length()
        reached = []
        for _ in range(5):
            [faster] = (await asked(stages, "Faster!"))[1]
            stages.effects.carry_out(faster)
            reached.append(stages.effects.speed)
        assert reached == pytest.approx([1.25, 1.25**2, 1.25**3, 2.0, 2.0])
        assert normal / await length() == pytest.approx(2.0, rel=0.15)
        [usual] = (await asked(stages, "Normal speed."))[1]
        stages.effects.carry_out(usual)
        assert abs(await length() - normal) < 0.03 * normal


async def test_what_the_users_config_says_is_kept(tmp_path: Path) -> None:
    only = settings(tmp_path, 'provider = "offline"\noptions = { effects = ["volume"] }')
    async with open_stages(only) as stages:
        await stages.loaded()
        assert (await asked(stages, "Set a timer for ten minutes."))[1] == []
        assert len((await asked(stages, "Louder!"))[1]) == 1
