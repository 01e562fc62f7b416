"""Hedging, on virtual time: who is asked when, who wins, that the loser is closed, what becomes of the slow tail."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from itertools import chain, islice, repeat

import anyio
import numpy as np
import pytest
import trio.testing

from assistant.ports import (
    ChatAbilities,
    FailedMidway,
    ParleyError,
    ProviderError,
    ProviderUnavailable,
    SynthesizerAbilities,
    TextDelta,
    Tool,
    ToolCall,
    TranscriberAbilities,
    Transcript,
    Usage,
)
from providers import hedge
from providers._lateness import ENOUGH, KEPT, MARGIN, Lateness
from providers._transcripts import Transcripts
from tests.providers.doubles import HELLO, Ear, EarStream, Inside, Model, Voice, frame, pitch_of, said, sound, speak_to

pytestmark = pytest.mark.anyio
NAMES = {"first": "a", "second": "b"}
SLOW = 5.0
"""Seconds of the slow tail."""


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


def chat(inside: Inside, **options: object) -> object:
    return hedge.chat_model(inside.options(**NAMES, **options))


# --- thinking ---------------------------------------------------------------------------------------------------------


async def test_a_first_that_is_in_time_is_all_that_is_asked() -> None:
    a, b = Model("a", delay=0.9), Model("b")
    inside = Inside({"a": a, "b": b})
    async with chat(inside) as model:
        assert inside.opened == ["a", "b"] or inside.opened == ["b", "a"], "both are ready before they are needed"
        assert await said(model) == "all well"
    assert (len(a.calls), len(b.calls), inside.told.news) == (1, 0, [])
    assert sorted(inside.closed) == ["a", "b"]


async def test_a_first_that_is_late_is_overtaken_and_closed() -> None:
    a, b = Model("a", ["late"], delay=SLOW, closing=0.05), Model("b", ["in", " time"], delay=0.2, gap=1.0)
    inside = Inside({"a": a, "b": b})
    async with chat(inside, after=0.5) as model:
        began = anyio.current_time()
        deltas = model.reply(HELLO)
        assert await anext(deltas) == TextDelta("in")
        assert anyio.current_time() - began == pytest.approx(0.7)
        assert [delta async for delta in deltas] == [TextDelta(" time")]
    assert b.calls[0].began - began == pytest.approx(0.5)
    assert a.calls[0].ended - began == pytest.approx(0.7 + 0.05), "the loser is closed while the winner talks"
    assert inside.told.news == [("hedge", {"first": "a", "second": "b", "waited": 0.5})]
    assert inside.told.failures == []


async def test_a_first_that_comes_after_all_wins_and_the_second_is_closed() -> None:
    a, b = Model("a", delay=0.6, gap=1.0), Model("b", delay=SLOW)
    async with chat(Inside({"a": a, "b": b}), after=0.5) as model:
        began = anyio.current_time()
        assert await said(model) == "all well"
    assert (b.calls[0].began - began, b.calls[0].ended - began) == pytest.approx((0.5, 0.6))


async def test_a_failure_starts_the_second_at_once() -> None:
    a, b = Model("a", (), delay=0.1, error=ProviderError("a is ill", provider="a")), Model("b", delay=0.1)
    inside = Inside({"a": a, "b": b})
    async with chat(inside) as model:
        began = anyio.current_time()
        assert await said(model) == "all well"
        assert anyio.current_time() - began == pytest.approx(0.2)
        assert inside.told.failures == [("a", "b")]
        assert await said(model) == "all well"
    assert (len(a.calls), len(b.calls)) == (1, 2), "the sick one rests"


async def test_a_first_that_fails_when_the_second_is_on_its_way_changes_nothing() -> None:
    a, b = Model("a", (), delay=0.8, error=ProviderError("a is ill")), Model("b", delay=0.5)
    inside = Inside({"a": a, "b": b})
    async with chat(inside, after=0.5) as model:
        began = anyio.current_time()
        assert await said(model) == "all well"
        assert anyio.current_time() - began == pytest.approx(1.0)
    assert (len(b.calls), inside.told.failures) == (1, [("a", "b")])


async def test_a_second_that_fails_leaves_the_first_at_it() -> None:
    a, b = Model("a", delay=2.0), Model("b", (), error=ProviderError("b is ill"))
    inside = Inside({"a": a, "b": b})
    async with chat(inside, after=0.5) as model:
        assert await said(model) == "all well"
    assert inside.told.failures == [("b", "a")]


async def test_when_both_fail_the_last_error_is_raised_and_told_by_whoever_asked() -> None:
    a, b = (Model(name, (), error=ProviderError(f"{name} is ill", provider=name)) for name in "ab")
    inside = Inside({"a": a, "b": b})
    async with chat(inside) as model:
        with pytest.raises(ProviderError, match="b is ill") as caught:
            await said(model)
    assert not isinstance(caught.value, FailedMidway)
    assert inside.told.failures == [("a", "b")]


async def test_what_breaks_off_is_told_midway_and_the_other_goes_on() -> None:
    a, b = Model("a", ["all"], error=ProviderError("a broke off", provider="a")), Model("b")
    inside = Inside({"a": a, "b": b})
    async with chat(inside) as model:
        with pytest.raises(FailedMidway, match="a broke off"):
            await said(model)
        assert await said(model) == "all well"
    assert (len(a.calls), len(b.calls), inside.told.failures) == (1, 1, [("a", "b")])


async def test_a_hang_in_the_middle_of_an_answer_is_a_failure() -> None:
    a, b = Model("a", ["all", "never"], gap=1e9), Model("b")
    async with chat(Inside({"a": a, "b": b})) as model:
        began = anyio.current_time()
        with pytest.raises(FailedMidway, match="a gave nothing for 5 s"):
            await said(model)
        assert anyio.current_time() - began == pytest.approx(0.1 + 5.5)


async def test_what_cannot_be_heard_does_not_win() -> None:
    usage = Usage(input_tokens=7)
    a = Model("a", [usage, TextDelta(""), "late"], delay=0.1, gap=1.0)
    b = Model("b", [usage, "in time"], delay=0.3)
    async with chat(Inside({"a": a, "b": b}), after=0.5) as model:
        deltas = [delta async for delta in model.reply(HELLO)]
    assert deltas == [usage, TextDelta("in time")], "and what the winner gave before is not lost"


async def test_a_call_of_a_tool_wins() -> None:
    call = ToolCall("1", "light", {"on": True})
    a, b = Model("a", [call], delay=0.1, gap=2.0), Model("b")
    async with chat(Inside({"a": a, "b": b})) as model:
        assert [delta async for delta in model.reply(HELLO)] == [call]
    assert b.calls == []


async def test_tools_are_offered_where_both_can_take_them() -> None:
    tool = Tool("light", "Switches the light.", {"type": "object"})
    able, unable = (Model(name, abilities=ChatAbilities(tools=able)) for name, able in (("a", True), ("b", False)))
    async with chat(Inside({"a": able, "b": able})) as model:
        assert model.abilities.tools
        await said(model, [tool])
        assert able.tools == [[tool]]
    async with chat(Inside({"a": able, "b": unable})) as model:
        assert not model.abilities.tools, "who has the answer is a matter of luck"


async def test_an_interruption_closes_both() -> None:
    a, b = Model("a", delay=SLOW), Model("b", delay=SLOW)
    async with chat(Inside({"a": a, "b": b}), after=0.5) as model:
        began = anyio.current_time()
        with anyio.move_on_after(1.0):
            await said(model)
        assert anyio.current_time() - began == pytest.approx(1.0)
        assert (a.calls[0].ended, b.calls[0].ended) == pytest.approx((began + 1.0, began + 1.0))


async def test_a_consumer_that_stops_taking_closes_the_winner() -> None:
    a = Model("a", ["word "] * 99, gap=0.1)
    async with chat(Inside({"a": a, "b": Model("b")})) as model:
        async with aclosing(model.reply(HELLO)) as deltas:
            await anext(deltas)
        assert a.calls[0].ended == anyio.current_time()


async def test_a_loser_that_does_not_close_holds_nobody_up_for_longer_than_it_may() -> None:
    a, b = Model("a", delay=SLOW, closing=60.0), Model("b")
    async with chat(Inside({"a": a, "b": b}), after=0.5) as model:
        began = anyio.current_time()
        assert await said(model) == "all well"
        assert anyio.current_time() - began == pytest.approx(0.5 + 0.1 + 0.1)


async def test_one_that_cannot_be_opened_leaves_the_other() -> None:
    for missing, there in (("a", "b"), ("b", "a")):
        inside = Inside({missing: ProviderUnavailable(f"{missing} needs a key"), there: Model(there)})
        async with chat(inside) as model:
            assert model.name == there
            assert await said(model) == "all well"
        assert inside.told.failures == [(missing, there)]
    both = Inside({"a": ProviderUnavailable("a needs a key"), "b": ProviderUnavailable("b needs one too")})
    with pytest.raises(ProviderUnavailable, match="a needs a key; b needs one too"):
        async with chat(both):
            pytest.fail("nothing to talk to")


async def test_a_wrong_option_is_for_the_user_to_mend() -> None:
    inside = Inside({"a": Model("a"), "b": ParleyError("b: unknown option 'modle'")})
    with pytest.raises(ParleyError, match="modle"):
        async with chat(inside):
            pytest.fail("not opened")
    for wrong, sentence in (
        ({"first": "a"}, "second"),
        ({**NAMES, "model": "x"}, "no model of its own"),
        ({**NAMES, "afer": 1.0}, "afer"),
    ):
        with pytest.raises(ParleyError, match=sentence):
            async with hedge.chat_model(inside.options(**wrong)):
                pytest.fail("not opened")


# --- when is late? ----------------------------------------------------------------------------------------------------


def test_late_is_what_is_longer_than_95_of_the_newest_100() -> None:
    lateness = Lateness(1.5)
    for index in range(ENOUGH - 1):
        lateness.took(0.1 * index)
        assert lateness.limit == 1.5
    lateness.took(9.0)
    assert lateness.limit == pytest.approx(0.1 * (ENOUGH - 2) + MARGIN)
    for seconds in range(1, KEPT + 1):
        lateness.took(float(seconds))
    assert lateness.limit == pytest.approx(95 + MARGIN)
    for _ in range(KEPT):
        lateness.took(0.5)
    assert lateness.limit == pytest.approx(0.5 + MARGIN), "it follows how the provider fares now"


def test_calls_that_were_overtaken_say_nothing_of_the_others_until_they_are_many() -> None:
    lateness = Lateness(1.5)
    for _ in range(KEPT):
        lateness.took(0.3)
    for _ in range(KEPT // 4):
        lateness.took(0.9, overtaken=True)
        assert lateness.limit == pytest.approx(0.3 + MARGIN)
    lateness.took(0.9, overtaken=True)
    assert lateness.limit == pytest.approx(0.9 + MARGIN), "it has become slow, and is given time"


async def test_it_learns_from_the_firsts_own_times() -> None:
    times = chain(repeat(0.2, ENOUGH), [SLOW, 0.2, SLOW])
    a, b = Model("a", delay=times), Model("b", delay=0.3)
    inside = Inside({"a": a, "b": b})
    async with chat(inside, after=2.0) as model:
        waits = []
        for _ in range(ENOUGH + 3):
            began = anyio.current_time()
            await said(model)
            waits.append(anyio.current_time() - began)
    assert waits == pytest.approx([0.2] * ENOUGH + [0.2 + MARGIN + 0.3, 0.2, 0.2 + MARGIN + 0.3])


def with_a_tail(generator: random.Random, calls: int, median: float = 0.3) -> Iterator[float]:
    """Seconds to the first token: ``median`` or so (95 of 100 within 1.14 of it), and SLOW in one call of twenty."""
    slow = set(generator.sample(range(calls), calls // 20))
    for call in range(calls):
        yield SLOW if call in slow else generator.lognormvariate(np.log(median), 0.08)
    yield from repeat(median)


def quantile(times: list[float], share: float) -> float:
    return float(np.quantile(times, share))


@pytest.mark.parametrize("seconds_median", [0.3, 0.1], ids=["as quick as the first", "quicker"])
async def test_the_slow_tail_is_cut_off(seconds_median: float, capsys: pytest.CaptureFixture[str]) -> None:
    """2,000 calls; the second has a slow tail of its own."""
    calls, ratios = 2_000, []
    for seed in range(3):
        alone = list(islice(with_a_tail(random.Random(seed), calls), calls))
        a = Model("a", ["word"], delay=with_a_tail(random.Random(seed), calls))
        b = Model("b", ["word"], delay=with_a_tail(random.Random(1000 + seed), calls, seconds_median))
        times = []
        async with chat(Inside({"a": a, "b": b})) as model:
            for _ in range(calls):
                began = anyio.current_time()
                await said(model)
                times.append(anyio.current_time() - began)
        median = quantile(times, 0.5)
        ratios.append(quantile(times, 0.95) / median)
        assert ratios[-1] < 1.5
        assert quantile(times, 0.99) < 3 * median < SLOW == pytest.approx(quantile(alone, 0.99))
        assert len(b.calls) < 0.12 * calls, "it costs little"
        assert all(call.ended is not None for call in (*a.calls, *b.calls))
    with capsys.disabled():
        print(
            f"\nhedge, 5 % of {calls} calls take {SLOW:g} s, others {median:.2f} s, the second's {seconds_median:g} s: "
            f"p95 {max(ratios):.2f} x the median at most; p99 {quantile(alone, 0.99):.2f} s alone, "
            f"{quantile(times, 0.99):.2f} s hedged; {100 * len(b.calls) / calls:.1f} % of the calls are made twice"
        )


# --- speaking ---------------------------------------------------------------------------------------------------------


def speaking(inside: Inside, **options: object) -> object:
    return hedge.synthesizer(inside.options(**NAMES, **options))


async def test_the_quicker_voice_speaks_at_the_firsts_rate_with_its_word_times() -> None:
    a, b = Voice("a", delay=SLOW), Voice("b", rate=16_000, pitch=880.0)
    async with speaking(Inside({"a": a, "b": b}), after=0.5) as voice:
        assert (voice.name, voice.rate) == ("a+b", 24_000)
        samples, words = await sound(voice.speak("four little words here"))
    assert len(samples) == pytest.approx(0.4 * 24_000, abs=2)
    assert pitch_of(samples, 24_000) == pytest.approx(880, abs=5)
    assert [word.start for word in words] == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert [word.offset for word in words] == [0, 5, 12, 18]
    assert a.calls[0].ended is not None


async def test_both_voices_abilities_are_what_is_promised() -> None:
    a = Voice("a", abilities=SynthesizerAbilities(True, True, True, ("en", "de")))
    b = Voice("b", abilities=SynthesizerAbilities(True, False, True, ("en-GB", "fr")))
    async with speaking(Inside({"a": a, "b": b}), after=0.5) as voice:
        assert voice.abilities == SynthesizerAbilities(True, False, True, ("en-GB",))
        voice.set_speed(1.25)
        await sound(voice.speak("hello"))
    assert (a.speeds, b.speeds) == ([1.25], [])


class Written:
    """Text that comes a piece every 2 s."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = list(pieces)

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        await anyio.sleep(2.0)
        if not self.pieces:
            raise StopAsyncIteration
        return self.pieces.pop(0)


