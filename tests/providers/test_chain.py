"""A chain under one name, in another chain: who is asked, who is told of what, and what it costs."""

from __future__ import annotations

import time
from typing import Any

import anyio
import pytest
import trio.testing

from assistant.ports import FailedMidway, ParleyError, ProviderError, ProviderUnavailable
from providers import chain
from providers._errors import Rejected
from providers._options import Timeouts
from providers.fallback import Lazy, fallback_chat, fallback_synthesizer, fallback_transcriber
from tests.providers.doubles import Ear, Inside, Model, Told, Voice, said, sound, speak_to

pytestmark = pytest.mark.anyio
SHORT = Timeouts(first_byte=2.0, gap=1.0)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


def ill(name: str) -> ProviderError:
    return ProviderError(f"{name} is ill", provider=name)


def inner(inside: Inside, stage: str = "chat_model", **options: Any) -> Lazy[Any]:
    """The chain "inner" of what is inside."""
    return Lazy("inner", lambda: getattr(chain, stage)(inside.options(of=list(inside.providers), **options)))


async def test_a_chain_in_a_chain_is_asked_to_its_end_before_the_next() -> None:
    a, b, c = Model("a", (), error=ill("a")), Model("b", (), error=ill("b")), Model("c")
    inside, outer = Inside({"a": a, "b": b}), Told()
    async with fallback_chat([inner(inside), c], outer.failed) as model:
        assert model.name == "a"
        assert await said(model) == "all well"
        assert await said(model) == "all well"
    assert (len(a.calls), len(b.calls), len(c.calls)) == (1, 1, 2)
    assert inside.told.failures == [("a", "b")], "each failure is told once"
    assert (outer.failures, outer.errors) == ([("inner", "c")], ["b is ill"])


async def test_what_breaks_off_inside_goes_on_inside() -> None:
    a, b, c = Model("a", ["half"], error=ill("a")), Model("b", ["the", " rest"]), Model("c")
    inside, outer = Inside({"a": a, "b": b}), Told()
    async with fallback_chat([inner(inside), c], outer.failed) as model:
        with pytest.raises(FailedMidway, match="a is ill"):
            await said(model)
        assert await said(model) == "the rest"
    assert (inside.told.failures, outer.failures, c.calls) == ([("a", "b")], [], [])


async def test_a_voice_that_breaks_off_inside_is_followed_inside() -> None:
    voices = {"a": Voice("a", error=ill("a"), fails_after=1), "b": Voice("b")}
    inside, outer = Inside(voices), Told()
    async with fallback_synthesizer([inner(inside, "synthesizer"), Voice("c")], outer.failed) as voice:
        with pytest.raises(FailedMidway):
            await sound(voice.speak("one two"))
        await sound(voice.speak("two"))
    assert (voices["b"].texts, outer.failures) == (["two"], [])


async def test_the_outer_chain_does_not_hurry_the_inner_one() -> None:
    """Its first has all its time, and then its second has."""
    a, b, c = Model("a", delay=1e9), Model("b", delay=1.9), Model("c")
    inside, outer = Inside({"a": a, "b": b}), Told()
    lazy = inner(inside, timeouts={"first_byte": 2.0})
    async with fallback_chat([lazy, c], outer.failed, SHORT) as model:
        began = anyio.current_time()
        assert await said(model) == "all well"
        assert anyio.current_time() - began == pytest.approx(2.5 + 1.9)
    assert (inside.told.failures, outer.failures) == ([("a", "b")], [])


async def test_nor_does_it_hurry_a_transcriber_chain() -> None:
    ears = {"a": Ear("a", delay=1e9), "b": Ear("b", delay=1.9)}
    inside, outer = Inside(ears), Told()
    lazy = inner(inside, "transcriber", timeouts={"first_byte": 2.0})
    async with (
        fallback_transcriber([lazy, Ear("c")], outer.failed, SHORT) as transcriber,
        transcriber.stream() as stream,
    ):
        await speak_to(stream, 5)
        stream.finish()
        final = await anext(aiter(stream))
    assert (final.provider, final.text) == ("b", "5 frames")
    assert (inside.told.failures, outer.failures) == ([("a", "b")], [])


async def test_the_next_transcriber_gets_what_the_inner_chain_could_not_hear() -> None:
    ears = {"a": Ear("a", fails_after=2), "b": Ear("b", error_at_finish=True)}
    outer = Told()
    async with (
        fallback_transcriber([inner(Inside(ears), "transcriber"), Ear("c")], outer.failed) as transcriber,
        transcriber.stream() as stream,
    ):
        await speak_to(stream, 5)
        stream.finish()
        assert (await anext(aiter(stream))).text == "5 frames"
    assert outer.failures == [("inner", "c")]


async def test_none_inside_that_can_be_built_is_none() -> None:
    inside, outer = Inside({name: ProviderUnavailable(f"{name} needs a key") for name in "ab"}), Told()
    async with fallback_chat([inner(inside), Model("c")], outer.failed) as model:
        assert await said(model) == "all well"
    assert outer.errors == ["a needs a key; b needs a key"]
    assert inside.told.failures == [("a", "b")]


async def test_a_chain_of_nobody_says_so() -> None:
    for wrong, sentence in (({}, "of"), ({"of": []}, "of"), ({"of": ["a"], "model": "x"}, "no model of its own")):
        with pytest.raises(ParleyError, match=sentence):
            async with chain.chat_model(Inside({"a": Model("a")}).options(**wrong)):
                pytest.fail("not opened")


# --- what it costs ----------------------------------------------------------------------------------------------------


async def test_a_longer_chain_costs_next_to_nothing_and_an_open_breaker_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The figures are printed; the machine is too noisy for a limit. That nobody is waited for, virtual time shows."""
    reply = ["word "] * 100
    well, others = Model("a", reply, delay=0.0), [Model(name, reply, delay=0.0) for name in "bcd"]
    sick = Model("z", (), error=Rejected("z rejected the key (401)"), delay=0.0)
    told = Told()
    async with (
        fallback_chat([well], told.failed) as alone,
        fallback_chat([well, *others], told.failed) as longer,
        fallback_chat([sick, well], told.failed) as broken,
    ):
        await said(broken)  # opens the breaker
        times: dict[str, list[float]] = {"bare": [], "alone": [], "longer": [], "broken": []}
        virtual = anyio.current_time()
        for _ in range(40):
            for kind, model in (("bare", well), ("alone", alone), ("longer", longer), ("broken", broken)):
                began = time.perf_counter()
                await said(model)
                times[kind].append((time.perf_counter() - began) * 1e3)
        assert anyio.current_time() == virtual
    assert len(sick.calls) == 1, "who rests is not asked"
    assert [len(other.calls) for other in others] == [0, 0, 0]
    best = {kind: min(spent) for kind, spent in times.items()}
    with capsys.disabled():
        print(
            f"\nchain, a reply of 100 deltas: {best['alone'] - best['bare']:.2f} ms more than without a chain; three "
            f"providers more that never fail add {best['longer'] - best['alone']:+.3f} ms; an open breaker "
            f"{best['broken'] - best['alone']:+.3f} ms"
        )
