"""Devices that are lost, moved, suspended or replaced under a real stream: the streams live on, and it is told."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.devices.alignment import Sound, arrival, noise
from tests.devices.card import Card, Player

OUT, IN = 24_000, 16_000
SPEAKER, MICROPHONE = "default (Virtual_loudspeaker)", "default (Virtual_microphone)"


def frames_go_on(player: Player, count: int = 15) -> None:
    """In real time or not, but they come: whoever waits for one must not wait for ever."""
    before = player.ask("state")["frames"]
    player.until(lambda state: state["frames"] >= before + count, "no frames come any more")


def loudspeaker_goes_on(player: Player) -> None:
    before = player.ask("state")["heard"]
    player.until(lambda state: state["heard"] > before + OUT // 4, "nothing is played any more")


def microphone_hears(player: Player, card: Card) -> None:
    said = noise(1.0, rate=IN, seed=99)
    frames_before = player.ask("state")["frames"]
    with card.saying(said, rate=IN):
        player.until(lambda state: state["frames"] > frames_before + 31 * 1.8, "no frames come any more")
    came = arrival(said, player.microphone()[512 * frames_before :], rate=IN, alike=0.9)
    assert came.share >= 0.4, came


@pytest.fixture
def sound() -> Iterator[Sound]:
    yield noise(15.0, rate=OUT, seed=7)


def test_a_server_that_is_killed_and_restarted_keeps_the_sound_that_waits(card: Card, sound: Sound) -> None:
    with card.player() as player:
        player.play(sound)
        loudspeaker_goes_on(player)
        card.kill()
        player.changed(to=None)
        lost = player.ask("state")
        frames_go_on(player, 40)
        assert player.ask("state")["heard"] - lost["heard"] < OUT // 2  # what the device held is all that was lost
        card.start()
        with card.recording(rate=OUT) as recorded:
            player.changed(to=SPEAKER)
            player.changed(to=MICROPHONE)
            loudspeaker_goes_on(player)
            loudspeaker_goes_on(player)
            time.sleep(0.3)
            recording = recorded()
        held = player.ask("state")
        microphone_hears(player, card)
        code, errors = player.end()
    assert (MICROPHONE, None) in player.changes and (SPEAKER, None) in player.changes
    assert (code, errors) == (0, "")  # neither ALSA nor PortAudio wrote on the terminal
    came = arrival(sound[: held["heard"]], recording, rate=OUT)
    first = min((piece.start for piece in came.whole), default=0)
    print(f"heard until {lost['heard'] / OUT:.2f} s, then from {first / OUT:.2f} s on: {came}")
    assert came.whole and came.in_order and first >= lost["heard"] - OUT // 10
    assert first - lost["heard"] < OUT  # and the rest of it has not been thrown away


def test_a_suspended_microphone_is_silence_in_real_time_until_it_is_back(card: Card) -> None:
    with card.player() as player:
        frames_go_on(player)
        card.pactl("suspend-source", "vmic", "1")
        player.changed(to=None)
        frames_go_on(player, 40)
        card.pactl("suspend-source", "vmic", "0")
        player.changed(to=MICROPHONE)
        microphone_hears(player, card)
        frames = player.ask("state")
        assert abs(frames["frames"] * 512 / IN - frames["now"]) < 1.0  # neither fewer frames nor more than time


def test_a_default_that_is_changed_at_the_server_is_followed_and_told(card: Card, sound: Sound) -> None:
    card.add_loudspeaker("Headset")
    with card.player() as player, card.recording("Headset.monitor", rate=OUT) as recorded:
        player.play(sound)
        loudspeaker_goes_on(player)
        card.pactl("set-default-sink", "Headset")
        player.changed(to="default (Headset)")
        reached = player.ask("state")["heard"]
        loudspeaker_goes_on(player)
        time.sleep(0.3)
        came = arrival(sound[reached : reached + OUT // 4], recorded(), rate=OUT)
        assert player.ask("state")["names"] == {"input": MICROPHONE, "output": "default (Headset)"}
    assert player.changes == [(SPEAKER, "default (Headset)")]
    assert came.whole, came


def test_a_loudspeaker_that_is_unplugged_is_replaced(card: Card, sound: Sound) -> None:
    module = card.add_loudspeaker("Headset")
    with card.player(output="Headset") as player, card.recording(rate=OUT) as recorded:
        assert player.opened["names"]["output"] == "Headset"
        player.play(sound)
        loudspeaker_goes_on(player)
        card.pactl("unload-module", module)
        player.changed(to="Virtual_loudspeaker")
        reached = player.ask("state")["heard"]
        loudspeaker_goes_on(player)
        time.sleep(0.3)
        came = arrival(sound[reached : reached + OUT // 4], recorded(), rate=OUT)
    assert came.whole, came


def test_a_microphone_that_is_unplugged_is_replaced(card: Card) -> None:
    with card.player() as player:
        frames_go_on(player)
        modules = [line.split("\t") for line in card.pactl("list", "short", "modules").splitlines()]
        (remap,) = [module[0] for module in modules if module[1] == "module-remap-source"]
        card.pactl("unload-module", remap)
        wait = "default (Monitor of "
        player.until(lambda state: state["names"]["input"].startswith(wait), "it is not moved")
        frames_go_on(player)
    (change,) = player.changes
    assert change[0] == MICROPHONE and str(change[1]).startswith(wait)


def test_a_named_device_that_is_lost_is_replaced_by_the_default(card: Card, sound: Sound) -> None:
    """Two servers: the named devices are the second one's, which ends."""
    other = Card()
    other.start()
    try:
        server = other.env["PULSE_SERVER"]
        card.add_alsa_devices(f'pcm.usb {{ type pulse server "{server}" hint {{ show on description "USB" }} }}\n')
        with card.player(input="usb", output="usb", tap=True) as player, card.recording(rate=OUT) as recorded:
            assert player.opened["names"] == {"input": "usb", "output": "usb"}
            player.play(sound)
            loudspeaker_goes_on(player)
            began = time.monotonic()
            other.kill()
            player.changed(to=SPEAKER)
            player.changed(to=MICROPHONE)
            print(f"replaced within {time.monotonic() - began:.2f} s")
            reached = player.ask("state")["heard"]
            loudspeaker_goes_on(player)
            microphone_hears(player, card)
            came = arrival(sound[reached : reached + OUT // 4], recorded(), rate=OUT)
            code, errors = player.end()
        assert (code, errors) == (0, "")
        assert [before for before, _ in player.changes].count("usb") == 2
        assert all(after is not None and after.startswith("default") for _, after in player.changes)
        assert came.whole, came
    finally:
        other.stop()


def test_a_named_microphone_that_says_nothing_is_replaced_by_the_default(card: Card) -> None:
    card.pactl("load-module", "module-null-sink", "sink_name=feed", "norewinds=1")
    card.pactl("load-module", "module-remap-source", "source_name=desk", "master=feed.monitor")
    card.add_alsa_devices('pcm.desk { type pulse device "desk" hint { show on description "desk" } }\n')
    with card.player(input="desk") as player:
        assert player.opened["names"]["input"].startswith("desk")
        frames_go_on(player)
        began = time.monotonic()
        card.pactl("suspend-source", "desk", "1")
        player.changed(to=MICROPHONE)
        print(f"replaced within {time.monotonic() - began:.2f} s")
        microphone_hears(player, card)


def test_without_any_device_frames_are_silent_and_sound_waits(card: Card, sound: Sound) -> None:
    with card.player() as player:
        player.play(sound)
        loudspeaker_goes_on(player)
        modules = [line.split("\t") for line in card.pactl("list", "short", "modules").splitlines()]
        sinks = [module for module in modules if module[1] == "module-null-sink"]
        for module in sinks:
            card.pactl("unload-module", module[0])
        player.changed(to=None)
        time.sleep(0.5)
        lost = player.ask("state")
        frames_go_on(player, 60)
        assert player.ask("state")["heard"] == lost["heard"]
        assert player.ask("drop") <= lost["heard"] + OUT // 50  # it obeys, with nobody there to take anything
        for module in sinks:
            card.pactl("load-module", "module-null-sink", *module[2].split())
        player.play(sound[: OUT // 2])
        player.until(lambda state: state["heard"] > lost["heard"] + OUT // 3, "nothing is played any more")
        frames_go_on(player)


def test_sound_of_a_standstill_is_neither_doubled_nor_silence(card: Card) -> None:
    """The loop stands still, as if the machine had been busy: what was said meanwhile is heard, once."""
    said = noise(3.0, rate=IN, seed=8)
    with card.player(output=None) as player:
        frames_go_on(player)
        with card.saying(said, rate=IN):
            frames_go_on(player, 20)
            player.ask("stall", seconds=1.0)
            frames_go_on(player, 100)
        came = arrival(said, player.microphone(), rate=IN)
        state = player.ask("state")
    print(came, state)
    assert came.well(state["overflows"])
    assert abs(state["frames"] * 512 / IN - state["now"]) < 0.5


def test_a_server_that_hangs_does_not_hold_up_the_end(card: Card) -> None:
    server = int((card.folder / "card" / "run" / "pid").read_text())
    with card.player() as player:
        frames_go_on(player)
        os.kill(server, signal.SIGSTOP)
        try:
            frames_go_on(player, 40)
            began = time.monotonic()
            code, _ = player.end()
            print(f"ended {time.monotonic() - began:.2f} s after it was told to")
            assert code == 0
        finally:
            os.kill(server, signal.SIGCONT)


def test_a_loudspeaker_that_runs_dry_again_and_again_is_handed_more_in_advance(card: Card, sound: Sound) -> None:
    """The player is stopped for moments, as a busy machine does; longer than what the device has in store."""
    with card.player() as player:
        player.play(sound)
        loudspeaker_goes_on(player)
        before = player.ask("state")
        for _ in range(60):
            os.kill(player.process.pid, signal.SIGSTOP)
            time.sleep(0.07)
            os.kill(player.process.pid, signal.SIGCONT)
            time.sleep(0.15)
            state = player.ask("state")
            if state["latencies"].get("output", 0.0) > before["latencies"]["output"]:
                break
        loudspeaker_goes_on(player)
        after = player.ask("state")
    print(before["latencies"], after["latencies"], after["underruns"])
    assert after["latencies"]["output"] > before["latencies"]["output"]
    assert after["underruns"] >= 3
    assert player.changes == []
