"""Every provider that talks to a server x every fault: what must come of each cell."""

from __future__ import annotations

import importlib
import pkgutil
from typing import get_args

from tests.contract import subjects
from tests.contract.subject import KEY, Stage, Subject, Wire
from tests.servers.wire import Fault

__all__ = [
    "ADDRESS_FAULTS", "EXPECTED", "FAULTS", "KEY", "LASTING", "OK", "PARTS_BEFORE", "PATIENT", "SUBJECTS", "TIMEOUTS",
    "Subject", "expected",
]  # fmt: skip

TIMEOUTS = {"connect": 0.5, "first_byte": 0.6, "gap": 0.4}
PATIENT = {**TIMEOUTS, "first_byte": 4.0}
"""For what takes its time to arrive: the clock is not what ends it."""


def _found() -> list[Subject]:
    """Those of all vendors; language models first, then ears, then voices, by name."""
    found: list[Subject] = []
    for module in pkgutil.iter_modules(subjects.__path__):
        found += importlib.import_module(f"{subjects.__name__}.{module.name}").SUBJECTS
    stages: list[Stage] = ["llm", "stt", "tts"]
    return sorted(found, key=lambda subject: (stages.index(subject.stage), subject.id))


SUBJECTS = _found()

OK = "ok"
"""The fault must not be noticed."""
NOT_SSE = "n/a: the answer is one JSON document, not server-sent events"
NOT_TEXT = "n/a: the answer is sound, not text"

ADDRESS_FAULTS = ("dns", "certificate", "untrusted")
"""Nobody can be reached there: the name does not exist, the certificate is for another name, nobody vouches for it."""
_EVERYWHERE = {
    "dns": "cannot be reached: its name cannot be resolved",
    "certificate": "cannot be reached: its certificate is for another name",
    "untrusted": "cannot be reached: its certificate is not trusted",
    "refused": "cannot be reached: nothing listens there",
    "401": "rejected the key (401)",
    "402": "wants to be paid first (402)",
    "403": "does not allow this key to do that (403)",
    "404": "does not know this model or address (404)",
    "429": "is asked too often (429)",
    "500": "failed inside (500)",
    "529": "is overloaded (529)",
    "error_in_200": "sent an error",
    "hang": "no first byte for 0.6 s",
    "hang_after_headers": "no first byte for 0.6 s",
    "hang_midway": "fell silent for 0.4 s",
    "cut_at_once": "cut the connection",
    "cut_midway": "cut the connection",
    "malformed": "malformed",
    "big_line": "sent one event of more than 4 MB",
    "drip": "no first byte for 0.6 s",
    "split": OK,
    "crlf": OK,
    "comments": OK,
}
_WEBSOCKET = {
    "hang": "no connection within 0.5 s",
    "drip": "no connection within 0.5 s",
    "big_line": "sent more than 4 MB in one message",
    "crlf": "n/a: messages are framed, not lines",
}
EXPECTED: dict[Wire, dict[str, str]] = {"http": _EVERYWHERE, "websocket": {**_EVERYWHERE, **_WEBSOCKET}}
"""By the wire, what an error must say after each fault."""
_OF_STAGE: dict[tuple[Wire, Stage], dict[str, str]] = {
    ("http", "stt"): {
        "hang_midway": "no first byte for 0.6 s",
        "big_line": "sent an answer of more than 4 MB",
        "crlf": NOT_SSE,
        "comments": NOT_SSE,
    },
    ("http", "tts"): {
        "crlf": NOT_TEXT,
        "comments": NOT_TEXT,
        "drip": "fell silent for 0.4 s",
        "big_line": "sent an answer of more than 4 MB",
        "malformed": "sent text/html where sound was asked for",
    },
}
FAULTS: dict[Wire, tuple[str, ...]] = {wire: tuple(expected) for wire, expected in EXPECTED.items()}
assert set(FAULTS["http"]) == {*ADDRESS_FAULTS, *get_args(Fault)}
LASTING = {"401", "402", "403", "404"}
"""Faults after which asking again soon is of no use."""
PARTS_BEFORE = {"hang_midway", "cut_midway"}
"""Faults before which part of a streamed answer has come."""


def expected(subject: Subject, fault: str) -> str:
    """What the ProviderError must say; OK; or "n/a: why". The subject's own word goes first, then its stage's."""
    for table in (subject.expected, _OF_STAGE.get((subject.wire, subject.stage), {})):
        if fault in table:
            return table[fault]
    return EXPECTED[subject.wire][fault]
