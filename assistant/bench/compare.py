"""`parley bench --compare`: one conversation held by several profiles, each as `parley talk` in its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assistant.bench.dialogue import Dialogue, Line, lay_out
from assistant.bench.figures import Spread, spread
from assistant.bench.judge import Failed, Turn, failed_providers, sentence, turns_of
from assistant.bench.single import Event
from assistant.bench.waveform import sounds_in
from assistant.bench.wording import Errors, errors
from assistant.config.secrets import redact, scrub
from assistant.observe.metrics import STAGES

LOADING = 600.0
"""Seconds that a profile may take until it listens: a model may have to be downloaded."""
LAST_ANSWER = 30.0
"""Seconds for what is still to be said when the microphone's file is over."""
CANNOT_BE_BUILT = 2
"""`parley talk`'s exit code where a key, a package or a model is missing."""
BEFORE_THE_ANSWER = tuple(stage for stage in STAGES if stage != "latency_ms")
"""The stages of a turn but its last, which is read off the waveforms instead."""


@dataclass(frozen=True, slots=True)
class Result:
    """A profile's conversation."""

    profile: str
    cannot_run: str
    """Why it never listened, a sentence; "" where it did. It has no turns then."""
    turns: tuple[Turn, ...]
    failed: tuple[Failed, ...]
    """Calls of providers that failed."""
    failures: tuple[str, ...]
    """All that went wrong, a sentence each. That a profile cannot run here is no failure of it."""
    notes: tuple[str, ...]
    """What it said on standard error (of providers passed over, for instance), and its warnings."""
    started: Event
    """`session.started` and `session.ended`, empty where they were not told."""
    ended: Event
    exit_code: int | None
    """None: it did not end and was ended."""

    @property
    def latencies(self) -> list[float]:
        return [turn.latency for turn in self.turns if turn.latency is not None]

    @property
    def latency(self) -> Spread:
        return spread(self.latencies)

    def stage(self, name: str) -> Spread:
        """Of the turns that were answered; ``name`` of STAGES."""
        answered = (turn for turn in self.turns if turn.latency is not None)
        return spread([turn.stages[name] for turn in answered if name in turn.stages])

    @property
    def errors(self) -> Errors:
        return errors(pair for turn in self.turns for pair in turn.pairs)

    @property
    def cost(self) -> Mapping[str, Any]:
        """What `session.ended` says of it, empty where it says nothing."""
        told = self.ended.get("cost")
        return told if isinstance(told, Mapping) else {}

    @property
    def cost_per_minute(self) -> float | None:
        """US dollars; None: not known. Without what has no known price (`unpriced`)."""
        told = self.cost.get("per_minute_usd")
        if not isinstance(told, int | float) or (told == 0 and self.unpriced):
            return None
        return float(told)

    @property
    def unpriced(self) -> list[str]:
        """What was used and has no known price."""
        return [str(each) for each in self.cost.get("unpriced") or ()]


@dataclass(frozen=True, slots=True)
class Comparison:
    dialogue: Dialogue
    lines: tuple[Line, ...]
    seconds: float
    """Length of the microphone's file."""
    gap: float
    results: tuple[Result, ...]

    @property
    def failures(self) -> list[str]:
        return [f"{result.profile}: {failure}" for result in self.results for failure in result.failures]


def compare(
    profiles: Sequence[str],
    dialogue: Dialogue,
    turns: int,
    gap: float,
    *,
    config: str | None = None,
    progress: Callable[[str], None] = lambda what: None,
) -> Comparison:
    """Hold the conversation once with each profile, one after the other, in real time.

    ``turns``: how many utterances; ``gap``: seconds between two; ``config``: what --config names. ``progress`` is told
    which profile's turn it is. Keys of the config and the environment must be known to `secrets.scrub` by now.
    """
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        here = Path(folder)
        lines, seconds = lay_out(here / "mic.wav", dialogue, turns, gap)
        results = []
        for profile in profiles:
            progress(f"{profile} ({seconds:.0f} s) ...")
            results.append(_held(profile, here, lines, seconds, dialogue, config))
    return Comparison(dialogue, tuple(lines), seconds, gap, tuple(results))


def _held(
    profile: str, folder: Path, lines: Sequence[Line], seconds: float, dialogue: Dialogue, config: str | None
) -> Result:
    speaker = folder / "speaker.wav"
    speaker.unlink(missing_ok=True)
    command = [
        sys.executable, "-m", "assistant", "talk", "--json", "--profile", profile,
        *(() if config is None else ("--config", config)),
        "--mic", str(folder / "mic.wav"), "--speaker", str(speaker), "--measure", "cpu",
        "--max-seconds", str(seconds + LAST_ANSWER),
    ]  # fmt: skip
    code, output, said = _ended(command, seconds + LAST_ANSWER + LOADING)
    events = [event for event in map(_event, output.splitlines()) if event]
    notes = [scrub(line.removeprefix("parley: ")) for line in said.splitlines() if line.strip()]
    return judged(profile, code, events, notes, speaker, lines, dialogue.agreement_ms)


