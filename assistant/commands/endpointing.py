"""``parley bench endpointing DIR``: who is cut off, and who has to wait."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from assistant.errors import ParleyError


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "endpointing",
        help="how often each policy cuts a speaker off, and how long it keeps them waiting",
        description="Plays recordings whose pauses and ends are known to the loop's own ears and turn rules, once for "
        "each policy of turn.endpointing, and reports false cut-offs at a latency and latency at a rate of false "
        "cut-offs, as LiveKit's eot-bench defines them. Takes four to five minutes for 100 recordings.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the recordings")
    parser.add_argument(
        "--truth",
        type=Path,
        metavar="FILE",
        help="JSON with their pauses and ends (DIR/truth.json, or DIR/../eot/truth.json; see docs/measurements.md)",
    )
    parser.add_argument(
        "--detector",
        default="auto",
        metavar="NAME",
        help='judges the sound: auto (smart-turn, where its model is on this machine), a name, or "" for none',
    )
    parser.add_argument(
        "--halves",
        choices=("matched", "random"),
        default="matched",
        help="how the speakers are halved for choosing and judging: paired by how many pauses they have, or all drawn",
    )
    parser.add_argument("--decisions", type=Path, metavar="FILE", help="write every decision of every setting as JSONL")
    # What the command above has too keeps the value that it was given there.
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="write JSON for programs")
    parser.add_argument(
        "--verbose", action="store_true", default=argparse.SUPPRESS, help="show a traceback when something fails"
    )


def run(args: argparse.Namespace, progress: Callable[[str], None]) -> int:
    """Measure and print; exit code 0. Raises ParleyError."""
    import anyio

    from assistant.bench.endpointing import truth
    from assistant.bench.endpointing.measure import lines, measure
    from assistant.bench.endpointing.report import in_json, in_text
    from providers import registry

    recordings = truth.read(args.folder, args.truth)
    name = args.detector
    if name == "auto":
        name = "" if registry.downloads("turn", "smart-turn", {}) else "smart-turn"
    report = anyio.run(partial(measure, how=args.halves), args.folder, recordings, name, progress)
    if args.decisions is not None:
        try:
            with args.decisions.open("w", encoding="utf-8") as file:
                file.writelines(line + "\n" for line in lines(report.cases, report.everything))
        except OSError as error:
            raise ParleyError(f"{args.decisions} cannot be written ({error.strerror})") from error
    print(json.dumps(in_json(report), indent=1) if args.json else in_text(report))  # noqa: T201
    return 0
