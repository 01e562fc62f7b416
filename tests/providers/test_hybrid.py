"""A fast and an accurate transcriber, on virtual time: what comes when, and what happens when one of them fails."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
import trio.testing

from assistant.ports import ParleyError, ProviderError, ProviderUnavailable, TranscriberAbilities, Transcript
from providers import hybrid
from tests.providers.doubles import Ear, Inside, frame, speak_to

pytestmark = pytest.mark.anyio
NAMES = {"fast": "quick", "accurate": "good"}


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


def quick(**more: Any) -> Ear:
    return Ear("quick", **{"says": "quick {frames}", **more})


def good(**more: Any) -> Ear:
    return Ear("good", **{"delay": 1.0, "says": "good {frames}", **more})


def both(inside: Inside, **options: object) -> Any:
    return hybrid.transcriber(inside.options(**NAMES, **options))


class Heard:
    """Collects what a stream gives, with the seconds since it was opened."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.began = anyio.current_time()
        self.transcripts: list[Transcript] = []
        self.times: list[float] = []
        self.error: ProviderError | None = None

    async def listen(self) -> None:
        try:
            async for transcript in self.stream:
                self.transcripts.append(transcript)
                self.times.append(anyio.current_time() - self.began)
        except ProviderError as error:
            self.error = error

    @property
    def said(self) -> list[tuple[str, bool, bool]]:
        return [(t.text, t.final, t.provisional) for t in self.transcripts]


async def hear(inside: Inside, *pauses: int, wait: float = 5.0) -> Heard:
    """An utterance with so many frames before each of its pauses; each pause lasts 0.1 s, the last one ``wait``."""
    async with both(inside) as transcriber, transcriber.stream() as stream, anyio.create_task_group() as tasks:
        heard = Heard(stream)
        tasks.start_soon(heard.listen)
        for index, count in enumerate(pauses):
            await speak_to(stream, count, first=sum(pauses[:index]))
            stream.finish()
            await anyio.sleep(wait if index == len(pauses) - 1 else 0.1)
        tasks.cancel_scope.cancel()
    return heard


async def test_the_fast_one_is_heard_first_and_the_accurate_one_corrects_it() -> None:
    inside = Inside({"quick": quick(partial_every=4), "good": good(partial_every=2)})
    heard = await hear(inside, 10)
    assert heard.said == [
        ("quick 4", False, False), ("quick 8", False, False), ("quick 10", True, True), ("good 10", True, False),
    ]  # fmt: skip
    assert [t.provider for t in heard.transcripts] == ["quick", "quick", "quick", "good"]
    assert heard.times[2:] == pytest.approx([0.32 + 0.1, 0.32 + 0.1 + 1.0])
    assert inside.told.failures == []


async def test_the_accurate_one_makes_no_partials_and_lets_the_fast_one_go_first() -> None:
    accurate = good(partial_every=1)
    await hear(Inside({"quick": quick(), "good": accurate}), 20)
    [stream] = accurate.streams
    assert stream.told == 0, "its partials are not even made"
    slow = await hear(Inside({"quick": quick(delay=9.0), "good": good()}), 10)
    assert slow.said == [("good 10", True, False)], "and it does not wait for one that is slow"
    assert slow.times == pytest.approx([0.32 + hybrid.HEAD_START + 1.0])


async def test_when_the_accurate_one_is_the_quicker_its_word_is_the_last() -> None:
    heard = await hear(Inside({"quick": quick(delay=1.0), "good": good(delay=0.1)}), 10)
    assert heard.said == [("good 10", True, False)], "what is known better is not unlearned"


async def test_a_correction_that_comes_when_more_was_said_is_out_of_date() -> None:
    heard = await hear(Inside({"quick": quick(), "good": good(delay=0.8)}), 10, 10)
    assert heard.said == [("quick 10", True, True), ("quick 20", True, True), ("good 20", True, False)]


async def test_without_words_of_the_fast_ones_the_accurate_one_is_waited_for() -> None:
    heard = await hear(Inside({"quick": quick(says=""), "good": good()}), 10)
    assert heard.said == [("good 10", True, False)]
    heard = await hear(Inside({"quick": quick(says=""), "good": good(error_at_finish=True)}), 10)
    assert heard.said == [("", True, False)], "unless it fails"


async def test_words_are_not_taken_back_for_nothing() -> None:
    heard = await hear(Inside({"quick": quick(), "good": good(says="")}), 10)
    assert heard.said == [("quick 10", True, True), ("quick 10", True, False)]


