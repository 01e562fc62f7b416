"""Every stage over HTTP x every fault, in whole conversations: apologised for aloud, and the next utterance answered.

The stage under test is the real provider on a server that speaks its vendor's protocol; the two others are scripted.
The fault is in force for the first utterance until the chain has told of it; the second utterance finds all well again,
although its provider is still resting: of a chain of one the resting one is asked.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest

from assistant.errors import ProviderUnavailable
from assistant.ports import Notice
from providers.scripted import tokens
from tests.contract import table
from tests.contract.table import KEY, OK, Subject, expected
from tests.faults.conversing import PLAIN, TIMEOUTS, Belongings, Call, Outcome, Together, hold, other_tasks, tone_at
from tests.servers.openai import HEARD
from tests.servers.wire import Fault, Server
from tests.slowly import run_slowly

pytestmark = pytest.mark.timeout(500)  # of the first test, which holds them all

FAULTS: tuple[Fault, ...] = (
    "refused", "401", "429", "500", "error_in_200", "hang", "hang_midway", "cut_at_once", "cut_midway", "malformed",
)  # fmt: skip
FIRST, SECOND = (0.4, 1.0), (4.4, 5.0)
"""Seconds in which the user speaks. In between an apology of 1 s, after everything that must time out before it."""
MICROPHONE = tone_at([FIRST, SECOND], 5.3)
ANSWER = "The clock on the wall says four. That is all I know."
PACES = 1.0, 3.0, 6.0
"""In the loop's own time at first. A hundred conversations keep it busy, and another worker's tests the machine: what
was not as promised is held again, more slowly."""
APOLOGY = "Sorry, something went wrong just now. Please say that again."


@dataclass(frozen=True)
class Cell:
    subject: Subject
    fault: Fault
    kind: Literal["", "drafted", "dead"] = ""
    """"drafted": with drafts. "dead": the fault outlives the apology."""

    @property
    def id(self) -> str:
        return f"{self.subject.id}-{self.fault}{self.kind and '-'}{self.kind}"


ALIKE = {"groq": "openai-compatible", **dict.fromkeys(("assemblyai", "cartesia", "elevenlabs"), "deepgram")}
"""Who speaks to a server by the same code as another; the contract has them all."""
SUBJECTS = list(
    {
        (subject.stage, subject.name): subject for subject in reversed(table.SUBJECTS) if subject.name not in ALIKE
    }.values()
)
"""One of each protocol and stage."""
THOROUGH = ("anthropic", "openai", "openai-compatible")
FEW: tuple[Fault, ...] = ("refused", "401", "error_in_200", "hang_midway", "cut_midway")
"""For the others: before the answer, in its place and in its middle. A conversation sees no more than that."""


def faults_of(subject: Subject) -> tuple[Fault, ...]:
    return FAULTS if subject.wire == "http" and subject.name in THOROUGH else FEW


CELLS = [Cell(subject, fault) for subject in SUBJECTS for fault in faults_of(subject)]
DRAFTED = [Cell(subject, "500", "drafted") for subject in SUBJECTS if subject.stage != "stt"]
"""A draft asks the model and the voice before the user has finished; there is no such thing for the transcriber."""
DEAD = [Cell(subject, fault, "dead") for subject in SUBJECTS if subject.stage == "tts" for fault in faults_of(subject)]


@dataclass
class Downtime:
    """Puts a server's fault in force, and lifts it at once, without awaiting anything."""

    server: Server
    fault: Fault
    _address: socket.socket | None = None
    _lifted: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self) -> None:
        self.server.fault = self.fault
        if self.fault == "refused":
            await self.server.stop()
            self._address = socket.socket()
            self._address.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._address.bind(("127.0.0.1", self.server.port))

    def lift(self) -> None:
        self.server.fault = None
        if self._address is not None and not self._lifted.is_set():
            self._address.listen()  # from now on connections wait to be accepted
        self._lifted.set()

    async def serve_again(self) -> None:
        """Run beside the conversation."""
        await self._lifted.wait()
        if self._address is not None:
            self.server.refusing = False
            self.server._server = await asyncio.start_server(self.server._accepted, sock=self._address)

    def end(self) -> None:
        if self._address is not None and not self._lifted.is_set():
            self._address.close()


