"""Every provider x every fault: each ends soon, says what it was, and passes; and docs/faults.md shows it."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest

from providers._errors import Rejected
from tests.contract import page
from tests.contract.cells import Found, meet
from tests.contract.table import ADDRESS_FAULTS, FAULTS, LASTING, OK, PARTS_BEFORE, SUBJECTS, Subject, expected
from tests.servers.wire import BIG, RETRY_AFTER

pytestmark = pytest.mark.anyio

CELLS = [(subject, fault) for subject in SUBJECTS for fault in FAULTS[subject.wire]]
NOWHERE = {"refused", *ADDRESS_FAULTS}
"""Faults before the server can be asked for anything."""


@pytest.fixture(scope="module")
def said() -> page.Found:
    """What a user reads after each cell that was run."""
    return {}


@pytest.mark.parametrize(("subject", "fault"), CELLS, ids=lambda value: getattr(value, "id", value))
async def test_every_fault_ends_soon_and_says_what_it_was(
    subject: Subject, fault: str, said: page.Found, caplog: Any
) -> None:
    verdict = expected(subject, fault)
    if verdict.startswith("n/a"):
        assert len(verdict) > len("n/a: "), "say why"
        said[subject.id, fault] = verdict
        return
    caplog.set_level(logging.DEBUG)
    found = await meet(subject, fault)
    said[subject.id, fault] = found.sentence(subject)
    if verdict == OK:
        assert found.failure is None
        assert subject.complete(found.pieces)
        return
    check(subject, fault, found, verdict, caplog.text)


def check(subject: Subject, fault: str, found: Found, verdict: str, log: str) -> None:
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
    told = "".join(traceback.format_exception(failure)) + repr(failure) + repr(failure.__dict__) + log
    assert not any(secret in told for secret in subject.secrets)
    assert failure.__cause__ is None and failure.__context__ is None


def test_the_page_shows_what_was_found(said: page.Found) -> None:
    shown = page.parse(page.PATH.read_text("utf-8"))
    assert said.items() <= shown.items(), page.REFRESH


def test_the_page_has_every_cell_and_no_other() -> None:
    shown = page.PATH.read_text("utf-8")
    assert set(page.parse(shown)) == {(subject.id, fault) for subject, fault in CELLS}, page.REFRESH
    assert page.render(page.parse(shown)) == shown, page.REFRESH
