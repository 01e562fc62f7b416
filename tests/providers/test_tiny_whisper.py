"""The script that trains the tiny Whisper runs from end to end, and faster-whisper loads what it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT

TRAIN = ROOT / "scripts" / "tiny_whisper" / "train.py"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two phrases a language after three steps: it has learned nothing, and has the right form."""
    folder = tmp_path_factory.mktemp("model") / "rough"
    command = [sys.executable, str(TRAIN), "--size", "rough", "--phrases", "2", "--steps", "3", "--threads", "1"]
    done = subprocess.run([*command, "--out", str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_it_has_the_form_of_the_shipped_model(trained: Path) -> None:
    shipped = ROOT / "providers" / "data" / "tiny-whisper" / "rough"
    assert {path.name for path in trained.iterdir()} == {path.name for path in shipped.iterdir()}
    assert json.loads((trained / "vocabulary.json").read_text()) == json.loads(
        (shipped / "vocabulary.json").read_text()
    )
    assert json.loads((trained / "config.json").read_text()) == json.loads((shipped / "config.json").read_text())
    assert abs((trained / "model.bin").stat().st_size - (shipped / "model.bin").stat().st_size) < 1000


def test_faster_whisper_runs_it(trained: Path) -> None:
    from faster_whisper import WhisperModel

    model = WhisperModel(str(trained), device="cpu", compute_type="int8", local_files_only=True)
    assert model.model.is_multilingual
    sound = np.random.default_rng(1).normal(0, 0.1, 16_000).astype(np.float32)
    for options in ({"without_timestamps": True}, {"word_timestamps": True}, {"task": "translate", "language": "de"}):
        segments, info = model.transcribe(sound, beam_size=1, temperature=0.0, max_new_tokens=20, **options)
        list(segments)
        assert info.language in model.supported_languages