async def test_streamed_text_goes_to_both_voices_from_its_beginning() -> None:
    streams = SynthesizerAbilities(streams_text=True)
    a, b = Voice("a", delay=SLOW, abilities=streams), Voice("b", delay=0.1, pitch=880.0, abilities=streams)
    async with speaking(Inside({"a": a, "b": b}), after=1.0) as voice:
        began = anyio.current_time()
        samples, _ = await sound(voice.stream(Written("Hello ", "there, ", "you.")))
    assert b.texts == ["Hello there, you."]
    assert b.calls[0].began - began == pytest.approx(3.0), "late counts from the first piece of the text"
    assert a.calls[0].ended - began == pytest.approx(3.1)
    assert len(samples) == 3 * 2_400
    assert pitch_of(samples, 24_000) == pytest.approx(880, abs=5)


async def test_a_text_without_a_word_asks_nobody() -> None:
    streams = SynthesizerAbilities(streams_text=True)
    a, b = Voice("a", abilities=streams), Voice("b", abilities=streams)
    async with speaking(Inside({"a": a, "b": b})) as voice:
        assert len((await sound(voice.stream(Written())))[0]) == 0
    assert (a.calls, b.calls) == ([], [])


@pytest.mark.parametrize("hangs", ["a", "b"])
async def test_a_streaming_voice_that_hangs_is_found_out_beside_one_that_is_well(hangs: str) -> None:
    streams = SynthesizerAbilities(streams_text=True)
    voices = {name: Voice(name, delay=1e9 if name == hangs else 1.0, abilities=streams) for name in "ab"}
    async with speaking(Inside(voices), after=0.5) as voice:
        with anyio.fail_after(60):
            samples, _ = await sound(voice.stream(Written("one ", "two ", "three")))
    assert len(samples) == 3 * 2_400


