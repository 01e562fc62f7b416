"""A real PortAudio stream both ways, on a virtual sound card."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

TALK = """
import anyio, json, numpy as np, os, subprocess, sys
from assistant.audio.portaudio import open_duplex
FEED = int(sys.argv[1])

async def main():
    rng = np.random.default_rng(1)
    noise = (rng.standard_normal(24000 * 4) * 0.1).astype(np.float32)
    frames, changes, dropped = [], [], None
    async with open_duplex(on_device_changed=lambda a, b: changes.append((a, b))) as duplex:
        tapped = []
        duplex.tap(tapped.append)
        duplex.start()
        base = duplex.play(noise, first=True)
        async for frame in duplex.frames():
            frames.append(frame.samples)
            assert duplex.now() >= frame.end - 1e-6, (duplex.now(), frame.end)
            if dropped is None and frame.end > 2.0:
                at = duplex.now()
                dropped = duplex.drop()
            if frame.end > 3.0:
                break
        out = dict(base=base, dropped=dropped, at=at, heard=duplex.heard(), first=duplex.time_of(0),
                   last=duplex.time_of(dropped - 1), underruns=duplex.underruns, overflows=duplex.overflows,
                   changes=changes, latencies=duplex.latencies)
    mic, speaker = np.concatenate(frames), np.concatenate(tapped)
    out["mic_seconds"], out["speaker_seconds"] = len(mic) / 16000, len(speaker) / 24000
    loud = np.flatnonzero(np.abs(speaker) > 1e-6)
    out["speaker_from"], out["speaker_to"] = float(loud[0] / 24000), float(loud[-1] / 24000)
    heard = np.flatnonzero(np.abs(mic) > 0.005)
    out["mic_from"], out["mic_to"] = float(heard[0] / 16000), float(heard[-1] / 16000)
    start = loud[0]
    tenths = [speaker[i : i + 2400] for i in range(start, loud[-1] - 2400, 2400)]
    matches = [np.abs(np.correlate(noise, tenth)).max() / np.dot(tenth, tenth) for tenth in tenths]
    out["same"] = float(np.median(matches))
    print(json.dumps(out))

anyio.run(main)
"""


@pytest.fixture
def card(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a virtual card whose loudspeaker its microphone hears."""
    for program in ("pulseaudio", "pactl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    probe = subprocess.run([sys.executable, "-c", "import sounddevice"], capture_output=True)
    if probe.returncode:
        pytest.skip("sounddevice or the PortAudio library is not installed")
    folder = Path("/tmp") / f"parley-card-{os.getpid()}"
    env = {
        **os.environ,
        "VSOUND_DIR": str(folder),
        "PULSE_RUNTIME_PATH": f"{folder}/run",
        "PULSE_STATE_PATH": f"{folder}/state",
        "PULSE_COOKIE": f"{folder}/cookie",
        "PULSE_SERVER": f"unix:{folder}/run/native",
        "ALSA_CONFIG_PATH": f"{folder}/asound.conf",
    }
    card = str(ROOT / "scripts" / "vsound")
    subprocess.run([card, "start"], env=env, check=True, timeout=30)
    loop = ["pactl", "load-module", "module-loopback", "source=vspk.monitor", "sink=vmic_feed", "latency_msec=20"]
    try:
        subprocess.run(loop, env=env, check=True, timeout=10, stdout=subprocess.DEVNULL)
        yield env
    finally:
        subprocess.run([card, "stop"], env=env, check=True, timeout=30)


def test_sound_goes_both_ways_and_a_drop_stops_it(card: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-c", TALK, "0"], env=card, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    out = json.loads(done.stdout)
    print(out)
    assert out["changes"] == [] and out["overflows"] == 0
    assert out["same"] > 0.99  # the tap tells what was played
    assert out["heard"] == out["dropped"]  # nothing behind the drop
    assert out["speaker_from"] == pytest.approx(out["first"], abs=0.1)
    assert out["speaker_to"] == pytest.approx(out["last"], abs=0.1)
    # The microphone hears as much as was played, not the four seconds that were queued.
    played = out["speaker_to"] - out["speaker_from"]
    assert out["mic_to"] - out["mic_from"] == pytest.approx(played, abs=0.3)
    assert out["mic_from"] > out["speaker_from"] - 0.1
