"""The cache of speech: what comes back, what is never kept, what is made ahead."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

from assistant.ports import ParleyError, ProviderError, SpeechChunk, SynthesizerAbilities
from providers import _cached_voice, cache
from providers._wrapping import Leaf
from tests.providers.doubles import Inside, Voice, sound

pytestmark = pytest.mark.anyio
TEXT = "three short words"
LEAF = Leaf("tts", "tests.providers.doubles:Voice", {"voice": "rachel", "api_key": "sk-DISTINCTIVE-0123456789"})


@asynccontextmanager
async def kept(
    voice: Any, folder: Path, leaf: Leaf = LEAF, *, phrases: tuple[str, ...] = (), limit_mb: int = 10
) -> AsyncIterator[Any]:
    """``voice`` with a cache in ``folder``, as the config puts it there."""
    around = cache.Cache(limit_mb, str(folder), phrases).around
    async with around(nullcontext(voice), leaf) as cached:
        yield cached


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*")) if folder.is_dir() else []


async def written(folder: Path, count: int = 1) -> None:
    """Wait until so many files are there: they are written behind the speaker's back."""
    with anyio.fail_after(5):
        while len(files(folder)) < count or any(path.suffix != ".speech" for path in files(folder)):  # noqa: ASYNC110
            await anyio.sleep(0.005)


# --- what comes back --------------------------------------------------------------------------------------------------


async def test_what_has_been_said_is_not_made_again_and_sounds_the_same(tmp_path: Path) -> None:
    voice = Voice("a")
    async with kept(voice, tmp_path) as cached:
        made, words = await sound(cached.speak(TEXT))
        await written(tmp_path)
        again, words_again = await sound(cached.speak(TEXT))
    assert voice.texts == [TEXT]
    assert np.array_equal(made, again)
    assert words == words_again
    async with kept(Voice("a", error=ProviderError("cannot be reached")), tmp_path) as cached:
        assert np.array_equal((await sound(cached.speak(TEXT)))[0], made), "in the next session, without the server"


async def test_each_word_is_told_with_the_chunk_in_which_it_sounds(tmp_path: Path) -> None:
    text = " ".join(["word"] * 20)
    async with kept(Voice("a", delay=0.0), tmp_path) as cached:
        await sound(cached.speak(text))
        await written(tmp_path)
        until, told = 0.0, []
        async for chunk in cached.speak(text):
            assert all(until <= word.start < until + _cached_voice.CHUNK + 1e-6 for word in chunk.words)
            until += len(chunk.samples) / cached.rate
            told += chunk.words
    assert [word.offset for word in told] == [5 * index for index in range(20)]


async def test_white_space_around_a_text_is_not_heard(tmp_path: Path) -> None:
    voice = Voice("a")
    async with kept(voice, tmp_path) as cached:
        await sound(cached.speak(f"  {TEXT}"))
        await written(tmp_path)
        for text in (TEXT, f"\n{TEXT} "):
            _, words = await sound(cached.speak(text))
            assert [text[word.offset : word.offset + word.length] for word in words] == TEXT.split()
    assert len(voice.texts) == 1


@pytest.mark.parametrize(
    ("voice", "leaf", "text"),
    [
        ({}, LEAF, "Three short words"),
        ({}, LEAF, "three  short words"),
        ({}, LEAF, "three short words."),
        ({"rate": 16_000}, LEAF, TEXT),
        ({}, replace(LEAF, name="tests.providers.doubles:Other"), TEXT),
        ({}, replace(LEAF, options={**LEAF.options, "voice": "adam"}), TEXT),
        ({}, replace(LEAF, options={**LEAF.options, "model": "v2"}), TEXT),
        ({}, replace(LEAF, options={**LEAF.options, "settings": {"style": 0.5}}), TEXT),
        ({}, replace(LEAF, options={**LEAF.options, "base_url": "https://other.example/v1"}), TEXT),
    ],
)
async def test_nothing_is_found_under_another_text_voice_or_setting(
    voice: dict[str, Any], leaf: Leaf, text: str, tmp_path: Path
) -> None:
    async with kept(Voice("a"), tmp_path) as cached:
        await sound(cached.speak(TEXT))
        await written(tmp_path)
    other = Voice("a", **voice)
    async with kept(other, tmp_path, leaf) as cached:
        await sound(cached.speak(text))
    assert other.texts == [text]


