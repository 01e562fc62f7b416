"""Finds the weights with which the policy ``adaptive`` tells the end of a turn from a pause.

    scripts/train_endpointing --speech DIR [--truth FILE] [--detector NAME] [--write]

The recordings in DIR go through the loop's own ears, as in `parley bench endpointing DIR`. First the honest figures:
weights and knob found on half of the speakers, and what they do on the other half. Then the weights of all of them,
which --write puts into assistant/conversation/end_weights.py. Without a detector only the weights for going without
one are found, and nothing can be written.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

import anyio

from assistant.bench.endpointing import truth
from assistant.bench.endpointing.fitting import GROUPS, fitted, silences
from assistant.bench.endpointing.measure import SPARE, compared, listened
from assistant.bench.endpointing.report import chosen
from assistant.conversation import end_weights
from assistant.conversation.evidence import Weights
from providers import registry


async def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/train_endpointing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--detector", default="smart-turn", help='"": none')
    parser.add_argument("--write", action="store_true", help="write assistant/conversation/end_weights.py")
    args = parser.parse_args()
    if args.write and not args.detector:
        parser.error("without a detector there are no weights for one: leave --write out")
    recordings = [each for each in truth.read(args.speech, args.truth) if each.group in (*GROUPS, SPARE)]
    if args.detector:
        async with registry.find("turn", args.detector)({}) as judge:
            cases, _ = await listened(args.speech, recordings, judge, _progress)
    else:
        cases, _ = await listened(args.speech, recordings, None, _progress)
    rows = compared(cases, words=False, detector=bool(args.detector), progress=_progress)
    print("\n\n".join(chosen([row for row in rows if row.family.learns])))
    found = [each for case in cases for each in silences(case.recording, case.heard)]
    ends = sum(each.lasted is None for each in found)
    print(f"\nAll of them: {ends} ends and {len(found) - ends} pauses")
    weights = [fitted(found, scored=scored) for scored in ((False, True) if args.detector else (False,))]
    for name, each in zip(("UNSCORED", "SCORED"), weights, strict=False):
        print(f"{name} = {told(each)}")
    if args.write:
        write(weights)
    return 0


def _progress(doing: str) -> None:
    print(f"\r{doing:60}", end="", file=sys.stderr, flush=True)


def told(weights: Weights) -> dict[str, float]:
    return {name: round(value, 3) for name, value in asdict(weights).items()}


def text(weights: list[Weights]) -> str:
    """What stands in the file."""
    rows = zip(("UNSCORED", "SCORED"), weights, strict=True)
    lines = [line for name, each in rows for line in (f"{name} = {{", *_entries(told(each)), "}")]
    return f'"""{(end_weights.__doc__ or "").strip()}"""\n\n' + "\n".join(lines) + "\n"


def _entries(values: dict[str, float]) -> list[str]:
    return [f'    "{name}": {value},' for name, value in values.items()]


def write(weights: list[Weights]) -> None:
    Path(end_weights.__file__).write_text(text(weights), "utf-8")


if __name__ == "__main__":
    sys.exit(anyio.run(main))
