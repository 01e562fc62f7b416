"""A voice learned from a live microphone, and a conversation in which nobody else takes the floor.

The network is that of `tests.providers.speakers`: what a real one tells of real voices is in docs/measurements.md.
"""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.cli.talking import one_sentence
from tests.devices.alignment import noise
from tests.devices.card import PATIENCE, ROOT, Card, Sound
from tests.devices.talker import Talker, talking
from tests.providers.speakers import network, said_by

RATE = 16_000
STORY = (
    "Once there was a lighthouse keeper who could not sleep in the dark, and every night he lit the great lamp, "
    "and every night the ships thanked him with their horns, and he wrote each of their names into a thick book. "
    "When the book was full he began another one, and when he was old there were forty of them on the shelf, "
    "and children came from the town to have him read the names to them until it was dark. "
)
TRIES = 3
"""On a busy machine the card loses sound, and then half a word is heard. Such a conversation is held again."""


@pytest.fixture(autouse=True)
def own_data(card: Card, tmp_path: Path) -> Path:
    """What is learned on a card is kept beside it."""
    card.env["XDG_DATA_HOME"] = str(tmp_path / "data")
    card.env["XDG_STATE_HOME"] = str(tmp_path / "state")
    (tmp_path / "net.onnx").write_bytes(network())
    return tmp_path / "data" / "parley" / "voices"


