"""What was measured of devices is kept from session to session, and never stands in the way of one."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from assistant.echoes import PAIRS, VERSION, Echoes, Known

FULL = Known("full", True, "the echo is taken out", True, "doctor", 61.5, 12.1, 31.0)
HALF = Known("half", False, "there is an echo", False, "conversation")


@pytest.fixture
def echoes(tmp_path: Path) -> Echoes:
    return Echoes(tmp_path / "state" / "echo.json")


def test_a_pair_is_known_again_and_no_other(echoes: Echoes) -> None:
    assert echoes.of("mic", "speaker") is None
    echoes.remember("mic", "speaker", FULL)
    echoes.remember("mic", "other", HALF)
    again = Echoes(echoes.path)
    assert again.of("mic", "speaker") == FULL and again.of("mic", "other") == HALF
    assert again.of("speaker", "mic") is None and again.of("mic", "") is None
    assert again.trouble == ""
    assert os.listdir(echoes.path.parent) == [echoes.path.name], "nothing half written is left"


def test_the_newest_pairs_are_kept_and_measuring_again_makes_new(echoes: Echoes) -> None:
    echoes.remember("mic", "first", FULL)
    for number in range(PAIRS - 1):
        echoes.remember("mic", f"speaker {number}", FULL)
    echoes.remember("mic", "first", HALF)
    echoes.remember("mic", "one more", FULL)
    assert echoes.of("mic", "first") == HALF and echoes.of("mic", "speaker 0") is None
    assert len(json.loads(echoes.path.read_text("utf-8"))["pairs"]) == PAIRS


def test_of_two_programs_at_once_both_count(echoes: Echoes) -> None:
    other = Echoes(echoes.path)
    echoes.remember("mic", "speaker", FULL)
    other.remember("mic", "headset", HALF)
    assert echoes.of("mic", "headset") == HALF and other.of("mic", "speaker") == FULL


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 1}',
        '{"version": "one", "pairs": []}',
        '{"version": 1, "pairs": [{}]}',
        '{"version": 1, "pairs": [{"input": "mic", "output": "speaker", "mode": "loud", "cancel": true, "why": "",'
        ' "installed": true, "source": "doctor", "delay_ms": 1, "return_loss_db": 1, "erle_db": 1}]}',
        "\ud800",
    ],
)
def test_a_damaged_file_is_as_good_as_none_told_and_replaced(echoes: Echoes, text: str) -> None:
    echoes.path.parent.mkdir()
    echoes.path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert echoes.of("mic", "speaker") is None
    assert "is damaged" in echoes.trouble and str(echoes.path) in echoes.trouble
    echoes.remember("mic", "speaker", FULL)
    assert Echoes(echoes.path).of("mic", "speaker") == FULL


def test_a_later_version_is_not_used_and_not_overwritten(echoes: Echoes) -> None:
    echoes.path.parent.mkdir()
    later = json.dumps({"version": VERSION + 1, "couples": {}})
    echoes.path.write_text(later, "utf-8")
    assert echoes.of("mic", "speaker") is None and "later version" in echoes.trouble
    echoes.remember("mic", "speaker", FULL)
    assert echoes.path.read_text("utf-8") == later


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    echoes = Echoes(tmp_path / "state" / "echo.json")
    echoes.remember("mic", "speaker", FULL)
    assert "cannot be written" in echoes.trouble or "cannot be read" in echoes.trouble


@pytest.mark.skipif(sys.platform != "linux", reason="the folder is another one there")
def test_it_lies_in_the_state_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert Echoes().path == tmp_path / "parley" / "echo.json"
