"""``parley config``, through argparse as the command line calls it."""

from __future__ import annotations

import argparse
import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.commands import config
from assistant.ports import ParleyError

Parley = Callable[..., str]


@pytest.fixture
def parley(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Parley:
    for name in [name for name in os.environ if name.startswith("PARLEY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def parley(*words: str) -> str:
        parser = argparse.ArgumentParser(prog="parley")
        config.register(parser.add_subparsers(required=True))
        args = parser.parse_args(["config", *words])
        assert args.run(args) == 0
        return capsys.readouterr().out

    return parley


def test_show_is_toml_without_keys(parley: Parley, tmp_path: Path) -> None:
    (tmp_path / "parley.toml").write_text('[llm]\nprovider = "openai"\noptions = { api_key = "sk-0123456789" }')
    shown = tomllib.loads(parley("show"))
    assert shown["llm"]["provider"] == "openai"
    assert shown["llm"]["options"] == {"api_key": "***"}
    assert shown["turn"]["endpointing"] == "adaptive"


def test_show_says_where_each_value_came_from(parley: Parley, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.toml").write_text("[turn]\nsilence_ms = 300")
    monkeypatch.setenv("PARLEY_TURN_DRAFTS", "no")
    out = parley("show", "--origin", "--config", "mine.toml", "--profile", "offline", "--tts", "openai-compatible:m:x")
    assert tomllib.loads(out)["tts"]["model"] == "m:x"
    lines = {line.split(" = ")[0]: line.split("# ")[-1] for line in out.splitlines() if " = " in line}
    assert lines["silence_ms"] == f"{tmp_path / 'mine.toml'}:2"
    assert lines["drafts"] == "PARLEY_TURN_DRAFTS"
    assert lines["profile"] == "--profile"
    assert lines["max_silence_ms"] == "default"
    assert 'provider = "offline"                     # profile offline' in out
    assert 'provider = "openai-compatible"           # --tts' in out


def test_show_as_json(parley: Parley, tmp_path: Path) -> None:
    (tmp_path / "parley.toml").write_text("[turn]\nsilence_ms = 300")
    out = parley("show", "--json")
    assert out.count("\n") == 1
    told = json.loads(out)
    assert told["settings"]["turn"]["silence_ms"] == 300
    assert told["origins"]["turn.silence_ms"] == f"{tmp_path / 'parley.toml'}:2"
    assert {"path": str(tmp_path / "parley.toml"), "exists": True} in told["files"]


def test_path_tells_the_files_even_when_they_are_wrong(parley: Parley, tmp_path: Path) -> None:
    (tmp_path / "parley.toml").write_text("wrong")
    user, here = parley("path").splitlines()
    assert user.endswith("config.toml (not there)")
    assert here == f"{tmp_path / 'parley.toml'} (found)"
    assert json.loads(parley("path", "--json", "--config", "x.toml")) == {
        "files": [{"path": str(tmp_path / "x.toml"), "exists": False}]
    }


def test_check(parley: Parley, tmp_path: Path) -> None:
    assert parley("check") == "ok: no config file, the defaults are in force\n"
    (tmp_path / "good.toml").write_text("[turn]\nsilence_ms = 300")
    (tmp_path / "parley.toml").write_text("[turn]\nsilence = 300")
    assert parley("check", "good.toml") == f"ok: {tmp_path / 'good.toml'}\n"
    with pytest.raises(ParleyError, match=r"parley\.toml, line 2: .*silence_ms"):
        parley("check")


def test_check_knows_the_stop_words_that_can_be_heard(parley: Parley, tmp_path: Path) -> None:
    (tmp_path / "parley.toml").write_text('[turn]\nstop_words = ["please halt"]')
    assert parley("check").startswith("ok: ")
    (tmp_path / "parley.toml").write_text('[turn]\nstop_words = ["halt", "xyzzyq"]')
    with pytest.raises(ParleyError, match=r"parley.toml, line 2: turn.stop_words holds 'xyzzyq', which the dictionary"):
        parley("check")


def test_check_looks_for_the_prompt_too(parley: Parley, tmp_path: Path) -> None:
    (tmp_path / "parley.toml").write_text("[assistant]\nprompt = 'defualt'")
    with pytest.raises(ParleyError, match='no prompt "defualt"'):
        parley("check")


@pytest.mark.parametrize("choice", ["", ":x", "openai:"])
def test_half_a_choice_of_a_provider(parley: Parley, choice: str) -> None:
    with pytest.raises(ParleyError, match="NAME:MODEL"):
        parley("show", "--llm", choice)