def tables(cell: Cell, server: Server) -> Mapping[str, Mapping[str, Any]]:
    stage = cell.subject.stage
    lines = [{"start": start, "end": end, "text": HEARD} for start, end in (FIRST, SECOND)]
    stages: dict[str, Any] = {
        "stt": {"provider": "scripted", "options": {"lines": lines}},
        "llm": {"provider": "scripted", "options": {"replies": [ANSWER], "ttft": 0.05, "gap": 0.01}},
        "tts": {"provider": "scripted", "options": {"delay": 0.05}},
    }
    if cell.kind == "drafted":  # time enough for the draft to fail before the pause is over
        stages["llm"]["options"] = {"replies": [ANSWER]}
        stages["turn"] = {**PLAIN, "drafts": True, "silence_ms": 500}
    own = {**cell.subject.where(server), **cell.subject.options}
    stages[stage] = {"provider": cell.subject.name, "options": own}
    return stages


def told_as_expected(cell: Cell, error: str) -> bool:
    """Is it what the contract's table expects of the provider, with the timeouts of these conversations?"""
    faults: list[str] = [cell.fault]
    if cell.subject.wire == "websocket" and cell.fault == "hang_midway":
        # In the middle of one call, and before the first byte of the next one over the same connection.
        faults.append("hang_after_headers")
    return any(_expected(cell.subject, fault) in error for fault in faults)


def _expected(subject: Subject, fault: str) -> str:
    text = expected(subject, fault)
    for name, before in (("connect", "within"), ("first_byte", "for"), ("gap", "for")):
        text = text.replace(f"{before} {table.TIMEOUTS[name]:g} s", f"{before} {TIMEOUTS[name]:g} s")
    return text


async def converse(cell: Cell, folder: Path, together: Together) -> Outcome:
    server = cell.subject.server()
    server.key = KEY
    if cell.subject.stage == "llm":
        server.words = tokens(ANSWER)  # type: ignore[assignment]
    async with server, anyio.create_task_group() as beside:
        downtime = Downtime(server, cell.fault)

        def on_notice(notice: Notice) -> None:
            if notice.event == ("warning" if cell.kind == "dead" else "provider.failed"):
                downtime.lift()

        async def ready() -> None:
            await downtime.begin()
            await together.arrive()

        beside.start_soon(downtime.serve_again)
        call = Call(folder, tables(cell, server), MICROPHONE, [server], on_notice)
        try:
            return await hold(call, ready)
        finally:
            beside.cancel_scope.cancel()
            downtime.end()


