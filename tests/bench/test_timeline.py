"""The picture of a recorded session stands alone, shows what was decided when, and takes no word for markup."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from assistant.audio.wavfile import WavWriter
from assistant.bench.timeline import draw, main
from assistant.ports import ParleyError

SVG = "{http://www.w3.org/2000/svg}"


def event(name: str, at: float, turn: int | None = 1, **data: object) -> dict[str, Any]:
    return {"t": at, "event": name, "turn": turn, "at": at, **data}


EVENTS: list[dict[str, Any]] = [
    event("state", 0.1, **{"from": "Listening", "to": "Replying"}),
    event("reply.word", 0.2, word="<b>Hello"),
    {"t": 0.3, "turn": 1, "_": {"stage": "tts", "what": "audio", "seconds": 0.2}},
    event("overlap.started", 1.0),
    event("reply.paused", 1.1),
    event("state", 1.1, **{"from": "Replying", "to": "Overlapping"}),
    event("overlap.decided", 1.5, kind="floor"),
    event("user.speech_started", 1.0, 2),
    event("user.transcript.final", 1.6, 2, text='is 1 < 2 & "3"?\x07'),
    event("user.speech_ended", 1.6, 2),
    event("turn.endpoint", 1.85, 2, waited_ms=250.4, policy="adaptive"),
    event("reply.finished", 2.9, 2, text="Yes."),
]


def recorded(folder: Path, events: list[dict[str, Any]] = EVENTS) -> Path:
    """Three seconds: the user from 1.0 to 1.6, the assistant in the first second."""
    for name, rate, since, until in (("mic.wav", 16_000, 1.0, 1.6), ("speaker.wav", 24_000, 0.0, 1.0)):
        sound = np.zeros(3 * rate, np.float32)
        sound[round(since * rate) : round(until * rate)] = 0.5
        with WavWriter(folder / name, rate) as writer:
            writer.append(sound)
    (folder / "events.jsonl").write_text("".join(json.dumps(one) + "\n" for one in events), "utf-8")
    return folder


def texts(root: ElementTree.Element) -> list[str]:
    return [one.text or "" for one in root.iter(f"{SVG}text")]


def test_it_shows_what_was_said_and_decided_and_in_which_state(tmp_path: Path) -> None:
    shown = texts(ElementTree.fromstring(draw(recorded(tmp_path), 0.0, 2.5)))
    decided = ["a voice over it", "held", "decided: it wants the floor", "your last sound", "finished, after 250 ms"]
    assert [one for one in shown if one in {*decided, "you speak", "last sound"}] == decided
    assert {"<b>Hello", "Replying", "Overlapping", "0 s", "2 s"} <= set(shown)
    assert '“is 1 < 2 & "3"? ”' in shown, "as text, without what XML forbids"


def test_a_mark_stands_at_its_moment(tmp_path: Path) -> None:
    root = ElementTree.fromstring(draw(recorded(tmp_path), 0.0, 2.5))
    marks = {one.findtext(f"{SVG}title"): float(one.attrib["x1"]) for one in root.iter(f"{SVG}line") if len(one)}
    ticks = {one.text: float(one.attrib["x"]) for one in root.iter(f"{SVG}text") if (one.text or "").endswith(" s")}
    assert marks["1.00 s: a voice over it"] == ticks["1 s"]
    assert ticks["1 s"] < marks["1.10 s: held"] < marks["1.50 s: decided: it wants the floor"] == ticks["1.5 s"]


def test_the_waveforms_are_where_the_sound_is(tmp_path: Path) -> None:
    root = ElementTree.fromstring(draw(recorded(tmp_path), 0.0, 2.5))
    ticks = {one.text: float(one.attrib["x"]) for one in root.iter(f"{SVG}text") if (one.text or "").endswith(" s")}
    loud = []
    for path in root.iter(f"{SVG}path"):
        points = [tuple(map(float, point.split())) for point in re.findall(r"[\d.]+ [\d.]+", path.attrib["d"])]
        top = min(y for _, y in points)
        loud.append([x for x, y in points if y < top + 1])
    microphone, loudspeaker = loud
    assert min(microphone) == pytest.approx(ticks["1 s"], abs=2)
    assert max(loudspeaker) == pytest.approx(ticks["1 s"], abs=2)


def test_it_stands_alone_and_says_everything_in_words(tmp_path: Path) -> None:
    text = draw(recorded(tmp_path), 0.0, 2.5)
    root = ElementTree.fromstring(text)
    assert not re.search(r"href|url\(|@import|<script|<image|<foreignObject| on\w+=", text)
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"], "a name, which nobody fetches"
    assert "prefers-color-scheme: dark" in text
    named = root.attrib["aria-labelledby"].split()
    assert [one.attrib.get("id") for one in root[:2]] == named and root.attrib["role"] == "img"
    assert "1.50 s: decided: it wants the floor" in (root.findtext(f"{SVG}desc") or "")


def test_only_the_excerpt_is_drawn(tmp_path: Path) -> None:
    shown = texts(ElementTree.fromstring(draw(recorded(tmp_path), 1.2, 1.7)))
    assert "decided: it wants the floor" in shown and "held" not in shown and "<b>Hello" not in shown
    assert "Overlapping" in shown, "the state it begins in"


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [(2.0, 1.0, "nothing can be drawn"), (0.0, 1e6, "at most"), (9.0, 10.0, "ends after 3.0 s")],
)
def test_an_excerpt_that_is_none_is_refused(tmp_path: Path, start: float, end: float, says: str) -> None:
    with pytest.raises(ParleyError, match=says):
        draw(recorded(tmp_path), start, end)


def test_the_command_writes_the_file_or_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "turns.svg"
    main([str(recorded(tmp_path)), "-o", str(file), "--from", "0", "--to", "2.5"])
    assert file.read_text("utf-8") == draw(tmp_path, 0.0, 2.5)
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "nothing"), "-o", str(file)])
    assert ended.value.code == 2 and "events.jsonl cannot be read" in capsys.readouterr().err