@pytest.mark.parametrize(
    "options",
    [{"api_key": "another"}, {"timeouts": {"gap": 1.0}}, {"headers": {"X-Api-Key": "x"}}, {"access_token": "x"}],
)
async def test_another_key_makes_no_other_sound(options: dict[str, Any], tmp_path: Path) -> None:
    empty = {"headers": {}} if "headers" in options else {}
    async with kept(Voice("a"), tmp_path, replace(LEAF, options={**LEAF.options, **empty})) as cached:
        await sound(cached.speak(TEXT))
        await written(tmp_path)
    silent = Voice("a")
    async with kept(silent, tmp_path, replace(LEAF, options={**LEAF.options, **options})) as cached:
        await sound(cached.speak(TEXT))
    assert silent.texts == []


async def test_no_secret_is_part_of_what_is_hashed() -> None:
    options = {
        "api_key": "SECRET",
        "base_url": "https://me:SECRET@h/v1",
        "headers": {"Authorization": "SECRET"},
        "a": 1,
    }
    assert cache.identity(replace(LEAF, options=options))["settings"] == {
        "base_url": "https://h/v1", "headers": {}, "a": 1,
    }  # fmt: skip


async def test_another_pace_is_another_sound(tmp_path: Path) -> None:
    voice = Voice("a", abilities=SynthesizerAbilities(adjusts_speed=True))
    async with kept(voice, tmp_path) as cached:
        await sound(cached.speak(TEXT))
        cached.set_speed(1.5)
        await sound(cached.speak(TEXT))
        await written(tmp_path, 2)
        cached.set_speed(1.0)
        await sound(cached.speak(TEXT))
    assert (len(voice.texts), voice.speeds) == (2, [1.5, 1.0])


async def test_it_can_do_what_the_voice_can(tmp_path: Path) -> None:
    able = SynthesizerAbilities(True, True, True, ("en",))
    voice = Voice("a", rate=8_000, abilities=able)
    async with kept(voice, tmp_path) as cached:
        assert (cached.name, cached.rate, cached.abilities) == ("a", 8_000, able)

        async def writing() -> AsyncIterator[str]:
            for piece in ("Hello ", "there"):
                yield piece

        samples, _ = await sound(cached.stream(writing()))
    assert (voice.texts, len(samples)) == (["Hello there"], 1_600)
    assert files(tmp_path) == []


# --- what is never kept -----------------------------------------------------------------------------------------------


async def test_only_what_is_complete_is_kept(tmp_path: Path) -> None:
    voice = Voice("a", delay=0.0)
    async with kept(voice, tmp_path) as cached:
        async with aclosing(cached.speak(TEXT)) as chunks:
            await anext(chunks)
        slow = voice.delay = 9.0
        with anyio.move_on_after(0.05):
            await sound(cached.speak(TEXT))
        voice.delay, voice.error, voice.fails_after = 0.0, ProviderError("a broke off"), 2
        with pytest.raises(ProviderError, match="a broke off"):
            await sound(cached.speak(TEXT))
        voice.error = None
        assert len((await sound(cached.speak("  ")))[0]) == 0
    assert slow
    assert files(tmp_path) == []


async def test_other_words_than_were_asked_for_are_not_kept(tmp_path: Path) -> None:
    """A language model that reads aloud may say something else."""

    class Chatty(Voice):
        async def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
            async for chunk in super().speak(text):
                yield chunk
            yield SpeechChunk(np.zeros(0, np.float32), said="Sure! Three short words.")

    voice = Chatty("a")
    async with kept(voice, tmp_path) as cached:
        for _ in range(2):
            chunks = [chunk async for chunk in cached.speak(TEXT)]
            assert chunks[-1].said == "Sure! Three short words."
    assert voice.texts == [TEXT] * 2 and files(tmp_path) == []


async def test_a_voice_whose_model_its_server_decides_is_not_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    voice, unknown = Voice("a"), Leaf("tts", "openai-compatible", {"base_url": "http://h/v1"})
    assert not cache.pays(unknown)
    async with kept(voice, tmp_path, unknown) as cached:
        assert cached is voice
    assert "name one" in caplog.text
    assert cache.pays(replace(unknown, options={**unknown.options, "model": "kokoro"}))


