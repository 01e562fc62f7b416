"""What every command takes: which config, which profile, which providers."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assistant.config import Loaded, load, parse_choice
from assistant.errors import ParleyError


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add --config, --profile, --stt, --llm, --tts, --json and --verbose."""
    group = parser.add_argument_group("common options")
    group.add_argument(
        "--config", metavar="FILE", help="read this config file alone, not the user's and not ./parley.toml"
    )
    group.add_argument("--profile", metavar="NAME", help="auto, offline, local, cloud, or one of your own")
    for stage, what in (("stt", "who listens"), ("llm", "who thinks"), ("tts", "who speaks")):
        group.add_argument(f"--{stage}", metavar="NAME[:MODEL]", help=f"{what}, for example {_EXAMPLES[stage]}")
    group.add_argument("--json", action="store_true", help="write JSON for programs")
    group.add_argument("--verbose", action="store_true", help="show details, and a traceback when something fails")


_EXAMPLES = {"stt": "faster-whisper:base.en", "llm": "anthropic:claude-haiku-5-5", "tts": "espeak-ng"}


def settings_from(
    args: argparse.Namespace, flags: Mapping[str, Any] | None = None, *, config_file: Path | None = None
) -> Loaded:
    """The settings that the common options, the environment and the files make.

    ``flags``: what other flags of the command set, as a nested mapping: ``{"audio": {"input": "hw:1"}}``; a None in it
    is a flag not given. ``config_file`` stands in for --config. Raises ParleyError.
    """
    table: dict[str, Any] = {section: dict(values) for section, values in (flags or {}).items()}
    for stage in ("stt", "llm", "tts"):
        choice = getattr(args, stage)
        if choice is not None:
            name, model = parse_choice(choice)
            table.setdefault(stage, {}).update({"provider": name, "model": model})
    if config_file is None and args.config is not None:
        config_file = Path(args.config)
    try:
        here = Path.cwd()
    except FileNotFoundError:
        raise ParleyError("the current folder has been deleted; change to another one") from None
    return load(config_file=config_file, profile=args.profile, environ=os.environ, flags=table, cwd=here)


def positive(text: str) -> int:
    """A flag's value: a whole number from 1 on."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 on")
    return value