@dataclass
class Results:
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    """What the process held afterwards and not before."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """All the conversations, side by side in one event loop."""
    found = Results()

    async def one(cell: Cell, together: Together) -> None:
        found.outcomes[cell.id] = outcome = Outcome(reason="never begun")
        try:
            found.outcomes[cell.id] = await converse(cell, tmp_path_factory.mktemp("faults"), together)
        except* ProviderUnavailable as error:  # not even opened in time
            outcome.reason = repr(error.exceptions)
            together.stay_away()

    async def all_of(cells: list[Cell]) -> None:
        together = Together(len(cells), stagger=0.2)
        async with anyio.create_task_group() as group:
            for cell in cells:
                group.start_soon(one, cell, together)
        found.left += other_tasks()

    anyio.run(all_of, [Cell(subject, "500") for subject in SUBJECTS])  # what is loaded once stays loaded
    before = Belongings.now()
    cells = [*CELLS, *DRAFTED, *DEAD]
    for pace in PACES:
        run_slowly(pace, all_of, cells)
        cells = [cell for cell in cells if not as_promised(cell, found.outcomes[cell.id])]
        if not cells:
            break
    found.left += Belongings.now().more_than(before)
    return found


def as_promised(cell: Cell, outcome: Outcome) -> bool:
    try:
        PROMISES[cell.kind](cell, outcome)
    except AssertionError:
        return False
    return True


def told_apologised_for_and_over(cell: Cell, outcome: Outcome) -> None:
    story = outcome.story()
    assert outcome.reason == "input_over", story

    failures = outcome.all("provider.failed")
    assert len(failures) == 1, story
    failed = failures[0]
    assert (failed.data["stage"], failed.data["provider"]) == (cell.subject.stage, cell.subject.name)
    assert failed.data["next"] is None
    assert told_as_expected(cell, failed.data["error"])
    assert KEY not in story

    assert outcome.heard(1, "apology"), story
    assert outcome.data("reply.finished", "text", 1) == [APOLOGY], story
    assert outcome.heard(2, "answer"), story
    assert outcome.data("reply.finished", "text", 2) == [ANSWER], story
    assert outcome.history[-2:] == [("user", HEARD), ("assistant", ANSWER)]
    assert outcome.still_connected == 0


def not_heard(cell: Cell, outcome: Outcome) -> None:
    story = outcome.story()
    assert outcome.data("provider.failed", "stage") == [cell.subject.stage], story
    assert outcome.data("reply.started", "kind") == ["answer", "answer"], story
    assert outcome.heard(1, "answer") and outcome.heard(2, "answer"), story
    assert outcome.history[1:] == [("user", HEARD), ("assistant", ANSWER)] * 2
    assert outcome.still_connected == 0


def warned_of(cell: Cell, outcome: Outcome) -> None:
    story = outcome.story()
    assert outcome.reason == "input_over", story
    errors = outcome.data("provider.failed", "error")
    assert len(errors) == 2 and all(told_as_expected(cell, error) for error in errors), story
    assert outcome.data("reply.started", "kind", 1) == ["answer", "apology"], story
    assert outcome.data("warning", "message") == ["the apology could not be spoken either: no voice works"], story
    assert outcome.heard(2, "answer"), story
    assert len(outcome.history) > 2
    (_, asked), answered = outcome.history[-2:]
    assert asked.splitlines()[-1] == HEARD, "after a question to which no word of an answer was heard"
    assert answered == ("assistant", ANSWER)
    assert outcome.still_connected == 0


PROMISES = {"": told_apologised_for_and_over, "drafted": not_heard, "dead": warned_of}


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.id)
def test_a_fault_is_told_apologised_for_and_over_at_the_next_utterance(cell: Cell, results: Results) -> None:
    told_apologised_for_and_over(cell, results.outcomes[cell.id])


@pytest.mark.parametrize("cell", DRAFTED, ids=lambda cell: cell.id)
def test_a_fault_that_is_over_before_the_user_has_finished_is_not_heard(cell: Cell, results: Results) -> None:
    """The draft fails while the pause is waited for; at its end the provider is asked once more."""
    not_heard(cell, results.outcomes[cell.id])


@pytest.mark.parametrize("cell", DEAD, ids=lambda cell: cell.id)
def test_without_any_voice_it_is_said_in_a_warning_and_the_conversation_goes_on(cell: Cell, results: Results) -> None:
    warned_of(cell, results.outcomes[cell.id])


def test_nothing_is_left_behind(results: Results) -> None:
    """No task, no thread, no socket, no file."""
    assert results.left == []


def test_no_cell_is_missing() -> None:
    """Every fault that a provider notices is one here, or a kind of one that is."""
    same = {
        "dns": "refused", "certificate": "refused", "untrusted": "refused", "402": "401", "403": "401", "404": "401",
        "529": "500", "hang_after_headers": "hang", "drip": "hang", "big_line": "malformed",
    }  # fmt: skip
    for subject in SUBJECTS:
        for fault in table.FAULTS[subject.wire]:
            noticed = expected(subject, fault) != OK and "n/a" not in expected(subject, fault)
            assert not noticed or fault in FAULTS or same[fault] in FAULTS


def test_no_provider_is_missing() -> None:
    """Each is here, or another one that speaks by the same code."""
    here = {(subject.stage, subject.name) for subject in SUBJECTS}
    for subject in table.SUBJECTS:
        assert (subject.stage, ALIKE.get(subject.name, subject.name)) in here
