"""One conversation from its plan to its exit code: parts are put together, signals obeyed, everything closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
from anyio.abc import TaskStatus

from assistant import forewarn, signals
from assistant.accounts import Budget
from assistant.assemble import (
    Stages,
    open_stages,
    segment_rules,
    speaker_gate,
    started,
    stop_spotter,
    turn_detector,
    turn_rules,
)
from assistant.audio.processing import Processing
from assistant.automatic import decide, downloads, lines
from assistant.config import Settings, recordable
from assistant.conversation.history import History
from assistant.conversation.pauses import Habit
from assistant.ears import ears, processing_for
from assistant.echoes import Echoes
from assistant.echowatch import EchoWatch, Protect, known_choice
from assistant.habits import Habits
from assistant.observe.record import Recorder
from assistant.places import Place
from assistant.ports import Frame, Observer
from assistant.probe import Probe
from assistant.prompts import load_prompt
from assistant.session import Limits, Parts, Session
from assistant.sound import PLAYBACK_RATE, DeviceChanged, Sound, open_sound
from assistant.surroundings import Surroundings
from assistant.tools import chosen
from assistant.view import View, shown

Captured = Callable[[Frame], None]

EXIT = {"interrupted": signals.EXIT_CODE, "error": 1, "device_lost": 1}
"""Exit codes of the reasons why a session ends; the others are 0."""


@dataclass(frozen=True)
class Plan:
    """What `parley talk` was asked for."""

    settings: Settings
    microphone: Place
    speaker: Place
    turns: int | None = None
    max_seconds: float | None = None
    record: Path | None = None
    on_recording: Callable[[Path], None] | None = None
    """Told of the folder that is really recorded to: a numbered one where ``record`` holds a session already."""
    json: bool = False
    surroundings: Surroundings | None = None
    """A room in which the microphone hears the loudspeaker."""
    probe: Probe | None = None
    """Measures the program itself; its figures are added to `session.ended`."""
    load_behind: bool = False
    """Listen to a file before the models are loaded. One is otherwise only played once they are; a person is listened
    to at once, unless something has to be downloaded first."""
    observers: tuple[Observer, ...] = ()
    """Watch as well; with any, nothing is shown on the terminal."""


def hold(plan: Plan) -> int:
    """Hold the conversation and return the command's exit code. Raises ParleyError for what the user can mend."""
    settings, why = decide(plan.settings)
    retiring = forewarn.told(settings)
    before = signals.current()
    code = EXIT["error"]
    try:
        code = anyio.run(_hold, replace(plan, settings=settings), lines(settings, why), retiring)
    finally:
        if code != signals.EXIT_CODE:  # whoever interrupted it may do so again, and all that is left is to leave
            signals.restore(before)
    return code


