"""`parley listen` from its plan to its exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.from_thread
import anyio.lowlevel

from assistant.assemble import open_stage, open_vad, segment_rules, turn_detector, turn_rules
from assistant.config import Settings
from assistant.conversation.pauses import Habit
from assistant.dictation import Dictation, Parts
from assistant.habits import Habits
from assistant.observe.transcript import TranscriptView
from assistant.ports import Observer
from assistant.sound import open_sound
from assistant.view import View, shown


@dataclass(frozen=True)
class Plan:
    settings: Settings
    microphone: Path | str
    """A WAV file, or a sound device by its name."""
    max_seconds: float | None = None
    json: bool = False
    why: str = ""
    warnings: Sequence[str] = ()
    """Told when the session has started."""


async def listen(plan: Plan) -> int:
    """Listen and return the exit code: 0 at the end of the file or of the time, 1 when nobody reads any more."""
    settings = plan.settings
    scope = anyio.CancelScope()
    dictations: list[Dictation] = []

    def device_changed(before: str | None, after: str | None) -> None:
        for dictation in dictations:
            dictation.device_changed(before, after)

    async with AsyncExitStack() as opened:
        view = opened.enter_context(shown(json=plan.json, hidden=not plan.json, nobody_reads=scope.cancel))
        observers: list[Observer] = [*view.observers]
        words: TranscriptView | None = None
        if not plan.json:
            words = _on_terminal(opened, scope.cancel)
            observers.append(words)
        sound = await opened.enter_async_context(  # before anything that takes time
            open_sound(
                plan.microphone,
                None,
                on_device_changed=device_changed,
            )
        )
        vad = await opened.enter_async_context(open_vad(settings))
        failed = _failures(view, dictations)
        transcriber = await opened.enter_async_context(open_stage(settings, "stt", failed))
        # A file is nobody: what is learned of people is learned at a microphone.
        habits = Habits() if sound.real and settings.turn.endpointing == "adaptive" else None
        parts = Parts(
            duplex=sound.duplex,
            vad=vad,
            transcriber=transcriber,
            observers=observers,
            started=_started(settings, plan.why),
            endpoint=turn_rules(settings).endpoint,
            segments=segment_rules(settings),
            pre_roll=settings.vad.pre_roll_ms / 1000,
            max_seconds=plan.max_seconds,
            detector=turn_detector(settings),
            habit=Habit() if habits is None else habits.load(),
            habit_learned=None if habits is None else habits.learned,
            warnings=plan.warnings,
        )
        dictations.append(Dictation(parts))
        sound.duplex.start()
        with scope:
            reason = await dictations[0].run()
            if words is not None and not words.understood:
                view.line("speech was heard, and nothing of it understood" if words.heard else "no speech was heard")
            return 1 if reason == "device_lost" else 0
    return 1


def _on_terminal(opened: AsyncExitStack, nobody_reads: Callable[[], None]) -> TranscriptView:
    token = anyio.lowlevel.current_token()
    view = TranscriptView(sys.stdout, lambda: anyio.from_thread.run_sync(nobody_reads, token=token))
    opened.callback(view.close)
    return view


def _failures(view: View, dictations: list[Dictation]) -> Callable[[str, str, str, str | None], None]:
    """Who is told of a failed call: the user, and once there is one the dictation's observers."""

    def failed(stage: str, provider: str, error: str, following: str | None) -> None:
        if not dictations:
            view.passed_over(stage, provider, error, following)
            return
        view.failed(stage, provider, error, following)
        dictations[0].provider_failed(stage, provider, error, following)

    return failed


def _started(settings: Settings, why: str) -> dict[str, object]:
    stt = settings.stt
    return {
        "stt": f"{stt.provider}:{stt.model}" if stt.model else stt.provider,
        "llm": None,
        "tts": None,
        "vad": settings.vad.provider,
        "endpointing": settings.turn.endpointing,
        "echo_cancel": "off",
        "why": f"{stt.provider}: {why}",
    }