# --- hearing ----------------------------------------------------------------------------------------------------------


def hearing(inside: Inside, **options: object) -> object:
    return hedge.transcriber(inside.options(**NAMES, **options))


async def test_a_final_in_time_is_all_that_is_heard() -> None:
    a, b = Ear("a", partial_every=4), Ear("b")
    inside = Inside({"a": a, "b": b})
    async with hearing(inside) as transcriber, transcriber.stream() as stream:
        results = aiter(stream)
        await speak_to(stream, 6)
        stream.finish()
        transcripts = [await anext(results), await anext(results)]
        await speak_to(stream, 4, first=6)
        stream.finish()
        transcripts += [await anext(results), await anext(results)]
    assert [(t.final, t.text, t.provider) for t in transcripts] == [
        (False, "4 frames", "a"), (True, "6 frames", "a"), (False, "8 frames", "a"), (True, "10 frames", "a"),
    ]  # fmt: skip
    assert (b.streams, inside.told.news) == ([], [])
    assert a.streams[0].closed is not None


async def test_a_late_final_is_overtaken_by_one_who_hears_everything_from_the_beginning() -> None:
    a, b = Ear("a", delay=SLOW), Ear("b", delay=0.2)
    inside = Inside({"a": a, "b": b})
    async with hearing(inside, after=0.5) as transcriber, transcriber.stream() as stream:
        results = aiter(stream)
        await speak_to(stream, 10)
        asked = anyio.current_time()
        stream.finish()
        final = await anext(results)
        assert (final.provider, final.text) == ("b", "10 frames")
        assert anyio.current_time() - asked == pytest.approx(0.7)
        await anyio.sleep(0.05)
        assert a.streams[0].closed == pytest.approx(asked + 0.7)
        await speak_to(stream, 5, first=10)
        stream.finish()
        assert (await anext(results)).text == "15 frames", "the winner hears the rest of the utterance"
    assert [heard.start for heard in b.streams[0].frames] == [frame(index).start for index in range(15)]
    assert inside.told.news == [("hedge", {"first": "a", "second": "b", "waited": 0.5})]


