from __future__ import annotations

import logging

import pytest

from assistant.observe.hub import Hub
from assistant.ports import Notice


class Watcher:
    def __init__(self) -> None:
        self.seen: list[Notice] = []

    def notice(self, notice: Notice) -> None:
        self.seen.append(notice)


class Broken:
    def __init__(self) -> None:
        self.calls = 0

    def notice(self, notice: Notice) -> None:
        self.calls += 1
        raise RuntimeError("no screen")


def test_everybody_sees_the_same_notices() -> None:
    one, two = Watcher(), Watcher()
    hub = Hub([one, two], lambda: 3.0)
    hub.emit("reply.word", 2, 2.5, {"word": "hello"})
    hub.emit("warning", None, None, {"message": "?"})
    assert one.seen == two.seen
    assert one.seen == [
        Notice(3.0, "reply.word", 2, 2.5, {"word": "hello"}),
        Notice(3.0, "warning", None, 3.0, {"message": "?"}),
    ]


def test_time_never_runs_back() -> None:
    clock = iter([1.0, 2.0, 1.5, 2.5])
    watcher = Watcher()
    hub = Hub([watcher], lambda: next(clock))
    for _ in range(4):
        hub.emit("state")
    assert [notice.t for notice in watcher.seen] == [1.0, 2.0, 2.0, 2.5]


def test_an_observer_that_fails_is_reported_once_and_dropped(caplog: pytest.LogCaptureFixture) -> None:
    broken, watcher = Broken(), Watcher()
    hub = Hub([broken, watcher], lambda: 0.0)
    with caplog.at_level(logging.WARNING, "parley"):
        for _ in range(3):
            hub.emit("state")
    assert broken.calls == 1
    assert len(watcher.seen) == 3
    assert [record.getMessage() for record in caplog.records] == [
        "Broken failed on state and watches no longer (RuntimeError: no screen)"
    ]


def test_what_an_observer_emits_comes_after_what_it_was_told_for_everybody() -> None:
    late = Watcher()

    class Complainer:
        def notice(self, notice: Notice) -> None:
            if notice.event == "state":
                hub.emit("warning")

    hub = Hub([Complainer(), late], lambda: 0.0)
    hub.emit("state")
    hub.emit("reply.audible")
    assert [notice.event for notice in late.seen] == ["state", "warning", "reply.audible"]