def judged(
    profile: str,
    code: int | None,
    events: Sequence[Event],
    notes: Sequence[str],
    speaker: Path,
    lines: Sequence[Line],
    agreement_ms: float,
) -> Result:
    """What a finished conversation was like: ``code`` its exit code, ``notes`` what it said on standard error."""
    said = notes[-1] if notes else ""
    started = next((event for event in events if event["event"] == "session.started"), {})
    ended = next((event for event in events if event["event"] == "session.ended"), {})
    if not started:
        why = said or "it said nothing"
        broken = () if code == CANNOT_BE_BUILT else (f"{_how(code)} before it listened: {why}",)
        return Result(profile, why, (), (), broken, tuple(notes[:-1]), {}, {}, code)
    notes = [*notes, *(str(event["message"]) for event in events if event["event"] == "warning")]
    turns = tuple(turns_of(lines, sounds_in(speaker), events))
    failed = tuple(failed_providers(lines, events))
    reason = ended.get("reason", "it did not say why")
    failures = tuple(
        [f"{each.stage} {each.provider} failed {_when(each)}: {each.error}" for each in failed]
        + [told for turn in turns if (told := sentence(turn, agreement_ms))]
        + ([] if reason == "input_over" else [f"it ended early ({reason})"])
        + ([] if code == 0 else [f"{_how(code)}{f': {said}' if said else ''}"])
    )
    return Result(profile, "", turns, failed, failures, tuple(notes), started, ended, code)


def summary(result: Result) -> dict[str, Any]:
    """A profile's figures as plain JSON values: milliseconds, seconds, US dollars, cores, megabytes."""
    wrong = result.errors
    off = [turn.disagreement for turn in result.turns if turn.disagreement is not None]
    return {
        "profile": result.profile,
        "ran": not result.cannot_run,
        "cannot_run": result.cannot_run or None,
        **{name: result.started.get(name) for name in ("stt", "llm", "tts", "endpointing")},
        "utterances": len(result.turns),
        "answered": len(result.latencies),
        "cut_ins": sum(turn.cut_in for turn in result.turns),
        "interrupted": sum(turn.interrupted for turn in result.turns),
        "latency_ms": _plain(result.latency),
        "stages": {name: _plain(result.stage(name)) for name in BEFORE_THE_ANSWER},
        "word_error_rate": None if wrong.rate is None else round(wrong.rate, 4),
        "words": asdict(wrong),
        "cost_per_minute_usd": result.cost_per_minute,
        "cost": dict(result.cost) or None,
        "ledger_off_by_ms": round(max(off), 1) if off else None,
        "listening_after_s": result.ended.get("listening_after_s"),
        "cpu_cores": result.ended.get("cpu_cores"),
        "memory_mb": result.ended.get("memory_mb"),
        "underruns": result.ended.get("underruns"),
        "ended": result.ended.get("reason"),
        "exit_code": result.exit_code,
        "failures": list(result.failures),
        "providers_failed": [asdict(each) for each in result.failed],
        "notes": list(result.notes),
        "turns": [_turn(turn) for turn in result.turns],
    }


def in_json(comparison: Comparison) -> dict[str, Any]:
    """All of it."""
    return {
        "conversation": comparison.dialogue.name,
        "seconds": round(comparison.seconds, 3),
        "gap_s": comparison.gap,
        "profiles": [summary(result) for result in comparison.results],
        "failures": comparison.failures,
    }


def _turn(turn: Turn) -> dict[str, Any]:
    wrong = errors(turn.pairs)
    return {
        "number": turn.line.number,
        "recording": turn.line.name,
        "speech_end_s": round(turn.line.end, 4),
        "said": turn.line.text,
        "understood": turn.heard,
        "words": asdict(wrong),
        "outcome": turn.what,
        "ignored": turn.ignored or None,
        "latency_ms": None if turn.latency is None else round(turn.latency, 1),
        "ledger_ms": turn.ledger,
        **{name: turn.stages.get(name) for name in BEFORE_THE_ANSWER},
        "cut_in": turn.cut_in,
        "interrupted": turn.interrupted,
        "cost_usd": turn.cost,
    }


def _plain(figures: Spread) -> dict[str, Any]:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 1)

    return {
        "n": figures.count,
        "p50": rounded(figures.p50),
        "p95": rounded(figures.p95),
        "p50_between": [rounded(value) for value in figures.p50_between],
        "p95_between": [rounded(value) for value in figures.p95_between],
        "p95_is_the_worst": figures.p95_is_the_worst,
    }


def _ended(command: Sequence[str], within: float) -> tuple[int | None, str, str]:
    """Run to the end, or end it: exit code (None: it was ended), standard output, standard error."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
        env={**os.environ, "PARLEY_TTS_CACHE": "off"},  # what a voice has said in an earlier run says nothing of it
    ) as process:  # fmt: skip
        code: int | None = None
        try:
            output, said = process.communicate(timeout=within)
            code = process.returncode
        except subprocess.TimeoutExpired:
            output, said = _stop(process)
        except BaseException:
            _stop(process)
            raise
    return code, output, said


def _stop(process: subprocess.Popen[str]) -> tuple[str, str]:
    """End it in order, so that its files are whole; by force after five seconds."""
    process.terminate()
    try:
        return process.communicate(timeout=5.0)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()


def _event(line: str) -> Event:
    """A line of the events, without secrets; {} for one that was cut short."""
    with suppress(ValueError):
        event = json.loads(line)
        if isinstance(event, dict) and "event" in event:
            return {name: redact(value) for name, value in event.items()}
    return {}


def _how(code: int | None) -> str:
    return "it did not end by itself and was stopped" if code is None else f"it ended with code {code}"


def _when(failed: Failed) -> str:
    return "before the first utterance" if failed.line is None else f"in utterance {failed.line}"
