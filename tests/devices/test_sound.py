"""Sound through real PortAudio streams and a virtual card, in both directions.

A busy machine may lose a stretch; so what is asserted is what came, and in which order. How late it came is printed.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from tests.devices.alignment import arrival, look_for, noise
from tests.devices.card import Card

OUT, IN = 24_000, 16_000
SPEAKER, MICROPHONE = "default (Virtual_loudspeaker)", "default (Virtual_microphone)"


def test_what_is_said_to_the_microphone_arrives_intact(card: Card) -> None:
    said = noise(2.5, rate=IN, seed=1)
    with card.player(output=None) as player:
        assert player.opened["names"] == {"input": MICROPHONE}
        with card.saying(said, rate=IN):
            state = player.until(lambda state: state["frames"] > 31 * 3.5, "no frames come")
        came = arrival(said, player.microphone(), rate=IN)
    print(came, state)
    assert came.well(state["overflows"])


def test_what_is_played_leaves_the_loudspeaker_intact_and_is_heard_to_its_end(card: Card) -> None:
    sound = noise(2.5, rate=OUT, seed=2)
    with card.recording(rate=OUT) as recorded, card.player(tap=True) as player:
        assert player.opened["names"] == {"input": MICROPHONE, "output": SPEAKER}
        assert player.play(sound[: OUT // 2]) == 0
        assert player.play(sound[OUT // 2 :], first=False) == OUT // 2
        state = player.until(lambda state: state["heard"] == len(sound), "it is not heard to its end")
        time.sleep(0.4)
        came, tapped = arrival(sound, recorded(), rate=OUT), arrival(sound, player.tapped(), rate=OUT)
    print(came, state)
    assert came.well(state["underruns"])
    # The tap is what an echo canceller is fed with: the same sound on the microphone's clock, to which it is now and
    # then moved by 10 ms or more.
    print("tap:", tapped)
    assert tapped.share >= 0.5


def test_a_pause_holds_at_a_sample_and_goes_on_at_that_very_sample(card: Card) -> None:
    sound = noise(4.0, rate=OUT, seed=3)
    held: list[int] = []
    with card.recording(rate=OUT) as recorded, card.player() as player:
        player.play(sound)
        for _ in range(5):
            reached = player.ask("state")["heard"]
            player.until(lambda state, reached=reached: state["heard"] > reached + OUT // 3, "it does not play")  # type: ignore[misc]
            player.ask("pause")
            time.sleep(0.25)
            held.append(player.ask("state")["heard"])
            assert player.ask("state")["heard"] == held[-1]
            assert player.ask("time_of", position=held[-1]) is None
            player.ask("resume")
        lost = player.until(lambda state: state["heard"] == len(sound), "it is not heard to its end")["underruns"]
        time.sleep(0.3)
        recording = recorded()
    assert arrival(sound, recording, rate=OUT).in_order
    exact = [position for position in held if _continues_at(position, sound, recording)]
    print(f"{len(exact)} of {len(held)} pauses are exact to the sample")
    assert len(exact) >= (1 if lost else 4)


def _continues_at(position: int, sound: np.ndarray, recording: np.ndarray) -> bool:
    """Nothing but silence lies between the sample before ``position`` and that sample, each a fade away."""
    fade, length = OUT // 200, OUT // 20
    before = look_for(sound, position - length, position, recording)
    after = look_for(sound, position + fade, position + fade + length, recording)
    if min(before.likeness, after.likeness) < 0.95:
        return False
    near = OUT // 500
    silence = recording[before.found + length + fade + near : after.found - fade - near]
    faded_out = recording[before.found + length : before.found + length + fade]
    return len(silence) > OUT // 10 and float(np.abs(silence).max()) < 0.01 and float(np.abs(faded_out).max()) > 0.01


def test_after_a_drop_not_one_more_sample_comes_and_new_sound_follows(card: Card) -> None:
    first, second = noise(3.0, rate=OUT, seed=4), noise(1.0, rate=OUT, seed=5)
    with card.recording(rate=OUT) as recorded, card.player() as player:
        player.play(first)
        player.until(lambda state: state["heard"] > OUT // 2, "it does not play")
        end = player.ask("drop")
        assert player.play(second) == end < len(first) - OUT
        player.until(lambda state: state["heard"] == end + len(second), "it is not heard to its end")
        time.sleep(0.3)
        recording = recorded()
        lost = player.ask("state")["underruns"]
    before = arrival(first[:end], recording, rate=OUT)
    after = arrival(first[end + OUT // 100 :], recording, rate=OUT, alike=0.5)
    then = arrival(second, recording, rate=OUT)
    print(before, then)
    assert before.well(lost) and not after.whole and then.well(lost)
    assert then.whole[0].found > before.whole[-1].found


def test_sound_is_said_to_be_heard_when_the_microphone_can_hear_it(card: Card) -> None:
    """The card's own way from its loudspeaker to its microphone takes up to 0.1 s; PortAudio knows nothing of that."""
    card.pactl("load-module", "module-loopback", "source=vspk.monitor", "sink=vmic_feed", "latency_msec=20")
    sound = noise(2.0, rate=OUT, seed=6)
    with card.player() as player:
        position = player.play(sound)
        player.until(lambda state: state["heard"] > OUT, "it does not play")
        said = player.ask("time_of", position=position)
        state = player.until(lambda state: state["heard"] == len(sound), "it is not heard to its end")
        player.until(lambda now: now["frames"] > state["frames"] + 20, "no frames come")
        heard = player.microphone()
    as_captured = np.interp(np.arange(0, 2 * IN) / IN, np.arange(len(sound)) / OUT, sound).astype(np.float32)
    came = arrival(as_captured, heard, rate=IN, alike=0.8)
    assert came.share > 0.5
    late = np.median([piece.lag for piece in came.whole]) / IN - said
    print(f"heard {late * 1000:.0f} ms after it was said to be")
    assert -0.05 < late < 1.0


@pytest.mark.parametrize(("which", "name"), [("input", "Nothing like it"), ("output", "99")])
def test_a_name_that_means_nothing_is_one_sentence(card: Card, which: str, name: str) -> None:
    with card.player(**{which: name}) as player:
        assert player.opened["event"] == "refused" and player.opened["code"] == 2
        assert name in player.opened["sentence"] and "'default'" in player.opened["sentence"]
        assert player.end() == (2, "")
