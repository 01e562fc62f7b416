from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.config import Settings, load
from assistant.ports import ParleyError

EXAMPLE = """\
profile = "auto"
[assistant]
prompt = "default"
language = "auto"
[vad]
provider = "silero"
runtime = "onnx"
threshold = 0.5
threshold_speaking = 0.3
min_speech_ms = 96
pre_roll_ms = 500
[stt]
provider = "faster-whisper"
model = "base.en"
language = "auto"
fallback = ["openai"]
[llm]
provider = "anthropic"
model = "claude-haiku-5-5"
max_tokens = 400
fallback = ["openai", "backup"]
[llm.options]
base_url = "http://127.0.0.1:8080"
[tts]
provider = "espeak-ng"
voice = "en-gb"
speed = 1.0
cache = true
[turn]
endpointing = "adaptive"
detector = "auto"
silence_ms = 200
max_silence_ms = 2500
drafts = true
drafts_per_turn = 3
barge_in = "words"
[audio]
input = ""
output = ""
echo_cancel = "auto"
noise_suppression = "auto"
overlap = "pause"
[providers.backup]
provider = "openai-compatible"
model = "qwen3"
options = { base_url = "http://127.0.0.1:11434/v1" }
[timeouts]
connect = 3.0
first_byte = 8.0
gap = 5.0
[cost]
budget = 0.0
on_budget = "warn"
"""


def test_nothing_written_gives_the_defaults(loaded) -> None:
    result = loaded()
    assert result.settings == Settings()
    assert {str(origin) for origin in result.origins.values()} == {"default"}
    assert [there for _, there in result.files] == [False, False]


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "\ufeff[vad]\n"])
def test_an_empty_file_is_fine(loaded, text: str) -> None:
    assert loaded(text).settings == Settings()


def test_every_documented_key_is_read(loaded) -> None:
    settings = loaded(EXAMPLE).settings
    assert settings.stt.provider == "faster-whisper"
    assert settings.llm.fallback == ("openai", "backup")
    assert settings.llm.options == {"base_url": "http://127.0.0.1:8080"}
    assert settings.providers["backup"].options == {"base_url": "http://127.0.0.1:11434/v1"}
    assert settings.turn == Settings().turn
    assert settings.vad == Settings().vad
    assert settings.audio == Settings().audio
    assert settings.timeouts == Settings().timeouts
    assert settings.cost == Settings().cost


def test_the_documented_defaults() -> None:
    settings = Settings()
    assert (settings.timeouts.connect, settings.timeouts.first_byte, settings.timeouts.gap) == (3.0, 8.0, 5.0)
    assert (settings.turn.endpointing, settings.turn.silence_ms, settings.turn.max_silence_ms) == (
        "adaptive",
        200,
        2500,
    )
    assert settings.turn.detector == "auto"
    assert (settings.turn.drafts, settings.turn.drafts_per_turn, settings.turn.barge_in) == (True, 3, "words")
    assert (settings.vad.threshold, settings.vad.threshold_speaking) == (0.5, 0.3)
    assert (settings.vad.min_speech_ms, settings.vad.pre_roll_ms) == (96, 500)
    assert settings.stt.provider == settings.llm.provider == settings.tts.provider == ""
    assert settings.llm.max_tokens == 400


def test_whole_numbers_will_do_where_a_number_is_asked(loaded) -> None:
    assert loaded("[tts]\nspeed = 2").settings.tts.speed == 2.0


# --- layers ---------------------------------------------------------------------------------------------------------


def test_later_layers_win_and_each_value_knows_where_it_came_from(loaded, tmp_path: Path) -> None:
    result = loaded(
        "[turn]\nmax_silence_ms = 2\nsilence_ms = 2\n[vad]\npre_roll_ms = 2",
        user="[turn]\nsilence_ms = 1\ndrafts_per_turn = 1\n[vad]\npre_roll_ms = 1\nmin_speech_ms = 1",
        environ={"PARLEY_VAD_PRE_ROLL_MS": "3", "PARLEY_TURN_SILENCE_MS": "1"},
        flags={"turn": {"silence_ms": 0, "drafts": None}},
    )
    turn, vad = result.settings.turn, result.settings.vad
    assert (turn.silence_ms, turn.max_silence_ms, turn.drafts_per_turn, turn.drafts) == (0, 2, 1, True)
    assert (vad.pre_roll_ms, vad.min_speech_ms, vad.threshold) == (3, 1, 0.5)
    origins = {key: str(origin) for key, origin in result.origins.items()}
    assert origins["turn.silence_ms"] == "command line"
    assert origins["turn.max_silence_ms"] == f"{tmp_path / 'parley.toml'}:2"
    assert origins["turn.drafts_per_turn"] == f"{tmp_path / 'user.toml'}:3"
    assert origins["vad.pre_roll_ms"] == "PARLEY_VAD_PRE_ROLL_MS"
    assert origins["vad.min_speech_ms"] == f"{tmp_path / 'user.toml'}:6"
    assert origins["vad.threshold"] == "default"