def test_a_leaf_does_not_show_its_key() -> None:
    assert "DISTINCTIVE" in LEAF.options["api_key"] and "DISTINCTIVE" not in repr(LEAF)


def test_it_pays_where_a_server_speaks() -> None:
    assert cache.pays(Leaf("tts", "deepgram", {}))
    assert cache.pays(Leaf("tts", "tests.providers.doubles:Voice", {"base_url": "http://h"}))
    assert not cache.pays(LEAF), "nothing is known of it"
    for name in ("espeak-ng", "piper", "scripted"):
        assert not cache.pays(Leaf("tts", name, {})), name


# --- by name ----------------------------------------------------------------------------------------------------------


async def test_by_name_it_goes_around_whatever_is_opened(tmp_path: Path) -> None:
    arounds: list[Any] = []

    class Watched(Inside):
        @asynccontextmanager
        async def open(self, name: str, around: Any = None) -> AsyncIterator[Any]:
            arounds.append(around)
            async with around(nullcontext(self.providers[name]), LEAF) as voice:
                yield voice

    voice = Voice("a")
    inside = Watched({"a": voice})
    async with cache.synthesizer(inside.options(of="a", folder=str(tmp_path), limit_mb=3)) as cached:
        await sound(cached.speak(TEXT))
        await written(tmp_path)
        await sound(cached.speak(TEXT))
    assert (voice.texts, len(arounds)) == ([TEXT], 1)
    with pytest.raises(ParleyError, match="of"):
        async with cache.synthesizer(inside.options(folder=str(tmp_path))):
            pytest.fail("not opened")


async def test_where_it_lies_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.Cache().store.folder == tmp_path / "parley" / "speech"


# --- made ahead -------------------------------------------------------------------------------------------------------


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds of quiet after which texts are made ahead."""
    monkeypatch.setattr(_cached_voice, "IDLE", 0.15)
    return 0.15


async def test_what_will_be_said_is_made_while_nobody_speaks(idle: float, tmp_path: Path) -> None:
    voice = Voice("a", delay=0.0)
    async with kept(voice, tmp_path, phrases=("Sure.", "Sorry about that.")) as cached:
        began = anyio.current_time()
        await written(tmp_path, 2)
        assert anyio.current_time() - began >= idle
        await sound(cached.speak("Sorry about that."))
    assert voice.texts == ["Sure.", "Sorry about that."]
    again = Voice("a", delay=0.0)
    async with kept(again, tmp_path, phrases=("Sure.", "Sorry about that.")):
        await anyio.sleep(3 * idle)
    assert again.texts == [], "in the next session there is nothing to do"


async def test_a_real_call_comes_first(idle: float, tmp_path: Path) -> None:
    """What is being made ahead is given up at once, and taken up again when it is quiet."""
    delays = iter([30.0, 0.0, 0.0])
    voice = Voice("a", delay=delays)
    async with kept(voice, tmp_path, phrases=("Sure.",)) as cached:
        with anyio.fail_after(5):
            while not voice.calls:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        began = anyio.current_time()
        samples, _ = await sound(cached.speak(TEXT))
        assert anyio.current_time() - began < 2
        assert len(samples) == 7_200
        assert voice.calls[0].ended is not None
        await written(tmp_path, 2)
    assert voice.texts == ["Sure.", TEXT, "Sure."]


class Writing:
    """Text that is being written."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = list(pieces)

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        if not self.pieces:
            raise StopAsyncIteration
        return self.pieces.pop(0)


@asynccontextmanager
async def with_openers(voice: Voice, folder: Path) -> AsyncIterator[Any]:
    """A voice that takes streamed text, and has "Sure." and "Let me see." on disk."""
    voice.abilities = SynthesizerAbilities(word_times=True, streams_text=True)
    async with kept(voice, folder, phrases=("Sure.", "Let me see.")) as cached:
        await written(folder, 2)
        await anyio.sleep(0.02)
        voice.calls.clear()
        yield cached


