"""Random conversations through the real `Session`, on virtual time: users, delays and faults of every kind."""

from __future__ import annotations

import gc
import random
import tempfile
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import trio.testing

from assistant.audio.wavfile import open_wav
from assistant.session import Session
from scripts._soak.rules import Voice, broken_rules, how_it_ended, turns_of
from tests.conversations.sheet import Sheet, _calls, microphone
from tests.faults.conversing import Call, Outcome, hold

WORDS = "alpha bravo delta hotel india kilos lemon mango north oscar paper quiet river sugar tango under viola water"
LONGEST = 900.0
"""Virtual seconds: a conversation that lasts longer does not end."""


class Plan:
    """One random conversation. The seed decides everything in it."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._random = random.Random(seed)
        self._words = iter(lambda: self._random.choice(WORDS.split()), "")
        self.sheet = self._sheet()
        told = self._chance(0.7)
        # Where no times are told, words are placed by the pace of ordinary speech.
        self.voice: Voice | None = Voice(self._pick(0.1, 0.2, 0.25) if told else 0.35, told)
        self.tables = self._tables()

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _pick(self, *choices: Any) -> Any:
        return self._random.choice(choices)

    def _between(self, low: float, high: float) -> float:
        return round(self._random.uniform(low, high), 3)

    def _text(self, low: int, high: int) -> str:
        return " ".join(next(self._words) for _ in range(self._random.randint(low, high)))

    def _sheet(self) -> Sheet:
        sheet, at = Sheet(), self._between(0.3, 1.0)
        for number in range(self._random.randint(1, 6)):
            if self._chance(0.15):  # a cough, or a hum that means nothing
                length = self._between(0.05, 0.6)
                sheet.lines.append({"start": at, "end": round(at + length, 3), "text": ""})
            else:
                length = self._between(0.3, 2.5)
                sheet.lines.append({"start": at, "end": round(at + length, 3), "text": f"{number} {self._text(1, 5)}"})
            at = round(at + length + self._pick(0.1, 0.3, self._between(0.2, 1.0), self._between(1.0, 6.0)), 3)
        sheet.end = round(at + 0.5, 3)
        kinds = [kind for kind in ("announce", "key") if self._chance(0.2)]
        sheet.calls = [(self._between(0.0, sheet.end), kind, self._text(2, 6).capitalize() + ".") for kind in kinds]
        if self._chance(0.1):
            muted = self._between(0.0, sheet.end)
            sheet.calls += [(muted, "mute", ""), (muted + self._between(0.1, 3.0), "unmute", "")]
        return sheet

    def _tables(self) -> dict[str, Any]:
        tables: dict[str, Any] = {
            "turn": {
                "endpointing": self._pick("fixed", "text"),
                "silence_ms": self._pick(100, 200, 400),
                "max_silence_ms": self._pick(800, 2500),
                "drafts": self._chance(0.7),
                "barge_in": self._pick("speech", "words", "speech", "off"),
            },
            "timeouts": {"connect": 1.0, "first_byte": self._pick(0.5, 2.0), "gap": self._pick(0.3, 1.0)},
        }
        replies = [self._answer() for _ in range(self._random.randint(1, 3))]
        for stage, options in {"stt": self._ears, "llm": lambda: self._model(replies), "tts": self._voice}.items():
            names = [f"{stage}{number}" for number in range(self._pick(1, 1, 2, 3))]
            for name in names:
                tables[f"providers.{name}"] = {"provider": "scripted", "options": {**options(), "name": name}}
            if self._chance(0.1):
                tables[f"providers.{names[0]}"] = self._third_party(stage)
            tables[stage] = {"provider": names[0], "fallback": names[1:]}
            if len(names) > 1 and self._chance(0.4):
                tables[f"providers.{stage}w"] = self._wrapped(stage, *names[:2])
                tables[stage] = {"provider": f"{stage}w", "fallback": names[2:]}
        return tables

    def _wrapped(self, stage: str, one: str, other: str) -> dict[str, Any]:
        """Both as one provider, instead of one behind the other."""
        kinds: dict[str, dict[str, Any]] = {
            "hedge": {"first": one, "second": other, "after": self._pick(0.05, 0.3)},
            "fallback": {"of": [one, other]},
        }
        kinds |= {"stt": {"hybrid": {"fast": one, "accurate": other}}, "llm": {},
                  "tts": {"route": {"short": one, "long": other, "limit": self._pick(10, 40)}}}[stage]  # fmt: skip
        kind = self._pick(*kinds)
        return {"provider": kind, "options": kinds[kind]}

    def _third_party(self, stage: str) -> dict[str, Any]:
        factory = {"stt": "transcriber", "llm": "chat_model", "tts": "synthesizer"}[stage]
        if stage == "tts":
            self.voice = None  # it talks at a pace of its own
        where = self._pick("call", "iterating", "midway", *(("push", "finish", "leaving") if stage == "stt" else ()))
        return {"provider": f"tests.faults.broken:{factory}", "options": {"breaks": where}}

    def _answer(self) -> str:
        return " ".join(f"{self._text(1, 12).capitalize()}." for _ in range(self._random.randint(1, 4)))

    def _faults(self) -> list[dict[str, Any]]:
        kinds = ("refused", "refused", "hang", "cut", "cut")
        return [
            {"call": self._pick(0, 1, 1, 2, 3), "kind": self._pick(*kinds), "after": self._random.randint(0, 6)}
            for _ in range(self._pick(0, 0, 0, 1, 2))
        ]

    def _ears(self) -> dict[str, Any]:
        behind = self._pick(None, 0.1, 0.3)
        return {
            "lines": self.sheet.lines,
            "final_after": self._pick(0.0, 0.1, 0.4, 0.8),
            "batch": self._chance(0.3),
            "faults": self._faults(),
        } | ({} if behind is None else {"partials_behind": behind})

    def _model(self, replies: list[str]) -> dict[str, Any]:
        ttft, gap = self._pick(0.0, 0.2, 0.45), self._pick(0.0, 0.02, 0.1)
        return {"replies": replies, "ttft": ttft, "gap": gap, "faults": self._faults()}

    def _voice(self) -> dict[str, Any]:
        assert self.voice is not None
        return {
            "delay": self._pick(0.0, 0.1, 0.4),
            "every": self._pick(0.0, 0.02),
            "word": self.voice.word,
            "chunk": self.voice.word,
            "word_times": self.voice.word_times,
            "streams_text": self._chance(0.3),
            "faults": self._faults(),
        }

    def told(self) -> str:
        """The plan for a person."""
        lines = [f"user {line['start']}-{line['end']} {line['text']!r}" for line in self.sheet.lines]
        lines += [" ".join(map(str, call)) for call in sorted(self.sheet.calls)]
        lines += [f"[{name}] {table}" for name, table in self.tables.items() if name[:3] != "stt" or "." in name]
        return "\n".join([*lines, f"end {self.sheet.end}"])


def hear(plan: Plan, folder: Path) -> Outcome:
    """Hold the planned conversation."""
    folder.mkdir(parents=True, exist_ok=True)
    microphone(plan.sheet, folder / "sheet.wav")
    with open_wav(folder / "sheet.wav") as reader:
        sound = reader.read(reader.frames)

    async def beside(session: Session) -> None:
        await _calls(plan.sheet, session)

    call = Call(folder, plan.tables, sound, beside=beside, limit=LONGEST)
    clock = trio.testing.MockClock(autojump_threshold=0)
    return anyio.run(hold, call, backend="trio", backend_options={"clock": clock})


def judge(plan: Plan, outcome: Outcome) -> list[str]:
    found = broken_rules(outcome, plan.voice)
    if outcome.reason != "input_over":
        found.append(f"it ended with {outcome.reason}")
    said = [line["text"] for line in plan.sheet.lines if line["text"]]
    asked = " ".join(entry.text for entry in outcome.entries if entry.role == "user")
    found += [f"{text!r} is twice in the history" for text in said if asked.count(text) > 1]
    knows_the_script = plan.tables["providers.stt0"]["provider"] == "scripted"
    plain = knows_the_script and not plan.sheet.calls and plan.tables["turn"]["barge_in"] != "off"
    if plain and not any(notice.data["stage"] == "stt" for notice in outcome.all("provider.failed")):
        texts = outcome.data("user.transcript.final", "text") + outcome.data("user.transcript.revised", "text")
        finals = " ".join(texts)
        found += [f"{text!r} was not understood" for text in said if text not in finals]
    return found


def _threads() -> set[str]:
    """Without trio's own, which it keeps for a while to use them again."""
    return {thread.name for thread in threading.enumerate() if not thread.name.startswith("Trio thread")}