def enrolling(card: Card, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    provider = f"onnx:{folder / 'net.onnx'}"
    return subprocess.Popen(
        [sys.executable, "-m", "assistant", "enroll", "--provider", provider, *arguments],
        cwd=ROOT, env=card.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=4 * PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, out, err


def in_a_room(sound: Sound, seconds: float = 0.0) -> Sound:
    """With its noise, and at least so long."""
    padded = np.pad(sound, (0, max(0, round(seconds * RATE) - len(sound))))
    heard: Sound = (padded + noise(len(padded) / RATE, rate=RATE, seed=1, level=0.001)[: len(padded)]).astype(
        np.float32
    )
    return heard


def spoken(voice: str, seconds: float) -> Sound:
    """So much of what it says, over and over, with a breath between."""
    said = np.concatenate((said_by(voice), np.zeros(RATE // 3)))
    return in_a_room(np.resize(said, round(seconds * RATE)).astype(np.float32))


def television(seconds: float) -> Sound:
    """A voice, and chords under it."""
    at = np.arange(round(seconds * RATE)) / RATE
    chord = sum(np.sin(2 * np.pi * hertz * at) for hertz in (220.0, 277.2, 329.6))
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * 2 * at)
    voice = np.resize(said_by("rms"), len(at))
    heard: Sound = (voice + 0.01 * chord * swell).astype(np.float32)
    return in_a_room(heard)


def learn(card: Card, folder: Path, voice: str = "slt") -> tuple[int, str, str]:
    with card.saying(spoken(voice, 40.0), rate=RATE):
        return ended(enrolling(card, folder))


def test_a_voice_is_learned_from_the_microphone_and_again(card: Card, tmp_path: Path, own_data: Path) -> None:
    for _ in range(2):
        code, out, err = learn(card, tmp_path)
        assert (code, err) == (0, "")
        assert "Please talk for about fifteen seconds" in out and "Learned the voice of me from 10 s of speech." in out
    kept = own_data / "me.json"
    assert [path.name for path in own_data.iterdir()] == ["me.json"]
    assert (stat.S_IMODE(kept.stat().st_mode), stat.S_IMODE(own_data.stat().st_mode)) == (0o600, 0o700)
    assert kept.stat().st_size < 10_000, "numbers, and no sound"


@pytest.mark.parametrize(
    ("sound", "why"),
    [
        (0.004 * spoken("slt", 40.0), "the speech is too soft"),
        (np.clip(40 * spoken("slt", 40.0), -1, 1), "the speech is too loud"),
        (np.concatenate([spoken("kal16", 6.0), spoken("slt", 30.0)]), "more than one voice seems to be in it"),
    ],
    ids=["soft", "loud", "two"],
)
def test_what_no_voice_can_be_learned_from_is_told(
    sound: Sound, why: str, card: Card, tmp_path: Path, own_data: Path
) -> None:
    for attempt in range(TRIES):
        with card.saying(sound.astype(np.float32), rate=RATE):
            code, _, err = ended(enrolling(card, tmp_path))
        if why in err or attempt == TRIES - 1:
            break
    assert code == 1 and why in one_sentence(err)
    assert not own_data.exists() or list(own_data.iterdir()) == []


def test_a_muted_microphone_is_told_at_once(card: Card, tmp_path: Path) -> None:
    card.pactl("set-source-mute", "vmic", "1")
    with card.saying(spoken("slt", 40.0), rate=RATE):
        code, _, err = ended(enrolling(card, tmp_path))
    assert code == 1 and "gives nothing, not even noise: it is muted" in one_sentence(err)


def test_a_microphone_that_goes_away_is_told(card: Card, tmp_path: Path) -> None:
    process = enrolling(card, tmp_path)
    with card.saying(in_a_room(np.zeros(0, np.float32), 40.0), rate=RATE):
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(1.5)
        card.kill()
        code, _, err = ended(process)
    assert code == 1 and "the microphone went away" in one_sentence(err)


def test_without_a_sound_card_it_is_the_set_up_that_is_wrong(card: Card, tmp_path: Path) -> None:
    card.env["ALSA_CONFIG_PATH"] = str(tmp_path / "none.conf")
    code, out, err = ended(enrolling(card, tmp_path))
    assert (code, out) == (2, "") and "sound device" in one_sentence(err)


def test_ctrl_c_ends_it_and_nothing_is_kept(card: Card, tmp_path: Path, own_data: Path) -> None:
    process = enrolling(card, tmp_path)
    with card.saying(spoken("slt", 40.0), rate=RATE):
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(2.0)
        process.send_signal(signal.SIGINT)
        code, _, err = ended(process)
    assert (code, err) == (130, "")
    assert not own_data.exists()


@pytest.mark.timeout(360)
def test_the_enrolled_voice_takes_the_floor_and_another_and_a_television_do_not(card: Card, tmp_path: Path) -> None:
    code, _, err = learn(card, tmp_path)
    assert (code, err) == (0, "")
    for number in range(1, TRIES + 1):
        try:
            converse(card, tmp_path / str(number))
            return
        except (AssertionError, subprocess.TimeoutExpired):
            if number == TRIES:
                raise


def converse(card: Card, folder: Path) -> None:
    folder.mkdir()
    config = folder / "config.toml"
    headphones = '[audio]\necho_cancel = "off"\n'  # a canceller that has found no echo yet mutes everybody for seconds
    told = f"[llm.options]\nreplies = {json.dumps([STORY] * 9)}\n"
    config.write_text(f'{headphones}{told}[turn]\nspeaker_gate = "me"\n', encoding="utf-8")
    with talking(card, folder / "recorded", "--llm", "scripted", "--config", str(config)) as talker:
        talker.say("kal16-tell-me-a-story")  # while it is silent, it listens to everybody
        talker.until("reply.audible")
        for somebody in (spoken("kal16", 2.5), television(3.0)):
            time.sleep(1.0)
            heard_over_it(card, talker, somebody)
        time.sleep(1.0)
        with card.saying(spoken("slt", 3.0), rate=RATE):
            talker.until("reply.interrupted", turn=1)
        assert len(talker.of("reply.interrupted")) == 1
        assert talker.interrupt() == 130
    assert not talker.of("warning")
    over = [event["reason"] for event in talker.of("user.ignored")]
    assert over.count("other_speaker") >= 2, over


def heard_over_it(card: Card, talker: Talker, sound: Sound) -> None:
    """It is held, and goes on because that is somebody else."""
    with card.saying(sound, rate=RATE) as saying:
        talker.until("reply.paused")
        talker.until("reply.resumed")
        saying.wait(PATIENCE)
    talker.until("user.ignored", reason="other_speaker")
