"""From a model's name to its directory: the real client of the hub against a local hub, over a socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from assistant.ports import ParleyError, ProviderUnavailable
from providers import _models, whisper
from tests.servers.hub import COMMIT, Hub, serving

pytestmark = pytest.mark.anyio
ROUGH = whisper.SHIPPED["parley-rough"]
SIZE = (ROUGH / "model.bin").stat().st_size


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    for name in (
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
        "XDG_CACHE_HOME",
        "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE",
        "HF_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def hub(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(Hub("Systran/faster-whisper-tiny.en", ROUGH)) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def same_files(directory: Path) -> bool:
    return all((directory / path.name).read_bytes() == path.read_bytes() for path in ROUGH.iterdir())


async def test_a_name_is_downloaded_once(hub: Hub, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    directory = await _models.resolve("tiny.en")
    assert same_files(directory)
    assert directory == home / "hub" / "models--Systran--faster-whisper-tiny.en" / "snapshots" / COMMIT
    assert "downloading tiny.en: 100 % of 1 MB" in capfd.readouterr().err

    hub.requests.clear()
    assert await _models.resolve("tiny.en") == directory
    assert await _models.resolve("realtime", language="en") == directory
    assert await _models.resolve("Systran/faster-whisper-tiny.en") == directory
    assert hub.requests == [], "what is in the cache needs no network"


async def test_what_was_downloaded_is_a_model_that_works(hub: Hub) -> None:
    async with whisper.transcriber({"model": "tiny.en", "language": "en"}) as transcriber:
        assert transcriber.decode_time > 0


async def test_the_hubs_own_tools_find_it_too(hub: Hub, home: Path) -> None:
    directory = await _models.resolve("tiny.en")
    from huggingface_hub import snapshot_download

    found = snapshot_download("Systran/faster-whisper-tiny.en", cache_dir=home / "hub", local_files_only=True)
    assert Path(found) == directory


async def test_a_token_is_for_the_hub_and_not_for_where_it_sends_us(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    await _models.resolve("tiny.en")
    assert ("api", "Bearer hf_secret") in hub.tokens
    assert {token for place, token in hub.tokens if place == "storage"} == {None}


async def test_an_interrupted_download_goes_on_where_it_stopped(hub: Hub) -> None:
    hub.cut_after = 300_000
    with pytest.raises(ProviderUnavailable, match=f"ended after 300000 of {SIZE} bytes"):
        await _models.resolve("tiny.en")
    assert _models.cached("Systran/faster-whisper-tiny.en") is None, "half a model is no model"

    hub.cut_after = None
    assert same_files(await _models.resolve("tiny.en"))
    assert hub.requests[-1] == "GET /storage/model.bin bytes=300000-"


async def test_a_download_that_hangs_is_given_up(hub: Hub) -> None:
    hub.stall_after = 300_000
    with anyio.fail_after(30), pytest.raises(ProviderUnavailable, match="no byte came for 3 s"):
        await _models.resolve("tiny.en", gap=3.0)


async def test_a_server_that_never_answers_is_given_up(hub: Hub) -> None:
    hub.hang = True
    with anyio.fail_after(30), pytest.raises(ProviderUnavailable, match="no byte came for 3 s"):
        await _models.resolve("tiny.en", gap=3.0)


async def test_a_cancelled_download_ends_at_once(hub: Hub) -> None:
    hub.hang = True
    with anyio.fail_after(10):
        with anyio.move_on_after(1.5) as scope:
            await _models.resolve("tiny.en", gap=60.0)
        assert scope.cancelled_caught


async def test_a_damaged_download_is_refused(hub: Hub) -> None:
    hub.damage = True
    with pytest.raises(ProviderUnavailable, match="arrived damaged"):
        await _models.resolve("tiny.en")
    hub.damage = False
    assert same_files(await _models.resolve("tiny.en"))


async def test_no_network_is_one_clear_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(ProviderUnavailable) as caught:
        await _models.resolve("base.en")
    message = str(caught.value)
    assert "'base.en'" in message
    assert "http://127.0.0.1:1" in message
    assert "refused" in message
    assert "directory" in message
    assert "\n" not in message


async def test_an_unknown_repository_is_one_clear_sentence(hub: Hub) -> None:
    with pytest.raises(ProviderUnavailable, match="no such model") as caught:
        await _models.resolve("somebody/no-whisper")
    assert "\n" not in str(caught.value)


async def test_offline_asks_nobody(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ProviderUnavailable, match="HF_HUB_OFFLINE"):
        await _models.resolve("tiny.en")
    assert hub.requests == []


async def test_a_directory_is_taken_as_it_is(tmp_path: Path) -> None:
    assert await _models.resolve(str(ROUGH)) == ROUGH
    with pytest.raises(ParleyError, match="model.bin is missing"):
        await _models.resolve(str(tmp_path))
    with pytest.raises(ParleyError, match="no directory"):
        await _models.resolve(str(tmp_path / "nowhere" / "deep"))
    with pytest.raises(ParleyError, match="no directory"):
        await _models.resolve("./nowhere")


async def test_a_wrong_name_lists_the_right_ones() -> None:
    with pytest.raises(ParleyError, match=r"no model called 'bse.en'.* base.en.* streaming"):
        await _models.resolve("bse.en")


def test_our_names_are_those_of_faster_whisper() -> None:
    from faster_whisper.utils import available_models

    assert set(_models.REPOSITORIES) == set(available_models())


@pytest.mark.parametrize("language", ["en", "auto"])
def test_every_use_has_a_model(language: str) -> None:
    uses = _models.USES if language == "en" else _models.USES_MULTILINGUAL
    assert set(uses) == {"realtime", "streaming", "batch", "accurate"}
    assert set(uses.values()) <= set(_models.REPOSITORIES)
    assert all(name.endswith(".en") == (language == "en") for name in uses.values())
