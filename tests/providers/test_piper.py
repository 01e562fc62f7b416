"""The real piper-tts on a voice that hums, and downloads from a local hub over a socket.

No real voice has ever been spoken here: there is none without a download.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import numpy as np
import pytest

from assistant.ports import ParleyError, ProviderUnavailable, SpeechChunk
from providers import _piper_download, piper
from tests.providers import humming
from tests.servers.hub import Hub, serving

pytestmark = pytest.mark.anyio

VOICE = "en_US-lessac-medium"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return piper.cache()


@pytest.fixture
def hub(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The voices' repository, with one voice of 1 MB."""
    folder = tmp_path / "repository"
    (folder / "en/en_US/lessac/medium").mkdir(parents=True)
    model = humming.write(folder / "en/en_US/lessac/medium", VOICE)
    model.write_bytes(model.read_bytes() + b"\x32\x80\x80\x40" + bytes(1 << 20))  # its doc_string
    with serving(Hub("rhasspy/piper-voices", folder, large=".onnx")) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def hum(tmp_path: Path) -> Path:
    pytest.importorskip("piper", reason="piper-tts is not installed (the extra 'piper')")
    return humming.write(tmp_path)


async def say(voice: piper.Piper, text: str) -> np.ndarray:
    chunks = [chunk.samples async for chunk in voice.speak(text)]
    return np.concatenate(chunks) if chunks else np.empty(0, np.float32)


# --- speaking ---------------------------------------------------------------------------------------------------------


async def test_sound(hum: Path) -> None:
    async with piper.synthesizer({"voice": str(hum)}) as voice:
        sound = await say(voice, "hello there")
        longer = await say(voice, "hello there my friend")
    assert voice.rate == humming.RATE
    assert sound.dtype == np.float32
    assert 0.5 < np.abs(sound).max() <= 1
    assert len(longer) > len(sound) > 10 * humming.SAMPLES


async def test_volume(hum: Path) -> None:
    async with piper.synthesizer({"model": str(hum), "volume": 0.25}) as voice:
        assert np.abs(await say(voice, "hello there")).max() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("text", ["", "   ", "...", "😀", "[[ɔ]] hm", "\x00\ud800 a"])
async def test_odd_text_is_fine(text: str, hum: Path) -> None:
    async with piper.synthesizer({"voice": str(hum)}) as voice:
        await say(voice, text)
        assert len(await say(voice, "still here")) > 5000


async def test_a_cancelled_reply_returns_at_once_and_the_next_one_is_whole(hum: Path) -> None:
    async with piper.synthesizer({"voice": str(hum)}) as voice:
        whole = await say(voice, "good morning")
        chunks: list[SpeechChunk] = []
        with anyio.CancelScope() as scope:
            scope.cancel()
            chunks.extend([chunk async for chunk in voice.speak("this is long. " * 2000)])
        assert (scope.cancelled_caught, chunks) == (True, [])
        assert len(await say(voice, "good morning")) == len(whole)


async def test_no_thread_is_left(hum: Path) -> None:
    async with piper.synthesizer({"voice": str(hum)}) as voice:
        await say(voice, "one")
    assert "piper" not in {thread.name for thread in threading.enumerate()}


async def test_a_downloaded_voice_speaks(hub: Hub) -> None:
    pytest.importorskip("piper", reason="piper-tts is not installed (the extra 'piper')")
    async with piper.synthesizer({}) as voice:
        assert len(await say(voice, "hello")) > 1000


# --- downloading ------------------------------------------------------------------------------------------------------


