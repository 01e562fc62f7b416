"""How long the user pauses, kept from session to session in one small file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.conversation.pauses import Habit
from assistant.habits import FILE, Habits, folder

SLOW = Habit().with_pause(1.0).with_pause(1.5)


def test_what_was_learned_is_there_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "deep" / FILE
    habits = Habits(path)
    assert habits.load() == Habit()
    habits.learned(SLOW)
    assert Habits(path).load().typical == pytest.approx(SLOW.typical, abs=0.001)


def test_it_holds_numbers_and_nothing_else(tmp_path: Path) -> None:
    Habits(tmp_path / FILE).learned(SLOW)
    kept = json.loads((tmp_path / FILE).read_text())
    assert set(kept) == {"version", "pauses", "log_mean"}
    assert all(isinstance(value, int | float) for value in kept.values())
    assert [path.name for path in tmp_path.iterdir()] == [FILE], "nothing is left beside it"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 1}',
        '{"version": 2, "pauses": 3, "log_mean": 0}',
        '{"version": 1, "pauses": -3, "log_mean": 0}',
        '{"version": 1, "pauses": 3, "log_mean": NaN}',
        '{"version": 1, "pauses": 3, "log_mean": 1e99}',
        '{"version": 1, "pauses": "x", "log_mean": null}',
        "\x00\x01\x02",
        "9" * 5000,
    ],
)
def test_a_file_that_is_damaged_or_from_the_future_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / FILE
    path.write_text(text)
    habits = Habits(path)
    assert habits.load() == Habit()
    assert path.read_text() == text, "looking at it changes nothing"
    habits.learned(SLOW)
    assert Habits(path).load() != Habit()


def test_bytes_that_are_no_text_are_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe\xfa")
    assert Habits(tmp_path / FILE).load() == Habit()


def test_of_two_conversations_at_once_both_count(tmp_path: Path) -> None:
    path = tmp_path / FILE
    one, other = Habits(path), Habits(path)
    before, too = one.load(), other.load()
    one.learned(before.with_pause(1.0))
    other.learned(too.with_pause(2.0))
    both = Habits(path).load()
    assert both.count == 2
    assert both.typical == pytest.approx(Habit().with_pause(1.0).with_pause(2.0).typical, abs=0.001)


def test_processes_that_write_at_once_never_leave_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / FILE
    code = (
        "import sys; from pathlib import Path; from assistant.habits import Habits\n"
        "for _ in range(200):\n"
        "    habits = Habits(Path(sys.argv[1])); habits.learned(habits.load().with_pause(0.9))\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(2)]
    seen = 0
    while any(process.poll() is None for process in running):
        if path.exists():
            json.loads(path.read_text())
            seen += 1
    assert [process.returncode for process in running] == [0, 0]
    assert seen > 0
    assert Habits(path).load().typical == pytest.approx(0.9, abs=0.2)
    assert [each.name for each in tmp_path.iterdir()] == [FILE]


def test_a_disk_that_takes_nothing_loses_it_quietly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Habits(tmp_path / "file" / FILE).learned(SLOW)


def test_it_lies_in_the_state_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert folder() == tmp_path / "parley"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert folder() == tmp_path / "local" / "parley"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert folder().parts[-3:] == ("Library", "Application Support", "parley")
