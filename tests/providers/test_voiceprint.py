"""Voiceprint: the network in numpy against torch's own, and where its weights come from.

The real weights are not part of Parley. Random ones of the same shapes, written by torch as the wheel's were, stand for
them; the real ones are asked as well where the machine has them.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from assistant.ports import CAPTURE_RATE, ParleyError, ProviderUnavailable
from providers import _torch_weights, registry, voiceprint
from providers._torch_weights import BadWeights
from providers.voiceprint import ENTRY, FILE, PACKAGE, PART, Network, bands, levelled, parts, speaker_id

pytestmark = pytest.mark.anyio


def encoder() -> tuple[torch.nn.LSTM, torch.nn.Linear]:
    torch.manual_seed(1)
    return torch.nn.LSTM(40, 256, 3, batch_first=True), torch.nn.Linear(256, 256)


def saved(path: Path) -> Path:
    lstm, linear = encoder()
    state = {f"lstm.{name}": value for name, value in lstm.state_dict().items()}
    state |= {f"linear.{name}": value for name, value in linear.state_dict().items()}
    state |= {"similarity_weight": torch.tensor([10.0])}
    whole = {"step": 7, ENTRY: state, "optimizer_state": {"state": {}, "param_groups": [{"lr": 1e-4}]}}
    torch.save(whole, path, _use_new_zipfile_serialization=False)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("weights") / FILE)


@pytest.fixture
def installed(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package, which cannot be imported: nobody needs to."""
    package = tmp_path / PACKAGE
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('it was imported')")
    (package / FILE).write_bytes(weights.read_bytes())
    monkeypatch.syspath_prepend(tmp_path)
    return package


@pytest.fixture
def cut(request: pytest.FixtureRequest, weights: Path, tmp_path: Path) -> Path:
    path = tmp_path / "cut.pt"
    path.write_bytes(weights.read_bytes()[: request.param])
    return path


def sound(seconds: float, hertz: float = 120.0, level: float = 0.1) -> np.ndarray:
    at = np.arange(int(seconds * CAPTURE_RATE)) / CAPTURE_RATE
    return (level * sum(np.sin(2 * np.pi * hertz * k * at) / k for k in range(1, 15))).astype(np.float32)


# --- the network -----------------------------------------------------------------------------------------------------


def test_it_is_torchs(weights: Path) -> None:
    lstm, linear = encoder()
    mels = np.random.default_rng(0).random((3, PART, 40), np.float32)
    with torch.no_grad():
        raw = torch.relu(linear(lstm(torch.tensor(mels))[1][0][-1]))
        expected = (raw / raw.norm(dim=1, keepdim=True)).numpy()
    found = Network(_torch_weights.read(weights, ENTRY)).encode(mels)
    assert found.shape == (3, 256) and np.abs(found - expected).max() < 1e-5


def test_a_tone_lies_in_its_band() -> None:
    """Forty bands, 15 mels to 1 kHz of 45.2 to 8 kHz: 1 kHz is in the thirteenth."""
    mels = bands(sound(1.0, 1000.0) * 0 + np.sin(np.arange(16_000) * 2 * np.pi / 16).astype(np.float32))
    assert mels.shape == (101, 40)
    assert int(mels[50].argmax()) in (12, 13)


def test_soft_sound_is_raised_and_loud_sound_left() -> None:
    soft = levelled(sound(1.0, level=0.001))
    assert 20 * np.log10(np.sqrt(np.mean(soft**2))) == pytest.approx(-30, abs=0.01)
    loud = sound(1.0, level=0.3)
    assert levelled(loud) is loud
    silence = np.zeros(1000, np.float32)
    assert not levelled(silence).any()


@pytest.mark.parametrize(
    ("windows", "shape"), [(51, (1, 51, 40)), (160, (1, 160, 40)), (250, (2, 160, 40)), (320, (3, 160, 40))]
)
def test_long_sound_is_cut_into_parts(windows: int, shape: tuple[int, ...]) -> None:
    assert parts(np.ones((windows, 40), np.float32)).shape == shape


# --- the provider ----------------------------------------------------------------------------------------------------


async def test_its_weights_are_those_of_the_installed_package_which_is_not_imported(installed: Path) -> None:
    async with registry.find("speaker", "voiceprint")({}) as speaker:
        voice = await speaker.embedding(sound(1.0))
    assert voice.shape == (256,) and voice.dtype == np.float32
    assert np.linalg.norm(voice) == pytest.approx(1.0, abs=1e-5)


async def test_the_same_sound_is_the_same_voice_however_loud(weights: Path) -> None:
    async with speaker_id({"model": str(weights)}) as speaker:
        one = await speaker.embedding(sound(2.0, level=0.01))
        other = await speaker.embedding(sound(2.0, level=0.005))
    assert np.abs(one - other).max() < 1e-4


async def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voiceprint.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ProviderUnavailable, match="pip install --no-deps resemblyzer"):
        async with speaker_id({}):
            pass


async def test_wrong_options_are_the_users(tmp_path: Path) -> None:
    for options, why in (({"model": str(tmp_path / "no.pt")}, "there is no file"), ({"x": 1}, "voiceprint: .*x")):
        with pytest.raises(ParleyError, match=why):
            async with speaker_id(options):
                pass


@pytest.mark.parametrize("cut", [0, 10, 300, 5000, 100_000, -8], indirect=True)
async def test_a_file_that_was_cut_off_is_told_of(cut: Path) -> None:
    with pytest.raises(ProviderUnavailable, match=r"cut\.pt holds no voice encoder .*force-reinstall"):
        async with speaker_id({"model": str(cut)}):
            pass


async def test_a_network_of_another_size_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    state = {f"lstm.{name}": value for name, value in torch.nn.LSTM(40, 128, 3).state_dict().items()}
    torch.save({ENTRY: state}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(ProviderUnavailable, match="is missing or of another size"):
        async with speaker_id({"model": str(path)}):
            pass


class _Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("it ran",))


def test_a_file_that_would_run_something_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "evil.pt"
    buffer = io.BytesIO()
    for value in (_torch_weights.MAGIC, _torch_weights.VERSION, {}, {ENTRY: _Evil()}):
        pickle.dump(value, buffer, 2)
    path.write_bytes(buffer.getvalue())
    with pytest.raises(BadWeights, match=r"it wants __builtin__\.print"):
        _torch_weights.read(path, ENTRY)
    assert capsys.readouterr().out == ""


def test_tensors_that_share_or_skip_numbers_are_read_as_torch_reads_them(tmp_path: Path) -> None:
    whole = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    path = tmp_path / "views.pt"
    state = {"turned": whole.T, "part": whole[1:3, 2:4], "long": torch.tensor([1, 2])}
    torch.save({ENTRY: state}, path, _use_new_zipfile_serialization=False)
    read = _torch_weights.read(path, ENTRY)
    assert {name: array.tolist() for name, array in read.items()} == {
        name: tensor.tolist() for name, tensor in state.items()
    }
