"""``parley providers``: who can listen, think and speak, what each of them lacks, and what gets that."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from assistant.commands.common import add_common, settings_from


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "providers",
        help="show who can listen, think and speak, and what is missing",
        description="Show every provider: whether it is ready, the command that gets what is missing, what it can do, "
        "its model and its price.",
    )
    parser.add_argument("--stage", choices=("stt", "llm", "tts"), help="this stage alone")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Raises ParleyError when the configuration is wrong."""
    from assistant import interruptible

    settings = settings_from(args).settings
    return interruptible.run(lambda: _run(args, settings))


async def _run(args: argparse.Namespace, settings: Any) -> int:
    from assistant.catalogue import shown
    from assistant.catalogue.facts import look
    from assistant.catalogue.survey import STAGES
    from assistant.columns import room, show

    found = await look(settings, [stage for stage in STAGES if args.stage in (None, stage)])
    if args.json:
        sys.stdout.write(json.dumps(shown.document(found), ensure_ascii=False) + "\n")
    else:
        show(shown.tables(found, room()))
    return 0
