"""Providers as the command line finds them: a third party's by path and by entry point, a vendor's over a socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers.anthropic import AnthropicServer
from tests.servers.compatible import CompatibleServer
from tests.servers.openai import HEARD, TEXT, OpenAIServer

from . import thirdparty
from .serving import serving
from .talking import REAL, RECORDED, Outcome, drawn, one_sentence, scripted, side_by_side, sounds, stage_of, talk

KEY = "sk-wrong-DISTINCTIVE-0123456789-KEY"
ONCE = drawn([(0.5, 1.1)], 1.4)


def test_a_third_party(tmp_path: Path) -> None:
    env = thirdparty.install(tmp_path / "site")
    options = 'options = { answer = "Here I am." }'
    by_path = stage_of(scripted(), "llm", f'provider = "acme.providers:model"\n{options}')
    by_name = stage_of(stage_of(scripted(), "llm", f'provider = "acme"\n{options}'), "tts", 'provider = "acme"')
    outcomes = side_by_side(
        {
            "by path": lambda: talk(tmp_path / "path", by_path, ONCE, env=env),
            "by entry point": lambda: talk(tmp_path / "entry", by_name, ONCE, env=env),
            "by flag": lambda: talk(tmp_path / "flag", scripted(), ONCE, "--llm", "acme.providers:model", env=env),
            "not installed": lambda: talk(tmp_path / "none", by_name, ONCE),
        }
    )
    for name in ("by path", "by entry point"):
        assert (outcomes[name].code, outcomes[name].stderr) == (0, ""), name
        assert outcomes[name].one("reply.finished")["text"] == "Here I am."
    assert outcomes["by path"].one("session.started")["llm"] == "acme.providers:model"
    assert outcomes["by entry point"].one("session.started")["tts"] == "acme"
    assert outcomes["by flag"].one("reply.finished")["text"] == "You said what time is it."
    assert outcomes["not installed"].code == 2
    assert '"acme"' in one_sentence(outcomes["not installed"].stderr)


def test_real_protocols_for_every_stage(tmp_path: Path) -> None:
    ears, model, voice = OpenAIServer(), AnthropicServer(), CompatibleServer()
    with serving(ears, model, voice):
        config = scripted()
        for stage, provider, url in (
            ("stt", "openai", ears.url),
            ("llm", "anthropic", model.url),
            ("tts", "openai-compatible", voice.url),
        ):
            options = f'{{ base_url = "{url}", api_key = "{KEY}" }}'
            config = stage_of(config, stage, f'provider = "{provider}"\noptions = {options}')
        outcome = talk(tmp_path, config, ONCE, "--record", tmp_path / "recording")
    assert outcome.code == 0
    final = outcome.all("user.transcript.final")[-1]
    assert (final["text"], final["provider"]) == (HEARD, "openai")
    assert outcome.one("reply.finished")["text"] == TEXT.replace(" 🕓", "")  # nobody can speak that
    assert not outcome.all("provider.failed")
    assert ears.posts
    assert model.posts
    assert voice.posts
    assert sounds(outcome.speaker)[0][0] == pytest.approx(outcome.one("reply.audible")["at"], abs=0.02)
    assert not leaked(outcome)


def leaked(outcome: Outcome) -> list[str]:
    """Where the key can be read."""
    shown = {"stdout": "\n".join(outcome.lines), "stderr": outcome.stderr}
    for path in (outcome.folder / "recording").iterdir():
        shown[path.name] = path.read_bytes().decode("latin-1")
    return [place for place, text in shown.items() if KEY in text]


@pytest.mark.parametrize(("provider", "server"), [("anthropic", AnthropicServer), ("openai", OpenAIServer)])
def test_a_wrong_key(provider: str, server: type[AnthropicServer] | type[OpenAIServer], tmp_path: Path) -> None:
    """A failed call during a session: told, apologised for, and no reason for another exit code."""
    vendor = server("401")
    vendor.key = KEY
    with serving(vendor):
        options = f'{{ base_url = "{vendor.url}", api_key = "{KEY}" }}'
        config = stage_of(scripted(), "llm", f'provider = "{provider}"\noptions = {options}')
        outcome = talk(tmp_path, config, ONCE, "--record", tmp_path / "recording")
    assert outcome.code == 0
    failures = outcome.all("provider.failed")
    assert {(event["stage"], event["provider"], event["next"]) for event in failures} == {("llm", provider, None)}
    assert "401" in failures[0]["error"]
    assert outcome.all("reply.started")[-1]["kind"] == "apology"
    assert outcome.one("reply.finished")["text"].startswith("Sorry")
    assert sounds(outcome.speaker)
    assert outcome.events[-1]["reason"] == "input_over"
    told = [line for line in outcome.stderr.splitlines() if "recording to" not in line]
    assert len(told) == len(failures)
    assert all(line.startswith(f"parley: llm {provider} failed: ") for line in told)
    assert not leaked(outcome)


def test_a_fallback_takes_over(tmp_path: Path) -> None:
    vendor = AnthropicServer("500")
    with serving(vendor):
        options = f'{{ base_url = "{vendor.url}", api_key = "{KEY}" }}'
        table = f'provider = "anthropic"\noptions = {options}\nfallback = ["backup"]'
        backup = '[providers.backup]\nprovider = "scripted"\noptions = { replies = ["Here is the backup."] }'
        outcome = talk(tmp_path, stage_of(scripted(more=backup), "llm", table), ONCE)
    assert outcome.code == 0
    assert outcome.all("provider.failed")[0]["next"] == "backup"
    assert outcome.one("reply.started")["kind"] == "answer"
    assert outcome.one("reply.finished")["text"] == "Here is the backup."
    assert len(outcome.stderr.splitlines()) == len(outcome.all("provider.failed"))


def test_who_cannot_be_built_is_passed_over(tmp_path: Path) -> None:
    """No key, but a fallback: one line, and the conversation is held."""
    backup = '[providers.backup]\nprovider = "scripted"\noptions = { replies = ["Here is the backup."] }'
    table = 'provider = "anthropic"\nfallback = ["backup"]'
    outcome = talk(tmp_path, stage_of(scripted(more=backup), "llm", table), ONCE)
    assert outcome.code == 0
    sentence = one_sentence(outcome.stderr)
    assert "ANTHROPIC_API_KEY" in sentence
    assert "backup" in sentence
    assert outcome.one("reply.finished")["text"] == "Here is the backup."


def test_nothing_is_left_behind_by_libraries(tmp_path: Path) -> None:
    """No identifier, cache or session of anybody's telemetry, in the user's folders or the temporary one."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    mic = RECORDED / "slt-what-time-is-it.wav"
    outcome = talk(tmp_path / "talk", REAL, mic, env={"TMPDIR": str(temporary)})
    assert outcome.code == 0
    assert outcome.one("session.started")["vad"].startswith("silero")
    assert not list(temporary.iterdir())
    assert not [path for path in (tmp_path / "talk" / "home").glob("**/*") if path.is_file()]
