"""``parley bench --compare A,B,...``: its options, its output, its exit code."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from assistant.commands.common import settings_from
from assistant.errors import ParleyError

BELONG = ("config", "conversation", "gap", "html")
"""Options that mean nothing without --compare."""


def add_options(parser: argparse.ArgumentParser, instead: argparse._MutuallyExclusiveGroup) -> None:
    """``instead``: what the bench may do in place of its rows."""
    instead.add_argument(
        "--compare", type=_names, metavar="A,B,...", help="instead: one conversation over these profiles, one by one"
    )
    group = parser.add_argument_group("with --compare")
    group.add_argument(
        "--conversation",
        type=Path,
        metavar="DIR|FILE",
        help="what is said: a folder of WAV files with a TSV file (columns: file, text), or that file (default: six "
        "short requests)",
    )
    group.add_argument("--gap", type=_gap, metavar="S", help="seconds from one utterance to the next (8)")
    group.add_argument("--html", type=Path, metavar="FILE", help="write a page with tables and plots too")
    group.add_argument(
        "--config", metavar="FILE", help="read this config file alone, not the user's and not ./parley.toml"
    )


def check_options(args: argparse.Namespace) -> None:
    """Raises ParleyError for an option of --compare without it."""
    given = [name for name in BELONG if getattr(args, name) is not None]
    if given and not args.compare:
        raise ParleyError(f"--{given[0]} belongs to --compare; name the profiles too, as in --compare offline,cloud")


def run(args: argparse.Namespace, progress: Callable[[str], None]) -> int:
    """Compare; exit code 0, 1 when something failed, 2 when no profile could run at all. Raises ParleyError."""
    _check_profiles(args.compare, args.config)
    if args.html is not None:
        _check_page(args.html)
    from assistant.bench import dialogue
    from assistant.bench.compare import compare, in_json

    said = dialogue.built_in() if args.conversation is None else dialogue.read(args.conversation)
    turns = args.turns or len(said.utterances)
    found = compare(args.compare, said, turns, args.gap or dialogue.GAP, config=args.config, progress=progress)
    if args.json:
        print(json.dumps(in_json(found), indent=1))  # noqa: T201
    else:
        from assistant.bench.columns import compared

        print(compared(found))  # noqa: T201
    for sentence in found.failures:
        print(f"parley: {sentence}", file=sys.stderr)  # noqa: T201
    if args.html is not None:
        from assistant.bench.page import page

        _write(args.html, page(found, _about()))
    if found.failures:
        return 1
    return ParleyError.exit_code if all(result.cannot_run for result in found.results) else 0


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f'"{text}" is no list of profiles; write it with commas: offline,cloud')
    return list(dict.fromkeys(names))


def _gap(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 600:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds from 1 to 600")
    return value


def _check_profiles(names: Sequence[str], config: str | None) -> None:
    """Raises ParleyError for a profile that there is not, and for a config that is wrong. Its keys are secret now."""
    for name in names:
        common: dict[str, Any] = {"config": config, "profile": name, "stt": None, "llm": None, "tts": None}
        try:
            settings_from(argparse.Namespace(**common))
        except ParleyError as error:
            raise ParleyError(str(error).replace("--profile:", "--compare:", 1)) from None


def _check_page(path: Path) -> None:
    """Raises ParleyError before minutes are spent on what could not be written."""
    if path.is_dir():
        raise ParleyError(f"{path} is a folder; name the file to write, such as {path / 'bench.html'}")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise ParleyError(f"{path} cannot be written: there is no folder {folder}; create it first")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise ParleyError(f"{path} cannot be written (no permission); choose another place")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise ParleyError(f"{path} cannot be written ({error.strerror}); choose another place") from None


def _about() -> str:
    """Where and when this was measured."""
    from datetime import datetime
    from importlib.metadata import version

    now = datetime.now().astimezone()
    return (
        f"Parley {version('parley-voice')}, Python {platform.python_version()}, {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores; {now:%Y-%m-%d %H:%M %Z}"
    )
