"""docs/events.md says what the program does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from assistant.conversation.costs import Costs
from assistant.conversation.ledger import Ledger
from assistant.observe.console import Console
from assistant.observe.events import encode
from assistant.ports import Notice

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text("utf-8")
EXAMPLES: list[dict[str, Any]] = [json.loads(line) for line in re.findall(r"```json\n(.*)\n```", PAGE)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.get("event", "_"))
def test_each_example_is_a_line_as_it_is_written(example: dict[str, Any]) -> None:
    data = dict(example)
    t, event, turn, at = (data.pop(key, None) for key in ("t", "event", "turn", "at"))
    notice = Notice(t, event or "_", turn, at or 0.0, data.get("_", data))
    assert json.loads(encode(notice)) == example
    assert list(json.loads(encode(notice))) == list(example)


def test_each_event_has_an_example_with_the_fields_it_is_said_to_have() -> None:
    shown = {example["event"]: example for example in EXAMPLES if "event" in example}
    told = dict(re.findall(r"^\*\*`([a-z_.]+)`\*\*(?: `\{(.*?)\}`)?", PAGE, re.M))
    assert told.keys() == shown.keys()
    for event, fields in told.items():
        if event != "turn.metrics":
            assert list(shown[event])[4:] == [field.strip() for field in fields.split(",") if field]


def test_the_metrics_have_the_fields_of_the_ledger() -> None:
    shown = next(example for example in EXAMPLES if example.get("event") == "turn.metrics")
    assert list(shown)[4:] == [*Ledger().close(1), *Costs().close(1)]


def test_what_a_session_costs_has_the_fields_of_the_sums() -> None:
    shown = next(example for example in EXAMPLES if example.get("event") == "session.ended")
    assert list(shown["cost"]) == list(Costs().session(60.0))


def test_the_console_takes_every_event(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+", encoding="utf-8") as stream:
        console = Console(stream, lambda: None, environ={})
        for example in EXAMPLES:
            data = {key: value for key, value in example.items() if key not in ("t", "event", "turn", "at")}
            console.notice(Notice(example["t"], example.get("event", "_"), example["turn"], 0.0, data))
        console.close()
        stream.seek(0)
        shown = stream.read()
    assert "! llm anthropic failed: no answer within 8 s; going on with openai\n" in shown
    assert "(0.46 s)\n" in shown
