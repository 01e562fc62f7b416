"""``parley doctor``: what stands in the way of a conversation, measured. Its first part: the echo."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.commands.common import add_common, settings_from
from assistant.commands.rooms import add_room, surroundings_from
from assistant.errors import ParleyError
from assistant.places import Place, place
from assistant.surroundings import Surroundings

if TYPE_CHECKING:
    from assistant.audio.modes import Choice, SelfHeard
    from assistant.audio.selfcheck import Recorded
    from assistant.config import Settings
    from assistant.echotest import Outcome
    from assistant.ports import Samples


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    doctor = commands.add_parser(
        "doctor", help="find out why it hears itself", description="Measure what stands in the way of a conversation."
    )
    parts = doctor.add_subparsers(metavar="PART", required=True)
    parser = parts.add_parser(
        "echo",
        help="how much of its own voice the microphone hears, and what to do about it",
        description="Play a short chirp and some speech, and measure how late and how loud the microphone hears them, "
        "how much echo cancelling takes out, and how often the assistant would interrupt itself. What it chooses is "
        "remembered for these two devices.",
    )
    parser.add_argument("--mic", metavar="DEVICE|FILE.wav", help="the microphone (default: the system's)")
    parser.add_argument("--speaker", metavar="DEVICE|FILE.wav", help="the loudspeaker (default: the system's)")
    add_room(parser)
    parser.add_argument("--seconds", type=_seconds, metavar="S", help="speech to listen to (12)")
    add_common(parser)
    parser.set_defaults(run=run_echo)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 5 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds from 5 to 3600")
    return value


def run_echo(args: argparse.Namespace) -> int:
    """Raises ParleyError where there is nothing to measure."""
    from assistant import interruptible

    settings = settings_from(args).settings
    surroundings = surroundings_from(args)
    microphone = place(args.mic or settings.audio.input, "--mic")
    speaker = place(args.speaker or settings.audio.output, "--speaker")
    on_files = surroundings is not None or isinstance(microphone, Path) or isinstance(speaker, Path)
    if on_files and (args.mic and isinstance(microphone, str) or args.speaker and isinstance(speaker, str)):
        raise ParleyError(
            "an echo is measured between two devices, or in a simulated room with files in their place: "
            "name two devices, or two files and --room"
        )
    return interruptible.run(lambda: _echo(args, settings, surroundings, microphone, speaker, on_files))


async def _echo(
    args: argparse.Namespace,
    settings: Settings,
    surroundings: Surroundings | None,
    microphone: Place,
    speaker: Place,
    on_files: bool,
) -> int:
    from dataclasses import replace
    from functools import partial

    import anyio.to_thread

    from assistant.assemble import open_vad, segment_rules, turn_rules
    from assistant.audio.modes import choose
    from assistant.echotest import SPEECH, judged, sequence

    played = await anyio.to_thread.run_sync(sequence, args.seconds or SPEECH)
    names: dict[str, str] = {}
    if on_files:
        recorded = await anyio.to_thread.run_sync(partial(_on_files, played, surroundings, microphone, speaker))
    else:
        recorded, names = await _on_devices(args, played, microphone, speaker)
    rules = turn_rules(settings)
    # "off" would hear nothing; what is asked is what would be heard.
    rules = replace(rules, barge_in="words" if rules.barge_in == "off" else rules.barge_in, overlap="pause")
    async with open_vad(settings) as vad:
        noise = settings.audio.noise_suppression != "off"
        judge = partial(judged, recorded, played, vad, rules, segment_rules(settings), noise=noise)
        outcome = await anyio.to_thread.run_sync(judge, abandon_on_cancel=True)
    if outcome.dead and not on_files:
        failed = ParleyError(
            "the microphone gives nothing, not even noise: it is muted, or the system withholds it (see its privacy "
            "settings), or another program has it"
        )
        failed.exit_code = 1
        raise failed
    choice = choose(outcome.measured)
    trouble = _remember(names, choice, outcome)
    if args.json:
        sys.stdout.write(json.dumps({"echo": _for_programs(names, outcome, choice)}, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(_for_people(names, outcome, choice, settings)) + "\n")
    if trouble:
        sys.stderr.write(f"parley: {trouble}\n")
    return 0


def _on_files(played: Samples, surroundings: Surroundings | None, microphone: Place, speaker: Place) -> Recorded:
    """In no time: nobody has to wait for a sound that nobody hears. Blocks."""
    import numpy as np

    from assistant.audio.resample import Resampler
    from assistant.audio.room import Acoustics, Room, room_response
    from assistant.audio.wavfile import WavWriter, open_wav
    from assistant.echotest import simulated
    from assistant.ports import CAPTURE_RATE
    from assistant.sound import PLAYBACK_RATE

    room = None
    if surroundings is not None:
        acoustics = Acoustics(
            surroundings.gain_db, surroundings.delay_ms / 1000, surroundings.drift_ppm, surroundings.noise_dbfs
        )
        room = Room(room_response(surroundings.response), PLAYBACK_RATE, acoustics)
    heard = np.zeros(0, np.float32)
    if isinstance(microphone, Path):
        with open_wav(microphone) as file:
            # As much as there is time for.
            read = file.read(round((len(played) / PLAYBACK_RATE + 2) * file.rate))
            heard = Resampler(file.rate, CAPTURE_RATE).push(read, last=True)
    if isinstance(speaker, Path):
        if isinstance(microphone, Path) and speaker.exists() and speaker.samefile(microphone):
            raise ParleyError(f"{speaker} is to be heard and written at once; give the loudspeaker another file")
        writer = WavWriter(speaker, PLAYBACK_RATE)
        try:
            writer.append(played)
        finally:
            writer.close()
    return simulated(played, heard, room)


async def _on_devices(
    args: argparse.Namespace, played: Samples, microphone: Place, speaker: Place
) -> tuple[Recorded, dict[str, str]]:
    from assistant.audio.devices import NoDevice
    from assistant.echotest import heard_on
    from assistant.sound import PLAYBACK_RATE, open_sound

    changed: list[str] = []

    def device_changed(before: str | None, after: str | None) -> None:
        if not (before and after and after.startswith(f"{before} (")):  # only told what is behind "default"
            changed.append(f"{before} to {after}")

    try:
        async with open_sound(microphone, speaker, on_device_changed=device_changed) as sound:
            if not args.json:
                seconds = len(played) / PLAYBACK_RATE
                sys.stdout.write(f"Playing a chirp and some speech: {seconds:.0f} s of quiet, please.\n")
                sys.stdout.flush()
            recorded = await heard_on(sound, played)
            names = {} if sound.devices is None else dict(sound.devices.names)
    except NoDevice as missing:
        missing.exit_code = 2  # nothing to measure: the machine's set-up, not a failure
        raise
    if changed:
        raise ParleyError(f"a device changed meanwhile (from {changed[0]}): measure again")
    return recorded, names


def _remember(names: dict[str, str], choice: Choice, outcome: Outcome) -> str:
    """For the pair of devices; returns what is wrong with that, or ""."""
    from assistant.echoes import Echoes
    from assistant.echowatch import known

    if not names:
        return ""
    echoes = Echoes()
    measured = outcome.measured
    echoes.remember(names["input"], names["output"], known(choice, measured.path, measured.erle, "doctor"))
    return echoes.trouble


# --- for people ---

_DOES = {
    "headphones": "as with headphones: nothing has to be taken out, and you can interrupt.",
    "full": "full duplex: it listens while it speaks, and you can interrupt.",
    "duck": "ducking: you can interrupt; it then speaks more softly until it is clear that it was you.",
    "half": "half duplex: it does not listen while it speaks.",
}


def _for_people(names: dict[str, str], outcome: Outcome, choice: Choice, settings: Settings) -> list[str]:
    measured = outcome.measured
    path, cancelled = measured.path, measured.cancelled
    lines = []
    if names:
        lines += [f"Microphone:   {names['input']}", f"Loudspeaker:  {names['output']}"]
    if path.heard:
        # By its own clock a device may play a little sooner than it says, which nobody need understand here.
        late = f"{_ms(outcome.round_trip)} after it is handed over" if names else f"{_ms(path.delay)} late"
        lines.append(f"Echo:         {path.return_loss:.0f} dB softer than it is played, {late}")
    else:
        lines.append("Echo:         none was heard")
    lines.append(f"Other sound:  {path.noise_dbfs:.0f} dBFS at the microphone")
    if measured.erle is not None:
        lines.append(f"Cancelling:   takes {measured.erle:.0f} dB off it")
    elif cancelled is None:
        lines.append("Cancelling:   not possible: pip install 'parley-voice[echo]'")
    lines.append(f"In {measured.without.seconds:.0f} s of speech with nobody else there:")
    lines.append(f"  without cancelling it would have {_cut(measured.without)}")
    if cancelled is not None:
        lines.append(f"  with cancelling it would have {_cut(cancelled)}")
    lines.append(f"Chosen:       {_DOES[choice.mode]}")
    lines.append(f"              {choice.why[0].upper()}{choice.why[1:]}{_cancelling(choice)}.")
    lines += _advice(outcome, choice, settings)
    return lines


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.0f} ms"


def _cut(heard: SelfHeard) -> str:
    return (
        f"interrupted itself {heard.interruptions} times and paused {heard.pauses} times "
        f"({heard.interruptions_a_minute:.1f} and {heard.pauses_a_minute:.1f} a minute)"
    )


def _cancelling(choice: Choice) -> str:
    if choice.mode == "headphones":
        return ""
    return "; echo cancelling is on" if choice.cancel else "; echo cancelling is off"


def _advice(outcome: Outcome, choice: Choice, settings: Settings) -> list[str]:
    said = []
    if outcome.loudest >= _OVERDRIVEN:
        said.append("The microphone is overdriven: turn it or the loudspeaker down, and measure again.")
    if choice.mode in ("duck", "half") and outcome.measured.cancelled is not None:
        said.append("Softer, or farther from the microphone, the loudspeaker would do better; headphones do best.")
    if settings.audio.echo_cancel != "auto":
        said.append(
            f'The config says echo_cancel = "{settings.audio.echo_cancel}", which has the last word; "auto" uses what '
            "was measured."
        )
    return said


_OVERDRIVEN = 0.99


# --- for programs ---


def _for_programs(names: dict[str, str], outcome: Outcome, choice: Choice) -> dict[str, Any]:
    measured = outcome.measured
    path = measured.path
    return {
        "microphone": names.get("input"),
        "loudspeaker": names.get("output"),
        "heard": path.heard,
        "delay_ms": _rounded(path.delay, 1000),
        "round_trip_ms": _rounded(outcome.round_trip, 1000) if names else None,
        "return_loss_db": _rounded(path.return_loss),
        "erle_db": _rounded(measured.erle),
        "noise_dbfs": _rounded(path.noise_dbfs),
        "overdriven": outcome.loudest >= _OVERDRIVEN,
        "without_cancelling": _counted(measured.without),
        "with_cancelling": None if measured.cancelled is None else _counted(measured.cancelled),
        "mode": choice.mode,
        "echo_cancel": "on" if choice.cancel else "off",
        "why": choice.why,
    }


def _counted(heard: SelfHeard) -> dict[str, Any]:
    return {
        "seconds": round(heard.seconds, 1),
        "self_interruptions": heard.interruptions,
        "self_pauses": heard.pauses,
        "self_interruptions_a_minute": round(heard.interruptions_a_minute, 2),
        "self_pauses_a_minute": round(heard.pauses_a_minute, 2),
    }


def _rounded(value: float | None, times: float = 1.0) -> float | None:
    return None if value is None else round(times * value, 1)
