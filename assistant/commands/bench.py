"""``parley bench``: how fast the loop is, off its waveforms."""

from __future__ import annotations

import argparse
import json
import sys

from assistant import signals
from assistant.commands import comparing, endpointing, inventions
from assistant.commands.common import positive

TURNS = 6


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "bench",
        help="measure turn latency, overhead, barge-in, CPU, memory and start-up",
        description="Holds scripted conversations with `parley talk` on WAV devices, providers of known delay and the "
        "real voice activity detector, and reads the figures off the waveforms. Takes about eight minutes. With "
        "--compare: the same spoken conversation over several profiles, with the providers that they name.",
    )
    parser.add_argument(
        "--turns", type=positive, metavar="N", help=f"measured turns a row ({TURNS}; --compare: every utterance once)"
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--sessions", type=positive, metavar="N", help="instead: N conversations in one process, beside one alone"
    )
    instead.add_argument(
        "--engines", action="store_true", help="instead: this machine's own ears and voice, with the offline assistant"
    )
    comparing.add_options(parser, instead)
    parser.add_argument("--json", action="store_true", help="write JSON for programs")
    parser.add_argument("--verbose", action="store_true", help="show a traceback when something fails")
    recordings = parser.add_subparsers(dest="what", metavar="{endpointing,inventions}")
    endpointing.add(recordings)
    inventions.add(recordings)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    comparing.check_options(args)
    if args.what == "endpointing":
        return endpointing.run(args, _progress)
    if args.what == "inventions":
        return inventions.run(args, _progress)
    signals.raise_interrupt()  # there will be processes to end
    if args.compare:
        return comparing.run(args, _progress)
    args.turns = args.turns or TURNS
    if args.engines:
        return _engines(args)
    return _sessions(args) if args.sessions else _rows(args)


def _rows(args: argparse.Namespace) -> int:
    from assistant.bench import work
    from assistant.bench.report import failures, in_detail, summary, table
    from assistant.bench.single import run as run_row
    from assistant.bench.single import start_up, start_up_with_real_stages

    runs = []
    for scenario in (work.TURNS, work.DRAFTS, work.SLOW, work.THROWN_AWAY, work.STREAMED, work.BARGE_IN):
        _progress(f"{scenario.name} ...")
        runs.append(run_row(scenario, args.turns + scenario.barge_in))
    _progress("the loop's worst stall ...")
    stalls = run_row(work.DRAFTS, 2, measure="stalls").figures["worst_stall_ms"]
    _progress("start-up ...")
    starts, behind = sorted(start_up()), sorted(start_up_with_real_stages())
    wrong = [sentence for each in runs for sentence in failures(each)]
    summaries = [summary(each) for each in runs]
    if args.json:
        print(  # noqa: T201
            json.dumps(
                {
                    "rows": summaries,
                    "turns": {each.scenario.name: in_detail(each) for each in runs},
                    "start_up_s": starts,
                    "start_up_with_real_stages_s": behind,
                    "worst_stall_ms": stalls,
                    "failures": wrong,
                },
                indent=1,
            )
        )
    else:
        heading = [
            "",
            "turns",
            "path",
            "latency",
            "p95",
            "overhead",
            "p95",
            "stop",
            "kept-heard",
            "ledger off",
            "CPU %",
            "MB",
        ]
        body = [
            [
                each["row"], each["turns"], each["path_ms"], each["latency_ms"], each["latency_p95_ms"],
                each["overhead_ms"], each["overhead_p95_ms"], each["stop_ms"], each["words_kept_minus_heard"],
                each["ledger_off_by_ms"], None if each["cpu_cores"] is None else each["cpu_cores"] * 100,
                each["memory_mb"],
            ]
            for each in summaries
        ]  # fmt: skip
        print(table([heading, *body]))  # noqa: T201
        print(  # noqa: T201
            f"\nprocess start to listening: {_middle(starts)} s; with a Whisper, an SDK and a voice loading behind it: "
            f"{_middle(behind)} s (medians of {len(starts)}); worst loop stall: {stalls} ms"
        )
        print("All times in ms, off the waveforms; path: the known delays on the critical path; overhead: the rest.")  # noqa: T201
    for sentence in wrong:
        print(f"parley: {sentence}", file=sys.stderr)  # noqa: T201
    return 1 if wrong else 0


def _middle(values: list[float]) -> float | None:
    return values[len(values) // 2] if values else None


def _sessions(args: argparse.Namespace) -> int:
    from assistant.bench.report import table
    from assistant.bench.sessions import load_of

    loads = []
    for count in dict.fromkeys((1, args.sessions)):
        _progress(f"{count} at once ...")
        loads.append(load_of(count, min(args.turns, 4)))
    rows = [
        {
            "sessions": load.sessions, "turns": len(load.latencies), "missed": load.missed,
            "latency_ms": round(load.median, 1), "latency_p95_ms": round(load.p95, 1),
            "cpu_cores": round(load.cpu_cores, 3), "feeder_cores": round(load.feeder_cores, 3),
            "memory_mb": round(load.memory_mb, 1), "worst_lag_ms": round(load.worst_lag_ms, 1),
        }
        for load in loads
    ]  # fmt: skip
    if args.json:
        print(json.dumps({"rows": rows, "rise_ms": round(loads[-1].median - loads[0].median, 1)}))  # noqa: T201
    else:
        print(table([list(rows[0]), *[list(row.values()) for row in rows]]))  # noqa: T201
    return 0


def _engines(args: argparse.Namespace) -> int:
    from assistant.bench.engines import ENGINES, answered, listening
    from assistant.bench.report import table

    rows = []
    for engine in ENGINES:
        _progress(f"{engine.name} ...")
        rows.append(answered(engine, args.turns))
    _progress("listening ...")
    silent = {name: listening(ENGINES[0], echo_cancel=on) for name, on in (("without", False), ("with", True))}
    if args.json:
        print(json.dumps({"rows": rows, "listening_cores": silent}))  # noqa: T201
    else:
        print(table([list(rows[0]), *[list(row.values()) for row in rows]]))  # noqa: T201
        print(  # noqa: T201
            f"\nListening while nobody speaks: {100 * silent['without']:.1f} % of a core, "
            f"{100 * silent['with']:.1f} % with echo cancelling. Latencies are off the waveforms, from the true end of "
            "the question to the first audible sample."
        )
    return 1 if any(row["answered"] < row["turns"] for row in rows) else 0


def _progress(what: str) -> None:
    if sys.stderr.isatty():
        print(what, file=sys.stderr)  # noqa: T201