async def test_a_final_that_comes_after_all_closes_the_second() -> None:
    a, b = Ear("a", delay=0.6), Ear("b", delay=SLOW)
    async with hearing(Inside({"a": a, "b": b}), after=0.5) as transcriber, transcriber.stream() as stream:
        await speak_to(stream, 3)
        stream.finish()
        assert (await anext(aiter(stream))).provider == "a"
        await anyio.sleep(0.05)
        assert b.streams[0].closed is not None
        stream.finish()
        assert (await anext(aiter(stream))).provider == "a"
        assert len(b.streams) == 2, "it may help again in the same utterance"


class Prompted(EarStream):
    """Gives a final when the test says so."""

    def __init__(self, ear: Ear) -> None:
        super().__init__(ear)
        self.transcripts = Transcripts()

    def tell(self) -> None:
        self.transcripts.tell(self.transcript(True))

    def __aiter__(self) -> Prompted:
        return self

    async def __anext__(self) -> Transcript:
        return await self.transcripts.next()


async def test_of_two_finals_in_the_same_moment_one_counts_and_whose_it_is_goes_on() -> None:
    a, b = Ear("a", kind=Prompted), Ear("b", kind=Prompted)
    async with hearing(Inside({"a": a, "b": b}), after=0.5) as transcriber, transcriber.stream() as stream:
        stream.push(frame(0))
        stream.finish()
        await anyio.sleep(0.6)
        for ear in (a, b):
            ear.streams[0].tell()
        first = await anext(aiter(stream))
        with anyio.move_on_after(0.3) as again:
            await anext(aiter(stream))
        assert again.cancelled_caught, "one final was asked for"
        stream.push(frame(1))
        stream.finish()
        [winner] = [ear.streams[0] for ear in (a, b) if ear.streams[0].closed is None]
        winner.tell()
        second = await anext(aiter(stream))
    assert (second.text, second.provider) == ("2 frames", first.provider)