def test_lists_are_replaced_and_option_tables_are_merged(loaded) -> None:
    llm = loaded(
        '[llm]\nfallback = ["offline"]\noptions.b = 2',
        user='[llm]\nfallback = ["openai", "anthropic"]\noptions = { a = 1, b = 1 }',
    ).settings.llm
    assert llm.fallback == ("offline",)
    assert llm.options == {"a": 1, "b": 2}


def test_a_file_given_by_name_is_the_only_one_read(loaded) -> None:
    result = loaded("[turn]\nsilence_ms = 1", user="[turn]\ndrafts = false", only="[turn]\nbarge_in = 'off'")
    assert (result.settings.turn.silence_ms, result.settings.turn.drafts) == (200, True)
    assert result.settings.turn.barge_in == "off"
    assert [path.name for path, there in result.files if there] == ["only.toml"]


def test_the_environment_may_name_the_file(loaded, tmp_path: Path) -> None:
    (tmp_path / "named.toml").write_text("[turn]\nsilence_ms = 7\n")
    result = loaded("[turn]\nsilence_ms = 1", environ={"PARLEY_CONFIG": str(tmp_path / "named.toml")})
    assert result.settings.turn.silence_ms == 7


def test_a_provider_chosen_by_flag_does_not_inherit_the_files_model_and_key(loaded) -> None:
    text = "[llm]\nprovider = 'anthropic'\nmodel = 'claude'\noptions.api_key = 'abcdefgh'\nmax_tokens = 5"
    llm = loaded(text, flags={"llm": {"provider": "openai", "model": None}}).settings.llm
    assert (llm.provider, llm.model, llm.options, llm.max_tokens) == ("openai", "", {}, 5)
    same = loaded(text, flags={"llm": {"provider": "anthropic", "model": "other"}}).settings.llm
    assert (same.model, same.options) == ("other", {"api_key": "abcdefgh"})


# --- profiles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "providers"),
    [
        ("auto", ("", "", "")),
        ("offline", ("pocketsphinx", "offline", "espeak-ng")),
        ("local", ("faster-whisper", "openai-compatible", "espeak-ng")),
        ("cloud", ("deepgram", "anthropic", "elevenlabs")),
    ],
)
def test_the_profiles_that_come_with_parley(loaded, name: str, providers: tuple[str, str, str]) -> None:
    settings = loaded(profile=name).settings
    assert (settings.stt.provider, settings.llm.provider, settings.tts.provider) == providers
    assert settings.profile == name


def test_offline_leaves_no_way_out(loaded) -> None:
    settings = loaded(EXAMPLE, profile="offline").settings
    assert settings.stt.fallback == settings.llm.fallback == settings.tts.fallback == ()
    assert settings.llm.options == {}
    assert settings.stt.model == "", "another provider's model is not its"
    assert loaded(EXAMPLE, profile="local").settings.stt.model == "base.en", "the same provider keeps its own"


def test_a_profile_lies_over_the_files_and_under_environment_and_flags(loaded, tmp_path: Path) -> None:
    text = """\
profile = "mine"
[turn]
silence_ms = 100
max_silence_ms = 1000
drafts_per_turn = 1
[profiles.mine.turn]
silence_ms = 300
max_silence_ms = 3000
drafts_per_turn = 2
[profiles.mine]
llm = { provider = "offline" }
"""
    result = loaded(text, environ={"PARLEY_TURN_MAX_SILENCE_MS": "2000"}, flags={"turn": {"drafts_per_turn": 9}})
    turn = result.settings.turn
    assert (turn.silence_ms, turn.max_silence_ms, turn.drafts_per_turn) == (300, 2000, 9)
    assert str(result.origins["turn.silence_ms"]) == f"profile mine ({tmp_path / 'parley.toml'}:7)"
    assert str(result.origins["llm.provider"]) == f"profile mine ({tmp_path / 'parley.toml'}:11)"


