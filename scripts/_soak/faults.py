"""One long conversation in real time: recorded speech, the real Silero, and servers that fail at random.

Every stage is a chain of real providers on local servers that speak their vendors' protocols, over HTTP and WebSocket.
Each server is well for a while, then refuses, hangs, cuts, lies or answers with an error for a while, and so on; the
later ones of a chain less often.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import psutil

from assistant.audio.wavfile import open_wav
from assistant.ports import CAPTURE_RATE
from providers.scripted import tokens
from scripts._soak.rules import broken_rules, how_it_ended, turns_of
from tests.contract.subject import Playing
from tests.contract.table import ADDRESS_FAULTS, FAULTS
from tests.faults.conversing import PLAIN, TIMEOUTS, Belongings, Call, Outcome, hold, other_tasks, tone_at
from tests.servers.anthropic import AnthropicServer
from tests.servers.compatible import CompatibleServer
from tests.servers.deepgram import DeepgramServer
from tests.servers.openai import OpenAIServer

ROOT = Path(__file__).resolve().parents[2]
SPEECH = ROOT / "tests" / "data" / "speech"
KEY = "sk-live-DISTINCTIVE-0123456789-KEY"
HARMLESS = ("split", "crlf", "comments")
ANSWER = "The clock on the wall says four. In an hour it will be five, and after that six. That is all I know."
SICK = (0.6, 0.35, 0.35)
"""Share of the time in which the first, the second and the third server of a chain are sick."""
EPISODE = 3.0
"""Seconds that a server stays as it is, on average."""
PATIENCE = 15.0
"""Seconds from the user's last word to something that is heard: longer than every timeout of a turn together."""
GROWTH = 40.0
"""MB that the process may grow by after the first minute."""


@dataclass
class Chaos:
    """What is done to one server."""

    server: Playing
    faults: Sequence[str]
    share: float
    random: random.Random
    began: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        while True:
            await self._episode(self.random.choice(self.faults) if self.random.random() < self.share else None)

    async def _episode(self, fault: str | None) -> None:
        self.began[fault or "well"] += 1
        lasts = self.random.expovariate(1 / EPISODE)
        if fault != "refused":
            self.server.fault = fault
            await anyio.sleep(lasts)
            return
        await self.server.stop()
        try:
            await anyio.sleep(lasts)
        finally:
            with anyio.CancelScope(shield=True):
                await self.server.listen()


def talk(seconds: float, chance: random.Random) -> tuple[np.ndarray, int]:
    """Recorded phrases with pauses of all lengths between them, and how many."""
    phrases = []
    for path in sorted(SPEECH.glob("*.wav")):
        with open_wav(path) as reader:
            assert reader.rate == CAPTURE_RATE
            phrases.append(reader.read(reader.frames))
    sound = tone_at([], seconds)
    at, said = 0.5, 0
    while True:
        phrase = chance.choice(phrases)
        start = round(at * CAPTURE_RATE)
        if start + len(phrase) > len(sound) - CAPTURE_RATE:
            return sound, said
        sound[start : start + len(phrase)] += phrase
        said += 1
        at += len(phrase) / CAPTURE_RATE + chance.choice((0.3, 0.8, chance.uniform(1, 3), chance.uniform(3, 6)))