@pytest.mark.parametrize("fault", [{"fails_after": 4}, {"error_at_finish": True}])
async def test_a_failure_lets_the_second_listen_at_once(fault: dict[str, object]) -> None:
    a, b = Ear("a", **fault), Ear("b")
    inside = Inside({"a": a, "b": b})
    async with hearing(inside, after=30.0) as transcriber, transcriber.stream() as stream:
        await speak_to(stream, 10)
        stream.finish()
        final = await anext(aiter(stream))
    assert (final.provider, final.text) == ("b", "10 frames")
    assert inside.told.failures == [("a", "b")]


async def test_a_transcriber_that_hangs_is_a_failure_even_when_the_other_rests() -> None:
    a, b = Ear("a", delay=1e9), Ear("b", fails_after=1)
    inside = Inside({"a": a, "b": b})
    async with hearing(inside, after=0.5) as transcriber, transcriber.stream() as stream:
        await speak_to(stream, 3)
        asked = anyio.current_time()
        stream.finish()
        with pytest.raises(ProviderError, match="a gave no transcript for 8 s"):
            await anext(aiter(stream))
        assert anyio.current_time() - asked == pytest.approx(8.5)
    assert inside.told.failures == [("b", "a")]


async def test_leaving_in_the_middle_closes_both_ears() -> None:
    a, b = Ear("a", delay=SLOW), Ear("b", delay=SLOW)
    async with hearing(Inside({"a": a, "b": b}), after=0.5) as transcriber:
        with anyio.move_on_after(1.0):
            async with transcriber.stream() as stream:
                stream.push(frame(0))
                stream.finish()
                await anext(aiter(stream))
        assert a.streams[0].closed is not None
        assert b.streams[0].closed is not None


async def test_what_both_ears_can_do_is_what_is_promised() -> None:
    a = Ear("a", abilities=TranscriberAbilities(True, True, False, ("en",)))
    b = Ear("b", abilities=TranscriberAbilities(True, False, True))
    async with hearing(Inside({"a": a, "b": b})) as transcriber:
        assert transcriber.abilities == TranscriberAbilities(True, False, False, ("en",))