async def test_who_has_finished_has_finished_in_the_correction_too() -> None:
    heard = await hear(Inside({"quick": quick(end_of_turn=True), "good": good()}), 10)
    assert [t.end_of_turn for t in heard.transcripts] == [True, True]


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [{"fails_after": 4}, {"error_at_finish": True}])
async def test_a_fast_one_that_fails_leaves_the_accurate_one(fault: dict[str, Any]) -> None:
    inside = Inside({"quick": quick(**fault), "good": good(partial_every=6)})
    heard = await hear(inside, 10)
    assert [said for said in heard.said if said[1]] == [("good 10", True, False)]
    assert ("good 6", False, False) in heard.said or "error_at_finish" in fault, "its partials are of use now"
    assert (inside.told.failures, inside.told.errors) == ([("quick", "good")], ["quick went deaf"])


@pytest.mark.parametrize("fault", [{"fails_after": 4}, {"error_at_finish": True}, {"delay": 1e9}])
async def test_an_accurate_one_that_fails_leaves_the_fast_one(fault: dict[str, Any]) -> None:
    inside = Inside({"quick": quick(), "good": good(**fault)})
    heard = await hear(inside, 10, wait=15.0)
    assert heard.said == [("quick 10", True, True), ("quick 10", True, False)], "nobody waits for a correction"
    assert heard.times[-1] < 0.32 + 0.1 + 8.6
    assert inside.told.failures == [("good", "quick")]


async def test_one_that_rests_is_not_asked_for_the_next_utterance() -> None:
    inside = Inside({"quick": quick(), "good": good(error_at_finish=True)})
    async with both(inside) as transcriber:
        for _ in range(2):
            async with transcriber.stream() as stream:
                await speak_to(stream, 5)
                stream.finish()
                results = aiter(stream)
                final = await anext(results)
                if final.provisional:
                    final = await anext(results)
                assert (final.text, final.provisional) == ("quick 5", False)
    assert len(inside.providers["good"].streams) == 1


async def test_when_both_fail_the_one_who_waits_is_told() -> None:
    inside = Inside({"quick": quick(fails_after=2), "good": good(error_at_finish=True)})
    heard = await hear(inside, 10)
    assert str(heard.error) == "good went deaf"
    assert inside.told.failures == [("quick", "good")], "the last error is told by whoever asked"


async def test_every_pause_is_answered() -> None:
    """By the accurate one in the end."""
    heard = await hear(Inside({"quick": quick(), "good": good(delay=0.3)}), 5, 1, 1, 8, wait=3.0)
    assert heard.said[-1] == ("good 15", True, False)
    assert len([t for t in heard.transcripts if t.final]) >= 4


@pytest.mark.parametrize("missing", ["quick", "good"])
async def test_one_that_cannot_be_opened_leaves_the_other(missing: str) -> None:
    inside = Inside({"quick": quick(), "good": good()} | {missing: ProviderUnavailable(f"{missing} needs a model")})
    heard = await hear(inside, 10)
    there = "good" if missing == "quick" else "quick"
    assert heard.said == [(f"{there} 10", True, False)]
    assert inside.told.errors == [f"{missing} needs a model"]


async def test_leaving_in_the_middle_closes_both() -> None:
    inside = Inside({"quick": quick(delay=9.0), "good": good(delay=9.0)})
    async with both(inside) as transcriber:
        with anyio.move_on_after(1.0):
            async with transcriber.stream() as stream:
                stream.push(frame(0))
                stream.finish()
                await anext(aiter(stream))
        assert all(inside.providers[name].streams[0].closed is not None for name in NAMES.values())


# --- what it promises -------------------------------------------------------------------------------------------------


async def test_it_promises_what_it_can_keep() -> None:
    fast = TranscriberAbilities(partials=True, word_times=True, end_of_turn=True, languages=("en", "de"))
    accurate = TranscriberAbilities(word_times=False, languages=("en-US", "fr"))
    async with both(Inside({"quick": quick(abilities=fast), "good": good(abilities=accurate)})) as transcriber:
        assert transcriber.name == "quick+good"
        assert transcriber.abilities == TranscriberAbilities(True, False, True, ("en-US",))
    async with both(Inside({"quick": quick(abilities=accurate), "good": good(abilities=fast)})) as transcriber:
        assert transcriber.abilities == TranscriberAbilities(False, False, False, ("en-US",))


async def test_options_that_cannot_be() -> None:
    inside = Inside({"quick": quick(), "good": good()})
    for wrong, sentence in (
        ({"fast": "quick"}, "accurate"),
        ({**NAMES, "model": "base"}, "no model of its own"),
        ({**NAMES, "slow": "x"}, "slow"),
    ):
        with pytest.raises(ParleyError, match=sentence):
            async with hybrid.transcriber(inside.options(**wrong)):
                pytest.fail("not opened")
