"""`parley doctor echo` and what conversations make of it, on real PortAudio streams."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.devices.alignment import noise
from tests.devices.card import PATIENCE, ROOT, Card, Sound
from tests.devices.talker import talking

HISS = 0.001
"""Root mean square of the room: -60 dBFS."""


@pytest.fixture(autouse=True)
def own_state(card: Card, tmp_path: Path) -> None:
    """What is measured on a card is kept beside it."""
    card.env["XDG_STATE_HOME"] = str(tmp_path / "state")


def room(seconds: float = 40.0) -> Sound:
    return noise(seconds, rate=16_000, seed=1, level=HISS)


def doctor(card: Card, *arguments: str) -> dict[str, Any]:
    with card.saying(room(), rate=16_000):
        done = subprocess.run(
            [sys.executable, "-m", "assistant", "doctor", "echo", "--json", *arguments],
            cwd=ROOT, env=card.env, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)["echo"]
    print(found)
    return found


def test_an_echo_is_measured_and_the_next_conversation_keeps_to_it(card: Card, tmp_path: Path) -> None:
    card.echo(-12.0)
    found = doctor(card)
    assert found["heard"] and found["return_loss_db"] == pytest.approx(12.0, abs=2.0)
    # The card's own way is some 20 to 50 ms; beside other tests it may be more.
    assert 5 < found["round_trip_ms"] < 400 and -50 <= found["delay_ms"] < 300
    assert found["without_cancelling"]["self_interruptions_a_minute"] > 10
    assert found["echo_cancel"] == "on" and found["erle_db"] > 3
    # A busy machine makes the card lose sound, which no canceller foresees: then it is careful.
    assert found["mode"] in ("full", "duck", "half")
    with talking(card, tmp_path / "recorded") as talker:
        started = talker.events[0]
        assert started["echo_cancel"] == "on" and started["duplex"] == found["mode"]
        assert f"measured: {found['why']}" in started["why"]
        assert talker.interrupt() == 130


def test_headphones_are_found_and_an_echo_that_comes_all_the_same_is_overheard(card: Card, tmp_path: Path) -> None:
    found = doctor(card)
    assert (found["mode"], found["heard"], found["echo_cancel"]) == ("headphones", False, "off")
    card.echo(-6.0)  # whoever wore them has put them on the table, at full volume
    with talking(card, tmp_path / "recorded", "--llm", "scripted", *story(tmp_path)) as talker:
        assert talker.events[0]["echo_cancel"] == "off" and talker.events[0]["duplex"] == "full"
        for _ in range(4):
            talker.say("kal16-tell-me-a-story")
            talker.until("reply.audible")
            talker.until("state", to="Listening")
            if talker.of("warning"):
                break
            time.sleep(0.5)
        else:
            talker.until("warning")
        (warning,) = talker.of("warning")
        assert "hears the loudspeaker after all" in warning["message"] and "doctor echo" in warning["message"]
        talker.say("kal16-tell-me-a-story")
        talker.until("reply.audible")
        talker.until("reply.finished")
        after = [e["event"] for e in talker.events if e["t"] > warning["t"] + 1]
        assert "reply.interrupted" not in after
        assert talker.interrupt() == 130
    with talking(card, tmp_path / "again") as talker:
        assert talker.events[0]["echo_cancel"] == "on", "the next one takes it out from the beginning"
        assert talker.interrupt() == 130


def test_headphones_that_are_unplugged_make_it_deaf_while_it_speaks(card: Card, tmp_path: Path) -> None:
    card.add_loudspeaker("headset")
    card.pactl("set-default-sink", "headset")
    with talking(card, tmp_path / "recorded") as talker:
        assert (talker.events[0]["echo_cancel"], talker.events[0]["duplex"]) == ("off", "full")
        card.pactl("set-default-sink", "vspk")
        warning = talker.until("warning")
        assert "does not listen while it speaks" in warning["message"]
        assert talker.of("device.changed")[0]["to"] == "default (Virtual_loudspeaker)"
        card.pactl("set-default-sink", "headset")
        talker.until("device.changed", to="default (headset)")
        assert len(talker.of("warning")) == 1
        assert talker.interrupt() == 130


def story(folder: Path) -> tuple[str, str]:
    """Long enough to be overheard, and the same whatever was understood."""
    told = (
        "Once there was a lighthouse keeper who could not sleep in the dark, and every night he lit the great lamp, "
        "and every night the ships thanked him with their horns."
    )
    config = folder / "config.toml"
    config.write_text(f'[llm.options]\nreplies = {json.dumps([told] * 9)}\n[turn]\nbarge_in = "words"\n', "utf-8")
    return "--config", str(config)


def test_a_microphone_that_gives_nothing_is_told(card: Card) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "assistant", "doctor", "echo", "--seconds", "5"],
        cwd=ROOT, env=card.env, capture_output=True, text=True, timeout=PATIENCE * 3, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and "gives nothing" in done.stderr and done.stderr.count("\n") == 1
    assert done.stdout.count("\n") == 1


def run_beside(card: Card, happens: Callable[[], object], *arguments: str) -> subprocess.CompletedProcess[str]:
    """For people; ``happens`` when the test has begun to play."""
    process = subprocess.Popen(
        [sys.executable, "-m", "assistant", "doctor", "echo", "--seconds", "5", *arguments],
        cwd=ROOT, env=card.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with card.saying(room(), rate=16_000):
        assert process.stdout is not None
        begun = process.stdout.readline()
        happens()
        try:
            out, err = process.communicate(timeout=PATIENCE * 3)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, begun + out, err)


def test_a_microphone_that_goes_away_is_told_of(card: Card) -> None:
    def goes() -> None:
        time.sleep(2.0)
        card.pactl("suspend-source", "vmic", "1")

    done = run_beside(card, goes)
    assert done.returncode == 2
    assert "default (Virtual_microphone) went away meanwhile: connect it, and measure again" in done.stderr


TRIES = 3
"""A busy machine may lose so much of the sound that a chirp is not found; then it is measured again."""


def test_an_overdriven_microphone_is_told_of_and_an_echo_that_is_louder_than_its_sound(card: Card) -> None:
    card.echo(20.0)
    for _ in range(TRIES):
        done = run_beside(card, lambda: None)
        assert (done.returncode, done.stderr) == (0, "")
        assert "The microphone is overdriven: turn it or the loudspeaker down" in done.stdout
        if "none was heard" not in done.stdout:
            break
    assert re.search(r"Echo: +\d+ dB louder than it is played", done.stdout), done.stdout