def test_flag_over_environment_over_file_for_the_profiles_name(loaded) -> None:
    text = 'profile = "cloud"'
    assert loaded(text).settings.llm.provider == "anthropic"
    assert loaded(text, environ={"PARLEY_PROFILE": "local"}).settings.llm.provider == "openai-compatible"
    result = loaded(text, environ={"PARLEY_PROFILE": "local"}, profile="offline")
    assert result.settings.llm.provider == "offline"
    assert str(result.origins["profile"]) == "--profile"
    assert str(result.origins["llm.provider"]) == "profile offline"


def test_a_profile_of_ones_own_may_extend_a_built_in_one(loaded) -> None:
    llm = loaded("[profiles.offline.llm]\nmax_tokens = 50", profile="offline").settings.llm
    assert (llm.provider, llm.max_tokens) == ("offline", 50)


# --- environment ----------------------------------------------------------------------------------------------------


def test_every_kind_of_value_from_the_environment(loaded) -> None:
    environ = {
        "PARLEY_STT_PROVIDER": "openai",
        "PARLEY_STT_MODEL": "a:b c",
        "PARLEY_TURN_SILENCE_MS": " 300 ",
        "PARLEY_TURN_DRAFTS": "off",
        "PARLEY_TTS_SPEED": "1.5",
        "PARLEY_LLM_FALLBACK": "openai, offline",
        "PARLEY_LLM_OPTIONS_BASE_URL": "http://127.0.0.1:1/v1",
        "PARLEY_LLM_OPTIONS_API_KEY": "12345678",
        "PARLEY_LLM_OPTIONS_TOP_P": "0.5",
        "PARLEY_LLM_OPTIONS_STOP": '["a", "b"]',
        "PARLEY_ASSISTANT_LANGUAGE": "",
        "PARLEY_HOME": "/not/ours",
        "PATH": "/bin",
    }
    settings = loaded("[assistant]\nlanguage = 'de'", environ=environ).settings
    assert (settings.stt.provider, settings.stt.model) == ("openai", "a:b c")
    assert (settings.turn.silence_ms, settings.turn.drafts, settings.tts.speed) == (300, False, 1.5)
    assert settings.llm.fallback == ("openai", "offline")
    assert settings.llm.options == {
        "base_url": "http://127.0.0.1:1/v1", "api_key": "12345678", "top_p": 0.5, "stop": ["a", "b"],
    }  # fmt: skip
    assert settings.assistant.language == "de", "an empty variable counts as unset"


@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("PARLEY_STT_PROVDER", "openai", ["PARLEY_STT_PROVDER", "did you mean PARLEY_STT_PROVIDER?"]),
        ("PARLEY_PROFLE", "x", ["PARLEY_PROFLE", "PARLEY_PROFILE"]),
        ("PARLEY_TURN_SILENCE_MS", "soon", ["PARLEY_TURN_SILENCE_MS", '"soon"', "a whole number from 0 to 60000"]),
        ("PARLEY_TURN_DRAFTS", "maybe", ["PARLEY_TURN_DRAFTS", "true or false"]),
        ("PARLEY_LLM_FALLBACK", "openai,opnai", ["PARLEY_LLM_FALLBACK", '"opnai"', "openai"]),
        ("PARLEY_PROVIDERS_X_PROVIDER", "openai", ["PARLEY_PROVIDERS_X_PROVIDER", "config file"]),
        ("PARLEY_PROFILE", "clowd", ["PARLEY_PROFILE", '"clowd"', '"cloud"']),
    ],
)
def test_a_wrong_variable_is_named(loaded, name: str, value: str, parts: list[str]) -> None:
    with pytest.raises(ParleyError) as error:
        loaded(environ={name: value})
    assert all(part in str(error.value) for part in parts), str(error.value)


# --- mistakes -------------------------------------------------------------------------------------------------------

