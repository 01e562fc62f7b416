"""Every provider x every fault: each ends soon, says what it was, and passes; and docs/faults.md shows it."""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field

import anyio
import pytest

from providers._errors import Rejected
from tests.contract import certificates, page
from tests.contract.cells import Found, meet
from tests.contract.table import ADDRESS_FAULTS, FAULTS, LASTING, OK, PARTS_BEFORE, SUBJECTS, Subject, expected
from tests.servers.wire import BIG, RETRY_AFTER

CELLS = [(subject, fault) for subject in SUBJECTS for fault in FAULTS[subject.wire]]
NOWHERE = {"refused", *ADDRESS_FAULTS}
"""Faults before the server can be asked for anything."""
AT_ONCE = 4
"""Cells side by side: they wait most of the time."""


@dataclass
class Results:
    """Of all the cells that are to be looked at."""

    found: dict[tuple[str, str], Found | Exception] = field(default_factory=dict)
    said: page.Found = field(default_factory=dict)
    """What a user reads after each."""
    log: str = ""
    """All that was logged meanwhile, by anybody, at any level."""


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest) -> Iterator[Results]:
    """The cells of the tests that were asked for."""
    wanted = [
        (item.callspec.params["subject"], item.callspec.params["fault"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path and hasattr(item, "callspec")
    ]
    results = Results()
    log = io.StringIO()
    handler, root = logging.StreamHandler(log), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with certificates.trust():
            anyio.run(_meet_all, wanted, results)
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    results.log = log.getvalue()
    yield results
    results.found.clear()  # their tracebacks hold the providers


async def _meet_all(cells: list[tuple[Subject, str]], results: Results) -> None:
    places = anyio.CapacityLimiter(AT_ONCE)

    async def one(subject: Subject, fault: str) -> None:
        verdict = expected(subject, fault)
        if verdict.startswith("n/a"):
            results.said[subject.id, fault] = verdict
            return
        async with places:
            try:
                found = await meet(subject, fault)
            except Exception as error:  # that cell's test tells
                results.found[subject.id, fault] = error
                return
        results.found[subject.id, fault] = found
        results.said[subject.id, fault] = found.sentence(subject)

    async with anyio.create_task_group() as group:
        for cell in cells:
            group.start_soon(one, *cell)


@pytest.mark.parametrize(("subject", "fault"), CELLS, ids=lambda value: getattr(value, "id", value))
def test_every_fault_ends_soon_and_says_what_it_was(subject: Subject, fault: str, results: Results) -> None:
    verdict = expected(subject, fault)
    if verdict.startswith("n/a"):
        assert len(verdict) > len("n/a: "), "say why"
        return
    found = results.found[subject.id, fault]
    if isinstance(found, Exception):
        raise found
    if verdict == OK:
        assert found.failure is None
        assert subject.complete(found.pieces)
    else:
        check(subject, fault, found, verdict)


def check(subject: Subject, fault: str, found: Found, verdict: str) -> None:
    failure = found.failure
    assert failure is not None
    assert verdict in str(failure)
    assert failure.provider == subject.name
    assert "\n" not in str(failure)
    assert isinstance(failure, Rejected) == (fault in LASTING)
    assert failure.retry_after == (RETRY_AFTER if fault == "429" else None)
    assert found.calls == (0 if fault in NOWHERE else 1), "nobody retries"
    if fault in PARTS_BEFORE and subject.stage != "stt":
        assert found.pieces, "what came before the fault was handed over"
    if fault == "big_line" and subject.wire == "http":  # a WebSocket that is closing reads on, and keeps nothing
        assert found.sent < BIG / 2, "most of it was never read"
    told = "".join(traceback.format_exception(failure)) + repr(failure) + repr(failure.__dict__)
    assert not any(secret in told for secret in subject.secrets)
    assert failure.__cause__ is None and failure.__context__ is None


def test_no_log_shows_a_key(results: Results) -> None:
    """Not even the libraries' own, at their most talkative."""
    assert results.log
    for subject in SUBJECTS:
        for secret in subject.secrets:
            at = results.log.find(secret)
            assert at < 0, results.log[max(0, at - 300) : at + 100]


def test_the_page_shows_what_was_found(results: Results) -> None:
    shown = page.parse(page.PATH.read_text("utf-8"))
    assert results.said.items() <= shown.items(), page.REFRESH


def test_the_page_has_every_cell_and_no_other() -> None:
    shown = page.PATH.read_text("utf-8")
    assert set(page.parse(shown)) == {(subject.id, fault) for subject, fault in CELLS}, page.REFRESH
    assert page.render(page.parse(shown)) == shown, page.REFRESH
