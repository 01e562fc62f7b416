"""`parley providers` as a user runs it, in environments where much is missing."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli import poor, thirdparty
from tests.cli.serving import serving
from tests.cli.talking import Outcome, environment, one_sentence, run
from tests.servers.compatible import CompatibleServer

KEY = "sk-own-DISTINCTIVE-0123456789-KEY"
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "DEEPGRAM_API_KEY")


def asked(folder: Path, *flags: object, config: str = "", env: dict[str, str] | None = None) -> Outcome:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(config, "utf-8")
    outcome = run(
        folder, ["providers", "--config", folder / "config.toml", *flags], env=poor.without_keys() | (env or {})
    )
    assert (outcome.code, "--verbose" in flags or outcome.stderr) in ((0, ""), (0, True))
    return outcome


def told(folder: Path, *flags: object, **more: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """The providers of the JSON document, by stage and name."""
    (line,) = asked(folder, "--json", *flags, **more).lines
    return {(row["stage"], row["name"]): row for row in json.loads(line)["providers"]}


def missing(row: dict[str, Any]) -> dict[str, str]:
    return {lack["kind"]: lack["command"] for lack in row["missing"]}


def test_what_is_missing_and_the_commands_that_get_it(tmp_path: Path) -> None:
    env = poor.hiding(tmp_path / "site", "anthropic", "piper", "faster_whisper", "pocketsphinx", "espeakng_loader")
    rows = told(tmp_path, env=env)
    assert missing(rows["llm", "anthropic"]) == {
        "package": "pip install 'parley-voice[anthropic]'",
        "key": "export ANTHROPIC_API_KEY=...",
    }
    assert missing(rows["llm", "openai"]) == {"key": "export OPENAI_API_KEY=..."}
    assert missing(rows["tts", "piper"])["package"] == "pip install 'parley-voice[piper]'"
    assert missing(rows["stt", "faster-whisper"])["package"] == "pip install 'parley-voice[whisper]'"
    assert missing(rows["tts", "openai-compatible"])["server"].startswith("docker run")
    assert rows["llm", "offline"]["ready"] is True
    assert {row["place"] for (stage, _), row in rows.items() if stage == "stt"} == {None}, "nothing can be chosen"


def test_what_is_ready(tmp_path: Path) -> None:
    rows = told(tmp_path, env=dict.fromkeys(KEYS, KEY))
    for stage, name in (
        ("llm", "anthropic"),
        ("llm", "openai"),
        ("stt", "openai"),
        ("tts", "espeak-ng"),
        ("stt", "pocketsphinx"),
    ):
        assert rows[stage, name]["ready"] is True, name
    assert rows["llm", "anthropic"]["place"] == 1, "its key is there, so it is taken unasked"
    assert rows["llm", "anthropic"]["model"] == "claude-haiku-5-5"
    assert rows["llm", "anthropic"]["abilities"] == {"tools": True, "usage": True}
    assert rows["llm", "anthropic"]["price"]["text"].startswith("$")
    assert rows["tts", "espeak-ng"]["price"]["text"] == "free"


def test_a_model_that_is_fetched_at_the_first_use(tmp_path: Path) -> None:
    may = told(tmp_path / "may", env={"HF_HUB_OFFLINE": ""})["tts", "piper"]
    assert may["ready"] is True
    assert "its model is fetched at the first use (about 63 MB); now: parley say Hello --tts piper" in may["notes"]
    assert "never run here with a real model" in may["notes"]
    assert may["run_with_a_real_model"] is False
    forbidden = told(tmp_path / "not")["tts", "piper"]
    assert missing(forbidden) == {"model": "unset HF_HUB_OFFLINE"}


def test_a_server_that_is_up_and_one_that_is_down(tmp_path: Path) -> None:
    up, down = CompatibleServer(), CompatibleServer()
    with serving(down):
        pass
    with serving(up):
        instances = "".join(
            f'[providers.{name}]\nprovider = "openai-compatible"\noptions = {{ base_url = "{server.url}" }}\n'
            for name, server in (("up", up), ("down", down))
        )
        rows = told(tmp_path, "--stage", "llm", config=instances)
    assert rows["llm", "up"]["ready"] is True
    assert (rows["llm", "up"]["provider"], rows["llm", "up"]["address"]) == ("openai-compatible", up.url)
    assert rows["llm", "down"]["ready"] is False
    assert missing(rows["llm", "down"]) == {"server": "ollama serve"}
    assert {stage for stage, _ in rows} == {"llm"}


def test_servers_that_hang_hold_up_nothing(tmp_path: Path) -> None:
    """All of them are asked at once."""
    slow = CompatibleServer("hang")
    slow.models = []
    with serving(slow):
        many = "".join(
            f'[providers.slow{number}]\nprovider = "openai-compatible"\n'
            f'options = {{ base_url = "http://127.0.0.1:{slow.port}/x{number}" }}\n'
            for number in range(40)
        )
        outcome = asked(tmp_path, "--json", config=many)
    assert outcome.seconds < 10


def test_the_chain_that_is_configured(tmp_path: Path) -> None:
    config = (
        '[llm]\nprovider = "anthropic"\nmodel = "claude-sonnet-5-5"\nfallback = ["openai:gpt-6-astra", "offline"]\n'
    )
    rows = told(tmp_path, config=config)
    places = {name: row["place"] for (stage, name), row in rows.items() if stage == "llm" and row["place"]}
    assert places == {"anthropic": 1, "openai": 2, "offline": 3}
    assert rows["llm", "anthropic"]["model"] == "claude-sonnet-5-5"
    assert rows["llm", "openai"]["model"] == "gpt-6-astra"
    assert rows["llm", "openai"]["default_model"] == "gpt-6-luna"


def test_somebody_elses_providers(tmp_path: Path) -> None:
    """One that says nothing of itself, and one with a card."""
    source = (
        "from assistant.ports import ChatAbilities\nfrom providers._card import Card\n"
        "CARDS = {'llm': Card(ChatAbilities(tools=True), model='m', package='not_here_at_all', note='by us')}\n"
        "def model(options): ...\n"
    )
    env = thirdparty.install(tmp_path / "acme")
    other = poor.install(tmp_path / "other", "zenith", source, "[parley.llm]\nzenith = zenith.providers:model\n")
    paths = {"PYTHONPATH": os.pathsep.join((env["PYTHONPATH"], other["PYTHONPATH"]))}
    rows = told(tmp_path, env=paths)
    assert rows["llm", "acme"]["ready"] is None
    assert rows["llm", "acme"]["notes"] == ["says nothing of itself"]
    assert rows["llm", "acme"]["abilities"] is None
    assert missing(rows["llm", "zenith"]) == {"package": "pip install not_here_at_all"}
    assert rows["llm", "zenith"]["notes"] == ["by us"]
    by_path = told(tmp_path / "path", config='[llm]\nprovider = "acme.providers:model"\n', env=paths)
    assert by_path["llm", "acme.providers:model"]["place"] == 1


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import not_here_at_all", "No module named 'not_here_at_all'"),
        ("def model(:", "SyntaxError"),
        ("raise RuntimeError('what now')", "RuntimeError: what now"),
        ("CARDS = 7\ndef model(options): ...", "AttributeError"),
    ],
)
def test_a_broken_package_of_somebody_elses_hides_no_other(source: str, why: str, tmp_path: Path) -> None:
    env = poor.install(tmp_path / "site", "broken", source, "[parley.llm]\nbroken = broken.providers:model\n")
    row = told(tmp_path, env=env)["llm", "broken"]
    assert row["ready"] is False
    (lack,) = row["missing"]
    assert lack["kind"] == "module"
    assert why in lack["what"]
    assert lack["command"] == "pip install --force-reinstall broken"


def test_no_key_is_ever_shown(tmp_path: Path) -> None:
    config = f'''
[llm]
provider = "openai"
options = {{ api_key = "{KEY}-options", base_url = "http://user:{KEY}-url@127.0.0.1:9/v1?token={KEY}-query" }}
[providers.mine]
provider = "anthropic"
options = {{ api_key = "{KEY}-instance" }}
'''
    env = {name: f"{KEY}-{name}" for name in KEYS}
    for flags in ((), ("--json",), ("--verbose",)):
        outcome = asked(tmp_path, *flags, config=config, env=env)
        assert "DISTINCTIVE" not in "\n".join(outcome.lines) + outcome.stderr


def test_a_table_for_people_on_80_columns(tmp_path: Path) -> None:
    lines = asked(tmp_path, env={"COLUMNS": "80"}).lines
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for heading in ("Speech to text (--stt NAME)", "Language models (--llm NAME)", "Text to speech (--tts NAME)"):
        assert heading in text
    assert " *  offline " in text
    assert "      needs an API key in ANTHROPIC_API_KEY: export ANTHROPIC_API_KEY=..." in lines
    assert "never run here with a real model" in text
    assert "\x1b" not in text, "a pipe gets no colours"


def test_a_wide_table_has_the_abilities_in_a_column(tmp_path: Path) -> None:
    lines = asked(tmp_path, "--stage", "stt", env={"COLUMNS": "150"}).lines
    assert lines[1].split() == ["NAME", "STATE", "CAN", "MODEL", "PRICE"]
    (sphinx,) = (line for line in lines if line[4:].startswith("pocketsphinx "))
    assert "partials, word times, en" in sphinx


def test_on_a_terminal_it_has_colours(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    env = environment(tmp_path, TERM="xterm-256color", COLUMNS="100", **poor.without_keys())
    env.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "assistant", "providers", "--stage", "llm"]
    process = subprocess.Popen(command, cwd=tmp_path, env=env, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    try:
        while piece := os.read(master, 65536):
            shown += piece
    except OSError:  # the other end is closed
        pass
    os.close(master)
    assert process.wait() == 0
    assert b"\x1b[1m" in shown
    assert b"offline" in shown


def test_a_wrong_config_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[llm]\nprovider = "nobody"\n')
    outcome = run(tmp_path, ["providers", "--config", tmp_path / "config.toml"])
    assert outcome.code == 2
    assert "nobody" in one_sentence(outcome.stderr)


def test_wrong_options_of_one_provider_are_told_in_its_row(tmp_path: Path) -> None:
    row = told(tmp_path, config='[stt]\nprovider = "faster-whisper"\nmodel = "huge"\n')["stt", "faster-whisper"]
    (lack,) = row["missing"]
    assert (lack["kind"], row["place"]) == ("options", 1)
    assert "there is no model called 'huge'" in lack["what"]


def test_the_fields_of_the_document_are_those_that_are_documented(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "providers.md").read_text("utf-8")
    (line,) = asked(tmp_path, "--json").lines
    document = json.loads(line)
    assert set(document) == {"providers", "servers", "unchosen"}
    for field in (*document["providers"][0], *document):
        assert f"`{field}`" in page, field
