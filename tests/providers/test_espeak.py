"""The real espeak-ng library, in this process."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import anyio
import numpy as np
import pytest

from assistant.ports import ParleyError, SpeechChunk, SpokenWord, Synthesizer
from providers import espeak

pytestmark = pytest.mark.anyio


async def say(voice: Synthesizer, text: str) -> tuple[np.ndarray, list[SpokenWord]]:
    chunks = [chunk async for chunk in voice.speak(text)]
    sound = np.concatenate([chunk.samples for chunk in chunks]) if chunks else np.empty(0, np.float32)
    return sound, [word for chunk in chunks for word in chunk.words]


def texts(text: str, words: list[SpokenWord]) -> list[str]:
    return [text[word.offset : word.offset + word.length] for word in words]


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """The same speech. The phase of the oscillators goes on from text to text: not the same bits."""
    return abs(len(one) - len(other)) < 0.03 * len(one)


async def test_sound_and_word_times() -> None:
    text = "The quick brown fox jumps over the lazy dog beside the river."
    async with espeak.synthesizer({}) as voice:
        sound, words = await say(voice, text)
    assert sound.dtype == np.float32
    assert 2.5 < len(sound) / voice.rate < 5
    assert 0.05 < np.abs(sound).max() <= 1
    assert texts(text, words) == text.split()
    times = [word.start for word in words]
    assert times == sorted(times)
    assert times[0] < 0.05
    assert times[-1] < len(sound) / voice.rate - 0.2, "the last word must sound inside the sound"


async def test_its_speed_can_change_between_two_pieces() -> None:
    text = "The quick brown fox jumps over the lazy dog beside the river."
    async with espeak.synthesizer({"speed": 1.2}) as voice, espeak.synthesizer({}) as other:
        assert voice.abilities.adjusts_speed
        lengths = {}
        for factor in (1.0, 0.5, 0.8, 1.25, 2.0, 1.0):
            voice.set_speed(factor)
            sound, words = await say(voice, text)
            assert words[-1].start < len(sound) / voice.rate
            lengths.setdefault(factor, []).append(len(sound))
        assert alike(*(np.empty(length) for length in lengths[1.0])), "back at its own speed"
        # A voice's pauses and its shortest sounds do not change as much as its pace does.
        for factor in (0.5, 0.8, 1.25, 2.0):
            assert lengths[1.0][0] / lengths[factor][0] == pytest.approx(factor, rel=0.15), factor
        at_normal, _ = await say(other, text)
        assert len(at_normal) > lengths[1.0][0] * 1.1, "another voice has its own speed"


async def test_a_speed_is_never_beyond_what_espeak_can() -> None:
    async with espeak.synthesizer({"speed": 2.5}) as fast, espeak.synthesizer({"speed": 0.5}) as slow:
        for voice, factor in ((fast, 2.0), (slow, 0.5)):
            before, _ = await say(voice, "Good morning.")
            voice.set_speed(factor)
            assert alike(before, (await say(voice, "Good morning."))[0])


async def test_a_word_time_is_where_the_word_sounds() -> None:
    """The pause of a comma ends at the next word: its first loud sample and its event must agree."""
    text = "Yes, maybe."
    async with espeak.synthesizer({"speed": 0.7}) as voice:
        sound, words = await say(voice, text)
    loud = np.flatnonzero(np.abs(sound) > 0.02) / voice.rate
    gap = int(np.argmax(np.diff(loud)))
    assert abs(words[1].start - loud[gap + 1]) < 0.05


async def test_a_word_is_told_with_the_sound_in_which_it_begins() -> None:
    done = 0
    async with espeak.synthesizer({}) as voice:
        async for chunk in voice.speak("One two three four five."):
            done += len(chunk.samples)
            assert all(word.start * voice.rate < done for word in chunk.words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It costs 42 dollars, e.g. 3.5!", ["It", "costs", "42", "dollars,", "e.g.", "3.5!"]),  # several events a word
        ("The end of the world is in the box.", ["The", "end", "of", "the", "world", "is", "in", "the", "box."]),
        ("Grüße an Zoë 日本 ok", ["Grüße", "an", "Zoë", "日本", "ok"]),
        ("Well — yes", ["Well", "yes"]),  # a dash is not spoken
        ("Hi 😀 there", ["Hi", "😀", "there"]),
    ],
)
async def test_words_are_those_of_the_text(text: str, expected: list[str]) -> None:
    async with espeak.synthesizer({}) as voice:
        sound, words = await say(voice, text)
    assert texts(text, words) == expected
    times = [word.start for word in words]
    assert times == sorted(times)
    assert len(set(times)) == len(times)
    assert times[-1] < len(sound) / voice.rate


@pytest.mark.parametrize("text", ["", "   ", "\n", "...", "😀", "\x00\x01\ud800", "<speak><break time='60s'/></speak>"])
async def test_odd_text_is_fine(text: str) -> None:
    async with espeak.synthesizer({}) as voice:
        sound, _ = await say(voice, text)
        assert len(sound) / voice.rate < 10, "markup must not command"
        assert len((await say(voice, "Still here."))[0]) > 5000


async def test_ten_thousand_characters() -> None:
    text = "This is a sentence of some length. " * 290
    async with espeak.synthesizer({"speed": 2.0}) as voice:
        sound, words = await say(voice, text)
    assert len(words) == len(text.split())
    assert words[-1].start < len(sound) / voice.rate


async def test_a_cancelled_reply_ends_the_synthesis_and_the_next_one_is_whole() -> None:
    long = "This is a sentence of some length. " * 290
    async with espeak.synthesizer({}) as voice:
        whole, _ = await say(voice, "Good morning.")
        chunks: list[SpeechChunk] = []
        with anyio.CancelScope() as scope:
            async for chunk in voice.speak(long):
                chunks.append(chunk)
                scope.cancel()
        after, _ = await say(voice, "Good morning.")
    assert len(chunks) == 1
    assert alike(whole, after)


async def test_a_reply_left_halfway_leaves_nothing_behind() -> None:
    async with espeak.synthesizer({}) as voice:
        speech = voice.speak("This is a sentence of some length. " * 50)
        first = await anext(speech)
        await speech.aclose()  # type: ignore[attr-defined]
        assert len(first.samples) > 0
        assert len((await say(voice, "Good morning."))[0]) > 5000


async def test_two_at_once_share_the_library_and_mix_nothing_up() -> None:
    async with espeak.synthesizer({}) as english, espeak.synthesizer({"voice": "de", "speed": 1.4}) as german:
        alone = {0: await say(english, "Good morning to you."), 1: await say(german, "Guten Morgen zusammen.")}
        together: dict[int, tuple[np.ndarray, list[SpokenWord]]] = {}

        async def speak(key: int, voice: Synthesizer, text: str) -> None:
            together[key] = await say(voice, text)

        async with anyio.create_task_group() as group:
            group.start_soon(speak, 0, english, "Good morning to you.")
            group.start_soon(speak, 1, german, "Guten Morgen zusammen.")
    for key in (0, 1):
        assert alike(alone[key][0], together[key][0])
        for one, other in zip(alone[key][1], together[key][1], strict=True):
            assert (one.offset, one.length) == (other.offset, other.length)
            assert abs(one.start - other.start) < 0.03


async def test_no_thread_is_left() -> None:
    before = set(threading.enumerate())
    async with espeak.synthesizer({}) as one:
        await say(one, "One.")
        async with espeak.synthesizer({}):
            pass
        await say(one, "The other one is closed.")
    assert set(threading.enumerate()) == before


async def test_speed_pitch_and_volume() -> None:
    async def sound(**options: object) -> np.ndarray:
        async with espeak.synthesizer(options) as voice:
            return (await say(voice, "The quick brown fox."))[0]

    normal, fast, quiet = await sound(), await sound(speed=2.0), await sound(volume=0.2)
    assert len(fast) < 0.7 * len(normal)
    assert np.abs(quiet).max() < 0.4 * np.abs(normal).max()
    assert not np.array_equal(normal, await sound(pitch=80))
    assert not np.array_equal(normal, await sound(voice="en-us+f3"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"voice": "martian"}, r"no voice 'martian'.* en-us.* de"),
        ({"voice": "en-us+nobody"}, r"no variant 'nobody'.* f1"),
        ({"voice": "../../etc"}, r"no voice"),
        ({"voice": ""}, r"no voice ''"),
        ({"speed": 9.0}, r"speed"),
        ({"velocity": 1.0}, r"velocity"),
    ],
)
async def test_wrong_options_are_one_clear_sentence(options: dict[str, object], message: str) -> None:
    with pytest.raises(ParleyError, match=message) as caught:
        async with espeak.synthesizer(options):
            pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("voice", ["en-gb", "en-GB", "en-gb+f3", "fr-fr", "zh", "no", "en-us", "German"])
async def test_a_voice_goes_by_each_of_its_languages_in_any_case(voice: str) -> None:
    async with espeak.synthesizer({"voice": voice}) as speaker:
        assert len((await say(speaker, "12"))[0]) > 5000


async def test_every_voice_that_is_listed_or_offered_can_be_opened() -> None:
    with pytest.raises(ParleyError) as refused:
        async with espeak.synthesizer({"voice": "martian"}):
            pass
    offered = str(refused.value).rsplit("others, ", 1)[1].split(", ")
    listed = [voice.id for voice in await espeak.voices({})]
    assert "en-gb" in offered and len(listed) > 100
    for voice in (*offered, *listed):
        async with espeak.synthesizer({"voice": voice}):
            pass


async def test_british_is_not_american() -> None:
    async def sound(voice: str) -> np.ndarray:
        async with espeak.synthesizer({"voice": voice}) as speaker:
            return (await say(speaker, "Laboratory. Advertisement. Schedule."))[0]

    assert not alike(await sound("en-gb"), await sound("en-us"))


async def test_voices() -> None:
    voices = await espeak.voices({})
    ids = [voice.id for voice in voices]
    assert {"en-us", "de", "fr-fr", "es"} <= set(ids)
    assert ids == sorted(ids)
    german = voices[ids.index("de")]
    assert (german.name, german.language) == ("German", "de")


async def run(program: str) -> str:
    """What the program prints, in a process that has not loaded the library yet."""
    done = await anyio.run_process([sys.executable, "-c", program], stderr=subprocess.PIPE)
    assert done.stderr == b""
    return done.stdout.decode().strip()


async def test_a_missing_package_is_one_clear_sentence() -> None:
    program = """
import sys, anyio
sys.modules["espeakng_loader"] = None
from assistant.ports import ProviderUnavailable
from providers import espeak
async def main():
    try:
        async with espeak.synthesizer({}):
            pass
    except ProviderUnavailable as error:
        print(error)
anyio.run(main)
"""
    assert "pip install 'parley-voice[espeak]'" in await run(program)


async def test_a_deep_installation(tmp_path: Path) -> None:
    """Where the path to its data does not fit into the library's buffer."""
    import espeakng_loader

    deep = tmp_path
    while len(str(deep)) < 200:
        deep /= "a-rather-deep-folder"
    deep.mkdir(parents=True)
    (deep / "espeak-ng-data").symlink_to(espeakng_loader.get_data_path())
    program = f"""
import anyio, espeakng_loader
espeakng_loader.get_data_path = lambda: {str(deep / "espeak-ng-data")!r}
from providers import espeak
async def main():
    async with espeak.synthesizer({{}}) as voice:
        print(sum([len(chunk.samples) async for chunk in voice.speak("Hello.")]) > 5000)
anyio.run(main)
"""
    assert await run(program) == "True"
