"""What `parley talk` shows: who says what, as it is said, and how long each answer took.

On a terminal the row at the bottom lives: it holds the words being understood or spoken; finished rows scroll away.
Elsewhere (a pipe, a file, TERM=dumb) each utterance is one plain line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from assistant.conversation.interjections import meant
from assistant.ports import Notice

from ._layout import Page, Spans
from ._screen import Screen
from ._spoken import Spoken
from ._text import clean, failure, head, tail
from .metrics import Metrics, money

_STATES = {
    "idle": "muted",
    "listening": "listening",
    "hearing": "listening",
    "endpointing": "listening",
    "replying": "thinking",
    "overlapping": "listening",
}
_UNANSWERED = {"stop": "stopped", "backchannel": "a sign of listening"}
"""What words over an answer were that nobody need answer, by the kind of `overlap.decided`."""
CUT = 30
"""Cells of the words that an interruption cut off which are still shown."""


class Console:
    """Observer: the view of one session on ``stream`` (standard output). Writes from a thread: Ctrl+S stalls nothing.

    Honours NO_COLOR. At `session.ended` it prints the summary of the stage times. ``on_reader_gone`` is called once, in
    the writer's thread, when nothing can be written any more.
    """

    def __init__(
        self, stream: TextIO, on_reader_gone: Callable[[], None], *, environ: Mapping[str, str] = os.environ
    ) -> None:
        stream.flush()
        terminal = stream.isatty() and environ.get("TERM") != "dumb"
        encoding = stream.encoding or "utf-8"
        self._screen = Screen(stream.fileno(), encoding, on_reader_gone, in_place=terminal)
        self._page = Page(
            self._screen.columns if terminal else None,
            colour=terminal and not environ.get("NO_COLOR"),
            unicode=encoding.lower().replace("-", "") == "utf8",
        )
        self._metrics = Metrics()
        self._status = ""
        self._user = ""
        """What the user has said and is not yet printed for good."""
        self._decided = ""
        """What the newest overlap was."""
        self._user_turn: int | None = None
        self._heard_turn: int | None = None
        """The newest turn whose answer is heard: what it was to answer is printed for good."""
        self._reply: Spoken | None = None
        self._reply_turn: int | None = None
        self._failure: tuple[int | None, str] | None = None
        """The newest that was told, and of which turn."""

    def notice(self, notice: Notice) -> None:
        self._metrics.notice(notice)
        show = _VIEW.get(notice.event)
        if show is not None:
            show(self, notice.turn, notice.data)

    def line(self, text: str) -> None:
        """Print a line of the program's own (where the recording is, a log message) above the live row."""
        self._print(self._page.block("", [("dim", clean(text))]))

    def close(self) -> None:
        """Print what is pending and leave the terminal clean. Waits for the terminal at most half a second."""
        self._settle()
        self._screen.close()

    # --- the screen ---------------------------------------------------------------------------------------------------

    def _print(self, rows: list[str] | None = None) -> None:
        """Rows for good, and the live row as it now is."""
        self._screen.print(rows or [], live=self._page.paint(self._live()) if self._page.live else "")

    def _live(self) -> Spans:
        if self._reply is not None and self._reply.audible:
            return self._page.voice_row(self._reply)
        if self._user:
            label, cells = self._page.label("you")
            note = f"  {self._status}" if self._status == "thinking" and cells > 2 * len("  thinking") else ""
            return [*label, ("", tail(self._user, cells - len(note), self._page.ellipsis)), ("dim", note)]
        label, cells = self._page.label("")
        return [*label, ("dim", head(self._status, cells, self._page.ellipsis))]

    def _settle_user(self) -> None:
        text, self._user = self._user, ""
        if text:
            self._print(self._page.block("you", [("", text)]))

    def _settle(self, note: str = "") -> None:
        """Print for good what was said so far, with a note (how long the answer took) at the end of its last row."""
        self._settle_user()
        reply, self._reply = self._reply, None
        if reply is None or not reply.audible:
            return
        rows = self._page.left_behind(reply)
        spans: Spans = [("", reply.text[reply.printed :])]
        if reply.interrupted:
            rest = head(reply.rest, CUT, self._page.ellipsis)
            spans += [("warn", f" {self._page.cut_mark} "), ("dim", f"{rest} (interrupted)" if rest else "interrupted")]
        self._print(rows + self._page.block("parley", spans, note, begun=reply.printed > 0))

    def _new_reply(self, turn: int | None) -> Spoken:
        if self._reply is not None and self._reply.audible:
            self._settle()
        self._reply, self._reply_turn = Spoken(), turn
        return self._reply

    # --- one method an event ------------------------------------------------------------------------------------------

    def _session_started(self, turn: int | None, data: Mapping[str, Any]) -> None:
        used = [str(data[stage]) for stage in ("stt", "llm", "tts") if data.get(stage)]
        if data.get("echo_cancel") not in (None, False, "off"):
            used.append("echo cancelling")
        self._print(self._page.block("", [("dim", clean(self._page.dot.join(used)))]))

    def _state(self, turn: int | None, data: Mapping[str, Any]) -> None:
        state = clean(str(data.get("to", ""))).lower()
        self._status = _STATES.get(state, state)
        self._print()

    def _speech_started(self, turn: int | None, data: Mapping[str, Any]) -> None:
        if turn != self._user_turn:
            self._settle()
        self._user_turn = turn
        self._print()

    def _transcript(self, turn: int | None, data: Mapping[str, Any]) -> None:
        if turn is not None and turn == self._heard_turn:
            return  # the answer could be begun on a partial: its final says the same, or is told as revised
        if turn != self._user_turn:
            self._settle_user()
            self._user_turn = turn
        self._user = clean(str(data.get("text", "")))
        self._print()

    def _revised(self, turn: int | None, data: Mapping[str, Any]) -> None:
        if self._user and turn == self._user_turn:
            self._transcript(turn, data)
        else:  # it is printed for good as it was understood first
            text = clean(str(data.get("text", "")))
            self._print(self._page.block("you", [("", text), ("dim", "  (corrected)")]))

    def _ignored(self, turn: int | None, data: Mapping[str, Any]) -> None:
        self._user = ""
        text = clean(str(data.get("text") or ""))
        reason = clean(str(data.get("reason", ""))).replace("_", " ")
        decided, self._decided = self._decided, ""
        if text and reason == "empty":  # there are words, and nothing in them that asks for an answer
            what = _UNANSWERED.get(decided) or _UNANSWERED.get(meant(text), "nothing to answer")
            self._print(self._page.block("you", [("dim", f"{text}  ({what})")]))
        elif text:
            self._print(self._page.block("you", [("dim", f"{text}  (ignored: {reason})")]))
        else:  # a cough is not worth a row
            self._status = f"listening (ignored: {reason})"
            self._print()

    def _overlap(self, turn: int | None, data: Mapping[str, Any]) -> None:
        self._decided = str(data.get("kind", ""))

    def _superseded(self, turn: int | None, data: Mapping[str, Any]) -> None:
        if turn == self._user_turn:
            self._settle_user()

    def _drafted(self, turn: int | None, data: Mapping[str, Any]) -> None:
        self._new_reply(turn)

    def _discarded(self, turn: int | None, data: Mapping[str, Any]) -> None:
        if self._reply is not None and not self._reply.audible:
            self._reply = None

    def _started(self, turn: int | None, data: Mapping[str, Any]) -> None:
        drafted = self._reply is not None and not self._reply.audible and self._reply_turn == turn
        if not drafted or data.get("kind") != "answer":
            self._new_reply(turn)

    def _sentence(self, turn: int | None, data: Mapping[str, Any]) -> None:
        reply = self._new_reply(turn) if self._reply is None or self._reply.over else self._reply
        reply.sentence(clean(str(data.get("text", ""))))
        self._print()

    def _audible(self, turn: int | None, data: Mapping[str, Any]) -> None:
        self._settle_user()
        self._heard_turn = turn
        reply = self._new_reply(turn) if self._reply is None or self._reply.over else self._reply
        reply.audible = True
        self._print()

    def _word(self, turn: int | None, data: Mapping[str, Any]) -> None:
        if self._reply is not None and not self._reply.over:
            self._reply.word(clean(str(data.get("word", ""))))
            self._voice_moved(self._reply)

    def _finished(self, turn: int | None, data: Mapping[str, Any]) -> None:
        if self._reply is not None:
            self._reply.finish(clean(str(data.get("text") or "")))
            self._reply_over(self._reply, turn)

    def _interrupted(self, turn: int | None, data: Mapping[str, Any]) -> None:
        if self._reply is not None:
            self._reply.cut(clean(str(data.get("heard") or "")))
            self._reply_over(self._reply, turn)

    def _reply_over(self, reply: Spoken, turn: int | None) -> None:
        if turn is None:
            self._settle()  # an announcement has no figures to wait for
        else:
            self._voice_moved(reply)

    def _voice_moved(self, reply: Spoken) -> None:
        self._print(self._page.left_behind(reply) if reply.audible else [])

    def _turn_metrics(self, turn: int | None, data: Mapping[str, Any]) -> None:
        if turn == self._reply_turn:
            latency = data.get("latency_ms")
            self._settle("" if latency is None else f"{latency / 1000:.2f} s")
        elif turn == self._user_turn:
            self._settle_user()

    def _tool(self, turn: int | None, data: Mapping[str, Any]) -> None:
        self._print(self._page.block("", [("dim", f"using {clean(str(data.get('name', '')))}")]))

    def _failed(self, turn: int | None, data: Mapping[str, Any]) -> None:
        stage, provider, error, following = (
            clean(str(data.get(key) or "")) for key in ("stage", "provider", "error", "next")
        )
        line = failure(stage, provider, error, following)
        if turn is None or self._failure != (turn, line):  # a turn's drafts and its reply fail alike: it is told once
            self._print(self._page.block("!", [("warn", line)]))
        self._failure = (turn, line)

    def _warning(self, turn: int | None, data: Mapping[str, Any]) -> None:
        self._print(self._page.block("!", [("warn", clean(str(data.get("message", ""))))]))

    def _device(self, turn: int | None, data: Mapping[str, Any]) -> None:
        before, after = (clean(str(data.get(key) or "none")) for key in ("from", "to"))
        self._print(self._page.block("", [("dim", f"device changed from {before} to {after}")]))

    def _session_ended(self, turn: int | None, data: Mapping[str, Any]) -> None:
        self._settle()
        self._status = ""
        reason = clean(str(data.get("reason", ""))).replace("_", " ")
        lost = [f"{what}: {data[what]}" for what in ("underruns", "overflows") if data.get(what)]
        rows = ["", *self._page.block("", [("dim", ", ".join([f"ended: {reason}", *lost]))])]
        rows += [self._page.indented(line) for line in self._metrics.table().splitlines()]
        if spent := money(data.get("cost") or {}):
            rows += self._page.block("", [("dim", clean(spent))])
        self._print(rows)


_VIEW: dict[str, Callable[[Console, int | None, Mapping[str, Any]], None]] = {
    "session.started": Console._session_started,
    "state": Console._state,
    "user.speech_started": Console._speech_started,
    "user.transcript.partial": Console._transcript,
    "user.transcript.final": Console._transcript,
    "user.transcript.revised": Console._revised,
    "user.ignored": Console._ignored,
    "overlap.started": Console._overlap,
    "overlap.decided": Console._overlap,
    "user.superseded": Console._superseded,
    "reply.drafted": Console._drafted,
    "reply.discarded": Console._discarded,
    "reply.started": Console._started,
    "reply.sentence": Console._sentence,
    "reply.audible": Console._audible,
    "reply.word": Console._word,
    "reply.finished": Console._finished,
    "reply.interrupted": Console._interrupted,
    "turn.metrics": Console._turn_metrics,
    "tool.called": Console._tool,
    "provider.failed": Console._failed,
    "warning": Console._warning,
    "device.changed": Console._device,
    "session.ended": Console._session_ended,
}
