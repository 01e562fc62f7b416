"""A conversation that turns out to hear itself becomes safer at once, says so, and the next one begins better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from assistant import echowatch
from assistant.audio.modes import Choice, EchoPath, Mode
from assistant.audio.processing import Processing, choose_processing
from assistant.echoes import Echoes, Known
from assistant.echowatch import EchoWatch, known_choice

LOUD = EchoPath(True, 0.06, 8.0, -60.0)


@dataclass
class Pair:
    """Two devices, as they are named now."""

    output: str = "Headphones"
    latencies: Mapping[str, float] = field(default_factory=dict)

    @property
    def names(self) -> Mapping[str, str]:
        return {"input": "Webcam", "output": self.output}


class Watched:
    def __init__(self, folder: Path, pair: Pair, echoes: Echoes | None = None) -> None:
        self.pair = pair
        self.echoes = echoes or Echoes(folder / "echo.json")
        self.changes: list[tuple[Mode, str]] = []
        self.watch = EchoWatch(
            pair, self.echoes, self.wanted(), self.wanted, lambda mode, why: self.changes.append((mode, why)), 24_000
        )

    def wanted(self) -> Processing:
        return choose_processing(
            "auto",
            "auto",
            room=False,
            devices=True,
            output=self.pair.output,
            installed=True,
            known=known_choice(self.echoes, self.pair),
        )


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(echowatch, "installed_here", lambda package: True)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


pytestmark = pytest.mark.anyio


async def test_headphones_on_the_table_are_found_out_and_the_next_session_takes_the_echo_out(tmp_path: Path) -> None:
    first = Watched(tmp_path, Pair())
    assert not first.wanted().echo
    first.watch._overheard(LOUD, None)
    first.watch._overheard(LOUD, None)
    ((mode, why),) = first.changes
    assert mode == "half" and "does not listen while it speaks" in why and "parley doctor echo" in why
    second = Watched(tmp_path, Pair())
    assert second.wanted().echo and second.wanted().mode == "full"


async def test_an_echo_that_is_taken_out_changes_nothing_and_is_remembered_once(tmp_path: Path) -> None:
    watched = Watched(tmp_path, Pair("Built-in"))
    watched.watch._overheard(LOUD, 30.0)
    assert watched.changes == []
    known = watched.echoes.of("Webcam", "Built-in")
    assert known == Known("full", True, "the echo is taken out", True, "conversation", 60.0, 8.0, 30.0)
    doctor = Known("duck", True, "a little of the echo comes through", True, "doctor", 60.0, 8.0, 15.0)
    watched.echoes.remember("Webcam", "Built-in", doctor)
    watched.watch._overheard(LOUD, 30.0)
    assert watched.echoes.of("Webcam", "Built-in") == doctor, "what was measured with test sounds says more"


async def test_an_echo_that_is_not_taken_out_makes_it_safer_step_by_step(tmp_path: Path) -> None:
    watched = Watched(tmp_path, Pair("Built-in"))
    for erle in (8.0, 30.0, 2.0, 8.0):
        watched.watch._overheard(LOUD, erle)
    assert [mode for mode, _ in watched.changes] == ["duck", "half"]
    known = watched.echoes.of("Webcam", "Built-in")
    assert known is not None and known.mode == "half" and known.cancel


async def test_headphones_that_are_unplugged_make_it_deaf_while_it_speaks_at_once(tmp_path: Path) -> None:
    pair = Pair()
    watched = Watched(tmp_path, pair)
    watched.watch.device_changed(None)
    assert watched.changes == []
    pair.output = "Built-in"
    watched.watch.device_changed("Built-in")
    assert [mode for mode, _ in watched.changes] == ["half"]
    pair.output = "Headphones"
    watched.watch.device_changed("Headphones")
    assert [mode for mode, _ in watched.changes] == ["half"], "nothing becomes less safe in the middle"


async def test_a_device_that_was_measured_brings_its_mode_along(tmp_path: Path) -> None:
    pair = Pair("Built-in")
    watched = Watched(tmp_path, pair)
    watched.echoes.remember("Webcam", "Big box", Known("duck", True, "a little of the echo comes through", True))
    pair.output = "Big box"
    watched.watch.device_changed("Big box")
    assert [mode for mode, _ in watched.changes] == ["duck"]


async def test_what_was_measured_with_the_package_does_not_hold_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    echoes = Echoes(tmp_path / "echo.json")
    echoes.remember("Webcam", "Built-in", Known("full", True, "the echo is taken out", True))
    assert known_choice(echoes, Pair("Built-in")) == Choice("full", True, "the echo is taken out")
    assert known_choice(echoes, None) is None
    monkeypatch.setattr(echowatch, "installed_here", lambda package: False)
    assert known_choice(echoes, Pair("Built-in")) is None