MISTAKES = [
    # text, line, what the sentence holds
    ("\n[vad]\nthreshhold = 0.4", 3, ["vad.threshhold = 0.4", 'did you mean "threshold"?', "pre_roll_ms"]),
    ("[sst]\nprovider = 'openai'", 1, ["[sst]", 'did you mean "stt"?']),
    ("colour = 3", 1, ["colour = 3", "at the top", "assistant"]),
    ("x = 1\n[llm]\nbase_url = 'http://h'", 1, ["x = 1"]),
    ("[llm]\nbase_url = 'http://h'", 2, ["llm.base_url", "[llm.options]"]),
    ("[turn]\ndrafts = 'yes'", 2, ['turn.drafts = "yes"', "true or false"]),
    ("[turn]\ndrafts = 1", 2, ["turn.drafts = 1", "true or false"]),
    ("[turn]\nsilence_ms = 20.5", 2, ["turn.silence_ms = 20.5", "a whole number"]),
    ("[turn]\nsilence_ms = true", 2, ["turn.silence_ms = true", "a whole number"]),
    ("[turn]\nsilence_ms = -1", 2, ["turn.silence_ms = -1", "from 0 to 60000"]),
    ("[vad]\nthreshold = 1.01", 2, ["vad.threshold = 1.01", "from 0 to 1"]),
    ("[vad]\nthreshold = nan", 2, ["vad.threshold = nan", "from 0 to 1"]),
    ("[vad]\nthreshold = '0.5'", 2, ['vad.threshold = "0.5"', "a number"]),
    ("[tts]\nspeed = 0", 2, ["tts.speed = 0", "from 0.25 to 4"]),
    ("[tts]\nspeed = inf", 2, ["tts.speed = inf"]),
    ("[timeouts]\ngap = 0", 2, ["timeouts.gap = 0", "above 0"]),
    ("[llm]\nmax_tokens = 0", 2, ["llm.max_tokens = 0", "from 1 to"]),
    ("[audio]\necho_cancel = true", 2, ["audio.echo_cancel = true", "auto, off, on"]),
    ("[turn]\nbarge_in = 'word'", 2, ['turn.barge_in = "word"', 'did you mean "words"?', "off, speech, words"]),
    ("[turn]\nendpointing = 'clever'", 2, ['turn.endpointing = "clever"', "adaptive, fixed, smart-turn, text"]),
    ("[assistant]\nlanguage = 'english'", 2, ['"english"', '"en"']),
    ("[stt]\nlanguage = \"en\\n\"", 2, ["stt.language"]),
    ("stt = 3", 1, ["stt = 3", "a table"]),
    ("[stt]\nfallback = 'openai'", 2, ['stt.fallback = "openai"', "a list of provider names"]),
    ("[stt]\nfallback = [1]", 2, ["stt.fallback = [1]", "a list"]),
    ("[stt]\noptions = 3", 2, ["stt.options = 3", "a table"]),
    ("[stt]\nmodel = 3", 2, ["stt.model = 3", "text"]),
    ("[stt]\nprovider = 'fasterwhisper'", 2, ['"fasterwhisper"', 'did you mean "faster-whisper"?', "openai"]),
    ("[stt]\nprovider = 'anthropic'", 2, ['"anthropic" is no stt provider', "faster-whisper"]),
    ("[stt]\nprovider = 'moonshine'", 2, ['"moonshine" is not available yet', "faster-whisper"]),
    ("[stt]\nprovider = 'openai:x'", 2, ['provider = "openai" and model = "x"']),
    ("[stt]\nprovider = 'module:thing'", 2, ["package.module:factory"]),
    ("[stt]\nprovider = 'a.b:c d'", 2, ["package.module:factory"]),
    ("[stt]\nfallback = [\n  'openai',\n  'opnai:m',\n]", 4, ['stt.fallback = "opnai:m"', '"openai"']),
    ("[stt]\nfallback = ['openai:']", 2, ['"openai:"', "NAME:MODEL"]),
    ("[vad]\nprovider = 'siler'", 2, ['"siler"', '"silero"']),
    ("[providers.b]\nmodel = 'x'", 1, ["[providers.b]", "provider"]),
    ("[providers.b]\nprovider = 'opena'", 2, ["providers.b.provider", '"openai"']),
    ("[providers.b]\nprovider = 'openai'\nkey = 1", 3, ["providers.b.key = ***", "options"]),
    ("[providers.'a b']\nprovider = 'openai'", 1, ['providers."a b"', "letters"]),
    ("[providers]\nb = 'openai'", 2, ["providers.b", "a table"]),
    ("[providers.b]\nprovider = 'anthropic'\n[stt]\nprovider = 'b'", 4, ["[providers.b] is anthropic", "no stt"]),
    ("[profiles.p]\nprofile = 'x'", 2, ["profiles.p.profile"]),
    ("[profiles.p.vad]\nthreshold = 2", 2, ["profiles.p.vad.threshold = 2"]),
    ("[profiles.p.turn]\nendpointing = 'adaptve'", 2, ['did you mean "adaptive"?']),
    ("[profiles.p.llm]\nprovider = 'x'", 2, ["profiles.p.llm.provider"]),
    ("[profiles.auto.llm]\nprovider = 'offline'", 1, ["[profiles.auto]"]),
    ("\nprofile = 'nope'", 2, ['no profile "nope"', "auto, offline, local, cloud"]),
    ("[llm]\nprovider = 'hedge'\n[llm.options]\nfirst = 'opnai'\nsecond = 'offline'", 4,
     ["llm.options.first", '"opnai"', 'did you mean "openai"?']),
    ("[llm]\nprovider = 'hedge'\noptions = { first = 'openai', second = 'espeak-ng' }", 3,
     ["llm.options.second", '"espeak-ng" is no llm provider']),
    ("[stt]\nprovider = 'hybrid'\nfast = 'openai'\naccurate = 'whisper'", 4, ["stt.accurate", '"whisper"']),
    ("[providers.c]\nprovider = 'fallback'\noptions = { of = [\n'openai', 'opnai'] }", 3,
     ["providers.c.options.of", '"opnai"']),
    ("[providers.c]\nprovider = 'cache'\noptions = { of = 'anthropic' }", 3,
     ["providers.c.options.of", '"anthropic" is no tts provider']),
    ("[tts]\nprovider = 'c'\n[providers.c]\nprovider = 'fallback'\noptions = { of = ['openai', 'offline'] }", 5,
     ["providers.c.options.of", '"offline" is no tts provider']),
    ("[profiles.p.llm]\nprovider = 'hedge'\noptions = { first = 'opnai', second = 'offline' }", 3,
     ["profiles.p.llm.options.first", '"opnai"']),
    ("[llm]\nprovider = 'hedge'\noptions = { first = 'openai', second = 'hedge' }", 3,
     ["llm.options.second", "hedge -> hedge leads round in a circle"]),
    ("[llm]\nfallback = ['a']\n[providers.a]\nprovider = 'hedge'\noptions = { first = 'b:x', second = 'openai' }\n"
     "[providers.b]\nprovider = 'fallback'\noptions = { of = ['offline', 'a'] }", 8,
     ["providers.b.options.of", "a -> b -> a leads round in a circle"]),
    ("[tts]\nprovider = 'route'\nshort = 'espeak-ng'", 3, ["its long is not set; write long beside tts.short"]),
    ("[llm]\nprovider = 'hedge'\noptions = { first = 'openai' }", 3, ["its second is not set"]),
    ("[turn]\nsilence_ms = 3000", 2, ["turn.silence_ms = 3000", "turn.max_silence_ms = 2500"]),
    ("[turn]\n\nmax_silence_ms = 100", 3, ["turn.silence_ms = 200", "turn.max_silence_ms = 100"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "parts"), MISTAKES, ids=[text for text, _, _ in MISTAKES])
def test_a_mistake_is_named_with_its_file_and_line(
    loaded, tmp_path: Path, text: str, line: int, parts: list[str]
) -> None:
    with pytest.raises(ParleyError) as error:
        loaded(text)
    sentence = str(error.value)
    assert sentence.startswith(f"{tmp_path / 'parley.toml'}, line {line}: "), sentence
    assert all(part in sentence for part in parts), sentence
    assert "\n" not in sentence
    assert error.value.exit_code == 2


def test_a_name_that_is_like_no_other_is_not_taken_for_one(loaded) -> None:
    with pytest.raises(ParleyError) as error:
        loaded("[stt]\nprovider = 'nope'")
    assert "did you mean" not in str(error.value)


def test_a_table_that_is_there_twice_is_named_as_it_is_written(loaded) -> None:
    with pytest.raises(ParleyError, match=r"line 3, .*: cannot declare \[a\.b\] twice"):
        loaded("[a.b]\nx = 1\n[a.b]\ny = 2")


def test_wrappers_may_nest_and_meet_the_same_provider_twice(loaded) -> None:
    loaded("""
        [llm]
        provider = "quick"
        fallback = ["hedge"]
        [providers.quick]
        provider = "hedge"
        options = { first = "chain", second = "openai:gpt" }
        [providers.chain]
        provider = "fallback"
        options = { of = ["anthropic", "openai", "offline"] }
        [providers.unused]
        provider = "hedge"
        options = { first = "unused", second = 3 }
        [stt]
        provider = "hybrid"
        fast = "faster-whisper:base"
        accurate = "hedge2"
        [providers.hedge2]
        provider = "hedge"
        options = { first = "my.package:ears", second = "faster-whisper:small" }
    """)


def test_a_mistake_that_a_later_layer_would_hide_is_named_all_the_same(loaded) -> None:
    with pytest.raises(ParleyError, match=r"user\.toml, line 2"):
        loaded("[vad]\nthreshold = 0.5", user="[vad]\nthreshold = 5")


def test_fixed_endpointing_waits_as_long_as_it_says(loaded) -> None:
    assert loaded("[turn]\nendpointing = 'fixed'\nsilence_ms = 3000").settings.turn.silence_ms == 3000


def test_an_instance_of_another_profile_is_not_in_force(loaded) -> None:
    text = """\
[llm]
provider = "there"
[profiles.p.providers.there]
provider = "openai"
"""
    assert loaded(text, profile="p").settings.llm.provider == "there"
    with pytest.raises(ParleyError, match=r"line 2: llm\.provider"):
        loaded(text)


def test_a_wrong_flag_is_named(loaded) -> None:
    with pytest.raises(ParleyError, match=r'^--stt: stt\.provider = "wisper".*faster-whisper'):
        loaded(flags={"stt": {"provider": "wisper"}})
    with pytest.raises(ParleyError, match=r'^--profile: there is no profile "x"'):
        loaded(profile="x")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[vad\nx = 1", "line 1, column 5"),
        ("a = 1\nb = ", "line 2, column 5"),
        ("a = 1\na = 2", "line 2, column 6"),
        ('a = "open', "line 1, column 10"),
        ("a = " + "[" * 5000, "line 1, column"),
        ("a = " + "9" * 5000, "line 1, column"),
    ],
)
def test_what_is_not_toml(loaded, tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(ParleyError) as error:
        loaded(text)
    assert str(error.value).startswith(f"{tmp_path / 'parley.toml'}, {place}")
    assert "not valid TOML" in str(error.value)
    assert "\n" not in str(error.value)


def only(path: Path) -> None:
    load(config_file=path, profile=None, environ={}, flags={}, cwd=Path.cwd())


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match="there is no config file .*missing.toml"):
        only(tmp_path / "missing.toml")
    (tmp_path / "file").touch()
    with pytest.raises(ParleyError, match="there is no config file"):
        only(tmp_path / "file" / "below.toml")