def same_files(path: Path, hub: Hub) -> bool:
    original = hub.folder / "en/en_US/lessac/medium"
    return all((path.parent / file.name).read_bytes() == file.read_bytes() for file in original.iterdir())


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def test_a_voice_is_downloaded_once(hub: Hub, cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = await piper.resolve(VOICE)
    assert path == cache / f"{VOICE}.onnx"
    assert same_files(path, hub)
    assert f"downloading {VOICE}: 100 % of 1 MB" in capfd.readouterr().err
    assert names_in(cache) == [f"{VOICE}.onnx", f"{VOICE}.onnx.json"], "no partial file is left"

    hub.requests.clear()
    assert await piper.resolve(VOICE) == path
    assert hub.requests == [], "what is in the cache needs no network"


async def test_an_interrupted_download_goes_on_where_it_stopped(hub: Hub, cache: Path) -> None:
    hub.cut_after = 300_000
    with pytest.raises(ProviderUnavailable, match="ended after 300000 of"):
        await piper.resolve(VOICE)
    assert not (cache / f"{VOICE}.onnx").exists(), "half a voice is no voice"

    hub.cut_after = None
    assert same_files(await piper.resolve(VOICE), hub)
    assert hub.requests[-1].endswith("bytes=300000-")


async def test_a_damaged_download_is_thrown_away(hub: Hub, cache: Path) -> None:
    hub.damage = True
    with pytest.raises(ProviderUnavailable, match="arrived damaged"):
        await piper.resolve(VOICE)
    hub.damage = False
    assert same_files(await piper.resolve(VOICE), hub)


async def test_a_download_that_hangs_is_given_up(hub: Hub) -> None:
    hub.stall_after = 300_000
    with anyio.fail_after(30), pytest.raises(ProviderUnavailable, match="no byte came for 2 s"):
        await piper.resolve(VOICE, gap=2.0)


async def test_a_cancelled_download_ends_at_once(hub: Hub) -> None:
    hub.hang = True
    with anyio.fail_after(10):
        with anyio.move_on_after(1.5) as scope:
            await piper.resolve(VOICE, gap=60.0)
        assert scope.cancelled_caught


async def test_a_voice_that_does_not_exist(hub: Hub) -> None:
    with pytest.raises(ProviderUnavailable, match="no such voice") as caught:
        await piper.resolve("de_DE-nobody-high")
    assert "\n" not in str(caught.value)


async def test_no_network_is_one_sentence(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ProviderUnavailable, match="is not on this machine and cannot be downloaded") as caught:
        await piper.resolve(VOICE)
    assert "refused" in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_offline_is_offline(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ProviderUnavailable, match="HF_HUB_OFFLINE forbids it"):
        await piper.resolve(VOICE)


def test_the_address_of_a_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert _piper_download._url("de_DE-thorsten_emotional-medium", ".onnx") == (
        "https://huggingface.co/rhasspy/piper-voices/resolve/main/de/de_DE/thorsten_emotional/medium/"
        "de_DE-thorsten_emotional-medium.onnx"
    )


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"voice": "martian"}, "'martian' is no voice"),
        ({"voice": "../../etc/passwd"}, "is no voice"),
        ({"voice": "en_US-../x-low"}, "is no voice"),
        ({"voice": "absent.onnx"}, "there is no voice absent.onnx"),
        ({"speed": 9.0}, "speed"),
        ({"velocity": 1.0}, "velocity"),
    ],
)
async def test_wrong_options_are_one_clear_sentence(options: dict[str, object], message: str) -> None:
    pytest.importorskip("piper", reason="piper-tts is not installed (the extra 'piper')")
    with pytest.raises(ParleyError, match=message) as caught:
        async with piper.synthesizer(options):
            pass
    assert "\n" not in str(caught.value)


async def test_a_speaker_that_the_voice_does_not_have(hum: Path) -> None:
    with pytest.raises(ParleyError, match="has 1 speakers"):
        async with piper.synthesizer({"voice": str(hum), "speaker": 3}):
            pass


async def test_a_voice_without_its_description(hum: Path) -> None:
    hum.with_name(f"{hum.name}.json").unlink()
    with pytest.raises(ParleyError, match="has no description"):
        async with piper.synthesizer({"voice": str(hum)}):
            pass


@pytest.mark.parametrize("name", ["xx_XX-hum-low.onnx", "xx_XX-hum-low.onnx.json"])
async def test_a_damaged_voice_is_one_clear_sentence(name: str, hum: Path) -> None:
    (hum.parent / name).write_bytes(b"{" * 100)
    with pytest.raises(ParleyError, match="cannot be used") as caught:
        async with piper.synthesizer({"voice": str(hum)}):
            pass
    assert "\n" not in str(caught.value)


async def test_a_missing_package_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "piper", None)
    with pytest.raises(ProviderUnavailable, match=r"pip install 'parley-voice\[piper\]'"):
        async with piper.synthesizer({}):
            pass


def test_nothing_of_it_is_imported_before_it_is_opened() -> None:
    import subprocess

    program = "import sys, providers.piper; print('piper' in sys.modules or 'onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "False"