async def converse(folder: Path, seconds: float, seed: int) -> tuple[Outcome, list[Chaos], int, list[float]]:
    chance = random.Random(seed)
    sound, said = talk(seconds, chance)
    memory: list[float] = []
    async with AsyncExitStack() as opened:
        kinds: dict[str, list[tuple[str, type[Any]]]] = {
            "stt": [("deepgram", DeepgramServer), ("openai", OpenAIServer), ("openai-compatible", CompatibleServer)],
            "llm": [("anthropic", AnthropicServer), ("openai", OpenAIServer)],
            "tts": [("deepgram", DeepgramServer), ("openai-compatible", CompatibleServer)],
        }
        tables: dict[str, Any] = {
            "vad": {"provider": "silero"},
            "turn": {**PLAIN, "drafts": True},
            "timeouts": TIMEOUTS,
        }
        chaos: list[Chaos] = []
        for stage, chain in kinds.items():
            tables[stage] = {"provider": f"{stage}0", "fallback": [f"{stage}{n}" for n in range(1, len(chain))]}
            for number, (name, kind) in enumerate(chain):
                server = kind(pause=0.01) if stage == "llm" else kind()
                server.key, server.words = KEY, tokens(ANSWER)
                await opened.enter_async_context(server)
                options = {"base_url": server.url, "api_key": KEY}
                tables[f"providers.{stage}{number}"] = {"provider": name, "options": options}
                wire = "websocket" if kind is DeepgramServer else "http"
                faults = [fault for fault in FAULTS[wire] if fault not in (*HARMLESS, *ADDRESS_FAULTS)]
                chaos.append(Chaos(server, faults, SICK[number], random.Random(chance.random())))

        async def beside(_: object) -> None:
            async with anyio.create_task_group() as group:
                for each in chaos:
                    group.start_soon(each.run)
                while True:
                    for each in chaos:  # every utterance's sound is in there
                        getattr(each.server, "requests", []).clear()
                        for line in getattr(each.server, "lines", []):
                            line.received.clear()
                    memory.append(psutil.Process().memory_info().rss / 1e6)
                    await anyio.sleep(5.0)

        servers = [each.server for each in chaos]
        call = Call(folder, tables, sound, servers, beside=beside, limit=seconds + 30.0)
        outcome = await hold(call)
    return outcome, chaos, said, memory


def judge(outcome: Outcome, said: int, memory: list[float]) -> list[str]:
    broken = broken_rules(outcome)
    if outcome.reason != "input_over":
        broken.append(f"it ended with {outcome.reason}")
    if outcome.still_connected:
        broken.append(f"{outcome.still_connected} connections were left")
    turns = turns_of(outcome)
    if not turns or len(turns) > said:
        broken.append(f"{said} phrases made {len(turns)} turns")
    slow = [f"turn {n.turn}: {n.data['latency_ms']} ms" for n in outcome.all("turn.metrics") if _too_slow(n.data)]
    if slow:
        broken.append(f"slower than every timeout allows: {slow}")
    if KEY in outcome.story():
        broken.append("a key was told")
    if len(memory) > 24 and (grown := memory[-1] - memory[12]) > GROWTH:
        broken.append(f"memory grew by {grown:.0f} MB")
    return broken


def _too_slow(metrics: Any) -> bool:
    latency = metrics["latency_ms"]
    return latency is not None and latency > PATIENCE * 1000


def run(seconds: float, seed: int) -> tuple[str, list[str]]:
    """Talk for so many seconds."""
    left: list[str] = []

    async def held(folder: Path, seconds: float) -> tuple[Outcome, list[Chaos], int, list[float]]:
        found = await converse(folder, seconds, seed)
        left.extend(other_tasks())
        return found

    with tempfile.TemporaryDirectory(prefix="parley-soak-") as folder:
        anyio.run(held, Path(folder) / "warm", 3.5)  # what is loaded once stays loaded
        before = Belongings.now()
        outcome, chaos, said, memory = anyio.run(held, Path(folder) / "long", max(seconds, 5.0))
        left += Belongings.now().more_than(before)
    broken = judge(outcome, said, memory)
    if left:
        broken.append(f"left behind: {left}")
    ends = Counter(str(how_it_ended(outcome, turn)) for turn in turns_of(outcome))
    failed = Counter(outcome.data("provider.failed", "stage"))
    latencies = sorted(ms for ms in outcome.data("turn.metrics", "latency_ms") if ms is not None)
    middle, worst = (latencies[len(latencies) // 2], latencies[-1]) if latencies else (None, None)
    result = (
        f"{seconds:.0f} s of talk from seed {seed}: {said} phrases, {sum(ends.values())} turns: "
        f"{', '.join(f'{count} {end}' for end, count in ends.most_common())}. Calls that failed: {dict(failed)}, "
        f"on servers that were sick {sum(sum(c.began.values()) - c.began['well'] for c in chaos)} times. "
        f"From the last word to something heard: {middle} ms in the middle, {worst} ms at worst. Memory from "
        f"{memory[0]:.0f} to {memory[-1]:.0f} MB. Rules broken: {len(broken)}."
    )
    return result, broken + ([outcome.story()] if broken else [])
