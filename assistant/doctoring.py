"""`parley doctor echo` from its plan to its exit code."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio.to_thread
import numpy as np

from assistant.assemble import open_vad, segment_rules, turn_rules
from assistant.audio.devices import NoDevice
from assistant.audio.modes import Choice, choose
from assistant.audio.resample import Resampler
from assistant.audio.room import Acoustics, Room, room_response
from assistant.audio.selfcheck import Recorded
from assistant.audio.wavfile import WavWriter, open_wav
from assistant.config import Settings
from assistant.echoes import Echoes
from assistant.echoreport import for_people, for_programs
from assistant.echotest import SPEECH, Outcome, heard_on, judged, sequence, simulated
from assistant.echowatch import known
from assistant.errors import ParleyError
from assistant.places import Place
from assistant.ports import CAPTURE_RATE, Samples
from assistant.sound import PLAYBACK_RATE, open_sound
from assistant.surroundings import Surroundings


@dataclass(frozen=True)
class Plan:
    settings: Settings
    microphone: Place
    speaker: Place
    surroundings: Surroundings | None = None
    """A room in which the microphone hears the loudspeaker."""
    on_files: bool = False
    """No device is used: files, or nothing, stand in their places."""
    seconds: float = SPEECH
    """Of speech."""
    json: bool = False


async def measure_echo(plan: Plan) -> int:
    """Measure, choose, remember, tell. Returns the exit code. Raises ParleyError where there is nothing to measure."""
    settings = plan.settings
    played = await anyio.to_thread.run_sync(sequence, plan.seconds)
    names: dict[str, str] = {}
    if plan.on_files:
        recorded = await anyio.to_thread.run_sync(_on_files, plan, played)
    else:
        recorded, names = await _on_devices(plan, played)
    rules = turn_rules(settings)
    # "off" would hear nothing; what is asked is what would be heard.
    rules = replace(rules, barge_in="words" if rules.barge_in == "off" else rules.barge_in, overlap="pause")
    async with open_vad(settings) as vad:
        noise = settings.audio.noise_suppression != "off"
        judge = partial(judged, recorded, played, vad, rules, segment_rules(settings), noise=noise)
        outcome = await anyio.to_thread.run_sync(judge, abandon_on_cancel=True)
    if outcome.dead and plan.surroundings is None:  # in a simulated room nobody has to hear anything
        failed = ParleyError(_nothing(plan))
        failed.exit_code = 1
        raise failed
    choice = choose(outcome.measured)
    trouble = _remember(names, choice, outcome)
    if plan.json:
        sys.stdout.write(json.dumps({"echo": for_programs(names, outcome, choice)}, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(for_people(names, outcome, choice, settings)) + "\n")
    if trouble:
        sys.stderr.write(f"parley: {trouble}\n")
    return 0


def _nothing(plan: Plan) -> str:
    """Why nothing can be measured where the microphone gives nothing at all, in a sentence."""
    if isinstance(plan.microphone, Path):
        return f"{plan.microphone} holds nothing but digital silence, not even noise: record it anew"
    if plan.on_files:
        return (
            f"nothing was measured, since there is no microphone: {plan.speaker} now holds the test sound; play it, "
            "name a recording of that with --mic, or a simulated room with --room"
        )
    return (
        "the microphone gives nothing, not even noise: it is muted, or the system withholds it (see its privacy "
        "settings), or another program has it"
    )


def _on_files(plan: Plan, played: Samples) -> Recorded:
    """In no time: nobody has to wait for a sound that nobody hears. Blocks."""
    surroundings, microphone, speaker = plan.surroundings, plan.microphone, plan.speaker
    room = None
    if surroundings is not None:
        acoustics = Acoustics(
            surroundings.gain_db, surroundings.delay_ms / 1000, surroundings.drift_ppm, surroundings.noise_dbfs
        )
        room = Room(room_response(surroundings.response), PLAYBACK_RATE, acoustics)
    heard = np.zeros(0, np.float32)
    if isinstance(microphone, Path):
        with open_wav(microphone) as file:
            # What chirps were not heard in, because it was over before them, says nothing of the loudspeaker. In a
            # simulated room a file is only what is heard besides, and may end sooner.
            held, wanted = file.frames / file.rate, len(played) / PLAYBACK_RATE
            if not file.frames:
                raise ParleyError(f"{microphone} holds no sound; name another file")
            if room is None and held < wanted:
                raise ParleyError(
                    f"{microphone} holds {held:.1f} s of sound, too little to measure an echo by: {wanted:.1f} s are "
                    "needed; name a longer file"
                )
            # As much as there is time for.
            read = file.read(round((wanted + 2) * file.rate))
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


async def _on_devices(plan: Plan, played: Samples) -> tuple[Recorded, dict[str, str]]:
    changed: list[str] = []

    def device_changed(before: str | None, after: str | None) -> None:
        if before and after and after.startswith(f"{before} ("):  # only told what is behind "default"
            return
        if after is None:
            changed.append(f"{before} went away meanwhile: connect it, and measure again")
        else:
            changed.append(f"a device changed meanwhile (from {before or 'none'} to {after}): measure again")

    try:
        async with open_sound(plan.microphone, plan.speaker, on_device_changed=device_changed) as sound:
            if not plan.json:
                seconds = len(played) / PLAYBACK_RATE
                sys.stdout.write(f"Playing a chirp and some speech: {seconds:.0f} s of quiet, please.\n")
                sys.stdout.flush()
            recorded = await heard_on(sound, played)
            names = {} if sound.devices is None else dict(sound.devices.names)
    except NoDevice as missing:
        missing.exit_code = 2  # nothing to measure: the machine's set-up, not a failure
        raise
    if changed:
        raise ParleyError(changed[0])
    return recorded, names


def _remember(names: dict[str, str], choice: Choice, outcome: Outcome) -> str:
    """For the pair of devices; returns what is wrong with that, or ""."""
    if not names:
        return ""
    echoes = Echoes()
    measured = outcome.measured
    echoes.remember(names["input"], names["output"], known(choice, measured.path, measured.erle, "doctor"))
    return echoes.trouble