@pytest.mark.parametrize(
    ("pieces", "left"),
    [
        (["Sure.", " It", " is", " nine."], " It is nine."),
        (["Sure. It is", " nine."], " It is nine."),
        ([" Sure.", " Nine."], " Nine."),
        (["Let", " me", " see.", " Four."], " Four."),
        (["Sure."], None),
        (["Sure"], "Sure"),
        (["Surely", " not."], "Surely not."),
        (["Let", " me", " know."], "Let me know."),
        (["Sure.Nine."], "Sure.Nine."),
        (["Nine."], "Nine."),
    ],
)
async def test_kept_words_with_which_a_streamed_answer_begins_are_heard_at_once(
    pieces: list[str], left: str | None, idle: float, tmp_path: Path
) -> None:
    voice = Voice("a", delay=0.0)
    async with with_openers(voice, tmp_path) as cached:
        samples, _ = await sound(cached.stream(Writing(*pieces)))
        assert len(samples) == 2_400 * len("".join(pieces).split())
    assert voice.texts == ([] if left is None else [left])


async def test_the_words_after_a_kept_opener_are_told_where_they_sound(idle: float, tmp_path: Path) -> None:
    class Timed(Voice):
        async def stream(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
            async for chunk in self.speak("".join([piece async for piece in text])):
                yield chunk

    async with with_openers(Timed("a", delay=0.0), tmp_path) as cached:
        _, words = await sound(cached.stream(Writing(" Let", " me", " see.", " It", " is", " four.")))
    text = " Let me see. It is four."
    assert [text[word.offset : word.offset + word.length] for word in words] == text.split()
    assert [word.start for word in words] == pytest.approx([0.1 * index for index in range(6)])


async def test_openers_are_known_again_in_the_next_session_and_at_their_own_pace_only(
    idle: float, tmp_path: Path
) -> None:
    async with with_openers(Voice("a", delay=0.0), tmp_path):
        pass
    voice = Voice("a", delay=0.0)
    async with with_openers(voice, tmp_path) as cached:
        await sound(cached.stream(Writing("Sure.", " Nine.")))
        cached.set_speed(1.5)
        await sound(cached.stream(Writing("Sure.", " Nine.")))
    assert voice.texts == [" Nine.", "Sure. Nine."]


@pytest.mark.parametrize("error", [ProviderError("no money left"), KeyError("a mistake")])
async def test_a_voice_that_cannot_is_not_pestered(error: Exception, idle: float, tmp_path: Path) -> None:
    voice = Voice("a", delay=0.0, error=error)
    async with kept(voice, tmp_path, phrases=("Sure.", "Okay.")):
        await anyio.sleep(4 * idle)
    assert voice.texts == ["Sure."]


# --- what the disk does to it -----------------------------------------------------------------------------------------


async def test_a_damaged_file_is_thrown_away_and_made_anew(tmp_path: Path) -> None:
    voice = Voice("a", delay=0.0)
    async with kept(voice, tmp_path) as cached:
        made, _ = await sound(cached.speak(TEXT))
        await written(tmp_path)
        [path] = files(tmp_path)
        path.write_bytes(path.read_bytes()[:-100])
        assert np.array_equal((await sound(cached.speak(TEXT)))[0], made)
        await written(tmp_path)
        assert np.array_equal((await sound(cached.speak(TEXT)))[0], made)
    assert len(voice.texts) == 2


async def test_a_folder_that_cannot_be_made_costs_the_cache_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    voice = Voice("a", delay=0.0)
    async with kept(voice, tmp_path / "file" / "speech") as cached:
        for _ in range(3):
            assert len((await sound(cached.speak(TEXT)))[0]) == 7_200
    assert len(voice.texts) == 3
    assert len([line for line in caplog.messages if "cannot be kept" in line]) == 1


# --- how soon it is heard ---------------------------------------------------------------------------------------------


async def test_a_kept_opener_is_there_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The figure is printed; it is bounded well above what it is, for a machine with other work."""
    times = []
    async with kept(Voice("a", delay=0.3), tmp_path) as cached:
        await sound(cached.speak("Of course, with pleasure."))
        await written(tmp_path)
        for _ in range(50):
            began = time.perf_counter()
            async with aclosing(cached.speak("Of course, with pleasure.")) as chunks:
                first: SpeechChunk = await anext(chunks)
            times.append((time.perf_counter() - began) * 1e3)
            assert len(first.samples)
    with capsys.disabled():
        print(
            f"\ncache: a kept opener's first sound {np.median(times):.2f} ms after it is asked for, "
            f"{np.quantile(times, 0.95):.2f} ms at the 95th percentile of 50"
        )
    assert np.median(times) < 200
