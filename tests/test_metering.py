"""Whoever is asked is counted, however the config nests them; what nobody was asked for costs nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import numpy as np
import pytest

from assistant.assemble import open_stage
from assistant.config import load
from assistant.conversation.costs import Bill, Used
from assistant.ports import Frame, Message, Stage, Text
from providers.cost import Meter

pytestmark = pytest.mark.anyio
QUESTION = [Message("user", (Text("What time is it?"),))]
PRICES = """
[cost.prices.llm]
quick = { output = 1_000_000.0 }
slow = { input = 1_000_000.0 }
[cost.prices.tts]
quick = { characters = 1000.0 }
slow = { characters = 2000.0 }
"""


@asynccontextmanager
async def opened(folder: Path, stage: Stage, text: str) -> AsyncIterator[tuple[Any, Meter, list[Used]]]:
    """A stage, its meter, and what is told."""
    path = folder / "config.toml"
    path.write_text(text + PRICES, "utf-8")
    settings = load(config_file=path, profile=None, environ={}, flags={}, cwd=folder).settings
    meter = Meter(msgspec.to_builtins(settings.cost.prices))
    used: list[Used] = []
    meter.report_to(used.append)
    async with open_stage(settings, stage, lambda *_: None, meter=meter) as provider:
        yield provider, meter, used


def told(used: list[Used]) -> list[tuple[float | None, bool]]:
    return [(use.usd, use.wasted) for use in used]


async def test_a_hedges_loser_is_paid_for_and_wasted(tmp_path: Path) -> None:
    text = """
        [llm]
        provider = "hedge"
        options = { first = "slow", second = "quick", after = 0.05 }
        [providers.slow]
        provider = "scripted"
        options = { ttft = 60.0, name = "slow" }
        [providers.quick]
        provider = "scripted"
        options = { replies = ["Nine."], name = "quick" }
    """
    async with opened(tmp_path, "llm", text) as (model, meter, used):
        with meter.billing(Bill(1)):
            said = "".join([delta.text async for delta in model.reply(QUESTION)])
    assert said == "Nine."
    asked = 5 + 4  # 16 characters, and what frames them
    assert sorted(told(used), key=str) == sorted([(2.0, False), (float(asked), True)], key=str)


async def test_a_hedge_that_was_not_needed_costs_one_call(tmp_path: Path) -> None:
    text = """
        [tts]
        provider = "hedge"
        cache = false
        options = { first = "quick", second = "slow", after = 30.0 }
        [providers.slow]
        provider = "scripted"
        [providers.quick]
        provider = "scripted"
        options = { name = "quick" }
    """
    async with opened(tmp_path, "tts", text) as (voice, meter, used):
        with meter.billing(Bill(1)):
            assert [chunk async for chunk in voice.speak("Nine.")]
    assert told(used) == [(5.0, False)]


async def test_a_route_is_billed_by_whoever_spoke(tmp_path: Path) -> None:
    text = """
        [tts]
        provider = "route"
        short = "quick"
        long = "slow"
        limit = 10
        cache = false
        [providers.slow]
        provider = "scripted"
        [providers.quick]
        provider = "scripted"
    """
    async with opened(tmp_path, "tts", text) as (voice, _, used):
        for piece in ("Nine.", "It is a quarter past nine."):
            assert [chunk async for chunk in voice.speak(piece)]
    assert told(used) == [(5.0, False), (52.0, False)]


async def test_what_a_cache_has_is_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    text = """
        [tts]
        provider = "cache"
        options = { of = "quick" }
        [providers.quick]
        provider = "scripted"
        [providers.slow]
        provider = "scripted"
    """
    costs = []
    for _ in range(2):
        async with opened(tmp_path, "tts", text) as (voice, _, used):
            assert [chunk async for chunk in voice.speak("It is a quarter past nine.")]
        costs.append(told(used))
    assert costs == [[(26.0, False)], []]


async def test_the_second_of_a_chain_is_billed_when_it_is_asked(tmp_path: Path) -> None:
    text = """
        [llm]
        provider = "slow"
        fallback = ["quick"]
        [providers.slow]
        provider = "scripted"
        options = { faults = [{ call = 1, kind = "refused" }] }
        [providers.quick]
        provider = "scripted"
        options = { replies = ["Nine."] }
    """
    async with opened(tmp_path, "llm", text) as (model, _, used):
        assert [delta async for delta in model.reply(QUESTION)]
    assert told(used) == [(2.0, False)]


async def test_both_ears_of_a_hedge_are_billed_and_the_later_is_wasted(tmp_path: Path) -> None:
    line = "{ start = 0.0, end = 0.1, text = 'nine' }"
    text = f"""
        [stt]
        provider = "hedge"
        options = {{ first = "slow", second = "quick", after = 0.05 }}
        [providers.slow]
        provider = "scripted"
        options = {{ lines = [{line}], batch = true, final_after = 60.0 }}
        [providers.quick]
        provider = "scripted"
        options = {{ lines = [{line}], batch = true, final_after = 0.0 }}
        [cost.prices.stt]
        quick = {{ minute = 60.0 }}
        slow = {{ minute = 60.0 }}
    """
    bill = Bill(1)
    async with opened(tmp_path, "stt", text) as (ears, meter, used):
        with meter.billing(bill):
            async with ears.stream() as stream:
                for number in range(10):
                    stream.push(Frame(np.zeros(512, np.float32), 512 * number))
                stream.finish()
                async for transcript in stream:
                    if transcript.final:
                        break
                await anyio.sleep(0.05)
                bill.over = True
    seconds = pytest.approx(10 * 512 / 16_000)
    assert sorted((use.wasted, use.usd) for use in used) == [(False, seconds), (True, seconds)]
