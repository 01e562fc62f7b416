"""`parley devices` as a person and as a program use it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.devices.alignment import noise
from tests.devices.card import PATIENCE, ROOT, Card

PARLEY = [sys.executable, "-m", "assistant", "devices"]


def devices(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PARLEY, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_it_lists_microphones_and_loudspeakers_and_says_where_the_default_leads(card: Card) -> None:
    card.add_loudspeaker("Headset")
    card.add_alsa_devices('pcm.dmix { type pulse hint { show on description "a double" } }\n')
    done = devices(card.env)
    assert (done.returncode, done.stderr) == (0, "")
    microphones, loudspeakers = done.stdout.split("Loudspeakers")
    assert "* default  (now: Virtual_microphone)" in microphones and "Headset" not in microphones
    assert "* default  (now: Virtual_loudspeaker)" in loudspeakers
    assert loudspeakers.index("Headset") < loudspeakers.index("Other names of the same hardware")
    assert loudspeakers.index("Other names of the same hardware") < loudspeakers.index("dmix")

    done = devices(card.env, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert [device["name"] for device in told["microphones"]] == ["default", "Virtual_microphone"]
    assert told["loudspeakers"][0] == {
        "name": "default", "index": 0, "interface": "ALSA", "kind": "default", "default": True,
        "leads_to": "Virtual_loudspeaker", "channels": 32, "rate": 44100,
    }  # fmt: skip
    assert {device["kind"] for device in told["loudspeakers"]} <= set(told["kinds"])


def test_the_test_hears_itself_and_measures_the_round_trip(card: Card) -> None:
    card.pactl("load-module", "module-loopback", "source=vspk.monitor", "sink=vmic_feed", "latency_msec=20")
    with card.saying(noise(20.0, rate=16_000, seed=1, level=0.001), rate=16_000):
        done = devices(card.env, "--test", "--json", "--speaker", "virtual_loud")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)["test"]
    print(told)
    assert told["microphone"] == "default (Virtual_microphone)" and told["loudspeaker"] == "Virtual_loudspeaker"
    assert told["works"] and told["heard"] >= 3 and -20 < told["heard_dbfs"] < -5
    assert 0 < told["round_trip_ms"] < 700 and set(told["latency_ms"]) == {"input", "output"}


def test_a_microphone_that_gives_nothing_is_named_and_fails(card: Card) -> None:
    done = devices(card.env, "--test", "--speaker", "none")
    assert done.returncode == 1 and done.stderr == ""
    assert "gives nothing, not even noise" in done.stdout


def test_an_overdriven_microphone_that_hears_no_loudspeaker_is_told_so(card: Card) -> None:
    loud = np.clip(noise(20.0, rate=16_000, seed=2) * 10, -1, 1).astype(np.float32)
    with card.saying(loud, rate=16_000):
        done = devices(card.env, "--test")
    assert done.returncode == 0 and done.stderr == ""
    assert "overdriven" in done.stdout and "not heard by the microphone" in done.stdout


@pytest.mark.parametrize("arguments", [["--mic", "Nothing like it", "--test"], ["--speaker", "default"]])
def test_a_mistake_is_one_sentence(card: Card, arguments: list[str]) -> None:
    done = devices(card.env, *arguments)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and done.stderr.startswith("parley: ")


def test_a_machine_without_sound_is_told_so_in_one_sentence(tmp_path: Path) -> None:
    """No server, no hardware; and a configuration of ALSA's at which PortAudio would abort the process."""
    empty = tmp_path / "asound.conf"
    empty.write_text("")
    nothing = {**os.environ, "PULSE_SERVER": f"unix:{tmp_path}/none", "ALSA_CONFIG_PATH": str(empty)}
    only_a_dead_server = {**nothing, "ALSA_CONFIG_PATH": str(tmp_path / "dead.conf")}
    (tmp_path / "dead.conf").write_text('pcm.!default { type pulse hint { show on description "dead" } }\n')
    for env in (nothing, only_a_dead_server):
        for arguments in ([], ["--json"], ["--test"]):
            done = devices(env, *arguments)
            assert done.returncode == 1, (done.stdout, done.stderr)
            assert done.stderr.count("\n") == 1 and done.stderr.startswith("parley: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_test_at_once(card: Card, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [*PARLEY, "--test"], cwd=ROOT, env=card.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Listening")
        process.send_signal(number)
        out, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, out, errors) == (130, "", "")
    finally:
        process.kill()
        process.wait()
