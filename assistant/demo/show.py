"""The demo as a conversation: `parley talk`'s own loop, with everything chosen that a bare machine has."""

from __future__ import annotations

import sys
import tempfile
from datetime import datetime
from pathlib import Path

import platformdirs

from assistant import signals
from assistant.automatic import installed_here
from assistant.config.settings import Llm, Settings, Stt, Tts
from assistant.conversing import Plan, hold
from assistant.demo.build import render_microphone
from assistant.demo.script import JOKE
from assistant.errors import ProviderUnavailable
from assistant.files.export import stereo
from assistant.surroundings import Surroundings

SETTINGS = Settings(
    profile="offline",
    stt=Stt(provider="pocketsphinx", language="en"),
    llm=Llm(provider="offline", options={"seed": JOKE}),
    tts=Tts(provider="espeak-ng"),
)
"""Whatever the user's own config says, the demo is always the same."""
ABOUT = """\
A recorded user talks with Parley, in real time, for about 45 seconds. Everything runs on this machine.
{room} The user also pauses to think, hums ("mm-hm", which needs no answer), sets a timer and interrupts a story.
"""
ROOM = "They are in a simulated room: the microphone hears Parley's voice as well, and that echo is taken out."
NO_ROOM = "Without echo, as the package that takes it out is missing (pip install 'parley-voice[echo]')."


def show(record: Path | None = None, *, json: bool = False) -> int:
    """Hold the demo's conversation and leave its recording in ``record`` (None: the program's own data folder)."""
    folder = record or _folder()
    room = installed_here("livekit")  # without it Parley would not listen while it speaks, and could not be interrupted
    recorded: list[Path] = []
    signals.raise_interrupt()  # not to leave the temporary folder behind
    with tempfile.TemporaryDirectory(prefix="parley-demo-") as temporary:
        microphone = Path(temporary) / "microphone.wav"
        render_microphone(microphone)
        if not json:
            print(ABOUT.format(room=ROOM if room else NO_ROOM), flush=True)  # noqa: T201
        code = hold(
            Plan(
                settings=SETTINGS,
                microphone=microphone,
                speaker=None,
                record=folder,
                on_recording=recorded.append,
                json=json,
                surroundings=Surroundings("synthetic") if room else None,
            )
        )
    for place in recorded:
        told = _left_behind(place)
        if not json:
            print(f"\n{told}", file=sys.stderr)  # noqa: T201
    return code


def _left_behind(place: Path) -> str:
    """Mix the recording for listening, where what that needs is installed; says what is where."""
    try:
        conversation = stereo(place)
    except ProviderUnavailable as missing:
        return f"The recording is in {place}: mic.wav, speaker.wav, events.jsonl (no mix of both: {missing})"
    return f"Hear it: {conversation} (you left, Parley right); beside it mic.wav, speaker.wav, events.jsonl"


def _folder() -> Path:
    name = f"demo-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    folder = platformdirs.user_data_path("parley") / "sessions" / name
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="parley-")) / name
    return folder
