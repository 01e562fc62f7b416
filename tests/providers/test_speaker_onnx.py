"""A speaker network in ONNX form: what it is given, and how it comes here. A network of one operator stands for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anyio
import numpy as np
import pytest

from assistant.ports import CAPTURE_RATE, ParleyError, ProviderUnavailable
from providers import registry, speaker_onnx
from providers._fbank import BANDS, fbank
from providers.speaker_onnx import speaker_id
from tests.providers.onnx import loudest_model, mean_model, same_model
from tests.servers.hub import COMMIT, Hub, serving

pytestmark = pytest.mark.anyio
REPOSITORY, FILE = "somebody/voices", "voices.onnx"
MODEL = f"{REPOSITORY}/{FILE}"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """An empty cache, no proxies, and a hub that has the network."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    files = tmp_path / "files"
    files.mkdir()
    (files / FILE).write_bytes(loudest_model())
    with serving(Hub(REPOSITORY, files, large=".onnx")) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    return (0.1 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * CAPTURE_RATE)) / CAPTURE_RATE)).astype(np.float32)


def swelling(hertz: float) -> np.ndarray:
    return tone(hertz) * np.linspace(0.001, 1.0, CAPTURE_RATE, dtype=np.float32)


# --- the filterbank --------------------------------------------------------------------------------------------------


def test_each_band_is_centred_over_time() -> None:
    picture = fbank(np.random.default_rng(0).standard_normal(CAPTURE_RATE).astype(np.float32) * 0.1)
    assert picture.shape == (98, BANDS) and picture.dtype == np.float32
    assert np.abs(picture.mean(axis=0)).max() < 1e-4


def test_a_tone_moves_its_own_band_most() -> None:
    """1 kHz is 1000 mel on Kaldi's scale, 20 Hz is 31.7 and 8 kHz 2840: the 28th of 80 bands."""
    picture = fbank(np.concatenate([tone(1000.0, 0.5) * 0, tone(1000.0, 0.5)]))
    assert int((picture[80] - picture[10]).argmax()) in (26, 27, 28)


def test_it_does_not_depend_on_the_volume() -> None:
    sound = np.random.default_rng(0).standard_normal(CAPTURE_RATE).astype(np.float32) * 0.1
    assert np.abs(fbank(sound) - fbank(sound * 0.1)).max() < 1e-3


# --- the network -----------------------------------------------------------------------------------------------------


async def test_a_network_that_takes_a_filterbank_is_given_one(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes(loudest_model())
    async with registry.find("speaker", "onnx")({"model": str(path)}) as speaker:
        voice = await speaker.embedding(swelling(300.0))
        again = await speaker.embedding(swelling(300.0))
    expected = fbank(swelling(300.0)).max(axis=0)
    assert voice.shape == (BANDS,) and np.array_equal(voice, again)
    assert np.abs(voice - expected / np.linalg.norm(expected)).max() < 1e-5
    assert speaker.model == FILE


async def test_a_network_that_takes_sound_is_given_sound(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes(same_model())
    async with speaker_id({"model": str(path), "chance": 0.3, "spread": 0.1}) as speaker:
        voice = await speaker.embedding(tone(300.0))
    assert np.abs(voice - tone(300.0) / np.linalg.norm(tone(300.0))).max() < 1e-6
    assert (speaker.chance, speaker.spread) == (0.3, 0.1)


async def test_very_short_sound_is_made_long_enough(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes(loudest_model())
    async with speaker_id({"model": str(path)}) as speaker:
        assert (await speaker.embedding(tone(300.0)[:100])).shape == (BANDS,)


# --- where it comes from ---------------------------------------------------------------------------------------------


async def test_it_is_downloaded_once_with_a_progress_line(
    hub: Hub, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert speaker_onnx.would_download({"model": MODEL})
    async with speaker_id({"model": MODEL}) as speaker:
        assert (await speaker.embedding(swelling(300.0))).shape == (BANDS,)
    assert f"downloading {FILE}: 100 %" in capfd.readouterr().err
    folder = tmp_path / "hf" / "hub" / f"models--{REPOSITORY.replace('/', '--')}"
    assert speaker_onnx.found(MODEL) == folder / "snapshots" / COMMIT / FILE
    assert not speaker_onnx.would_download({"model": MODEL})
    hub.requests.clear()
    async with speaker_id({"model": MODEL}):
        pass
    assert hub.requests == [], "what is in the cache needs no network"


@pytest.mark.parametrize(
    ("behave", "options", "why"),
    [
        ({"hang": True}, {"gap": 2.0}, "no byte came for 2 s"),
        ({"stall_after": 50}, {"gap": 2.0}, "no byte came for 2 s"),
        ({"cut_after": 50}, {}, "the connection ended after 50 of"),
        ({"damage": True}, {}, "arrived damaged"),
        ({"repository": "somebody/else"}, {}, "no such model"),
        ({}, {"download": False}, "the option download forbids it"),
    ],
)
async def test_what_cannot_be_downloaded_is_told_in_a_sentence(
    hub: Hub, behave: dict[str, object], options: dict[str, object], why: str
) -> None:
    for name, value in behave.items():
        setattr(hub, name, value)
    with anyio.fail_after(60), pytest.raises(ProviderUnavailable, match=why) as told:
        async with speaker_id({"model": MODEL, **options}):
            pass
    assert hub.url in str(told.value)


async def test_a_download_that_was_cut_goes_on_where_it_ended(hub: Hub) -> None:
    hub.cut_after = 50
    with pytest.raises(ProviderUnavailable):
        async with speaker_id({"model": MODEL}):
            pass
    hub.cut_after = None
    async with speaker_id({"model": MODEL}):
        pass
    assert any("bytes=50-" in request for request in hub.requests)


@pytest.mark.parametrize("model", ["no.onnx", "/no/such.onnx", "a/b", "a/b/c.bin", "../a/b.onnx", "a/b/c/d.onnx"])
async def test_what_is_neither_a_file_nor_a_place_on_the_hub_is_the_users_mistake(model: str) -> None:
    with pytest.raises(ParleyError, match="there is no file"):
        async with speaker_id({"model": model}):
            pass


async def test_a_file_of_something_else_is_told_of_at_once(tmp_path: Path) -> None:
    (tmp_path / "not.onnx").write_text("no network")
    (tmp_path / "other.onnx").write_bytes(mean_model("input", (1, 80, 800)))
    for name, why in (("not.onnx", "cannot be loaded as a speaker network"), ("other.onnx", "is no speaker network")):
        with pytest.raises(ProviderUnavailable, match=why):
            async with speaker_id({"model": str(tmp_path / name)}):
                pass
