"""The command line: one file a command in `assistant.commands`, each imported only as far as parsing needs."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

from assistant import signals
from assistant.errors import ParleyError

COMMANDS = (
    "talk",
    "demo",
    "listen",
    "say",
    "transcribe",
    "devices",
    "doctor",
    "providers",
    "voices",
    "enroll",
    "config",
    "bench",
)
"""In the order in which --help shows them. A command stands here only when it works."""

INTERRUPTED = signals.EXIT_CODE
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a full disk says: behind standard output, most likely, as other files' writers have sentences of their own."""


def entry() -> None:
    """The command ``parley``: run it and leave at once.

    A model's native thread may still be computing; waiting for it would hold up Ctrl+C, and letting the interpreter be
    taken down under it crashes. Everything of ours has been closed by now.
    """
    code = main()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``parley ARGUMENTS`` and return its exit code: 0 done, 1 failed, 2 bad usage or set-up, 130 interrupted."""
    before = signals.exit_at_once()
    code = _run(arguments)
    if code == INTERRUPTED:
        signals.exit_at_once()  # all is closed; there is no hurry that could spoil anything
    else:
        signals.restore(before)
    return code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        args = _parser().parse_args(arguments)
        if sys.stdout is None and not args.json:  # closed by whoever started it, who wants to see nothing
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - to the end of the process
        logging.basicConfig(level=logging.DEBUG if args.verbose else logging.WARNING, format="parley: %(message)s")
        code = int(args.run(args))
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where it is still told what cannot be written
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; nothing may be written any more, at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except Exception as error:
        return _explain(error, verbose="--verbose" in (sys.argv[1:] if arguments is None else arguments))


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, and where the rest stands."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"parley: {message.removeprefix('argument ')}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="parley", description="A voice assistant to talk with: speak, be answered aloud, interrupt.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"assistant.commands.{name}").register(commands)
    return parser


def _explain(error: BaseException, verbose: bool) -> int:
    """One sentence on stderr for what the user can mend; a traceback only with --verbose. Returns the exit code."""
    from assistant.config import scrub

    problem = _first(error)
    if verbose:
        import traceback

        sys.stderr.write(scrub("".join(traceback.format_exception(error))))
    if isinstance(problem, ParleyError):
        print(f"parley: {scrub(str(problem))}", file=sys.stderr)  # noqa: T201
        return problem.exit_code
    if isinstance(problem, OSError) and problem.errno in _FULL:
        why = f"{problem.filename}: {problem.strerror}" if problem.filename else problem.strerror
        print(f"parley: what is to be written finds no room ({scrub(str(why))}); make some", file=sys.stderr)  # noqa: T201
        return 1
    what = f"{type(problem).__name__}: {problem}".strip(": ")
    print(  # noqa: T201
        f"parley: something broke that should not ({scrub(what)}); run it again with --verbose and report what it says",
        file=sys.stderr,
    )
    return 1


def _first(error: BaseException) -> BaseException:
    """The error itself, or the first that a task group gathered (a user's mistake before anything else)."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    found = [_first(inner) for inner in error.exceptions]
    return next((inner for inner in found if isinstance(inner, ParleyError)), found[0])
