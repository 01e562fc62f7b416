"""`parley enroll` from its plan to its exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import anyio.lowlevel
import anyio.to_thread
import numpy as np

from assistant.assemble import open_vad
from assistant.audio.resample import Resampler
from assistant.audio.wavfile import open_wav
from assistant.config import Settings
from assistant.conversation.likeness import cosine, joined, likeness, whose
from assistant.enrolment import WANTED, Speech, embedded, learn
from assistant.errors import ParleyError, ProviderError
from assistant.onemic import OneMicrophone
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples, SpeakerId, VoiceActivity
from assistant.sound import open_sound
from assistant.voiceprints import Voiceprint, Voiceprints, checked
from providers import registry

PROMPT = """\
Please talk for about fifteen seconds, as you talk to an assistant; for example:
  "Good morning. What is the weather like today, and do I need a coat? Set a timer for eight minutes, please. Tell me
  something about the sea: how deep it is, what lives at the bottom, and why it is salty."
"""
LONGEST = 60.0
"""Seconds of listening after which it is said that too little speech came."""
LEAST = 0.5
"""Seconds of speech that tell anything of a voice at all."""


class Failed(ParleyError):
    exit_code = 1


@dataclass(frozen=True)
class Plan:
    settings: Settings
    microphone: Path | str
    name: str
    provider: str
    """NAME or NAME:MODEL."""
    json: bool = False


async def enroll(plan: Plan) -> int:
    """Listen, learn the voice, keep it; returns 0. Raises ParleyError, and Unfit where it cannot be learned."""
    name = checked(plan.name)
    async with _opened(plan.provider) as speaker_id, open_vad(plan.settings) as vad:
        speech = Speech()
        if isinstance(plan.microphone, Path):
            await _from_file(plan.microphone, vad, speech)
        else:
            await _from_microphone(plan, vad, speech)
        try:
            learned = await learn(speech, speaker_id)
        except ProviderError as error:
            raise Failed(str(error)) from error
        voice = Voiceprint(
            name, plan.provider, speaker_id.model, learned.vector, round(learned.seconds, 1), date.today().isoformat()
        )
    path = Voiceprints().save(voice)
    if plan.json:
        _write({"enrolled": _shown(voice), "file": str(path)})
    else:
        _say(f"Learned the voice of {name} from {voice.seconds:.0f} s of speech.")
        _say(f"It is kept, without any sound, in {path}")
    return 0


async def check(settings: Settings, file: Path, names: list[str], as_json: bool) -> int:
    """Whose voice is in a WAV file? Returns 0 where it is that of one of ``names`` (none: of anybody enrolled)."""
    voiceprints = Voiceprints()
    voices = [voiceprints.load(name) for name in names or voiceprints.names()]
    if not voices:
        raise ParleyError("no voice has been learned yet; learn one with: parley enroll")
    speech = Speech()
    async with open_vad(settings) as vad:
        await _from_file(file, vad, speech)
    if speech.seconds < LEAST:
        raise Failed(f"{file} holds {speech.seconds:.1f} s of speech, too little to tell a voice by; name another file")
    results = []
    for voice in voices:
        async with _opened(voice.provider) as speaker_id:
            if speaker_id.model != voice.model:
                raise ParleyError(
                    f"the voice of {voice.name} was learned with another model; learn it anew with: "
                    f"parley enroll {voice.name}"
                )
            results.append((voice.name, await _likeness(speech.samples(), voice, speaker_id)))
    results.sort(key=lambda result: -result[1])
    if as_json:
        told = [{"name": name, "likeness": round(sure, 3), "whose": whose(sure)} for name, sure in results]
        _write({"file": str(file), "speech_s": round(speech.seconds, 2), "voices": told})
    else:
        for name, sure in results:
            what = {"theirs": "most likely", "other": "no", None: "perhaps"}[whose(sure)]
            _say(f"{name}: {what} ({sure:.0%})")
    return 0 if whose(results[0][1]) == "theirs" else 1


def show(as_json: bool) -> int:
    """The enrolled voices. One that cannot be read is told of, and does not hide the others."""
    voiceprints, voices, damaged = Voiceprints(), list[Voiceprint](), list[str]()
    for name in voiceprints.names():
        try:
            voices.append(voiceprints.load(name))
        except ParleyError as error:
            damaged.append(str(error))
    if as_json:
        _write({"voices": [_shown(voice) for voice in voices], "problems": damaged})
    elif voices:
        for voice in voices:
            _say(f"{voice.name}: learned on {voice.learned} from {voice.seconds:.0f} s of speech ({voice.provider})")
    elif not damaged:
        _say("No voice has been learned yet; learn one with: parley enroll")
    if not as_json:
        for problem in damaged:
            print(f"parley: {problem}", file=sys.stderr)  # noqa: T201
    return ParleyError.exit_code if damaged else 0


def forget(name: str, as_json: bool) -> int:
    Voiceprints().forget(name)
    if as_json:
        _write({"forgotten": checked(name)})
    else:
        _say(f"Forgot the voice of {checked(name)}.")
    return 0


@asynccontextmanager
async def _opened(choice: str) -> AsyncIterator[SpeakerId]:
    name, _, model = choice.partition(":")
    async with registry.find("speaker", name)({"model": model} if model else {}) as speaker_id:
        yield speaker_id


async def _likeness(samples: Samples, voice: Voiceprint, speaker_id: SpeakerId) -> float:
    try:
        heard = joined(await embedded(samples, speaker_id))
        return likeness(cosine(heard, voice.vector), speaker_id.chance, speaker_id.spread)
    except ProviderError as error:
        raise Failed(str(error)) from error
    except ValueError:
        raise ParleyError(
            f"the voice of {voice.name} is not of this model; learn it anew with: parley enroll {voice.name}"
        ) from None


async def _from_file(path: Path, vad: VoiceActivity, speech: Speech) -> None:
    """All of it, as fast as it can be read."""
    samples = await anyio.to_thread.run_sync(_read, path)
    vad.reset()
    for number, start in enumerate(range(0, len(samples) - FRAME + 1, FRAME)):
        frame = Frame(samples[start : start + FRAME], start)
        speech.push(frame, vad.probability(frame.samples))
        if number % 100 == 0:
            await anyio.lowlevel.checkpoint()


def _read(path: Path) -> Samples:
    pieces = []
    with open_wav(path) as file:
        resampler = Resampler(file.rate, CAPTURE_RATE)
        left = round(10 * LONGEST) * file.rate
        while left > 0 and len(piece := file.read(min(left, file.rate))):
            pieces.append(resampler.push(piece))
            left -= len(piece)
        pieces.append(resampler.push(np.empty(0, np.float32), last=True))
    # A resampler may go a little over full scale.
    return np.clip(np.concatenate(pieces), -1.0, 1.0)


async def _from_microphone(plan: Plan, vad: VoiceActivity, speech: Speech) -> None:
    """Until there is enough speech, or LONGEST have passed. Raises Unfit where waiting would not help, NoDevice."""
    from assistant.audio.devices import NoDevice  # only a device needs it

    try:
        await _heard_by(plan, vad, speech)
    except NoDevice as missing:
        missing.exit_code = 2  # the machine's set-up, not a failure
        raise


async def _heard_by(plan: Plan, vad: VoiceActivity, speech: Speech) -> None:
    one = OneMicrophone()
    async with open_sound(plan.microphone, None, on_device_changed=one.changed) as sound:
        if not plan.json:
            _say(PROMPT.rstrip())
        bar = _Bar(hidden=plan.json)
        sound.duplex.start()
        try:
            async for frame in sound.duplex.frames():
                speech.push(frame, vad.probability(frame.samples))
                one.heard(frame)
                bar.show(speech.seconds)
                if speech.seconds >= WANTED or frame.end >= LONGEST:
                    return
                if not plan.json and one.hardly_heard(frame.end, speech.seconds, LEAST):
                    bar.end()
                    _say("Hardly anything is heard of you: speak louder, or nearer to the microphone.")
        finally:
            bar.end()
    raise Failed("the microphone went away; connect it and try again")


class _Bar:
    """How much has been heard, in one line that is redrawn; nothing where that cannot be."""

    def __init__(self, hidden: bool) -> None:
        self._shown: int | None = None
        self._hidden = hidden or not sys.stderr.isatty()

    def show(self, seconds: float) -> None:
        done = int(min(seconds, WANTED))
        if self._hidden or done == self._shown:
            return
        self._shown = done
        sys.stderr.write(f"\rheard [{'#' * done}{'.' * (int(WANTED) - done)}] {done} s of speech")
        sys.stderr.flush()

    def end(self) -> None:
        if self._shown is not None:
            sys.stderr.write("\n")
            sys.stderr.flush()
            self._shown = None


def _shown(voice: Voiceprint) -> dict[str, Any]:
    """Without the numbers, which are nobody's business."""
    return {"name": voice.name, "provider": voice.provider, "learned": voice.learned, "speech_s": voice.seconds}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _write(value: dict[str, Any]) -> None:
    _say(json.dumps(value, ensure_ascii=False))