class _Ending:
    """How Ctrl+C, SIGTERM and a closed standard output end it all: by one cancel scope."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self.code = 0

    def interrupt(self) -> None:
        self.code = EXIT["interrupted"]
        self.scope.cancel()

    def nobody_reads(self) -> None:
        self.code = EXIT["error"]
        self.scope.cancel()


async def _hold(plan: Plan, why: Sequence[str], retiring: Sequence[str]) -> int:
    ending = _Ending()
    async with anyio.create_task_group() as signalled:
        await signalled.start(_obey_signals, ending)
        # Not around the group: a second Ctrl+C must find somebody who obeys it until everything is closed.
        with ending.scope:
            ending.code = EXIT.get(await _converse(plan, why, retiring, ending), 0)
        signalled.cancel_scope.cancel()
    return ending.code


async def _obey_signals(ending: _Ending, *, task_status: TaskStatus[None]) -> None:
    try:
        with anyio.open_signal_receiver(*signals.SIGNALS) as received:
            task_status.started()
            async for _ in received:
                ending.interrupt()
    finally:
        signals.ignore()  # the loop is about to be closed


async def _converse(plan: Plan, why: Sequence[str], retiring: Sequence[str], ending: _Ending) -> str:
    settings = plan.settings
    tools = chosen(settings)
    async with AsyncExitStack() as opened:
        view = opened.enter_context(
            shown(json=plan.json, hidden=bool(plan.observers), nobody_reads=ending.nobody_reads)
        )
        tells: list[DeviceChanged] = []  # nobody until there is a session: devices come and go before

        def device_changed(before: str | None, after: str | None) -> None:
            for tell in tells:
                tell(before, after)

        # Closed after the loudspeaker, which passes on the end of what it played when it is closed.
        recorder = opened.enter_context(_recorder(plan, settings))
        sound = await opened.enter_async_context(
            open_sound(
                plan.microphone,
                plan.speaker,
                on_warning=lambda message: session.warn(message),
                on_device_changed=device_changed,
            )
        )
        duplex = sound.duplex
        _tell_choices(plan, view, sound, why)
        stages = await opened.enter_async_context(open_stages(settings, view.passed_over))
        load_behind = plan.load_behind or (isinstance(plan.microphone, str) and not downloads(settings))
        if not load_behind:
            await stages.loaded()
        observers: list[Observer] = [*view.observers, *plan.observers]
        if recorder is not None:
            observers.append(recorder)
            duplex.tap(recorder.played)
            view.line(f"recording to {recorder.folder}")
            if plan.on_recording is not None:
                plan.on_recording(recorder.folder)
        echoes = Echoes()
        processing = _processing(plan, settings, sound, echoes)
        watch = _watch(plan, settings, sound, echoes, processing, lambda mode, why: session.protect(mode, why))
        captured: Captured | None = None if recorder is None else recorder.captured
        if watch is not None:
            captured = _both(captured, watch.overhearing.captured)
            duplex.tap(watch.overhearing.played)
        heard = await ears(duplex, stages.vad, plan.surroundings, processing, captured)
        treated = None if watch is None or not processing.echo else watch.overhearing.treated
        turns = turn_rules(settings)
        if processing.unprotected:
            view.line(f"{processing.why}; so it does not listen while it speaks")
            turns = replace(turns, barge_in="off")
        elif processing.duck:
            view.line(f"{processing.why}; so it speaks more softly, instead of pausing, while you say something")
            turns = replace(turns, overlap="duck")
        elif sound.real and not (plan.json or plan.observers):
            view.line(f"echo cancelling {'on' if processing.echo else 'off'}: {processing.why}")
        if echoes.trouble:
            view.line(echoes.trouble)
        # A file is nobody: what is learned of people is learned at a microphone.
        habits = Habits() if sound.real and settings.turn.endpointing == "adaptive" else None
        session = Session(
            Parts(
                duplex=heard.duplex,
                vad=heard.vad,
                lag=heard.lag,
                echo_taken=heard.echo_taken,
                transcriber=stages.transcriber,
                model=stages.model,
                voice=stages.voice,
                effects=stages.effects,
                tools=tools,
                meter=stages.meter,
                budget=Budget(settings.cost.budget, stops=settings.cost.on_budget == "stop"),
                # Whoever reads the terminal has them from standard error already.
                warnings=[*(retiring if plan.json else ()), *forewarn.uncountable(settings)],
                history=History(load_prompt(settings.assistant.prompt)),
                observers=observers,
                started=started(settings, "; ".join(why) or "all as configured", processing),
                ended=None if plan.probe is None else plan.probe.figures,
                turns=turns,
                segments=segment_rules(settings),
                pre_roll=settings.vad.pre_roll_ms / 1000,
                limits=Limits(plan.turns, plan.max_seconds, input_over=not isinstance(plan.microphone, str)),
                gate=speaker_gate(settings),
                spotter=stop_spotter(settings),
                detector=turn_detector(settings),
                habit=Habit() if habits is None else habits.load(),
                habit_learned=None if habits is None else habits.learned,
                captured=_both(_both(heard.captured, treated), plan.probe.captured if plan.probe else None),
            )
        )

        def changed(before: str | None, after: str | None) -> None:
            session.device_changed(before, after)
            heard.device_changed()
            if watch is not None:
                watch.device_changed(after)

        stages.report_failures_to(session.provider_failed, *(() if view.tells_failures else (view.failed,)))
        stages.report_news_to(session.provider_did)
        if recorder is not None:
            recorder.on_trouble = session.warn
        if plan.probe is not None:
            await opened.enter_async_context(plan.probe.running())
        if load_behind:
            loading = await opened.enter_async_context(anyio.create_task_group())
            loading.start_soon(_end_if_not_loaded, stages, session)
        if watch is not None:
            await opened.enter_async_context(watch.running())
        duplex.start()
        tells.append(changed)
        reason = await session.run()
        if load_behind:
            loading.cancel_scope.cancel()
        return reason


def _processing(plan: Plan, settings: Settings, sound: Sound, echoes: Echoes) -> Processing:
    """What is known of these two devices decides, where they were measured."""
    known = known_choice(echoes, sound.devices) if sound.real else None
    return processing_for(settings, plan.surroundings, devices=sound.real, output=sound.output, known=known)


def _watch(
    plan: Plan, settings: Settings, sound: Sound, echoes: Echoes, processing: Processing, protect: Protect
) -> EchoWatch | None:
    """Where the user left it open, and there may be an echo that nobody simulates."""
    if settings.audio.echo_cancel != "auto" or not sound.real or sound.devices is None:
        return None

    def wanted() -> Processing:
        return _processing(plan, settings, sound, echoes)

    return EchoWatch(sound.devices, echoes, processing, wanted, protect, sound.duplex.playback_rate)


def _tell_choices(plan: Plan, view: View, sound: Sound, why: Sequence[str]) -> None:
    """One line for each thing that the user did not choose. Programs find it in `session.started`."""
    if plan.json or plan.observers:
        return
    for line in (*why, *filter(None, (sound.line(),))):
        view.line(line)
    if isinstance(plan.microphone, Path) and sound.duplex.input_over:
        view.line(f"{plan.microphone} holds no sound")


async def _end_if_not_loaded(stages: Stages, session: Session) -> None:
    try:
        await stages.loaded()
    except BaseExceptionGroup:
        session.end("error")
        raise


def _both(first: Captured | None, second: Captured | None) -> Captured | None:
    """Call both where there are two."""
    if first is None or second is None:
        return first or second

    def call(frame: Frame) -> None:
        first(frame)
        second(frame)

    return call


@contextmanager
def _recorder(plan: Plan, settings: Settings) -> Iterator[Recorder | None]:
    if plan.record is None:
        yield None
        return
    recorder = Recorder(plan.record, recordable(settings), PLAYBACK_RATE)
    try:
        yield recorder
    finally:
        recorder.close()
