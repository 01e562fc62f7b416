"""`parley COMMAND` as a process of its own, for the commands that hold no conversation."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.cli.talking import Outcome, environment, killed_if_stuck

ALL = ("transcribe", "listen", "say")
PROGRAM = f"from assistant import cli; cli.COMMANDS = tuple(dict.fromkeys((*cli.COMMANDS, *{ALL}))); cli.entry()"
"""The command line with these commands, whether or not they are shown in its help."""
WHISPER = ("--stt", "faster-whisper:parley-accurate", "--language", "en")


def start(
    folder: Path, arguments: Iterable[object], *, env: Mapping[str, str] | None = None, **popen: Any
) -> subprocess.Popen[bytes]:
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | popen
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        cwd=folder,
        env=environment(folder, **(env or {})),
        **pipes,
    )


def parley(
    folder: Path, *arguments: object, text: bytes | None = None, env: Mapping[str, str] | None = None
) -> Outcome:
    """``parley ARGUMENTS`` in ``folder`` from beginning to end; ``text`` is its standard input."""
    process = start(folder, arguments, env=env, **({} if text is None else {"stdin": subprocess.PIPE}))
    with killed_if_stuck(process):
        out, err = process.communicate(text)
    # Sound is no text; whoever wants it reads it from a file.
    return Outcome(process.returncode, out.decode(errors="replace").splitlines(), err.decode(), folder, 0.0)
