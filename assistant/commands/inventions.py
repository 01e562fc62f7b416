"""``parley bench inventions DIR``: what is written where nobody speaks, and who is not heard for it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "inventions",
        help="how often words are made up for sound without any, and how often real short words are taken for such",
        description="Gives a recogniser recordings without speech, cut and looped to 1, 3, 10 and 30 s, and short "
        "words, and reports the share that gives text: raw, by the recogniser's own thresholds, and filtered. Takes "
        "four to eight minutes.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the recordings, with their INDEX.tsv")
    parser.add_argument(
        "--stt",
        action="append",
        metavar="NAME:MODEL",
        help="the recogniser, more than once for several (the two that come with Parley)",
    )
    # What the command above has too keeps the value that it was given there.
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="write JSON for programs")
    parser.add_argument(
        "--verbose", action="store_true", default=argparse.SUPPRESS, help="show a traceback when something fails"
    )


def run(args: argparse.Namespace, progress: Callable[[str], None]) -> int:
    """Measure and print; exit code 0. Raises ParleyError."""
    import anyio

    from assistant.bench.inventions.measure import MODELS, measure
    from assistant.bench.inventions.report import in_json, in_text

    found = anyio.run(measure, args.folder, args.stt or MODELS, progress)
    print(json.dumps(in_json(found), indent=1) if args.json else in_text(found))  # noqa: T201
    return 0
