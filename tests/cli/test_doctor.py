"""`parley doctor echo` in simulated rooms: what it finds, what it chooses, and what it says to whom."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assistant.echoreport import DOES

from .command import parley
from .talking import drawn, one_sentence, read_wav, side_by_side, write_wav

ROOMS: dict[str, tuple[list[str], str]] = {
    "headphones": (["--echo-gain", "-100", "--mic-noise", "-60"], "headphones"),
    "quiet": (["--echo-gain", "-24", "--mic-noise", "-65"], "full"),
    "loud": (["--echo-gain", "-6", "--mic-noise", "-65"], "full"),
    "drifting": (["--echo-gain", "-12", "--echo-drift", "100", "--mic-noise", "-65"], "full"),
    "late": (["--echo-gain", "-12", "--echo-delay", "200", "--mic-noise", "-65"], "full"),
}


def told(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    done = parley(folder, "doctor", "echo", "--json", *arguments, env=env)
    assert (done.code, done.stderr) == (0, ""), done.stderr
    (line,) = done.lines
    found: dict[str, Any] = json.loads(line)["echo"]
    return found


def number(arguments: list[str], flag: str, otherwise: float) -> float:
    return float(arguments[arguments.index(flag) + 1]) if flag in arguments else otherwise


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    pytest.importorskip("livekit", reason="livekit is not installed (the extra 'echo')")
    folder = tmp_path_factory.mktemp("rooms")
    return side_by_side(
        {
            name: lambda arguments=arguments: told(folder, "--room", "synthetic", *arguments)
            for name, (arguments, _) in ROOMS.items()
        }
    )


@pytest.mark.parametrize("name", ROOMS)
def test_delay_loss_and_choice_are_right(rooms: dict[str, dict[str, Any]], name: str) -> None:
    arguments, mode = ROOMS[name]
    found = rooms[name]
    assert (found["mode"], found["echo_cancel"]) == (mode, "off" if mode == "headphones" else "on")
    if mode == "headphones":
        assert (found["heard"], found["delay_ms"], found["return_loss_db"], found["erle_db"]) == (
            False,
            None,
            None,
            None,
        )
        assert found["without_cancelling"]["self_interruptions"] == 0
        return
    assert found["delay_ms"] == pytest.approx(number(arguments, "--echo-delay", 60.0), abs=10)
    assert found["return_loss_db"] == pytest.approx(-number(arguments, "--echo-gain", -12.0), abs=2)
    assert found["noise_dbfs"] == pytest.approx(-65.0, abs=1)
    assert found["erle_db"] > 15
    assert found["without_cancelling"]["self_interruptions_a_minute"] > 10
    assert found["with_cancelling"]["self_interruptions"] == found["with_cancelling"]["self_pauses"] == 0


def test_what_it_says_to_people(tmp_path: Path) -> None:
    pytest.importorskip("livekit", reason="livekit is not installed (the extra 'echo')")
    done = parley(tmp_path, "doctor", "echo", "--room", "synthetic")
    assert (done.code, done.stderr) == (0, "")
    said = "\n".join(done.lines)
    assert "12 dB softer than it is played, 60 ms late" in said
    assert "full duplex" in said and "echo cancelling is on" in said


def test_without_the_package_an_echo_makes_it_half_duplex_and_headphones_do_not(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    # As if it were not there: the first module of that name on the path says so.
    (hidden / "livekit.py").write_text("raise ModuleNotFoundError(\"No module named 'livekit'\", name='livekit')\n")
    env = {"PYTHONPATH": os.pathsep.join(filter(None, (str(hidden), os.environ.get("PYTHONPATH"))))}
    outcomes = side_by_side(
        {
            "loud": lambda: told(tmp_path, "--room", "synthetic", "--echo-gain", "-6", env=env),
            "none": lambda: told(tmp_path, "--room", "synthetic", "--echo-gain", "-100", "--mic-noise", "-60", env=env),
            "people": lambda: parley(tmp_path, "doctor", "echo", "--room", "synthetic", env=env),
        }
    )
    assert (outcomes["loud"]["mode"], outcomes["loud"]["echo_cancel"]) == ("half", "off")
    assert outcomes["loud"]["with_cancelling"] is None and outcomes["loud"]["erle_db"] is None
    assert outcomes["none"]["mode"] == "headphones"
    assert "pip install 'parley-voice[echo]'" in "\n".join(outcomes["people"].lines)


def test_files_stand_in_for_devices(tmp_path: Path) -> None:
    write_wav(tmp_path / "mic.wav", drawn([], 4.0, 44_100), 44_100)
    found = told(tmp_path, "--mic", "mic.wav", "--speaker", "out.wav", "--room", "synthetic", "--seconds", "6")
    assert found["noise_dbfs"] == pytest.approx(-70.4, abs=1), "-66 dBFS over 22 kHz, of which 8 are heard"
    assert found["heard"]
    played, rate = read_wav(tmp_path / "out.wav")
    assert rate == 24_000 and 8 < len(played) / rate < 14
    chirps = played[: round(3.2 * rate)]
    assert 0.1 < np.abs(chirps).max() <= 0.25, "loud enough to be found, soft enough for a night"
    write_wav(tmp_path / "long.wav", drawn([], 16.5))
    assert told(tmp_path, "--mic", "long.wav", "--speaker", "out.wav")["mode"] == "headphones", "no room, no echo"


def test_a_file_that_tells_nothing_of_the_loudspeaker_is_no_pair_of_headphones(tmp_path: Path) -> None:
    write_wav(tmp_path / "zeros.wav", np.zeros(20 * 16_000, np.float32))
    write_wav(tmp_path / "none.wav", np.zeros(0, np.float32))
    write_wav(tmp_path / "short.wav", drawn([(0.1, 0.6)], 0.8))
    outcomes = side_by_side(
        {
            "zeros.wav": lambda: parley(tmp_path, "doctor", "echo", "--mic", "zeros.wav"),
            "none.wav": lambda: parley(tmp_path, "doctor", "echo", "--mic", "none.wav", "--room", "synthetic"),
            "short.wav": lambda: parley(tmp_path, "doctor", "echo", "--mic", "short.wav"),
            "out.wav": lambda: parley(tmp_path, "doctor", "echo", "--speaker", "out.wav"),
        }
    )
    says = {
        "zeros.wav": (1, "not even noise"),
        "none.wav": (2, "holds no sound"),
        "short.wav": (2, "holds 0.8 s of sound, too little to measure an echo by"),
        "out.wav": (1, "there is no microphone"),
    }
    for name, (code, sentence) in says.items():
        done = outcomes[name]
        assert (done.code, done.lines) == (code, []), name
        assert name in one_sentence(done.stderr) and sentence in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--mic", "nowhere.wav"], "there is no sound file nowhere.wav"),
        (["--mic", "mic.wav", "--speaker", "Box"], "between two devices"),
        (["--mic", "Webcam", "--room", "synthetic"], "between two devices"),
        (["--mic", "mic.wav", "--speaker", "mic.wav", "--room", "synthetic"], "heard and written at once"),
        (["--echo-gain", "-6"], "add --room"),
        (["--room", "nowhere.wav"], "nowhere.wav"),
        (["--seconds", "1"], "5 to 3600"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, arguments: list[str], says: str) -> None:
    write_wav(tmp_path / "mic.wav", drawn([], 1.0))
    done = parley(tmp_path, "doctor", "echo", *arguments)
    assert done.code == 2 and done.lines == []
    assert done.stderr.startswith("parley: ") and done.stderr.count("\n") == 1 and says in done.stderr


def test_a_machine_without_devices_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "dead.conf").write_text('pcm.!default { type pulse hint { show on description "dead" } }\n')
    env = {"PULSE_SERVER": f"unix:{tmp_path}/none", "ALSA_CONFIG_PATH": str(tmp_path / "dead.conf")}
    done = parley(tmp_path, "doctor", "echo", env=env)
    assert (done.code, done.lines) == (2, [])
    assert done.stderr.startswith("parley: ") and done.stderr.count("\n") == 1


def test_every_mode_has_words() -> None:
    from assistant.audio.modes import MODES

    assert set(DOES) == set(MODES)
