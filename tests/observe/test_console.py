"""The terminal view, on a real pseudo-terminal and into a pipe."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import struct
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from assistant.observe.console import Console
from assistant.ports import Notice

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals like these", allow_module_level=True)
import pty
import termios

Told = tuple[str, int | None, dict[str, Any]]

HEARD = "Once upon a time a small ship left the harbour Its"
STORY: list[Told] = [
    ("session.started", None, {"stt": "whisper", "llm": "claude", "tts": "espeak-ng", "echo_cancel": "on",
     "why": "a room"}),
    ("state", None, {"from": "Idle", "to": "Listening"}),
    ("user.speech_started", 1, {}),
    ("user.transcript.partial", 1, {"text": "tell me"}),
    ("user.transcript.final", 1, {"text": "Tell me a story about the sea and its ships."}),
    ("reply.drafted", 1, {}),
    ("reply.sentence", 1, {"text": "Once upon a time, a small ship left the harbour."}),
    ("state", 1, {"from": "Endpointing", "to": "Replying"}),
    ("reply.committed", 1, {}),
    ("reply.started", 1, {"kind": "answer"}),
    ("reply.audible", 1, {}),
    ("reply.sentence", 1, {"text": "Its captain never slept."}),
    *[("reply.word", 1, {"word": word}) for word in HEARD.split()],
    ("reply.interrupted", 1, {"heard": "Once upon a time, a small ship left the harbour. Its"}),
    ("turn.metrics", 1, {"latency_ms": 583.0, "drafts": 1, "draft_used": True, "interrupted": True}),
    ("user.speech_started", 2, {}),
    ("user.transcript.final", 2, {"text": "What time is it?"}),
    ("provider.failed", None, {"stage": "llm", "provider": "claude", "error": "timed out", "next": "offline"}),
    ("reply.started", 2, {"kind": "answer"}),
    ("reply.sentence", 2, {"text": "A quarter past nine."}),
    ("reply.audible", 2, {}),
    ("reply.finished", 2, {"text": "A quarter past nine."}),
    ("turn.metrics", 2, {"latency_ms": 1403.0, "drafts": 0, "draft_used": False, "interrupted": False}),
    ("user.ignored", 3, {"reason": "noise", "text": ""}),
    ("reply.started", None, {"kind": "announcement"}),
    ("reply.sentence", None, {"text": "Your timer is over."}),
    ("reply.audible", None, {}),
    ("reply.finished", None, {"text": "Your timer is over."}),
    ("session.ended", None, {"reason": "input_over", "underruns": 1, "overflows": 0}),
]  # fmt: skip


def tell(console: Console, *story: Told) -> None:
    for event, turn, data in story:
        console.notice(Notice(0.0, event, turn, 0.0, data))


class Terminal:
    """A pseudo-terminal with a reader that keeps what was written and what is to be seen of it."""

    def __init__(self, columns: int = 60) -> None:
        self._outer, inner = pty.openpty()
        self.stream = os.fdopen(inner, "w", encoding="utf-8")
        self.resize(columns)
        self.raw = ""
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.stream.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))

    def _read(self) -> None:
        data = b""
        while True:
            try:
                data += os.read(self._outer, 65536)
            except OSError as error:
                assert error.errno == errno.EIO  # what Linux says when the other end is closed
                return
            with self._changed:
                self.raw = data.decode("utf-8", "ignore")
                self._changed.notify()

    def wait_for(self, last_row: str) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self.rows()[-1] == last_row, 60):
                pytest.fail(f"{self.rows()} does not end with {last_row!r}")

    def rows(self) -> list[str]:
        """What is to be seen. Only the sequences that the console may use are understood; others are left in."""
        text = re.sub(r"\x1b\[[0-9;]*m|\x1b\[\?7[lh]", "", self.raw).replace("\r\r\n", "\n")
        return [re.sub(r"^.*\r\x1b\[K", "", row) for row in text.split("\n")]

    def end(self) -> None:
        """Close it; all that was written has then been read."""
        if not self.stream.closed:
            self.stream.close()
            self._thread.join(60)
            os.close(self._outer)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.end()


def console_on(terminal: Terminal, **environ: str) -> Console:
    return Console(terminal.stream, lambda: pytest.fail("the terminal is there"), environ={"TERM": "xterm", **environ})


def piped(*story: Told) -> str:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        console = Console(stream, lambda: pytest.fail("the reader is there"), environ={})
        tell(console, *story)
        console.close()
    with os.fdopen(reader, encoding="utf-8") as read:
        return read.read()


def test_a_conversation_on_a_terminal(terminal: Terminal) -> None:
    console = console_on(terminal)
    tell(console, *STORY)
    console.close()
    terminal.end()
    assert terminal.rows() == [
        "        whisper · claude · espeak-ng · echo cancelling",
        "   you  Tell me a story about the sea and its ships.",
        "parley  Once upon a time, a small ship left the harbour.",
        "        Its ┃ captain never slept. (interrupted)     0.58 s",
        "     !  llm claude failed: timed out; going on with offline",
        "   you  What time is it?",
        "parley  A quarter past nine.                         1.40 s",
        "parley  Your timer is over.",
        "",
        "        ended: input over, underruns: 1",
        "        after the last word     p50      p95  n",
        "        reply heard          583 ms  1403 ms  2",
        "        2 turns, 1 interrupted, 1 of 1 draft used",
        "",
    ]


def test_the_same_into_a_pipe() -> None:
    assert piped(*STORY).splitlines() == [
        "whisper · claude · espeak-ng · echo cancelling",
        "you: Tell me a story about the sea and its ships.",
        "parley: Once upon a time, a small ship left the harbour. Its ┃ captain never slept. (interrupted)  (0.58 s)",
        "! llm claude failed: timed out; going on with offline",
        "you: What time is it?",
        "parley: A quarter past nine.  (1.40 s)",
        "parley: Your timer is over.",
        "",
        "ended: input over, underruns: 1",
        "after the last word     p50      p95  n",
        "reply heard          583 ms  1403 ms  2",
        "2 turns, 1 interrupted, 1 of 1 draft used",
    ]


def test_the_bottom_row_lives(terminal: Terminal) -> None:
    console = console_on(terminal)
    steps: list[tuple[Told, str]] = [
        (("state", None, {"to": "Listening"}), "        listening"),
        (("user.transcript.partial", 1, {"text": "what"}), "   you  what"),
        (("user.transcript.partial", 1, {"text": "what time"}), "   you  what time"),
        (("user.transcript.partial", 1, {"text": "word " * 20}), "   you  …word" + " word" * 9),
        (("user.transcript.final", 1, {"text": "What time is it?"}), "   you  What time is it?"),
        (("state", 1, {"to": "Replying"}), "   you  What time is it?  thinking"),
        (("reply.started", 1, {"kind": "answer"}), "   you  What time is it?  thinking"),
        (("reply.sentence", 1, {"text": "Nine."}), "   you  What time is it?  thinking"),
        (("reply.audible", 1, {}), "parley  Nine."),
        (("reply.finished", 1, {"text": "Nine."}), "parley  Nine."),
        (("turn.metrics", 1, {"latency_ms": 80.0}), "        thinking"),
        (("state", None, {"to": "Listening"}), "        listening"),
        (("user.ignored", 2, {"reason": "noise", "text": ""}), "        listening (ignored: noise)"),
    ]
    for told, row in steps:
        tell(console, told)
        terminal.wait_for(row)
    console.close()
    terminal.end()
    assert [row.split()[0] for row in terminal.rows()[:-1]] == ["you", "parley"]


def test_words_that_were_heard_are_brighter_than_those_to_come(terminal: Terminal) -> None:
    console = console_on(terminal)
    tell(console, ("reply.sentence", 1, {"text": "One two three."}), ("reply.audible", 1, {}))
    tell(console, ("reply.word", 1, {"word": "One"}))
    terminal.wait_for("parley  One two three.")
    console.close()
    terminal.end()
    assert "One\x1b[2m two three.\x1b[0m" in terminal.raw


def test_a_long_reply_scrolls_as_it_is_spoken(terminal: Terminal) -> None:
    console = console_on(terminal)
    words = [f"word{number}" for number in range(30)]
    tell(console, ("reply.sentence", 1, {"text": " ".join(words)}), ("reply.audible", 1, {}))
    tell(console, *[("reply.word", 1, {"word": word}) for word in words[:9]])
    terminal.wait_for("        word8 word9 word10 word11 word12 word13 word14")
    assert terminal.rows()[0] == "parley  word0 word1 word2 word3 word4 word5 word6 word7"
    tell(console, ("reply.finished", 1, {"text": " ".join(words)}), ("turn.metrics", 1, {"latency_ms": None}))
    console.close()
    terminal.end()
    assert " ".join(terminal.rows()).split() == ["parley", *words]


def test_a_discarded_draft_is_never_seen() -> None:
    shown = piped(
        ("user.transcript.final", 1, {"text": "Tell me"}),
        ("reply.drafted", 1, {}),
        ("reply.sentence", 1, {"text": "Tell you what?"}),
        ("reply.discarded", 1, {}),
        ("user.transcript.final", 1, {"text": "Tell me a joke."}),
        ("reply.committed", 1, {}),
        ("reply.started", 1, {"kind": "answer"}),
        ("reply.sentence", 1, {"text": "No."}),
        ("reply.audible", 1, {}),
        ("reply.finished", 1, {"text": "No."}),
        ("turn.metrics", 1, {"latency_ms": 500.0}),
    )
    assert shown == "you: Tell me a joke.\nparley: No.  (0.50 s)\n"


def test_what_was_understood_better_is_shown_whenever_it_comes() -> None:
    final: Told = ("user.transcript.final", 1, {"text": "What is the time in Madrid?"})
    revised: Told = ("user.transcript.revised", 1, {"text": "What is the time in Milan?", "before": final[2]["text"]})
    answer: list[Told] = [
        ("reply.started", 1, {"kind": "answer"}),
        ("reply.sentence", 1, {"text": "Nine."}),
        ("reply.audible", 1, {}),
    ]
    ended: list[Told] = [("reply.finished", 1, {"text": "Nine."}), ("turn.metrics", 1, {"latency_ms": 500.0})]
    following: list[Told] = [("user.speech_started", 2, {}), ("user.transcript.partial", 2, {"text": "And in Rome"})]
    asked, corrected = "you: What is the time in Madrid?\n", "you: What is the time in Milan?  (corrected)\n"
    assert piped(final, revised, *answer, *ended) == "you: What is the time in Milan?\nparley: Nine.  (0.50 s)\n"
    assert piped(final, *answer, revised, *ended) == f"{asked}{corrected}parley: Nine.  (0.50 s)\n"
    assert piped(final, *answer, *ended, revised) == f"{asked}parley: Nine.  (0.50 s)\n{corrected}"
    assert piped(final, *answer, *ended, *following, revised) == (
        f"{asked}parley: Nine.  (0.50 s)\n{corrected}you: And in Rome\n"
    )


def test_a_question_is_shown_once_though_its_answer_was_heard_before_its_final() -> None:
    words = {"text": "what time is it"}
    shown = piped(
        ("user.speech_started", 1, {}),
        ("user.transcript.partial", 1, words),
        ("reply.started", 1, {"kind": "answer"}),
        ("reply.sentence", 1, {"text": "Nine."}),
        ("reply.audible", 1, {}),
        ("user.transcript.final", 1, words),
        ("reply.finished", 1, {"text": "Nine."}),
        ("turn.metrics", 1, {"latency_ms": 500.0}),
    )
    assert shown == "you: what time is it\nparley: Nine.  (0.50 s)\n"


def test_an_apology_after_half_an_answer() -> None:
    shown = piped(
        ("reply.started", 1, {"kind": "answer"}),
        ("reply.sentence", 1, {"text": "Well, the"}),
        ("reply.audible", 1, {}),
        ("reply.word", 1, {"word": "Well"}),
        ("provider.failed", None, {"stage": "llm", "provider": "x", "error": "cut", "next": None}),
        ("reply.started", 1, {"kind": "apology"}),
        ("reply.audible", 1, {}),
        ("reply.finished", 1, {"text": "Sorry."}),
        ("turn.metrics", 1, {"latency_ms": 500.0}),
    )
    assert shown.splitlines() == [
        "! llm x failed: cut; nobody is left to go on",
        "parley: Well, the",
        "parley: Sorry.  (0.50 s)",
    ]


def test_a_turn_whose_draft_and_reply_fail_alike_tells_it_once_and_the_next_turn_again() -> None:
    failed = {"stage": "llm", "provider": "x", "error": "x: no key", "next": None}
    shown = piped(
        ("provider.failed", 1, failed),
        ("provider.failed", 1, failed),
        ("provider.failed", 1, {**failed, "error": "cut"}),
        ("provider.failed", 2, failed),
    )
    assert shown.splitlines() == [
        "! llm x failed: no key; nobody is left to go on",
        "! llm x failed: cut; nobody is left to go on",
        "! llm x failed: no key; nobody is left to go on",
    ]


def test_what_was_ignored_with_words_is_told() -> None:
    ignored: Told = ("user.ignored", 1, {"reason": "other_speaker", "text": "the news"})
    assert piped(("user.transcript.final", 1, {"text": "the news"}), ignored) == (
        "you: the news  (ignored: other speaker)\n"
    )


@pytest.mark.parametrize(
    ("kind", "said", "shown"),
    [
        ("stop", "Jarvis, enough.", "stopped"),
        ("backchannel", "Right.", "a sign of listening"),
        ("floor", "Stop.", "stopped"),  # its last word was recognised late
        ("floor", "what I mean", "nothing to answer"),  # muted in the middle of it
    ],
)
def test_words_that_need_no_answer_are_shown_as_what_they_were(kind: str, said: str, shown: str) -> None:
    assert piped(
        ("overlap.started", 1, {}),
        ("overlap.decided", 1, {"kind": kind}),
        ("user.transcript.final", 2, {"text": said}),
        ("user.ignored", 2, {"reason": "empty", "text": said}),
    ) == f"you: {said}  ({shown})\n"  # fmt: skip


def test_a_session_that_ends_in_the_middle_leaves_what_was_said() -> None:
    assert piped(
        ("user.transcript.final", 1, {"text": "Hello."}),
        ("reply.started", 1, {"kind": "answer"}),
        ("reply.sentence", 1, {"text": "Good morning."}),
        ("reply.audible", 1, {}),
    ) == "you: Hello.\nparley: Good morning.\n"  # fmt: skip


def test_no_colour(terminal: Terminal) -> None:
    console = console_on(terminal, NO_COLOR="1")
    tell(console, *STORY)
    console.close()
    terminal.end()
    assert not re.search(r"\x1b\[[0-9;]*m", terminal.raw)


def test_a_dumb_terminal_gets_plain_lines(terminal: Terminal) -> None:
    console = console_on(terminal, TERM="dumb")
    tell(console, *STORY)
    console.close()
    terminal.end()
    assert "\x1b" not in terminal.raw
    assert "parley: Your timer is over." in terminal.raw


def test_nothing_that_is_said_steers_the_terminal(terminal: Terminal) -> None:
    evil = "a\x1b[2J\x1b]0;title\x07\x9bH\r\nb"
    console = console_on(terminal, NO_COLOR="1")
    for event, turn, data in STORY:
        tell(console, (event, turn, {key: evil if isinstance(value, str) else value for key, value in data.items()}))
    console.line(evil)
    console.close()
    terminal.end()
    left = re.sub(r"\r\x1b\[K|\x1b\[\?7[lh]|\r\r?\n", "", terminal.raw)
    assert left.isprintable()


def test_a_narrower_window_from_now_on(terminal: Terminal) -> None:
    console = console_on(terminal)
    text = "seven words that fit into one row"
    tell(console, ("user.transcript.final", 1, {"text": text}))
    terminal.wait_for(f"   you  {text}")
    terminal.resize(30)
    tell(console, ("user.superseded", 1, {"by_turn": 2}))
    console.close()
    terminal.end()
    assert terminal.rows() == ["you: seven words that fit", "  into one row", ""]


@pytest.mark.parametrize("columns", [1, 2, 5, 12, 39, 40, 41, 200])
def test_any_width(columns: int) -> None:
    terminal = Terminal(columns)
    console = console_on(terminal)
    tell(console, *[told for told in STORY if told[0] != "session.ended"])
    console.close()
    terminal.end()
    assert "quarter" in "".join(row.strip() for row in terminal.rows())
    if columns > 8:
        assert max(len(row) for row in terminal.rows()) < columns


def test_a_terminal_that_does_not_know_its_size_has_80_columns() -> None:
    terminal = Terminal(0)
    console = console_on(terminal)
    console.line("word " * 20)
    console.close()
    terminal.end()
    rows = [row.strip() for row in terminal.rows() if row.strip()]
    assert " ".join(rows).split() == ["word"] * 20
    assert len(rows) == 2


@pytest.mark.parametrize("usd", [0.0, 0.0005])
def test_what_it_cost_is_the_last_line_and_nothing_where_all_was_free(usd: float, terminal: Terminal) -> None:
    row = {"stage": "llm", "provider": "anthropic", "model": "claude-haiku-5-5", "usd": usd}
    cost = {"usd": usd, "per_minute_usd": usd, "by_provider": [row], "unpriced": []}
    console = console_on(terminal)
    tell(console, ("session.ended", None, {"reason": "goodbye", "underruns": 0, "overflows": 0, "cost": cost}))
    console.close()
    terminal.end()
    shown = [line for line in (text.strip() for text in terminal.rows()) if line]
    assert shown == ["ended: goodbye", *(["$0.0005 ($0.0005 a minute): llm $0.0005"] if usd else [])]


def test_a_halted_terminal_stalls_nothing(terminal: Terminal) -> None:
    console = console_on(terminal)
    termios.tcflow(terminal.stream.fileno(), termios.TCOOFF)  # what Ctrl+S does
    try:
        for number in range(10_000):  # far more than the terminal's buffer holds
            console.line(f"line {number}")
        console.notice(Notice(0.0, "state", None, 0.0, {"to": "Listening"}))
        assert "line" not in terminal.raw
    finally:
        termios.tcflow(terminal.stream.fileno(), termios.TCOON)
    terminal.wait_for("        listening")
    console.close()
    terminal.end()
    assert terminal.rows()[-2] == "        line 9999"


def test_a_terminal_that_stays_halted_does_not_hold_up_the_end(terminal: Terminal) -> None:
    console = console_on(terminal)
    termios.tcflow(terminal.stream.fileno(), termios.TCOOFF)
    console.line("never seen")
    console.close()
    termios.tcflow(terminal.stream.fileno(), termios.TCOON)
    terminal.end()
    assert "never seen" not in terminal.raw


def test_a_reader_that_goes_away_is_told() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    gone = threading.Event()
    with os.fdopen(writer, "w") as stream:
        console = Console(stream, gone.set, environ={})
        console.line("hello?")
        assert gone.wait(60)
        console.close()
