"""A transcriber that knows what will be said, and tells it on time for the sound that it was given."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import msgspec

from assistant.conversation.events import Transcript
from assistant.ports import Frame, ParleyError, TranscriberAbilities
from providers._options import Timeouts, read
from providers.registry import Options
from providers.scripted.faults import Fault, Faults


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the user says."""

    start: float
    """Audio-clock second of its first sample."""
    end: float
    """Audio-clock second of its last sample."""
    text: str
    """"": a sound without words."""
    understood: bool = True
    """False: words that the recogniser does not know; ``text`` is then not told."""
    misheard: str = ""
    """What the partials say instead of ``text``."""


class TranscriberOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lines: tuple[Line, ...] = ()
    file: str = ""
    """A JSON file with the lines, instead of ``lines``."""
    final_after: float = 0.1
    """Seconds from a line's last sample to its final."""
    partials_behind: float | None = None
    """Seconds that partials lag behind the speech; None: no partials."""
    batch: bool = False
    """Like Whisper: a final only when asked for one, ``final_after`` seconds after the asking."""
    faults: tuple[Fault, ...] = ()
    name: str = "scripted"
    load: float = 0.0
    """Seconds that loading takes."""
    model: str = ""
    language: str = "auto"
    timeouts: Timeouts = Timeouts()


@asynccontextmanager
async def transcriber(options: Options) -> AsyncIterator[ScriptedTranscriber]:
    chosen = read(TranscriberOptions, options, "scripted stt")
    lines = _lines_in(Path(chosen.file)) if chosen.file else chosen.lines
    await anyio.sleep(chosen.load)
    yield ScriptedTranscriber(chosen, lines)


def _lines_in(path: Path) -> tuple[Line, ...]:
    try:
        return msgspec.convert(json.loads(path.read_text("utf-8")), tuple[Line, ...])
    except (OSError, ValueError) as error:
        raise ParleyError(f"scripted stt: cannot read the script {str(path)!r} ({error})") from error


def abilities(options: TranscriberOptions) -> TranscriberAbilities:
    return TranscriberAbilities(partials=options.partials_behind is not None)


class ScriptedTranscriber:
    """Knows what will be said, and tells it on time for the sound it was given."""

    def __init__(self, options: TranscriberOptions, lines: Sequence[Line]) -> None:
        self.name = options.name
        self.abilities = abilities(options)
        self.options = options
        self.lines = sorted(lines, key=lambda line: line.start)
        self.faults = Faults(options.faults, options.name)

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[_ScriptedStream]:
        yield _ScriptedStream(self)


class _ScriptedStream:
    def __init__(self, owner: ScriptedTranscriber) -> None:
        self._owner = owner
        self._options = owner.options
        self._since: float | None = None
        self._until = 0.0
        """End of the sound pushed so far."""
        self._pushed_at = 0.0
        self._asked = 0
        """Finals owed to `finish`."""
        self._asked_at = 0.0
        self._finals = 0
        """Lines whose final has been told."""
        self._news = anyio.Event()
        self._wanted = 0.0
        """Sound that the next transcript needs; pushes before it wake nobody."""

    def push(self, frame: Frame) -> None:
        if self._since is None:
            self._since = frame.at
        self._until = frame.end
        if frame.end >= self._wanted:
            self._pushed_at = anyio.current_time()
            self._news.set()

    def finish(self) -> None:
        self._asked += 1
        self._asked_at = self._until
        self._pushed_at = anyio.current_time()
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        cut = await self._owner.faults.begin()
        told = 0
        shown = ""
        while True:
            due, transcript = self._next(shown)
            if transcript is None:
                self._wanted = due
                await self._news.wait()
                self._news = anyio.Event()
                continue
            delay = due - (self._until + anyio.current_time() - self._pushed_at)
            if delay > 0:
                with anyio.move_on_after(delay):
                    await self._news.wait()
                    self._news = anyio.Event()
                    continue
            if told >= cut:
                raise self._owner.faults.cut()
            told += 1
            shown = transcript.text
            if transcript.final:
                self._asked = 0
                self._finals = len(self._heard())
            yield transcript

    def _heard(self) -> list[Line]:
        """Lines of the script whose sound is all here."""
        since = math.inf if self._since is None else self._since
        return [line for line in self._owner.lines if line.start >= since - 0.001 and line.end <= self._until]

    def _next(self, shown: str) -> tuple[float, Transcript | None]:
        """The next transcript and when it is due; without one, the sound at which to look again."""
        options, heard = self._options, self._heard()
        text = " ".join(line.text for line in heard if line.understood)
        begun = [line.start for line in self._owner.lines if line.start < self._until < line.end]
        until = min([self._until, *begun])  # of a line that is still being said nothing is in the text
        unknown = not text and not all(line.understood for line in heard)
        final = Transcript(text, True, until, provider=self._owner.name, unintelligible=unknown)
        if self._asked and (options.batch or len(heard) == self._finals):
            after = options.final_after if options.batch or not heard else 0.0
            return self._asked_at + after, final
        if not options.batch and len(heard) > self._finals:
            due = heard[-1].end + options.final_after
            return self._next_partial(heard[:-1], heard[-1], due, shown) or (due, final)
        coming = next((line for line in self._owner.lines if line.end > self._until), None)
        if coming is None or self._since is None or coming.start < self._since:
            return (coming.end if coming is not None else math.inf), None
        return self._next_partial(heard, coming, coming.end, shown) or (coming.end, None)

    def _next_partial(
        self, before: Sequence[Line], line: Line, end: float, shown: str
    ) -> tuple[float, Transcript | None] | None:
        """The next partial of ``line``, or when it comes; None: there is none before ``end``."""
        behind = self._options.partials_behind
        if behind is None:
            return None
        words = (line.misheard or line.text).split()
        spoken = [each.text for each in before]
        for index in range(1, len(words) + 1):
            until = line.start + (line.end - line.start) * index / len(words)
            at = until + behind
            partial = " ".join([*spoken, *words[:index]])
            if len(partial) > len(shown) and at < end:
                # With the sound at hand it is due at its moment; without, the sound is awaited.
                known = line.end <= self._until or at <= self._until
                return at, Transcript(partial, False, until, provider=self._owner.name) if known else None
        return None
