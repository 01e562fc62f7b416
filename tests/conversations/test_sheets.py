"""Conversations as call sheets: on virtual time against golden traces, and once more in real time on asyncio."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest
import trio.testing

from assistant.ports import Message, ToolCall, ToolResult
from assistant.session import Session
from tests.slowly import run_slowly

from .sheet import Sheet, Trace, play, read

SHEETS = sorted((Path(__file__).parent / "sheets").glob("*.txt"))
FAULTLESS = [path for path in SHEETS if "fault" not in path.read_text("utf-8")]
REWRITE = os.environ.get("PARLEY_GOLDEN") == "write"
"""Set to accept new traces after reading them: PARLEY_GOLDEN=write ./scripts/test tests/conversations"""


def sheet_at(path: Path) -> Sheet:
    return read(path.read_text("utf-8"))


def on_virtual_time(sheet: Sheet, folder: Path):
    clock = trio.testing.MockClock(autojump_threshold=0)
    return anyio.run(play, sheet, folder, backend="trio", backend_options={"clock": clock})


def told(message: Message) -> str:
    """What it says, calls, and has found."""
    shown = [message.text] if message.text else []
    for part in message.parts:
        if isinstance(part, ToolCall):
            shown.append(f"{part.name}({', '.join(f'{key}={value}' for key, value in part.arguments.items())})")
        if isinstance(part, ToolResult):
            shown.append(f"{part.name} gave: {part.content}")
    return " ".join(shown)


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.stem)
def test_the_trace_is_the_golden_one(path: Path, tmp_path: Path) -> None:
    trace, session = on_virtual_time(sheet_at(path), tmp_path)
    history = [f"{message.role}: {told(message)}" for message in session.history.messages()]
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


OUTCOMES = {
    "session.started",
    "user.speech_started",
    "user.transcript.final",
    "user.ignored",
    "user.superseded",
    "turn.endpoint",
    "reply.committed",
    "reply.started",
    "reply.audible",
    "reply.interrupted",
    "reply.finished",
    "overlap.decided",
    "turn.metrics",
    "session.ended",
}
"""What lies far enough apart that a busy machine does not change its order; the drafts' comings and goings do not."""


def outcomes(trace: Trace) -> list[tuple[str, int | None]]:
    return [(notice.event, notice.turn) for notice in trace.notices if notice.event in OUTCOMES]


PACES = 1.0, 3.0, 6.0
"""In the loop's own time at first; who differed there goes on more slowly, which a busy machine does not disturb."""


@pytest.mark.timeout(400)
def test_the_same_conversations_in_real_time(tmp_path: Path) -> None:
    """Production runs on asyncio: the same events in the same order."""
    expected = {path: outcomes(on_virtual_time(sheet_at(path), tmp_path)[0]) for path in SHEETS}
    found: dict[Path, list[tuple[str, int | None]]] = {}

    async def one(path: Path, folder: Path) -> None:
        await anyio.Path(folder).mkdir(parents=True)
        trace, _ = await play(sheet_at(path), folder)
        found[path] = outcomes(trace)

    async def all_of(paths: list[Path], folder: Path) -> None:
        async with anyio.create_task_group() as group:
            for path in paths:
                group.start_soon(one, path, folder / path.stem)

    differ = list(SHEETS)
    for pace in PACES:
        run_slowly(pace, all_of, differ, tmp_path / f"{pace:g}")
        differ = [path for path in differ if found[path] != expected[path]]
        if not differ:
            break
    for path in differ:
        assert found[path] == expected[path], path.stem


@pytest.mark.parametrize(
    "path", [path for path in SHEETS if "fault" not in path.read_text("utf-8")], ids=lambda p: p.stem
)
def test_discarding_every_draft_leaves_the_same_world(path: Path, tmp_path: Path) -> None:
    drafted, undrafted = sheet_at(path), sheet_at(path)
    drafted.config["drafts"], undrafted.config["drafts"] = True, False
    with_drafts, without = on_virtual_time(drafted, tmp_path)[1], on_virtual_time(undrafted, tmp_path)[1]
    assert said(with_drafts) == said(without)
    assert done(with_drafts) == done(without)


@pytest.mark.parametrize("path", FAULTLESS, ids=lambda path: path.stem)
def test_drafts_move_no_endpoint(path: Path, tmp_path: Path) -> None:
    """Whoever is answered sooner is cut off no more often: when the user has finished is decided all the same."""
    drafted, undrafted = sheet_at(path), sheet_at(path)
    drafted.config["drafts"], undrafted.config["drafts"] = True, False
    found = [endpoints(on_virtual_time(sheet, tmp_path)[0]) for sheet in (drafted, undrafted)]
    assert found[0] == found[1]


def endpoints(trace: Trace) -> list[tuple[float, int | None]]:
    return [(round(notice.t, 3), notice.turn) for notice in trace.notices if notice.event == "turn.endpoint"]


def done(session: Session) -> tuple[object, ...]:
    """What is set to ring, how loud and how fast it speaks."""
    effects = session.effects
    return [(entry.kind, entry.say) for entry in effects.pending.entries], effects.volume.db, effects.speed


def said(session: Session) -> list[tuple[str, str]]:
    """The history, but for how far an interrupted answer had come: that depends on when it began."""
    return [
        (m.role, "" if m.role == "assistant" and m.text and m.text[-1] not in ".!?" else told(m))
        for m in session.history.messages()
    ]
