"""`parley voices` as a user runs it: the real espeak-ng, Piper's list, a server over a socket, somebody else's."""

from __future__ import annotations

import json
import signal
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli import poor
from tests.cli.serving import serving
from tests.cli.talking import Outcome, killed_if_stuck, one_sentence, read_wav, run, start
from tests.providers import humming
from tests.servers.compatible import CompatibleServer

KEY = "sk-own-DISTINCTIVE-0123456789-KEY"
ESPEAK = '# mine\n[tts]\nprovider = "espeak-ng"   # quick\n\n# --- the rest\n[turn]\nsilence_ms = 300\n'


def voices(folder: Path, *arguments: object, config: str = "", env: dict[str, str] | None = None) -> Outcome:
    """With ``config`` as the user's own file."""
    path = user_file(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    if config:
        path.write_text(config, "utf-8")
    return run(folder, ["voices", *arguments], env=poor.without_keys() | (env or {}))


def user_file(folder: Path) -> Path:
    return folder / "home" / "parley" / "config.toml"


def listed(outcome: Outcome) -> dict[str, dict[str, Any]]:
    assert (outcome.code, outcome.stderr) == (0, "")
    (line,) = outcome.lines
    return {voice["id"]: voice for voice in json.loads(line)["voices"]}


def server_config(server: CompatibleServer, more: str = "") -> str:
    return (
        f'[tts]\nprovider = "openai-compatible"\n{more}\noptions = {{ base_url = "{server.url}", api_key = "{KEY}" }}\n'
    )


# --- listing --------------------------------------------------------------------------------------------------------


def test_the_configured_providers_voices(tmp_path: Path) -> None:
    outcome = voices(tmp_path, config=ESPEAK.replace("# quick", "\nvoice = 'de'"))
    assert outcome.code == 0
    assert outcome.lines[0].endswith("voices of espeak-ng")
    assert [line.split() for line in outcome.lines if line.startswith(" *")] == [["*", "de", "German"]]


def test_a_language_alone(tmp_path: Path) -> None:
    found = listed(voices(tmp_path, "espeak-ng", "--language", "pt", "--json"))
    assert set(found) == {"pt", "pt-br"}
    assert found["pt-br"] == {
        "id": "pt-br", "name": "Portuguese (Brazil)", "language": "pt-br", "description": None, "in_use": False,
    }  # fmt: skip


def test_a_language_that_nobody_speaks(tmp_path: Path) -> None:
    outcome = voices(tmp_path, "espeak-ng", "--language", "tlx")
    assert outcome.code == 2
    assert "no voice for 'tlx'" in one_sentence(outcome.stderr)


def test_pipers_voices_here_and_elsewhere(tmp_path: Path) -> None:
    cache = tmp_path / "home" / "parley" / "piper"
    cache.mkdir(parents=True)
    humming.write(cache, "de_DE-thorsten-low")
    found = listed(voices(tmp_path, "piper", "--language", "de", "--json"))
    assert next(iter(found)) == "de_DE-thorsten-low", "those that are here come first"
    assert found["de_DE-thorsten-low"]["description"] == "on this machine"
    assert found["de_DE-thorsten-high"]["description"] == "about 114 MB to fetch"


def test_what_a_server_lists(tmp_path: Path) -> None:
    server = CompatibleServer()
    server.voices = {"voices": [{"id": "af_heart", "language": "en-us", "gender": "female"}, {"id": "ff_siwis"}]}
    with serving(server):
        outcome = voices(tmp_path, "--json", config=server_config(server, 'voice = "ff_siwis"'))
    found = listed(outcome)
    assert [name for name, voice in found.items() if voice["in_use"]] == ["ff_siwis"]
    assert found["af_heart"]["description"] == "female"
    assert json.loads(outcome.lines[0])["complete"] is True


def test_a_server_that_lists_none(tmp_path: Path) -> None:
    with serving(server := CompatibleServer()):
        outcome = voices(tmp_path, "--json", config=server_config(server))
    assert outcome.code == 0
    assert json.loads(outcome.lines[0])["complete"] is False


def test_nobody_answers(tmp_path: Path) -> None:
    """It is no mistake of the user's, so the exit code is 1."""
    server = CompatibleServer()
    with serving(server):
        pass
    outcome = voices(tmp_path, config=server_config(server))
    assert (outcome.code, outcome.lines) == (1, [])
    sentence = one_sentence(outcome.stderr)
    assert "voices of openai-compatible cannot be listed" in sentence
    assert "DISTINCTIVE" not in sentence


def test_a_provider_that_has_none_to_choose(tmp_path: Path) -> None:
    outcome = voices(tmp_path, "scripted")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert outcome.lines == ["scripted names no voices: there is nothing to choose"]


def test_a_provider_that_is_made_of_others(tmp_path: Path) -> None:
    config = '[tts]\nprovider = "fallback"\noptions = { of = ["espeak-ng", "piper"] }\n'
    outcome = voices(tmp_path, config=config)
    assert outcome.code == 2
    assert "parley voices espeak-ng or parley voices piper" in one_sentence(outcome.stderr)


def test_a_package_that_is_not_here(tmp_path: Path) -> None:
    outcome = voices(tmp_path, "espeak-ng", env=poor.hiding(tmp_path / "site", "espeakng_loader"))
    assert outcome.code == 2
    assert "pip install 'parley-voice[espeak]'" in one_sentence(outcome.stderr)


def test_an_unknown_provider(tmp_path: Path) -> None:
    outcome = voices(tmp_path, "nobody")
    assert outcome.code == 2
    said = one_sentence(outcome.stderr)
    assert said.startswith('"nobody" is not a known tts provider'), "and nothing of a flag that was not given"


THEIRS = """
from providers._card import VoiceInfo

async def voices(options):
    if options.get("broken"):
        raise KeyError("what now")
    return [VoiceInfo("v1", "Ann\\x1b[2J", "en"), VoiceInfo("v2", "Bob", "de", "a sk-own-DISTINCTIVE-0123456789-KEY b")]

def voice(options): ...
"""


def test_somebody_elses_voices(tmp_path: Path) -> None:
    env = poor.install(tmp_path / "site", "acme", THEIRS, "[parley.tts]\nacme = acme.providers:voice\n")
    env |= {"ACME_API_KEY": KEY}
    found = listed(voices(tmp_path, "acme", "--json", env=env))
    assert [(voice["id"], voice["language"]) for voice in found.values()] == [("v1", "en"), ("v2", "de")]
    shown = voices(tmp_path, "acme", env=env)
    assert shown.code == 0
    assert not any("\x1b" in line or "DISTINCTIVE" in line for line in shown.lines)
    broken = '[tts]\nprovider = "acme"\noptions = { broken = true }\n'
    outcome = voices(tmp_path, config=broken, env=env)
    assert outcome.code == 1
    assert "KeyError" in one_sentence(outcome.stderr)


def test_ctrl_c_while_a_server_hangs(tmp_path: Path) -> None:
    class Hanging(CompatibleServer):
        async def _answer(self, *_: Any) -> bool:
            import asyncio

            await asyncio.sleep(60)
            return False

    server = Hanging()
    with serving(server):
        user_file(tmp_path).parent.mkdir(parents=True)
        user_file(tmp_path).write_text(server_config(server))
        process = start(tmp_path, ["voices"], env=poor.without_keys())
        with killed_if_stuck(process):
            while not server.requests:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate()
    assert process.returncode == 130
    assert (out, err) == (b"", b"")


# --- hearing --------------------------------------------------------------------------------------------------------


def seconds(path: Path) -> float:
    sound, rate = read_wav(path)
    assert np.abs(sound).max() > 0.05
    return len(sound) / rate


def test_a_voice_is_heard_in_its_own_language(tmp_path: Path) -> None:
    outcome = voices(tmp_path, "espeak-ng", "--play", "de", "-o", "de.wav", "--json")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert json.loads(outcome.lines[0])["text"].startswith("Guten Tag")
    assert 1 < seconds(tmp_path / "de.wav") < 6


def test_it_says_what_it_is_told(tmp_path: Path) -> None:
    config = ESPEAK.replace("# quick", "\nmodel = 'en-us'\noptions = { voice = 'en-us' }\nfallback = ['piper']")
    short = voices(tmp_path, "--play", "de+f3", "--say", "Ja.", "-o", "short.wav", config=config)
    plain = voices(tmp_path, "--play", "en-us", "--say", "Ja.", "-o", "plain.wav", config=config)
    assert (short.code, short.stderr, plain.code) == (0, "", 0)
    assert seconds(tmp_path / "short.wav") < 1.5
    assert not np.array_equal(read_wav(tmp_path / "short.wav")[0], read_wav(tmp_path / "plain.wav")[0])


def test_the_server_is_asked_for_that_voice(tmp_path: Path) -> None:
    server = CompatibleServer()
    server.voices = ["one", "two"]
    with serving(server):
        outcome = voices(tmp_path, "--play", "two", "-o", "two.wav", config=server_config(server, 'voice = "one"'))
    assert (outcome.code, outcome.stderr) == (0, "")
    assert {post.json["voice"] for post in server.posts} == {"two"}
    assert seconds(tmp_path / "two.wav") > 0.4


@pytest.mark.parametrize("action", ["--play", "--use"])
def test_a_wrong_name_is_one_sentence_with_near_ones(action: str, tmp_path: Path) -> None:
    outcome = voices(tmp_path, action, "en-uss", config=ESPEAK)
    assert (outcome.code, outcome.lines) == (2, [])
    assert "did you mean en-us" in one_sentence(outcome.stderr)
    assert user_file(tmp_path).read_text() == ESPEAK


@pytest.mark.parametrize("flags", [("--say", "Hi"), ("-o", "a.wav")])
def test_what_needs_a_voice_to_be_played(flags: tuple[str, str], tmp_path: Path) -> None:
    outcome = voices(tmp_path, *flags, config=ESPEAK)
    assert outcome.code == 2
    assert "--play" in one_sentence(outcome.stderr)


def test_play_and_use_are_two_things(tmp_path: Path) -> None:
    assert voices(tmp_path, "--play", "de", "--use", "de", config=ESPEAK).code == 2


def test_no_loudspeaker_is_one_sentence(tmp_path: Path) -> None:
    outcome = voices(tmp_path, "--play", "de", config=ESPEAK + '[audio]\noutput = "no such loudspeaker"\n')
    assert outcome.code in (1, 2), "2 where there are others"
    assert "loudspeaker" in one_sentence(outcome.stderr)


# --- choosing -------------------------------------------------------------------------------------------------------


def test_the_choice_is_written_and_nothing_else_is_changed(tmp_path: Path) -> None:
    outcome = voices(tmp_path, "--use", "de", config=ESPEAK)
    assert (outcome.code, outcome.stderr) == (0, "")
    assert str(user_file(tmp_path)) in outcome.lines[0]
    assert user_file(tmp_path).read_text() == ESPEAK.replace("[tts]\n", '[tts]\nvoice = "de"\n')
    again = voices(tmp_path, "--use", "German")
    assert (again.code, user_file(tmp_path).read_text().count("voice")) == (0, 1), "by its name, and only once"
    spoken = run(tmp_path, ["voices", "--json"], env=poor.without_keys())
    assert [name for name, voice in listed(spoken).items() if voice["in_use"]] == ["de"]


def test_where_there_is_no_file_yet(tmp_path: Path) -> None:
    outcome = voices(tmp_path, "espeak-ng", "--use", "fr", "--json")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert json.loads(outcome.lines[0]) == {
        "file": str(user_file(tmp_path)), "provider": "espeak-ng", "voice": "fr", "overruled_by": None,
    }  # fmt: skip
    assert tomllib.loads(user_file(tmp_path).read_text()) == {"tts": {"provider": "espeak-ng", "voice": "fr"}}


def test_the_file_of_the_flag(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(ESPEAK)
    outcome = voices(tmp_path, "--config", "mine.toml", "--use", "de")
    assert outcome.code == 0
    assert 'voice = "de"' in (tmp_path / "mine.toml").read_text()
    assert not user_file(tmp_path).exists()


def test_another_provider_takes_the_place_of_the_first(tmp_path: Path) -> None:
    outcome = voices(tmp_path, "piper", "--use", "de_DE-thorsten-high", config=ESPEAK)
    assert outcome.code == 0
    table = tomllib.loads(user_file(tmp_path).read_text())["tts"]
    assert table == {"provider": "piper", "voice": "de_DE-thorsten-high"}


def test_it_gets_nothing_that_was_meant_for_the_first(tmp_path: Path) -> None:
    config = '[tts]\nprovider = "elevenlabs"\nmodel = "eleven_v3"\n'
    outcome = voices(tmp_path, "espeak-ng", "--use", "de", config=config)
    assert outcome.code == 2
    assert "has model for elevenlabs" in one_sentence(outcome.stderr)
    assert user_file(tmp_path).read_text() == config


def test_a_model_that_is_another_word_for_the_voice_goes(tmp_path: Path) -> None:
    outcome = voices(tmp_path, "--use", "de", config='[tts]\nprovider = "espeak-ng"\nmodel = "fr"\n')
    assert (outcome.code, outcome.stderr) == (0, "")
    assert tomllib.loads(user_file(tmp_path).read_text())["tts"] == {"provider": "espeak-ng", "voice": "de"}


def test_a_variant_that_there_is_not(tmp_path: Path) -> None:
    """A voice that can be opened at no cost is opened before it is chosen."""
    outcome = voices(tmp_path, "--use", "de+nobody", config=ESPEAK)
    assert outcome.code == 2
    assert "no variant 'nobody'" in one_sentence(outcome.stderr)
    assert user_file(tmp_path).read_text() == ESPEAK


@pytest.mark.parametrize(
    ("here", "env", "overrules"),
    [
        ('[tts]\nvoice = "it"\n', {}, "parley.toml, line 2 chooses it"),
        ('[tts]\nprovider = "piper"\n', {}, "parley.toml, line 2 chooses piper"),
        ("", {"PARLEY_TTS_VOICE": "it"}, "environment variable PARLEY_TTS_VOICE chooses it"),
        ('[tts]\noptions = { voice = "it" }\n', {}, "parley.toml, line 2 chooses it"),
    ],
)
def test_a_choice_that_does_not_count_here(here: str, env: dict[str, str], overrules: str, tmp_path: Path) -> None:
    """It is written all the same, and what overrules it is named."""
    (tmp_path / "parley.toml").write_text(here)
    outcome = voices(tmp_path, "espeak-ng", "--use", "de", config=ESPEAK, env=env)
    assert outcome.code == 0
    sentence = one_sentence(outcome.stderr)
    assert "not in force here" in sentence
    assert overrules in sentence
    assert 'voice = "de"' in user_file(tmp_path).read_text()


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "parley").touch()
    outcome = run(tmp_path, ["voices", "espeak-ng", "--use", "de"], env=poor.without_keys())
    assert outcome.code == 2
    assert "cannot write the config file" in one_sentence(outcome.stderr)
