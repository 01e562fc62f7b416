"""Metered providers: what is counted when calls end, are cut off, fail or lose; and that nothing else is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import numpy as np
import pytest

from assistant.conversation.costs import Bill, Seller, Used
from assistant.conversation.events import Transcript
from assistant.ports import (
    CAPTURE_RATE,
    Adjustable,
    ChatAbilities,
    Delta,
    Frame,
    Message,
    ProviderError,
    SpeechChunk,
    Stage,
    StreamingSynthesizer,
    SynthesizerAbilities,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    TranscriberAbilities,
    Usage,
)
from providers._counts import CHARACTERS_A_TOKEN, FRAMING
from providers._metered import metered
from providers._prices import READING, Price
from providers._wrapping import Leaf
from providers.cost import Meter, Till, model_of
from providers.fallback import fallback_chat, fallback_transcriber
from providers.scripted import ScriptedTranscriber, synthesizer, transcriber

pytestmark = pytest.mark.anyio

TOKENS = Price(input=1.0, output=10.0)
MINUTES = Price(minute=0.6)
CHARACTERS = Price(characters=1.0)
QUESTION = [Message("system", (Text("Be brief."),)), Message("user", (Text("What time is it?"),))]
ASKED = -int(-(len("Be brief.") + len("What time is it?")) // CHARACTERS_A_TOKEN) + 2 * FRAMING


class Book:
    """A meter, and what it tells."""

    def __init__(self) -> None:
        self.meter = Meter()
        self.used: list[Used] = []
        self.meter.report_to(self.used.append)

    def put_around(self, provider: Any, price: Price, stage: Stage = "llm", name: str = "one") -> Any:
        return metered(provider, stage, Till(self.meter, Seller(stage, name, "m"), price))

    def units(self) -> dict[str, float]:
        total: dict[str, float] = {}
        for used in self.used:
            for unit, count in used.units.items():
                total[unit] = total.get(unit, 0) + count
        return {unit: count for unit, count in total.items() if count}

    def usd(self) -> float:
        return sum(used.usd or 0.0 for used in self.used)


@pytest.fixture
def book() -> Book:
    return Book()


class Model:
    """Gives each delta in turn; a number is a wait in seconds, an exception is raised."""

    name = "one"
    abilities = ChatAbilities(tools=True, usage=True)

    def __init__(self, *deltas: Delta | float | Exception) -> None:
        self._deltas = deltas
        self.closed = False
        self.tools: Sequence[Tool] = ()

    async def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        self.tools = tools
        try:
            for delta in self._deltas:
                if isinstance(delta, Exception):
                    raise delta
                if isinstance(delta, int | float):
                    await anyio.sleep(delta)
                else:
                    yield delta
        finally:
            self.closed = True


async def answer(model: Any, *args: Any) -> list[Delta]:
    return [delta async for delta in model.reply(QUESTION, *args)]


# --- thinking --------------------------------------------------------------------------------------------------------


async def test_what_the_vendor_tells_counts(book: Book) -> None:
    said = (TextDelta("It is nine."), Usage(input_tokens=1000, cached_tokens=500, output_tokens=100))
    assert await answer(book.put_around(Model(*said), TOKENS)) == list(said)
    [used] = book.used
    assert used.units == {"input_tokens": 1000, "cached_tokens": 500, "output_tokens": 100}
    assert used.usd == pytest.approx(0.001 + 0.0005 + 0.001)
    assert (used.estimated, used.wasted) == (False, False)


async def test_what_the_vendor_does_not_tell_is_estimated_from_the_characters(book: Book) -> None:
    await answer(book.put_around(Model(TextDelta("It is "), TextDelta("nine.")), TOKENS))
    [used] = book.used
    assert used.units == {"input_tokens": ASKED, "output_tokens": 4}  # 11 characters
    assert used.estimated


async def test_calls_and_what_describes_them_are_estimated_too(book: Book) -> None:
    tool = Tool("get_time", "The time of day.", {"type": "object"})
    model = Model(ToolCall("1", "get_time", {"zone": "utc"}))
    await answer(book.put_around(model, TOKENS), [tool])
    assert model.tools == [tool]
    [used] = book.used
    assert used.units["input_tokens"] > ASKED + 8
    assert used.units["output_tokens"] >= 6


async def test_a_call_that_is_cut_off_used_its_question_and_what_had_come(book: Book) -> None:
    model = Model(TextDelta("It is nine o'clock"), 60.0, TextDelta(" never"), Usage(1, 0, 0, 1))
    with anyio.move_on_after(0.05):
        await answer(book.put_around(model, TOKENS))
    [used] = book.used
    assert used.units == {"input_tokens": ASKED, "output_tokens": 6}
    assert used.estimated
    assert model.closed


async def test_a_call_that_is_left_in_the_middle_is_counted_and_closed(book: Book) -> None:
    model = Model(TextDelta("It is"), TextDelta(" nine"))
    deltas = book.put_around(model, TOKENS).reply(QUESTION)
    assert await anext(deltas) == TextDelta("It is")
    await deltas.aclose()
    assert book.units() == {"input_tokens": ASKED, "output_tokens": 2}
    assert model.closed


async def test_a_refused_call_used_nothing(book: Book) -> None:
    with pytest.raises(ProviderError, match="no such model"):
        await answer(book.put_around(Model(ProviderError("no such model", provider="one")), TOKENS))
    assert book.used == []


async def test_a_call_that_breaks_off_used_what_had_come(book: Book) -> None:
    with pytest.raises(ProviderError, match="broke off"):
        await answer(book.put_around(Model(TextDelta("It is"), ProviderError("broke off", provider="one")), TOKENS))
    assert book.units() == {"input_tokens": ASKED, "output_tokens": 2}


async def test_a_call_that_nobody_iterated_used_nothing(book: Book) -> None:
    book.put_around(Model(TextDelta("Hi.")), TOKENS).reply(QUESTION)
    assert book.used == []


async def test_a_model_that_says_nothing_of_itself_stays_one(book: Book) -> None:
    class Plain:
        name = "plain"

        async def reply(self, messages: Sequence[Message]) -> AsyncIterator[Delta]:
            yield TextDelta("Hi.")

    around = book.put_around(Plain(), TOKENS)
    assert around.abilities == ChatAbilities()
    assert await answer(around) == [TextDelta("Hi.")]


# --- hearing ---------------------------------------------------------------------------------------------------------

LINES = [{"start": 0.0, "end": 0.2, "text": "what time is it"}]


def frames(count: int) -> list[Frame]:
    return [Frame(np.zeros(512, np.float32), 512 * number) for number in range(count)]


async def heard(ears: Any, count: int = 40) -> Transcript:
    async with ears.stream() as stream:
        for frame in frames(count):
            stream.push(frame)
        stream.finish()
        async for transcript in stream:
            if transcript.final:
                return transcript
    raise AssertionError("no final")


async def test_sound_is_counted_by_the_second(book: Book) -> None:
    async with transcriber({"lines": LINES}) as scripted:
        assert (await heard(book.put_around(scripted, MINUTES, "stt"))).text == "what time is it"
    [used] = book.used
    assert used.units == {"seconds": pytest.approx(40 * 512 / CAPTURE_RATE)}
    assert used.usd == pytest.approx(40 * 512 / CAPTURE_RATE * 0.01)
    assert not used.estimated


async def test_where_the_vendor_bills_the_connection_its_time_is_counted(book: Book) -> None:
    price = Price(hour=3600.0, billed="open")
    async with (
        transcriber({"lines": LINES}) as scripted,
        book.put_around(scripted, price, "stt").stream() as stream,
    ):
        stream.push(frames(1)[0])
        await anyio.sleep(0.3)
    [used] = book.used
    assert 0.3 <= used.units["seconds"] < 2.0
    assert used.usd == pytest.approx(used.units["seconds"])


class Requests:
    """A stream whose every final is a request of its own."""

    def __init__(self) -> None:
        self.decoded = [1.0, 2.5]


async def test_where_every_pause_is_a_request_each_is_billed(book: Book) -> None:
    @asynccontextmanager
    async def stream() -> AsyncIterator[Requests]:
        yield Requests()

    ears = type("Ears", (), {"name": "one", "abilities": TranscriberAbilities(), "stream": staticmethod(stream)})()
    for price in (Price(minute=0.6, billed="requests"), Price(minute=0.6, billed="requests", least=10.0)):
        async with book.put_around(ears, price, "stt").stream():
            pass
    assert [used.units["seconds"] for used in book.used] == [3.5, 20.0]


async def test_a_connection_that_cannot_be_had_used_nothing(book: Book) -> None:
    @asynccontextmanager
    async def stream() -> AsyncIterator[Requests]:
        raise ProviderError("cannot be reached", provider="one")
        yield Requests()

    ears = type("Ears", (), {"name": "one", "abilities": TranscriberAbilities(), "stream": staticmethod(stream)})()
    with pytest.raises(ProviderError, match="cannot be reached"):
        async with book.put_around(ears, MINUTES, "stt").stream():
            pass
    assert book.used == []


# --- speaking --------------------------------------------------------------------------------------------------------


class Voice:
    name = "one"
    rate = 8000
    abilities = SynthesizerAbilities(streams_text=True, adjusts_speed=True)

    def __init__(self, *chunks: SpeechChunk) -> None:
        self._chunks = chunks
        self.speeds: list[float] = []
        self.read = ""

    def set_speed(self, factor: float) -> None:
        self.speeds.append(factor)

    async def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        for chunk in self._chunks:
            yield chunk
            await anyio.lowlevel.checkpoint()

    async def stream(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
        async for piece in text:
            self.read += piece
            yield SpeechChunk(np.zeros(800, np.float32))


SECOND = SpeechChunk(np.zeros(8000, np.float32))


async def test_a_voice_is_counted_by_the_characters_asked_for(book: Book) -> None:
    voice = book.put_around(Voice(SECOND, SECOND), CHARACTERS, "tts")
    assert [chunk async for chunk in voice.speak("It is nine.")] == [SECOND, SECOND]
    [used] = book.used
    assert used.units == {"characters": 11, "seconds": 2.0}
    assert used.usd == pytest.approx(0.011)


async def test_a_voice_that_is_cut_off_is_billed_for_the_whole_text(book: Book) -> None:
    chunks = book.put_around(Voice(SECOND, SECOND), CHARACTERS, "tts").speak("It is nine.")
    await anext(chunks)
    await chunks.aclose()
    assert book.units() == {"characters": 11, "seconds": 1.0}


async def test_text_that_is_being_written_is_counted_as_it_is_read(book: Book) -> None:
    async def written() -> AsyncIterator[str]:
        yield "It is "
        yield "nine."

    voice = Voice()
    chunks = book.put_around(voice, CHARACTERS, "tts").stream(written())
    await anext(chunks)
    await chunks.aclose()
    assert (voice.read, book.units()) == ("It is ", {"characters": 6, "seconds": 0.1})


async def test_what_a_voice_tells_itself_counts(book: Book) -> None:
    told = SpeechChunk(np.zeros(0, np.float32), usage=Usage(input_tokens=70, audio_output_tokens=20))
    price = Price(input=1.0, audio_output=20.0, audio_tokens=20)
    assert [chunk async for chunk in book.put_around(Voice(SECOND, told), price, "tts").speak("Nine.")]
    [used] = book.used
    assert used.units == {"input_tokens": 70, "audio_output_tokens": 20, "characters": 5, "seconds": 1.0}
    assert used.usd == pytest.approx(70e-6 + 400e-6)
    assert not used.estimated


async def test_a_voice_billed_by_tokens_is_estimated_when_it_is_cut_off(book: Book) -> None:
    chunks = book.put_around(Voice(SECOND, SECOND), Price(input=1.0, audio_output=20.0, audio_tokens=20), "tts").speak(
        "Nine."
    )
    await anext(chunks)
    await chunks.aclose()
    [used] = book.used
    assert used.units == {"input_tokens": READING + 2, "audio_output_tokens": 20, "characters": 5, "seconds": 1.0}
    assert used.estimated


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("adjusts", [True, False])
async def test_a_voice_has_the_methods_that_it_had(streams: bool, adjusts: bool, book: Book) -> None:
    methods = {"stream": Voice.stream} if streams else {}
    methods |= {"set_speed": Voice.set_speed} if adjusts else {}
    kind = type(
        "Kind", (), {"name": "one", "rate": 8000, "abilities": SynthesizerAbilities(), "speak": Voice.speak, **methods}
    )
    inner = kind()
    inner.speeds = []
    voice = book.put_around(inner, CHARACTERS, "tts")
    assert isinstance(voice, StreamingSynthesizer) is streams
    assert isinstance(voice, Adjustable) is adjusts
    assert (voice.name, voice.rate, voice.abilities) == ("one", 8000, SynthesizerAbilities())
    if adjusts:
        voice.set_speed(1.5)
        assert inner.speeds == [1.5]


async def test_whatever_else_a_provider_has_can_be_had(book: Book) -> None:
    voice = Voice()
    voice.version = "7"  # type: ignore[attr-defined]
    assert book.put_around(voice, CHARACTERS, "tts").version == "7"
    with pytest.raises(AttributeError):
        _ = book.put_around(voice, CHARACTERS, "tts").nothing


# --- whose bill ------------------------------------------------------------------------------------------------------


async def test_calls_are_made_for_the_bill_of_whoever_began_them(book: Book) -> None:
    model = book.put_around(Model(TextDelta("Hi."), Usage(10, 0, 0, 1)), TOKENS)
    bills = {turn: Bill(turn) for turn in (1, 2)}

    async def ask(turn: int) -> None:
        with book.meter.billing(bills[turn]):
            async with anyio.create_task_group() as inner:  # a hedge asks in tasks of its own
                inner.start_soon(answer, model)

    async with anyio.create_task_group() as group:
        group.start_soon(ask, 1)
        group.start_soon(ask, 2)
    await answer(model)
    assert [used.bill.turn for used in book.used] == [1, 2, None]


async def test_what_was_used_before_anybody_asked_is_told_then() -> None:
    meter = Meter()
    await answer(
        metered(Model(TextDelta("Hi."), Usage(10, 0, 0, 1)), "llm", Till(meter, Seller("llm", "one", "m"), TOKENS))
    )
    used: list[Used] = []
    meter.report_to(used.append)
    assert [use.units for use in used] == [{"input_tokens": 10, "output_tokens": 1}]


async def test_calls_under_way_can_be_settled_and_only_the_rest_is_told_later(book: Book) -> None:
    model = book.put_around(Model(TextDelta("It is nine o'clock"), 0.1, Usage(ASKED, 0, 0, 20)), TOKENS)

    async def ask() -> None:
        with book.meter.billing(Bill(1)):
            await answer(model)

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await anyio.sleep(0.05)
        book.meter.settle(2)
        assert book.used == []  # not this one's turn
        book.meter.settle(1)
        assert [used.units for used in book.used] == [{"input_tokens": ASKED, "output_tokens": 6}]
    assert [used.units for used in book.used[1:]] == [{"output_tokens": 14}]  # the vendor has told
    assert book.usd() == pytest.approx((ASKED * 1 + 20 * 10) / 1e6)


async def test_an_estimate_that_was_too_high_is_taken_back(book: Book) -> None:
    model = book.put_around(Model(TextDelta("It is nine o'clock"), 0.1, Usage(3, 0, 0, 2)), TOKENS)
    async with anyio.create_task_group() as group:
        group.start_soon(answer, model)
        await anyio.sleep(0.05)
        book.meter.settle(None)
    assert book.units() == {"input_tokens": 3, "output_tokens": 2}
    assert book.usd() == pytest.approx(23e-6)


async def test_who_is_cut_off_while_an_answer_is_still_wanted_has_lost(book: Book) -> None:
    bill = Bill(1)
    slow = book.put_around(Model(60.0), TOKENS)
    with book.meter.billing(bill), anyio.move_on_after(0.01):
        await answer(slow)
    bill.over = True  # the user has cut in: nobody is to blame
    with book.meter.billing(bill), anyio.move_on_after(0.01):
        await answer(slow)
    assert [used.wasted for used in book.used] == [True, False]


async def test_a_transcriber_that_gave_its_final_has_not_lost(book: Book) -> None:
    async with transcriber({"lines": LINES}) as scripted:
        ears = book.put_around(scripted, MINUTES, "stt")
        with book.meter.billing(Bill(1)):
            await heard(ears)
            async with ears.stream() as stream:
                stream.push(frames(1)[0])  # another was quicker
    assert [used.wasted for used in book.used] == [False, True]


# --- in a chain ------------------------------------------------------------------------------------------------------


async def test_everybody_in_a_chain_is_counted_by_himself(book: Book) -> None:
    first = book.put_around(Model(ProviderError("is down", provider="one")), TOKENS, name="one")
    second = book.put_around(Model(TextDelta("Hi."), Usage(10, 0, 0, 1)), TOKENS, name="two")
    async with fallback_chat([first, second], lambda *_: None) as chain:
        await answer(chain)
    assert [(used.seller.provider, used.units) for used in book.used] == [
        ("two", {"input_tokens": 10, "output_tokens": 1})
    ]


async def test_a_transcribers_successor_hears_and_bills_the_whole_utterance(book: Book) -> None:
    refuses = {"lines": LINES, "faults": [{"call": 1, "kind": "cut", "after": 0}]}
    async with transcriber(refuses) as broken, transcriber({"lines": LINES}) as well:
        ears = [book.put_around(each, MINUTES, "stt", name) for each, name in ((broken, "one"), (well, "two"))]
        async with fallback_transcriber(ears, lambda *_: None) as chain:
            with book.meter.billing(Bill(1)):
                await heard(chain)
    assert [(used.seller.provider, used.wasted) for used in book.used] == [("one", True), ("two", False)]
    assert book.used[1].units == {"seconds": pytest.approx(40 * 512 / CAPTURE_RATE)}


async def test_a_leaf_is_metered_by_the_table_or_the_users_own_price() -> None:
    own = Meter({"tts": {"mine": {"characters": 2.0}}})
    used: list[Used] = []
    own.report_to(used.append)
    for called in ("scripted", "mine"):
        leaf = Leaf("tts", "scripted", {}, called)
        async with own.around(synthesizer({}), leaf) as voice:
            assert [chunk async for chunk in voice.speak("Nine.")]
    assert [use.usd for use in used] == [0.0, pytest.approx(0.01)]


@pytest.mark.parametrize(
    ("stage", "provider", "options", "model"),
    [
        ("llm", "anthropic", {}, "claude-haiku-5-5"),
        ("llm", "anthropic", {"model": "claude-sonnet-5-5", "voice": "x"}, "claude-sonnet-5-5"),
        ("tts", "deepgram", {}, "aura-2-thalia-en"),
        ("tts", "deepgram", {"voice": "flux-kit-en"}, "flux-kit-en"),  # each voice is a model of its own
        ("stt", "acme.providers:ears", {}, ""),
    ],
)
def test_which_model_is_paid_for(stage: Stage, provider: str, options: dict[str, str], model: str) -> None:
    assert model_of(Leaf(stage, provider, options)) == model


async def test_the_cost_of_counting_is_far_below_a_millisecond_a_turn(book: Book) -> None:
    """A turn of 200 deltas, 60 pieces of sound and 100 frames, with and without. Printed; the bound is generous."""
    from time import perf_counter

    model = Model(*[TextDelta("word ") for _ in range(200)], Usage(1000, 0, 0, 200))
    voice = Voice(*[SpeechChunk(np.zeros(800, np.float32)) for _ in range(60)])

    async def turn(model: Any, voice: Any, ears: Any) -> None:
        await answer(model)
        assert [chunk async for chunk in voice.speak("It is nine.")]
        async with ears.stream() as stream:
            for frame in frames(100):
                stream.push(frame)

    async def best(*providers: Any) -> float:
        times = []
        for _ in range(30):
            began = perf_counter()
            await turn(*providers)
            times.append(perf_counter() - began)
        return min(times)

    async with transcriber({"lines": LINES}) as ears:
        assert isinstance(ears, ScriptedTranscriber)
        plain = await best(model, voice, ears)
        around = await best(
            book.put_around(model, TOKENS),
            book.put_around(voice, CHARACTERS, "tts"),
            book.put_around(ears, MINUTES, "stt"),
        )
    print(f"a turn: {plain * 1e3:.3f} ms plain, {around * 1e3:.3f} ms metered, {(around - plain) * 1e3:.3f} ms more")
    assert around - plain < 0.02
