"""Chains of language models, and how any chain is opened, on virtual time: who is asked, what is told of a failure, and
what a chain costs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import anyio
import pytest
import trio.testing

from assistant.ports import Delta, FailedMidway, Message, ParleyError, ProviderError, ProviderUnavailable, TextDelta
from providers._errors import Refusal, Rejected
from providers._options import Timeouts
from providers.fallback import Lazy, fallback_chat
from tests.providers.doubles import HELLO, Failures

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


@dataclass
class Model:
    """Says ``words``, then fails with ``error`` if it has one; ``hang`` seconds pass before word number ``hang_at``."""

    name: str
    words: Sequence[str] = ("all", " well")
    error: Exception | None = None
    hang_at: int = -1
    calls: int = 0
    closed: int = 0

    async def reply(self, messages: Sequence[Message]) -> AsyncIterator[Delta]:
        self.calls += 1
        try:
            for index, word in enumerate(self.words):
                if index == self.hang_at:
                    await anyio.sleep_forever()
                yield TextDelta(word)
            if self.hang_at == len(self.words):
                await anyio.sleep_forever()
            if self.error is not None:
                raise self.error
        finally:
            self.closed += 1


async def said(model: object) -> str:
    return "".join([delta.text async for delta in model.reply(HELLO)])  # type: ignore[attr-defined]


def sick(name: str, words: Sequence[str] = (), error: Exception | None = None) -> Model:
    return Model(name, words, error or ProviderError(f"{name} is ill", provider=name))


# --- thinking ---------------------------------------------------------------------------------------------------------


async def test_a_well_provider_is_all_that_is_heard() -> None:
    failures = Failures()
    first, second = Model("a"), Model("b")
    async with fallback_chat([first, second], failures) as chain:
        assert await said(chain) == "all well"
    assert (failures.seen, second.calls, chain.name) == ([], 0, "a")


async def test_a_failure_before_the_first_word_is_invisible() -> None:
    failures = Failures()
    async with fallback_chat([sick("a"), sick("b"), Model("c")], failures) as chain:
        assert await said(chain) == "all well"
    assert failures.seen == [("llm", "a", "a is ill", "b"), ("llm", "b", "b is ill", "c")]


async def test_after_the_first_word_the_caller_is_told_and_its_next_call_goes_on_elsewhere() -> None:
    failures = Failures()
    async with fallback_chat([sick("a", ["all"]), Model("b")], failures) as chain:
        heard = []
        with pytest.raises(FailedMidway, match="a is ill"):
            async for delta in chain.reply(HELLO):
                heard += [delta]
        assert heard == [TextDelta("all")]
        assert await said(chain) == "all well"
    assert failures.path == [("a", "b")]


async def test_a_chain_of_one_says_that_nobody_is_left() -> None:
    for words in ([], ["all"]):
        failures = Failures()
        async with fallback_chat([sick("a", words)], failures) as chain:
            with pytest.raises(ProviderError, match="a is ill") as caught:
                await said(chain)
            assert not isinstance(caught.value, FailedMidway)
        assert failures.path == [("a", None)]


async def test_nobody_is_asked_twice_in_a_call() -> None:
    a, b = sick("a"), sick("b")
    async with fallback_chat([a, b], Failures()) as chain:
        with pytest.raises(ProviderError, match="b is ill"):
            await said(chain)
    assert (a.calls, b.calls) == (1, 1)


async def test_the_sick_rest_and_are_asked_again_afterwards() -> None:
    a, b = sick("a"), Model("b")
    async with fallback_chat([a, b], Failures()) as chain:
        await said(chain)
        await said(chain)
        assert (a.calls, b.calls) == (1, 2)
        await anyio.sleep(5.1)
        a.error, a.words = None, ["better"]
        assert await said(chain) == "better"
        assert await said(chain) == "better"


@pytest.mark.parametrize(
    ("error", "rest"),
    [
        (Rejected("a rejected the key (401)"), 300.0),
        (ProviderError("a is asked too often (429)", retry_after=42.0), 42.0),
        (ProviderError("a is ill"), 5.0),
        (Refusal("a will not answer that"), 0.0),
    ],
)
async def test_how_long_it_rests(error: ProviderError, rest: float) -> None:
    a, b = sick("a", error=error), Model("b")
    async with fallback_chat([a, b], Failures()) as chain:
        await said(chain)
        if rest:
            await anyio.sleep(rest - 0.1)
            await said(chain)
            assert a.calls == 1
            await anyio.sleep(0.2)
        await said(chain)
        assert a.calls == 2


async def test_of_the_resting_one_is_asked_and_no_more() -> None:
    a, b, c = sick("a", error=Rejected("no key")), sick("b"), sick("c")
    async with fallback_chat([a, b, c], Failures()) as chain:
        with pytest.raises(ProviderError):
            await said(chain)
        with pytest.raises(ProviderError, match="b is ill"):
            await said(chain)
    assert (a.calls, b.calls, c.calls) == (1, 2, 1)


@pytest.mark.parametrize(("hang_at", "waited", "midway"), [(0, 8.5, False), (1, 5.5, True)])
async def test_a_provider_that_hangs_is_a_failure(hang_at: int, waited: float, midway: bool) -> None:
    failures = Failures()
    hanging = Model("a", hang_at=hang_at)
    async with fallback_chat([hanging, Model("b")], failures, Timeouts()) as chain:
        began = anyio.current_time()
        if midway:
            with pytest.raises(FailedMidway):
                await said(chain)
        else:
            assert await said(chain) == "all well"
        assert anyio.current_time() - began == pytest.approx(waited)
    assert failures.path == [("a", "b")]
    assert hanging.closed == 1


async def test_an_interruption_closes_the_provider_and_is_no_failure() -> None:
    failures = Failures()
    talking = Model("a", hang_at=1)
    async with fallback_chat([talking, Model("b")], failures) as chain:
        with anyio.move_on_after(1.0):
            await said(chain)
        assert talking.closed == 1
        async with aclosing(chain.reply(HELLO)) as deltas:  # type: ignore[type-var]
            assert await anext(deltas) == TextDelta("all")
        assert talking.closed == 2
    assert failures.seen == []


async def test_a_probe_that_is_interrupted_while_it_talks_has_shown_that_it_is_well() -> None:
    a, b = sick("a"), Model("b")
    async with fallback_chat([a, b], Failures()) as chain:
        await said(chain)
        await anyio.sleep(5.1)
        a.error, a.words, a.hang_at = None, ["better"], 1
        with anyio.move_on_after(1.0):
            await said(chain)
        a.hang_at = -1
        assert await said(chain) == "better"


async def test_a_mistake_in_a_provider_is_its_failure_and_the_next_goes_on() -> None:
    failures = Failures()
    bug = KeyError("choices")
    async with fallback_chat([sick("a", error=bug), Model("b")], failures) as chain:
        assert await said(chain) == "all well"
    assert failures.seen == [("llm", "a", "a broke: KeyError: 'choices'", "b")]
    assert failures.errors[0].__cause__ is bug, "for the traceback"


async def test_a_mistake_in_the_middle_of_an_answer_is_told_midway() -> None:
    async with fallback_chat([sick("a", ["half"], error=ZeroDivisionError()), Model("b")], Failures()) as chain:
        with pytest.raises(FailedMidway, match="a broke: ZeroDivisionError"):
            await said(chain)
        assert await said(chain) == "all well"


async def test_what_a_provider_says_of_itself_is_found_in_its_task_group() -> None:
    failures = Failures()
    group = ExceptionGroup("tasks", [ValueError("besides"), ProviderError("a is ill", provider="a")])
    async with fallback_chat([sick("a", error=group), Model("b")], failures) as chain:
        assert await said(chain) == "all well"
    assert failures.seen == [("llm", "a", "a is ill", "b")]


async def test_a_mistake_does_not_tell_the_key() -> None:
    failures = Failures()
    async with fallback_chat([sick("a", error=ValueError("sk-live-0123456789abcdef")), Model("b")], failures) as chain:
        await said(chain)
    assert failures.seen == [("llm", "a", "a broke: ValueError: ***", "b")]


async def test_what_breaks_while_the_caller_leaves_changes_nothing() -> None:
    class Untidy(Model):
        async def reply(self, messages: Sequence[Message]) -> AsyncIterator[Delta]:
            try:
                yield TextDelta("all")
                await anyio.sleep_forever()
            finally:
                raise RuntimeError("cannot be closed")

    failures = Failures()
    async with fallback_chat([Untidy("a"), Model("b")], failures) as chain:
        async with aclosing(chain.reply(HELLO)) as deltas:  # type: ignore[type-var]
            assert await anext(deltas) == TextDelta("all")
        with anyio.move_on_after(1.0) as interrupted:
            await said(chain)
    assert interrupted.cancelled_caught
    assert failures.seen == []


# --- opening ----------------------------------------------------------------------------------------------------------


def lazy(name: str, provider: object, log: list[str] | None = None, error: Exception | None = None) -> Lazy[object]:
    log = [] if log is None else log

    @asynccontextmanager
    async def opened() -> AsyncIterator[object]:
        log.append(f"{name} opens")
        await anyio.sleep(2.0)
        if error is not None:
            raise error
        async with anyio.create_task_group():  # as providers with background work do
            yield provider
        log.append(f"{name} closes")

    return Lazy(name, opened)


async def test_only_the_first_is_opened_and_the_next_when_it_is_needed() -> None:
    log: list[str] = []
    async with fallback_chat([lazy("a", sick("a"), log), lazy("b", Model("b"), log)], Failures()) as chain:
        assert log == ["a opens"]
        assert await said(chain) == "all well"
        assert await said(chain) == "all well"
        assert log == ["a opens", "b opens"]


async def test_what_opens_during_a_reply_outlives_the_replys_end() -> None:
    log: list[str] = []
    async with fallback_chat([sick("a"), lazy("b", Model("b"), log)], Failures()) as chain:
        with anyio.move_on_after(1.0):
            await said(chain)
        await anyio.sleep(1.5)
        began = anyio.current_time()
        assert await said(chain) == "all well"
        assert anyio.current_time() == began
        assert log == ["b opens"]


async def test_one_that_cannot_be_built_gives_way_to_the_next() -> None:
    failures = Failures()
    missing = ProviderUnavailable("a needs a key")
    async with fallback_chat([lazy("a", None, error=missing), lazy("b", Model("b"))], failures) as chain:
        assert await said(chain) == "all well"
    assert failures.seen == [("llm", "a", "a needs a key", "b")]


async def test_all_who_wait_for_one_that_cannot_be_built_are_told_why() -> None:
    failures = Failures()
    missing = ProviderUnavailable("b needs a key")
    async with fallback_chat([sick("a"), lazy("b", None, error=missing)], failures) as chain:

        async def ask() -> None:
            with pytest.raises(ProviderError):
                await said(chain)

        async with anyio.create_task_group() as replies:
            replies.start_soon(ask)
            replies.start_soon(ask)
    assert [why for _, who, why, _ in failures.seen if who == "b"] == ["b needs a key"] * 2


async def test_one_that_breaks_while_it_is_opened_gives_way_to_the_next() -> None:
    failures = Failures()
    async with fallback_chat([lazy("a", None, error=KeyError("home")), lazy("b", Model("b"))], failures) as chain:
        assert await said(chain) == "all well"
    assert failures.seen == [("llm", "a", "a broke: KeyError: 'home'", "b")]


async def test_one_that_breaks_down_after_it_was_opened_is_opened_again() -> None:
    opened: list[Model] = []

    @asynccontextmanager
    async def fragile() -> AsyncIterator[Model]:
        async def breaks_down() -> None:
            await anyio.sleep(1.0)
            raise ConnectionResetError("gone")

        opened.append(Model("a"))
        async with anyio.create_task_group() as tasks:
            if len(opened) == 1:
                tasks.start_soon(breaks_down)
            yield opened[-1]

    failures = Failures()
    async with fallback_chat([Lazy("a", fragile), Model("b", ["still", " well"])], failures) as chain:
        assert await said(chain) == "all well"
        await anyio.sleep(2.0)
        assert await said(chain) == "still well"
        await anyio.sleep(10.0)
        assert await said(chain) == "all well"
    assert failures.seen == [("llm", "a", "a broke: ConnectionResetError: gone", "b")]
    assert [model.calls for model in opened] == [1, 1]


async def test_what_breaks_while_it_is_closed_is_no_more_than_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    @asynccontextmanager
    async def closing_fails() -> AsyncIterator[Model]:
        try:
            yield Model("a")
        finally:
            raise OSError("cannot be closed")

    async with fallback_chat([Lazy("a", closing_fails)], Failures()) as chain:
        assert await said(chain) == "all well"
    assert caplog.messages == ["while it was being closed: a broke: OSError: cannot be closed"]


async def test_the_first_may_take_its_time_to_open_and_a_successor_less() -> None:
    @asynccontextmanager
    async def downloading() -> AsyncIterator[Model]:
        await anyio.sleep(600.0)
        yield sick("a")

    failures = Failures()
    async with fallback_chat([Lazy("a", downloading), Lazy("b", downloading), Model("c")], failures) as chain:
        assert await said(chain) == "all well"
    assert failures.seen[1:] == [("llm", "b", "b is still being opened after 30 s", "c")]


async def test_when_none_can_be_built_all_the_reasons_are_given() -> None:
    links = [lazy(name, None, error=ProviderUnavailable(f"{name} needs a key")) for name in "ab"]
    with pytest.raises(ProviderUnavailable, match="a needs a key; b needs a key"):
        async with fallback_chat(links, Failures()):
            pytest.fail("nothing to talk to")


async def test_a_wrong_option_is_for_the_user_to_mend_not_to_be_passed_over() -> None:
    wrong = lazy("a", None, error=ParleyError("a: unknown option 'modle'"))
    with pytest.raises(ParleyError, match="modle"):
        async with fallback_chat([wrong, Model("b")], Failures()):
            pytest.fail("nothing to talk to")


async def test_what_the_body_raises_comes_out_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        async with fallback_chat([Model("a")], Failures()):
            raise ZeroDivisionError


async def test_wrapping_a_provider_that_never_fails_costs_next_to_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The figure is printed; the machine is too noisy for a limit. That no extra wait is added, virtual time shows."""
    model = Model("a", ["word "] * 100)
    async with fallback_chat([model, Model("b")], Failures()) as chain:
        virtual = anyio.current_time()
        bare, wrapped = [], []
        for _ in range(20):
            for times, one in ((bare, model), (wrapped, chain)):
                began = time.perf_counter()
                await said(one)
                times.append(time.perf_counter() - began)
        assert anyio.current_time() == virtual
    with capsys.disabled():
        print(f"\nfallback: {(min(wrapped) - min(bare)) * 1e3:.2f} ms more for a reply of 100 deltas")
