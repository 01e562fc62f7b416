"""Several recordings, one after another, on the command line: progress, sentences, files written whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from assistant.assemble import open_stage, open_vad, segment_rules
from assistant.config import Settings, scrub
from assistant.files.decode import Media
from assistant.files.subtitles import FORMATS
from assistant.files.transcribe import OnProgress, Transcription, transcribe
from assistant.observe._text import failure
from assistant.ports import ParleyError, ProviderError


@dataclass(frozen=True)
class Work:
    """One file to transcribe."""

    path: Path
    output: Path | None
    """None: standard output."""


async def transcribe_all(works: Sequence[Work], kind: str, settings: Settings, *, denoise: bool = False) -> int:
    """Transcribe each into its output and return the exit code.

    What is wrong with one file is said on stderr, and the others go on. Raises ParleyError for what concerns all.
    """
    codes = [0]
    with _Screen(transient=len(works) == 1) as screen:
        readable = [work for work in works if screen.without_error(codes, partial(_look_at, work.path))]
        if not readable:
            return max(codes)
        async with open_vad(settings) as vad, open_stage(settings, "stt", screen.failed) as transcriber:
            for work in readable:
                try:
                    with screen.progress(work.path) as on_progress:
                        rules = segment_rules(settings)
                        found = await transcribe(work.path, transcriber, vad, rules, on_progress, denoise=denoise)
                except ProviderError as error:
                    screen.say(f"{work.path} could not be transcribed: {error}")
                    codes.append(1)
                    continue
                except ParleyError as error:
                    screen.say(str(error))
                    codes.append(error.exit_code)
                    continue
                if not found.lines:
                    screen.say(f"no speech was understood in {work.path}")
                if found.damaged:
                    screen.say(f"{work.path} is damaged: {found.damaged} of its packets could not be decoded")
                screen.without_error(codes, partial(_write, found, kind, work.output))
    return max(codes)


def _look_at(path: Path) -> None:
    """Raises ParleyError for a file that cannot be transcribed, before a model is loaded for it."""
    Media(path).close()


def _write(found: Transcription, kind: str, output: Path | None) -> None:
    text = FORMATS[kind](found.lines, found.seconds)
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    partial = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(output)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise ParleyError(f"{output} cannot be written ({error.strerror}); choose another --output") from None


class _Screen:
    """Standard error: sentences, and on a terminal a bar for the file under way."""

    def __init__(self, *, transient: bool) -> None:
        self._transient = transient
        self._bars: Any = None

    def __enter__(self) -> _Screen:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def without_error(self, codes: list[int], act: Callable[[], None]) -> bool:
        """Do it; what is wrong with it is said, and its code added. Returns whether it was done."""
        try:
            act()
            return True
        except ParleyError as error:
            self.say(str(error))
            codes.append(error.exit_code)
            return False

    @contextmanager
    def progress(self, path: Path) -> Iterator[OnProgress]:
        if not sys.stderr.isatty():
            yield lambda done, total: None
            return
        bars = self._bars = self._bars or _bars(self._transient)
        task = bars.add_task(path.name, total=None)
        try:
            yield lambda done, total: bars.update(task, completed=done, total=total and max(done, total))
        finally:
            bars.stop_task(task)
            if self._transient:  # the transcript may come to the same terminal
                bars.stop()
                self._bars = None

    def say(self, text: str) -> None:
        line = f"parley: {scrub(text)}"
        if self._bars is None:
            print(line, file=sys.stderr)  # noqa: T201
        else:
            self._bars.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def failed(self, stage: str, provider: str, error: str, following: str | None) -> None:
        if following is not None:
            self.say(failure(stage, provider, error, following))


def _bars(transient: bool) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    bars = Progress(*columns, console=console, transient=transient, redirect_stdout=False, redirect_stderr=False)
    bars.start()
    return bars
