"""Comparisons that were never held, for the tests of what is made of them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from assistant.bench.compare import Comparison, Result
from assistant.bench.dialogue import Dialogue, Line, Utterance
from assistant.bench.judge import Failed, Turn
from assistant.bench.wording import aligned, words
from assistant.observe.metrics import STAGES

SAID = ("hello", "what time is it", "set a timer for five seconds", "tell me a joke")
STARTED = {"stt": "ears:small", "llm": "brain", "tts": "mouth", "endpointing": "text"}


def lines(count: int, said: tuple[str, ...] = SAID) -> tuple[Line, ...]:
    """Utterances of one second, ten seconds apart, from second 1 on."""
    texts = [said[number % len(said)] for number in range(count)]
    return tuple(Line(n, f"{n}.wav", text, 10 * n - 9.0, 10 * n - 8.0) for n, text in enumerate(texts, 1))


def turn(line: Line, latency: float | None, understood: str | None = None, **other: Any) -> Turn:
    heard = line.text if understood is None else understood
    stages = {} if latency is None else {stage: latency - 60 + 10 * n for n, stage in enumerate(STAGES, 1)}
    given: dict[str, Any] = {
        "what": "nothing" if latency is None else "answered",
        "ledger": latency,
        "stages": stages,
        "heard": heard,
        "pairs": aligned(words(line.text), words(heard)),
    }
    return Turn(line=line, latency=latency, **(given | other))


def result(
    profile: str, turns: tuple[Turn, ...], *failures: str, failed: tuple[Failed, ...] = (), **ended: Any
) -> Result:
    told = {"reason": "input_over", "listening_after_s": 0.5, "cpu_cores": 0.05, "memory_mb": 90.0} | ended
    return Result(profile, "", turns, failed, failures, (), STARTED, told, 0)


def absent(profile: str, why: str) -> Result:
    return Result(profile, why, (), (), (), (), {}, {}, 2)


def comparison(*results: Result, count: int = 4, name: str = "built-in") -> Comparison:
    said = Utterance("a.wav", "hello", np.zeros(16_000, np.float32), 0.0, 1.0)
    return Comparison(Dialogue(name, (said,)), lines(count), 10.0 * count, 8.0, results)


def rich(count: int = 24) -> Comparison:
    """Three profiles and one that is not there, with everything that can go wrong, and words that are no words."""
    choose = random.Random(1)
    at = lines(count)

    def latencies(middle: float, wide: float) -> list[float]:
        return [middle + wide * choose.lognormvariate(0, 0.6) for _ in at]

    quick = tuple(turn(line, each) for line, each in zip(at, latencies(180, 60), strict=True))
    slow = [turn(line, each, cost=0.00123) for line, each in zip(at, latencies(500, 250), strict=True)]
    slow[1] = turn(at[1], None, "", ignored="unintelligible")
    slow[2] = turn(at[2], 640.0, '<b>Set</b> a time for nine & five seconds "now"', cut_in=True)
    slow[3] = turn(at[3], 2900.0, "\u202etell me\x00 a choke", interrupted=True)
    timeout = Failed(33.0, 4, "llm", "brain", "no answer within 8 s <script>alert(1)</script>", None)
    steady = tuple(turn(line, each, cost=0.0) for line, each in zip(at, latencies(300, 20), strict=True))
    return comparison(
        result("offline", quick, cost={"usd": 0.0, "per_minute_usd": 0.0, "unpriced": []}),
        result(
            "a_profile_with_a_very_long_name_indeed",
            tuple(slow),
            "utterance 2 was not answered (ignored: unintelligible)",
            "llm brain failed in utterance 4: no answer within 8 s <script>alert(1)</script>",
            failed=(timeout,),
            cost={"usd": 0.0312, "per_minute_usd": 0.0117, "unpriced": ["mouth"]},
        ),
        absent("cloud", "openai needs an API key: set OPENAI_API_KEY in the environment, or api_key in its options"),
        result("steady", steady),
        count=count,
    )
