"""``scripts/soak NAME``: run one soak, say in a paragraph what came of it, and exit with 1 when something broke."""

from __future__ import annotations

import argparse
import random
import sys
import textwrap
from pathlib import Path
from typing import Any

from scripts._soak import bench, card, card_overlap, conversations, faults, overlap

SOAKS = {
    "conversations": (conversations.run, 120.0, "random conversations on virtual time, with faults at every stage"),
    "faults": (faults.run, 600.0, "one long conversation in real time, on servers that fail at random"),
    "card": (card.run, 300.0, "questions and interruptions on the virtual sound card, under echo"),
    "overlap-card": (
        card_overlap.run,
        600.0,
        "so long alone, and as long with sounds over it, on the virtual card",
    ),
    "overlap": (overlap.run, 120.0, "users, murmurs and knocks over a talking assistant, in a room on virtual time"),
    "bench": (bench.run, 0.0, "the bench with twenty turns a row (--seconds is not used)"),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/soak",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="\n".join(f"{name:14} {what}" for name, (_, _, what) in SOAKS.items()),
    )
    parser.add_argument("name", choices=SOAKS)
    parser.add_argument("--seconds", type=float, metavar="N", help="how long, by the clock on the wall")
    parser.add_argument("--seed", type=int, metavar="N", help="the first random seed; a failure names its own")
    parser.add_argument("--turns", type=int, default=0, metavar="N", help="conversations: at least so many turns")
    parser.add_argument("--speech", type=Path, metavar="DIR", help="overlap-card: real recordings, with an INDEX.tsv")
    args = parser.parse_args()
    run, seconds, _ = SOAKS[args.name]
    seed = random.SystemRandom().randrange(1_000_000) if args.seed is None else args.seed
    more: dict[str, Any] = {"turns": args.turns} if args.turns and args.name == "conversations" else {}
    if args.speech and args.name == "overlap-card":
        more["speech"] = args.speech
    result, broken = run(seconds if args.seconds is None else args.seconds, seed, **more)
    print(textwrap.fill(result, 110))
    for each in broken:
        print(f"\nbroken: {each}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
