"""Conversations as call sheets: on virtual time against golden traces, and once more in real time on asyncio."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest
import trio.testing

from .sheet import Sheet, play, read

SHEETS = sorted((Path(__file__).parent / "sheets").glob("*.txt"))
REWRITE = os.environ.get("PARLEY_GOLDEN") == "write"
"""Set to accept new traces after reading them: PARLEY_GOLDEN=write ./scripts/test tests/conversations"""


def sheet_at(path: Path) -> Sheet:
    return read(path.read_text("utf-8"))


def on_virtual_time(sheet: Sheet, folder: Path):
    clock = trio.testing.MockClock(autojump_threshold=0)
    return anyio.run(play, sheet, folder, backend="trio", backend_options={"clock": clock})


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.stem)
def test_the_trace_is_the_golden_one(path: Path, tmp_path: Path) -> None:
    trace, session = on_virtual_time(sheet_at(path), tmp_path)
    history = [f"{message.role}: {message.text}" for message in session.history.messages()]
    text = "\n".join([*trace.lines, "", *history, ""])
    golden = path.with_suffix(".trace")
    if REWRITE:
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.stem)
def test_every_run_is_the_same(path: Path, tmp_path: Path) -> None:
    first, _ = on_virtual_time(sheet_at(path), tmp_path)
    second, _ = on_virtual_time(sheet_at(path), tmp_path)
    assert first.lines == second.lines


def test_the_same_conversations_in_real_time(tmp_path: Path) -> None:
    """Production runs on asyncio: the same events in the same order."""
    found: dict[str, list[tuple[str, int | None]]] = {}

    async def one(path: Path) -> None:
        folder = tmp_path / path.stem
        folder.mkdir()
        trace, _ = await play(sheet_at(path), folder)
        found[path.stem] = [(notice.event, notice.turn) for notice in trace.notices if notice.event != "_"]

    async def all_of_them() -> None:
        async with anyio.create_task_group() as group:
            for path in SHEETS:
                group.start_soon(one, path)

    anyio.run(all_of_them)
    for path in SHEETS:
        trace, _ = on_virtual_time(sheet_at(path), tmp_path)
        expected = [(notice.event, notice.turn) for notice in trace.notices if notice.event != "_"]
        assert found[path.stem] == expected, path.stem