def run(seconds: float, seed: int, turns: int = 0) -> tuple[str, list[str]]:
    """Random conversations until the time is over and so many turns have been held; at least one."""
    began = time.monotonic()
    held, virtual, ends, failures = 0, 0.0, Counter[str](), Counter[str]()
    broken: list[str] = []
    threads = _threads()
    with tempfile.TemporaryDirectory(prefix="parley-soak-") as folder:
        while not held or (len(broken) < 3 and (time.monotonic() - began < seconds or ends.total() < turns)):
            plan = Plan(seed + held)
            held += 1
            try:
                outcome = hear(plan, Path(folder))
                found = judge(plan, outcome)
            except BaseExceptionGroup as error:
                outcome, found = Outcome(), ["".join(traceback.format_exception(error))]
            except Exception as error:
                outcome, found = Outcome(), ["".join(traceback.format_exception(error))]
            virtual += outcome.notices[-1].t if outcome.notices else 0.0
            ends.update(str(how_it_ended(outcome, turn)) for turn in turns_of(outcome))
            failures.update(outcome.data("provider.failed", "stage"))
            if found:
                again = f"scripts/soak conversations --seed {plan.seed} --seconds 0"
                broken.append("\n".join([f"{'; '.join(found)} ({again})", plan.told(), outcome.story()]))
    gc.collect()
    if left := _threads() - threads:
        broken.append(f"threads left: {sorted(left)}")
    became = ", ".join(f"{count} {end}" for end, count in ends.most_common())
    return (
        f"{held} random conversations from seed {seed} on: {virtual / 60:.0f} minutes of talk in "
        f"{time.monotonic() - began:.0f} s. Turns: {became}. Calls that failed: {dict(failures)}. "
        f"Conversations in which a rule was broken: {len(broken)}."
    ), broken
