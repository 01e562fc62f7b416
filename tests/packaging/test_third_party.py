"""The package in providers/README.md, installed beside the wheel in an empty environment, and talked to."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.cli.talking import drawn, scripted, stage_of, write_wav
from tests.conftest import ROOT
from tests.packaging.empty import programs, run

LONGEST = 60
"""Lines: a provider is a page, and a short one."""
PAGE = (ROOT / "providers" / "README.md").read_text("utf-8")


def written(name: str) -> str:
    """The file of that name as the page shows it."""
    found = re.search(rf"^`{re.escape(name)}`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, f"the page shows no {name}"
    return found[1]


@pytest.fixture(scope="module")
def installed(away: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment, with the package in it."""
    source = tmp_path_factory.mktemp("parley-parrot")
    for name in ("pyproject.toml", "parley_parrot.py"):
        (source / name).write_text(written(name), "utf-8")
    pip = (sys.executable, "-m", "pip", "--python", away / "venv", "install")
    run(*pip, "--no-deps", "--no-index", "--no-build-isolation", source, cwd=away)
    return away


def test_it_is_short() -> None:
    assert len(written("parley_parrot.py").splitlines()) < LONGEST


def test_it_is_talked_to(installed: Path, tmp_path: Path) -> None:
    microphone = write_wav(tmp_path / "mic.wav", drawn([(0.5, 1.1)], 1.4))
    config = tmp_path / "parley.toml"
    config.write_text(scripted(), "utf-8")
    command = (programs(installed) / "parley", "talk", "--json", "--config", config, "--llm", "parrot")
    events = run(*command, "--mic", microphone, "--speaker", tmp_path / "speaker.wav", cwd=tmp_path)
    told = {event["event"]: event for event in map(json.loads, events.splitlines())}
    assert told["session.started"]["llm"] == "parrot"
    assert told["reply.finished"]["text"] == "You said: what time is it"
    assert "provider.failed" not in told


def test_a_wrong_option_is_one_sentence(installed: Path, tmp_path: Path) -> None:
    microphone = write_wav(tmp_path / "mic.wav", drawn([], 0.2))
    config = tmp_path / "parley.toml"
    config.write_text(stage_of(scripted(), "llm", "provider = 'parrot'\noptions = { prefx = 'So' }"), "utf-8")
    with pytest.raises(AssertionError, match="parley: parrot: Object contains unknown field `prefx`"):
        run(programs(installed) / "parley", "talk", "--config", config, "--mic", microphone, cwd=tmp_path)


def test_it_is_listed(installed: Path) -> None:
    listed = run(programs(installed) / "parley", "providers", "--stage", "llm", cwd=installed)
    assert re.search(r"^.*parrot.*ready", listed, re.MULTILINE), listed
