"""`scripts/fault_table`: find out what a user reads after every fault, and write docs/faults.md."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import anyio

from tests.contract import page
from tests.contract.cells import meet
from tests.contract.table import FAULTS, SUBJECTS, expected


async def find_out(names: Sequence[str]) -> page.Found:
    """Every cell of the providers ``names``; of all, where none is named."""
    found: page.Found = {}
    for subject in SUBJECTS:
        if names and subject.name not in names:
            continue
        for fault in FAULTS[subject.wire]:
            verdict = expected(subject, fault)
            if not verdict.startswith("n/a"):
                verdict = (await meet(subject, fault)).sentence(subject)
            found[subject.id, fault] = verdict
            print(f"{subject.id:24} {fault:18} {verdict}", file=sys.stderr)
    return found


def main() -> None:
    names = sys.argv[1:]
    if unknown := set(names) - {subject.name for subject in SUBJECTS}:
        sys.exit(f"fault_table: no provider in the table is called {', '.join(sorted(unknown))}")
    before = page.parse(page.PATH.read_text("utf-8")) if names and page.PATH.exists() else {}
    page.PATH.write_text(page.render({**before, **anyio.run(find_out, names)}), "utf-8")


if __name__ == "__main__":
    main()
