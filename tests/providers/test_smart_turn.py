"""Smart Turn: the picture that it sees, where its model is found, and what becomes of a question.

The model itself is not part of Parley. A model of three operators, with the same input and output, stands for it here;
where the real one is on this machine it is asked as well.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from assistant.ports import CAPTURE_RATE, ParleyError, ProviderError, ProviderUnavailable
from providers import registry, smart_turn
from providers._logmel import log_mel
from providers.smart_turn import FILE, REPOSITORY, SHAPE, found, turn_detector
from tests.providers.onnx import mean_model
from tests.servers.hub import COMMIT, Hub, serving

pytestmark = pytest.mark.anyio
REAL = found()
"""The real model, where the machine has it."""


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no pipecat, no proxies."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr(smart_turn.importlib.util, "find_spec", lambda name: None)
    return tmp_path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "turn.onnx"
    path.write_bytes(mean_model("input_features", SHAPE))
    return path


@pytest.fixture
def hub(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    files = nowhere / "files"
    files.mkdir()
    (files / FILE).write_bytes(mean_model("input_features", SHAPE))
    with serving(Hub(REPOSITORY, files, large=".onnx")) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def speech(seconds: float, seed: int = 0) -> np.ndarray:
    """Something with a melody, pauses and noise."""
    at = np.arange(int(seconds * CAPTURE_RATE)) / CAPTURE_RATE
    voice = sum(np.sin(2 * np.pi * 130 * k * at + 8 * np.sin(3 * at)) / k for k in range(1, 12))
    noise = np.random.default_rng(seed).standard_normal(len(at))
    return (0.1 * voice * (np.sin(5 * at) > -0.3) + 0.002 * noise).astype(np.float32)


# --- the picture -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [speech(8.0), np.pad(speech(1.3), (107_200, 0)), np.zeros(128_000, np.float32)])
def test_the_picture_is_whispers(samples: np.ndarray) -> None:
    """Against the extractor of faster-whisper, which is given the sound normalised, as it does not do that itself."""
    normalised = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    expected = FeatureExtractor(feature_size=80, chunk_length=8)(normalised, padding=0)
    picture = log_mel(samples)
    assert picture.shape == (80, 800) and picture.dtype == np.float32
    assert np.abs(picture - expected[:, :800]).max() < 2e-3


def test_it_does_not_depend_on_the_volume() -> None:
    assert np.abs(log_mel(speech(8.0)) - log_mel(speech(8.0) * 0.1)).max() < 1e-2


# --- finding the model -----------------------------------------------------------------------------------------------


async def test_it_is_downloaded_once_with_a_progress_line(
    hub: Hub, nowhere: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert smart_turn.would_download({})
    async with turn_detector({}) as detector:
        assert 0 < await detector.probability(speech(1.0)) < 1
    assert "downloading smart-turn: 100 %" in capfd.readouterr().err
    folder = nowhere / "hf" / "hub" / f"models--{REPOSITORY.replace('/', '--')}"
    assert found() == folder / "snapshots" / COMMIT / FILE
    assert not smart_turn.would_download({})
    hub.requests.clear()
    async with turn_detector({}):
        pass
    assert hub.requests == [], "what is in the cache needs no network"


async def test_a_download_that_hangs_is_given_up(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smart_turn, "DOWNLOAD_GAP", 2.0)
    hub.hang = True
    with anyio.fail_after(30), pytest.raises(ProviderUnavailable, match="no byte came for 2 s"):
        async with turn_detector({}):
            pass


async def test_a_download_that_drips_is_given_up_too(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smart_turn, "LONGEST_DOWNLOAD", 0.0)
    with anyio.fail_after(30), pytest.raises(ProviderUnavailable, match="not here after 0 s"):
        async with turn_detector({}):
            pass


async def test_a_damaged_download_is_no_model(hub: Hub) -> None:
    hub.damage = True
    with pytest.raises(ProviderUnavailable, match="arrived damaged"):
        async with turn_detector({}):
            pass
    assert found() is None


@pytest.mark.parametrize("options", [{"download": False}, {}])
async def test_without_the_model_it_says_what_to_do(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, object]
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ProviderUnavailable, match=r"turns are ended without it.*pip install --no-deps pipecat-ai"):
        async with turn_detector(options):
            pass


def test_an_installed_wheel_that_bundles_it_is_used_and_not_imported(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("HF_HOME", str(nowhere / "hf"))
    package = nowhere / "site" / "pipecat"
    bundled = package / smart_turn.BUNDLED
    bundled.parent.mkdir(parents=True)
    bundled.write_bytes(b"weights")
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(nowhere / "site"))
    assert found() == bundled
    assert "pipecat" not in sys.modules


# --- asking it -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0.05, 1.0, 8.0, 20.0])
async def test_it_sees_the_last_eight_seconds_with_zeros_in_front(model: Path, seconds: float) -> None:
    samples = speech(seconds)
    whole = np.zeros(8 * CAPTURE_RATE, np.float32)
    last = samples[-len(whole) :]
    whole[len(whole) - len(last) :] = last
    async with turn_detector({"model": str(model)}) as detector:
        assert detector.name == "smart-turn"
        expected = 1 / (1 + np.exp(-float(log_mel(whole).mean())))
        assert await detector.probability(samples) == pytest.approx(expected, abs=1e-4)


async def test_the_sound_may_change_after_the_question(model: Path) -> None:
    samples = speech(2.0)
    async with turn_detector({"model": str(model)}) as detector:
        expected = await detector.probability(samples)
        answers: list[float] = []

        async def ask() -> None:
            answers.append(await detector.probability(samples))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await anyio.lowlevel.checkpoint()
            samples[:] = 0.0
    assert answers == [expected]


async def test_a_question_can_be_cancelled_and_the_next_is_answered(model: Path) -> None:
    async with turn_detector({"model": str(model)}) as detector:
        with anyio.move_on_after(0):
            await detector.probability(speech(8.0))
        assert 0 < await detector.probability(speech(1.0)) < 1


async def test_it_is_found_by_its_name(model: Path) -> None:
    assert "smart-turn" in registry.names("turn")
    async with registry.find("turn", "smart-turn")({"model": str(model)}) as detector:
        assert 0 < await detector.probability(speech(1.0)) < 1


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"model": "/no/such.onnx"}, "there is no file"),
        ({"speed": 2}, "smart-turn"),
        ({"download": "no"}, "smart-turn"),
    ],
)
async def test_wrong_options_are_the_users_mistake(options: dict[str, object], why: str) -> None:
    with pytest.raises(ParleyError, match=why):
        async with turn_detector(options):
            pass


async def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "not.onnx"
    path.write_bytes(b"hello")
    with pytest.raises(ProviderUnavailable, match=r"not\.onnx cannot be loaded as a Smart Turn model"):
        async with turn_detector({"model": str(path)}):
            pass


async def test_a_model_with_other_inputs_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(mean_model("sound", (1, 16_000)))
    with pytest.raises(ProviderError, match=r"other\.onnx is no Smart Turn model"):
        async with turn_detector({"model": str(path)}):
            pass


async def test_the_real_model_where_it_is_here_gives_probabilities(model: Path) -> None:
    async with turn_detector({"model": str(REAL or model)}) as detector:
        answers = [await detector.probability(speech(seconds)) for seconds in (0.5, 3.0, 9.0)]
    assert all(0 <= each <= 1 for each in answers)
    assert len(set(answers)) > 1
