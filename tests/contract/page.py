"""docs/faults.md: what a user reads after each fault of each provider, written from what the suite found.

Providers that say the same share a row. The page is read back, so that the suite can hold it against what it finds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.conftest import ROOT
from tests.contract.table import FAULTS, SUBJECTS

PATH = ROOT / "docs" / "faults.md"
REFRESH = "docs/faults.md is not what was found; `scripts/fault_table` writes it anew"

Found = dict[tuple[str, str], str]
"""(subject's id, fault) -> what a user reads, with NAME for the provider's name; or "n/a: why"."""

_STAGES = {"llm": "Language models", "stt": "Speech to text", "tts": "Text to speech"}
_WIRES = {"http": "HTTP", "websocket": "WebSocket"}
_FAULTS = {
    "dns": "the host's name cannot be resolved",
    "certificate": "the certificate is for another name",
    "untrusted": "nobody that is trusted vouches for the certificate",
    "refused": "nothing listens there",
    "401": "the key is wrong (401)",
    "402": "the balance is used up (402)",
    "403": "the key may not do that (403)",
    "404": "there is no such model (404)",
    "429": "asked too often (429, Retry-After)",
    "500": "an error inside (500)",
    "529": "overloaded (529)",
    "error_in_200": "an error after HTTP 200",
    "hang": "no answer",
    "hang_after_headers": "headers, then nothing",
    "hang_midway": "silence in the middle",
    "cut_at_once": "the connection is cut at once",
    "cut_midway": "the connection is cut in the middle",
    "malformed": "something unreadable",
    "big_line": "a line of 50 MB",
    "drip": "one byte a second",
    "split": "every byte in a packet of its own",
    "crlf": "other line ends",
    "comments": "comments between the events",
}
"""In words. A fault that is not here is shown by its own name."""
_WORDS = {words: fault for fault, words in _FAULTS.items()}

_HEAD = """\
# What goes wrong, and what you read

Every provider that talks to a server is tested against a local server that speaks its vendor's protocol and misbehaves
in each of these ways. Each fault ends in one clear sentence, soon: after 3 s without a connection, 8 s without a first
byte, 5 s of silence in the middle (`[timeouts]` in the config; the tests behind this page wait 0.5, 0.6 and 0.4 s).
Then the chain goes on with the next provider; nobody asks the same one twice. NAME stands for the provider's name.

This page is written by `scripts/fault_table` from what the tests found, and they fail when it says anything else.
"""


def render(found: Mapping[tuple[str, str], str]) -> str:
    """The page."""
    lines = [_HEAD]
    shown_here = {subject for subject, _ in found}
    for stage, title in _STAGES.items():
        for wire, protocol in _WIRES.items():
            subjects = [s.id for s in SUBJECTS if (s.stage, s.wire) == (stage, wire) and s.id in shown_here]
            if not subjects:
                continue
            lines += [f"## {title} over {protocol}", "", "| fault | provider | what you read |", "|---|---|---|"]
            for fault in FAULTS[wire]:  # type: ignore[index]
                said: dict[str, list[str]] = {}
                for subject in subjects:
                    if (subject, fault) in found:
                        said.setdefault(found[subject, fault], []).append(_name(subject))
                shown = _FAULTS.get(fault, fault)
                for sentence, names in said.items():
                    lines.append(f"| {shown} | {', '.join(names)} | {_escaped(sentence)} |")
                    shown = ""
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def parse(page: str) -> Found:
    """What the page says, cell by cell."""
    found: Found = {}
    stage = fault = ""
    for line in page.splitlines():
        if title := re.fullmatch(r"## (.+) over .+", line):
            stage = next(name for name, words in _STAGES.items() if words == title[1])
        elif line.startswith("| ") and not line.startswith("| fault "):
            shown, names, sentence = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            fault = _WORDS.get(shown, shown) if shown else fault
            for name in names.split(", "):
                found[f"{stage}:{name}", fault] = sentence.replace("\\|", "|")
    return found


def _name(subject: str) -> str:
    return subject.partition(":")[2]


def _escaped(sentence: str) -> str:
    return sentence.replace("|", "\\|")
