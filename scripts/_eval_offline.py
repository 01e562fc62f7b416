"""The offline recogniser, measured through the provider itself (see scripts/eval_offline).

What counts is the meaning: a request is right when the offline assistant does with the words that were recognised just
what it does with the words that were said; it is rejected when the final has no words; everything else is wrong.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import anyio
import psutil

# Found beside this file.
from _eval_offline_corpus import HELD_OUT, TAIL, TUNING, USUAL, Said, recordings, requests, sentences

from assistant.conversation.events import Transcript
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Message, Samples, Text
from providers.offline.model import answer
from providers.offline.skill import Answer, Pending
from providers.pocketsphinx import PocketSphinx, transcriber

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "speech"
NOW = datetime(2026, 11, 20, 12, 30).astimezone()
PENDING = (
    Pending(1, "timer", NOW + timedelta(minutes=5), "pasta"),
    Pending(2, "alarm", NOW + timedelta(hours=5)),
    Pending(3, "timer", NOW + timedelta(minutes=9)),
)
EARLIER = (Message("user", (Text("tell me a joke"),)), Message("assistant", (Text("It was a joke."),)))


def meaning(text: str) -> Answer | None:
    """What the offline assistant does with it, after a joke, while two timers and an alarm are set."""
    return answer([*EARLIER, Message("user", (Text(text),))], NOW, 0, PENDING) if text else None


@dataclass(frozen=True, slots=True)
class Result:
    said: Said
    heard: Transcript
    waited: float
    """Seconds from finish() to the final."""

    @property
    def verdict(self) -> str:
        if not self.heard.text:
            return "rejected"
        return "right" if self.said.text and meaning(self.heard.text) == meaning(self.said.text) else "wrong"


async def hear(recogniser: PocketSphinx, said: Said, *, live: bool) -> Result:
    """``live``: the frames come at the pace of a microphone, else all at once."""
    asked = 0.0
    async with recogniser.stream() as stream, anyio.create_task_group() as tasks:

        async def speak() -> None:
            nonlocal asked
            began = anyio.current_time()
            for frame in frames(said.sound):
                if live:
                    await anyio.sleep_until(began + frame.end)
                stream.push(frame)
            asked = anyio.current_time()
            stream.finish()

        tasks.start_soon(speak)
        async for heard in stream:
            if heard.final:
                return Result(said, heard, anyio.current_time() - asked)
    raise AssertionError("the stream ended without a final")


def frames(sound: Samples) -> Iterable[Frame]:
    for start in range(0, len(sound) - FRAME + 1, FRAME):
        yield Frame(sound[start : start + FRAME], start)


async def accuracy(corpus: Sequence[Said]) -> list[Result]:
    async with transcriber({}) as recogniser:
        return [await hear(recogniser, said, live=False) for said in corpus]


async def speed(corpus: Sequence[Said]) -> None:
    """Prints what the recogniser costs, and how soon its finals come when it listens at the pace of a microphone."""
    began = time.perf_counter()
    async with transcriber({}) as recogniser:
        started = time.perf_counter() - began
        process = psutil.Process(recogniser.pid)
        family = [process, *process.children()]
        before = sum(sum(one.cpu_times()[:2]) for one in family)
        results = [await hear(recogniser, said, live=True) for said in corpus]
        used = sum(sum(one.cpu_times()[:2]) for one in family) - before
        memory = [one.memory_info().rss / 2**20 for one in family]
    sound = sum(len(said.sound) for said in corpus) / CAPTURE_RATE
    waits = sorted(1000 * result.waited for result in results)
    print(f"\nAt the pace of a microphone ({len(corpus)} requests, {sound / len(corpus):.1f} s each on average)")
    print(f"  finish() to final      median {median(waits):.0f} ms, p95 {waits[int(0.95 * len(waits))]:.0f} ms")
    print(
        f"  end of voice to final  median {median(waits) + 1000 * TAIL:.0f} ms, {1000 * TAIL:.0f} of them to finish()"
    )
    print(f"  processor time         {used / sound:.2f} s per second of sound")
    print(f"  memory                 {' and '.join(f'{size:.0f}' for size in memory)} MiB, its processes")
    print(f"  start to ready         {1000 * started:.0f} ms")


def table(title: str, groups: dict[str, list[Result]]) -> None:
    print(f"\n{title:34} {'number':>6} {'right':>8} {'rejected':>9} {'wrong':>7}")
    for name, results in groups.items():
        counts = {verdict: sum(r.verdict == verdict for r in results) for verdict in ("right", "rejected", "wrong")}
        shares = {verdict: count / len(results) for verdict, count in counts.items()}
        right = f"{shares['right']:.1%}" if any(r.said.text and r.said.kind == "request" for r in results) else "-"
        print(f"  {name:32} {len(results):6} {right:>8} {shares['rejected']:>9.1%} {shares['wrong']:>7.1%}")


def by(results: Iterable[Result], key: str) -> dict[str, list[Result]]:
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(str(getattr(result.said, key)), []).append(result)
    return dict(sorted(groups.items()))


def main() -> None:
    parser = argparse.ArgumentParser(prog="eval_offline", description=__doc__)
    parser.add_argument("--tuning", action="store_true", help="use the voices that the thresholds were chosen with")
    parser.add_argument("--requests", type=int, default=300, help="how many requests are rendered (300)")
    parser.add_argument("--live", type=int, default=60, help="how many are heard at a microphone's pace (60)")
    parser.add_argument("--verbose", action="store_true", help="show all that is not right")
    parser.add_argument("--seed", type=int, default=None, help="draw other requests, voices and levels")
    arguments = parser.parse_args()

    part = 0 if arguments.tuning else 1
    voices = TUNING if arguments.tuning else HELD_OUT
    seed = (100 + part) if arguments.seed is None else arguments.seed
    print(f"voices: {', '.join(sorted({f'{voice.tool} {voice.name}' for voice in voices}))}")
    asked = list(requests(voices, arguments.requests, seed))
    other = [*sentences(voices, part, seed), *sentences(voices, part, seed + 50)]
    if (SHARED / "INDEX.tsv").exists():
        other += recordings(SHARED, part, seed, 120)
    else:
        print(f"real recordings are not here ({SHARED}), so other speech is synthetic alone")

    heard = anyio.run(accuracy, asked)
    others = anyio.run(accuracy, other)
    usual = [result for result in heard if result.said.text in USUAL]
    drawn = [result for result in heard if result.said.text not in USUAL]
    table("Requests", {"all": heard, "usual ones": usual, "drawn from the grammar": drawn} | by(heard, "voice"))
    table("Other speech", {"all": others} | by(others, "kind"))
    if arguments.verbose:
        for result in (*heard, *others):
            if result.verdict == "wrong" or (result.verdict == "rejected" and result.said.kind == "request"):
                text = result.said.text or "(a recording)"
                print(f"  {result.verdict:8} {result.said.voice:18} {text!r} -> {result.heard.text!r}")
    anyio.run(speed, asked[: arguments.live])


if __name__ == "__main__":
    sys.exit(main())
