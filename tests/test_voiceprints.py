"""The enrolled voices on a real disk."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.errors import ParleyError
from assistant.voiceprints import Voiceprint, Voiceprints, checked

ANNA = Voiceprint("anna", "voiceprint", "resemblyzer", (0.6, 0.8), 12.3, "2026-11-27")


@pytest.fixture
def kept(tmp_path: Path) -> Voiceprints:
    return Voiceprints(tmp_path / "data" / "voices")


def test_a_voice_comes_back_as_it_was_kept(kept: Voiceprints) -> None:
    kept.save(ANNA)
    assert kept.load("Anna") == ANNA
    assert kept.names() == ["anna"]


def test_only_the_user_may_read_it(kept: Voiceprints) -> None:
    path = kept.save(ANNA)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_one_that_is_learned_anew_replaces_the_old_one_and_leaves_nothing_behind(kept: Voiceprints) -> None:
    path = kept.save(ANNA)
    kept.save(replace(ANNA, vector=(1.0, 0.0)))
    assert kept.load("anna").vector == (1.0, 0.0)
    assert list(path.parent.iterdir()) == [path]


def test_what_is_in_its_way_is_told(kept: Voiceprints) -> None:
    (kept.place / "anna.json").mkdir(parents=True)
    with pytest.raises(ParleyError, match="anna.json is a folder there: move it away"):
        kept.save(ANNA)
    (kept.place / "anna.json").rmdir()
    kept.place.rmdir()
    kept.place.write_text("a file where the folder should be")
    with pytest.raises(ParleyError, match="check its permissions"):
        kept.save(ANNA)


def test_a_forgotten_voice_is_gone(kept: Voiceprints) -> None:
    path = kept.save(ANNA)
    kept.forget("ANNA")
    assert not path.exists() and kept.names() == []
    with pytest.raises(ParleyError, match="parley enroll --list"):
        kept.forget("anna")


def test_an_unknown_voice_is_told_with_those_that_are_known(kept: Voiceprints) -> None:
    with pytest.raises(ParleyError, match=r"there is none yet.*parley enroll ben"):
        kept.load("ben")
    kept.save(ANNA)
    with pytest.raises(ParleyError, match="there are: anna"):
        kept.load("ben")


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 1}',
        '{"version": "1"}',
        json.dumps({"version": 1, "vector": [0.6, float("nan")]}),
        json.dumps({"version": 1, "name": 1, "provider": "", "model": "", "learned": "", "vector": [1], "seconds": 1}),
        json.dumps({"version": 1, "name": "", "provider": "", "model": "", "learned": "", "vector": [2], "seconds": 1}),
        json.dumps({"version": 1, "name": "", "provider": "", "model": "", "learned": "", "vector": [], "seconds": 1}),
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_file_is_told_of_in_a_sentence(kept: Voiceprints, damage: str | bytes) -> None:
    kept.save(ANNA).write_bytes(damage if isinstance(damage, bytes) else damage.encode())
    with pytest.raises(ParleyError, match=r"anna\.json is damaged; learn the voice anew with: parley enroll anna"):
        kept.load("anna")


def test_a_file_of_a_later_version_is_left_alone_and_told_of(kept: Voiceprints) -> None:
    path = kept.save(ANNA)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 2}))
    with pytest.raises(ParleyError, match="later version"):
        kept.load("anna")


@pytest.mark.parametrize("name", ["", "../me", "a b", "a/b", ".", "x" * 41, "-a", "a\n", "Off"])
def test_a_name_that_is_no_files_name_everywhere_is_refused(name: str) -> None:
    with pytest.raises(ParleyError, match="cannot be the name of a voice"):
        checked(name)


@pytest.mark.parametrize("name", ["me", "Zoë", "anna-2", "x" * 40])
def test_other_names_are_taken(name: str) -> None:
    assert checked(name) == name.lower()


def test_a_disk_that_takes_nothing_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "voices").write_text("a file where the folder should be")
    with pytest.raises(ParleyError, match="cannot be kept"):
        Voiceprints(tmp_path / "voices").save(ANNA)
