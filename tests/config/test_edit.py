"""Values changed in a file that somebody wrote by hand: nothing else of it changes."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.config.edit import change, changed, read_table
from assistant.errors import ParleyError

MINE = """\
# mine, and dear to me
profile = "auto"

[tts]   # the voice
provider = "espeak-ng"   # quick
voice = "en-us"     # for now

# --- when to answer
[turn]
silence_ms = 300   # ms
"""


def test_a_value_is_changed_in_its_place() -> None:
    assert changed(MINE, "tts", {"voice": "de"}) == MINE.replace('"en-us"', '"de"')


def test_a_new_value_stands_under_its_header_and_not_behind_anothers_comment() -> None:
    after = changed(MINE, "tts", {"speed": 1.2})
    assert after == MINE.replace("[tts]   # the voice\n", "[tts]   # the voice\nspeed = 1.2\n")


def test_a_value_is_taken_out() -> None:
    assert changed(MINE, "tts", {"voice": None}) == MINE.replace('voice = "en-us"     # for now\n', "")


def test_several_at_once() -> None:
    after = changed(MINE, "tts", {"provider": "piper", "voice": "x", "model": None})
    assert after == MINE.replace("espeak-ng", "piper").replace("en-us", "x")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '[tts]\nvoice = "x"\n'),
        ("[turn]\ndrafts = true", '[turn]\ndrafts = true\n\n[tts]\nvoice = "x"\n'),
        ("[turn]\ndrafts = true\n", '[turn]\ndrafts = true\n\n[tts]\nvoice = "x"\n'),
        ("[tts]", '[tts]\nvoice = "x"\n'),
        ("[tts.options]\npitch = 3\n", '[tts.options]\npitch = 3\n\n[tts]\nvoice = "x"\n'),
        ("tts.provider = 'y'\n[turn]\n", "tts.provider = 'y'\ntts.voice = \"x\"\n[turn]\n"),
    ],
)
def test_every_form_of_a_table(before: str, after: str) -> None:
    assert changed(before, "tts", {"voice": "x"}) == after


@pytest.mark.parametrize("before", ["tts = { provider = 'y' }\n", "tts = {}\n", "tts = { voice = 'y' } # mine\n"])
def test_inline_tables(before: str) -> None:
    after = changed(before, "tts", {"voice": "x"})
    assert after is not None
    assert tomllib.loads(after)["tts"] == {**tomllib.loads(before)["tts"], "voice": "x"}


def test_a_header_inside_a_text_deceives_nobody() -> None:
    """Better refused than spoilt."""
    before = '[assistant]\nprompt = """\n[tts]\n"""\n[tts.options]\n'
    after = changed(before, "tts", {"voice": "x"})
    assert after is None or tomllib.loads(after) == {
        "assistant": {"prompt": "[tts]\n"}, "tts": {"options": {}, "voice": "x"},
    }  # fmt: skip


WORDS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=12)
TABLES = st.dictionaries(st.sampled_from(["tts", "turn", "a b"]), st.dictionaries(st.sampled_from("abc"), WORDS))


@given(TABLES, WORDS, st.sampled_from(["voice", "a"]))
def test_whatever_is_written_reads_back(table: dict[str, dict[str, str]], value: str, key: str) -> None:
    from assistant.config import to_toml

    after = changed(to_toml(table), "tts", {key: value})
    assert after is not None
    assert tomllib.loads(after) == {**table, "tts": {**table.get("tts", {}), key: value}}


# --- the file -------------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_made_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "config" / "parley" / "config.toml"
    change(path, "tts", {"voice": "de"})
    assert path.read_text() == '[tts]\nvoice = "de"\n'
    assert path.stat().st_mode & 0o077 == 0, "keys will stand in it"
    assert [file.name for file in path.parent.iterdir()] == ["config.toml"]


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles.toml", tmp_path / "config.toml"
    real.write_text(MINE)
    real.chmod(0o640)
    link.symlink_to(real)
    change(link, "tts", {"voice": "de"})
    assert link.is_symlink()
    assert 'voice = "de"' in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_windows_file_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    before = b"\xef\xbb\xbf" + MINE.replace("\n", "\r\n").encode()
    path.write_bytes(before)
    change(path, "tts", {"voice": "de", "speed": 2.0})
    expected = before.replace(b'"en-us"', b'"de"').replace(b"# the voice\r\n", b"# the voice\r\nspeed = 2.0\r\n")
    assert path.read_bytes() == expected


def test_a_place_where_no_file_can_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ParleyError, match="cannot write the config file"):
        change(tmp_path / "file" / "config.toml", "tts", {"voice": "de"})


def test_when_the_disk_is_full_the_file_stays_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.toml"
    path.write_text(MINE)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ParleyError, match="No space left on device"):
        change(path, "tts", {"voice": "de"})
    assert path.read_text() == MINE
    assert [file.name for file in tmp_path.iterdir()] == ["config.toml"]


def test_what_stands_in_a_table(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    assert read_table(path, "tts") == {}
    path.write_text(MINE)
    assert read_table(path, "tts") == {"provider": "espeak-ng", "voice": "en-us"}
    assert read_table(path, "cost") == {}


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ParleyError, match="not UTF-8"):
        change(path, "tts", {"voice": "de"})