def test_a_file_that_cannot_be_one(tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match="is a folder"):
        only(tmp_path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# ok\nx = '\xe9'\n")
    with pytest.raises(ParleyError, match=r"latin\.toml, line 2: .*not UTF-8"):
        only(latin)
    large = tmp_path / "large.toml"
    large.write_text("#" * (1 << 20) + "\n")
    with pytest.raises(ParleyError, match="larger than 1 MiB"):
        only(large)
    loop = tmp_path / "loop.toml"
    loop.symlink_to(loop)
    with pytest.raises(ParleyError, match=r"cannot read the config file .*loop\.toml"):
        only(loop)


def test_the_users_file_is_in_the_platforms_config_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import platformdirs

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    expected = platformdirs.user_config_path("parley", appauthor=False) / "config.toml"
    result = load(config_file=None, profile=None, environ={}, flags={}, cwd=tmp_path)
    assert [path for path, _ in result.files] == [expected, tmp_path / "parley.toml"]


PIECES = st.sampled_from(
    [*EXAMPLE.splitlines(), "[", "]", "{", "}", "=", '"', "\n", ".", "1", "[profiles.x]", "[[llm]]", "\\"]
)


@given(st.lists(PIECES | st.text(max_size=3), max_size=12), st.sampled_from(["\n", ""]))
def test_whatever_a_file_holds_it_loads_or_one_sentence_says_why_not(pieces: list[str], between: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.toml"
        path.write_text(between.join(pieces), encoding="utf-8", errors="replace")
        try:
            only(path)
        except ParleyError as error:
            assert str(error).startswith(f"{path}, line "), str(error)
            assert "\n" not in str(error)
