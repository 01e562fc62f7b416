"""Voices found by what a user writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.catalogue.voices import Voices, document, sample, table
from assistant.ports import ParleyError
from providers._card import VoiceInfo

KNOWN = (
    VoiceInfo("21m00Tcm", "Rachel", "en-US", "female, calm"),
    VoiceInfo("pNInz6ob", "Adam", "en-GB"),
    VoiceInfo("xyz", "Adam", "de"),
    VoiceInfo("de", "German", "de"),
    VoiceInfo("any", "", ""),
)
VOICES = Voices("acme", KNOWN, complete=True, current="xyz")


@pytest.mark.parametrize("wanted", ["21m00Tcm", "Rachel", "rachel", "21M00TCM"])
def test_by_id_or_by_name(wanted: str) -> None:
    assert VOICES.called(wanted).id == "21m00Tcm"


def test_a_name_that_two_have() -> None:
    with pytest.raises(ParleyError, match="2 voices called 'adam'; choose one of pNInz6ob, xyz"):
        VOICES.called("adam")


def test_a_wrong_name_is_one_sentence_with_those_that_come_near() -> None:
    with pytest.raises(ParleyError) as caught:
        VOICES.called("Rachael")
    assert str(caught.value) == (
        "acme has no voice 'Rachael'; did you mean 21m00Tcm? See what there is with: parley voices acme"
    )


def test_a_name_that_resembles_none() -> None:
    with pytest.raises(ParleyError) as caught:
        VOICES.called("qqqq")
    assert str(caught.value) == "acme has no voice 'qqqq'; see what there is with: parley voices acme"


def test_where_not_all_are_known_it_says_so() -> None:
    with pytest.raises(ParleyError, match=r"one that is not known here can be written as voice under \[tts\]"):
        Voices("acme", KNOWN, complete=False).called("qqqq")


def test_where_none_is_known_any_will_do() -> None:
    assert Voices("acme", (), complete=False).called("whatever").id == "whatever"


def test_a_variant_of_a_voice() -> None:
    assert VOICES.called("de+f3") == VoiceInfo("de+f3", "German", "de")


def test_a_file_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert VOICES.called("mine.onnx").id == str(tmp_path / "mine.onnx")


@pytest.mark.parametrize(
    ("code", "ids"),
    [
        ("en", ["21m00Tcm", "pNInz6ob", "any"]),
        ("en-GB", ["pNInz6ob", "any"]),
        ("EN_gb", ["pNInz6ob", "any"]),
        ("de", ["xyz", "de", "any"]),
        ("fr", ["any"]),
    ],
)
def test_by_language(code: str, ids: list[str]) -> None:
    """Those that do not tell theirs may speak any."""
    assert [voice.id for voice in VOICES.of_language(code)] == ids


def test_a_language_that_none_speaks() -> None:
    with pytest.raises(ParleyError, match="acme has no voice for 'fr'; it has: de, en-GB, en-US"):
        Voices("acme", KNOWN[:4], complete=True).of_language("fr")


def test_the_table() -> None:
    shown = [text for text, _ in table(VOICES, KNOWN, 80)]
    assert shown[0] == "5 voices of acme"
    assert any(line.startswith(" *  xyz ") for line in shown)
    assert sum(line.startswith(" *") for line in shown) == 1
    assert "parley voices acme --use VOICE" in shown[-1]


def test_the_document() -> None:
    told = document(VOICES, KNOWN[:1])
    assert told == {
        "provider": "acme",
        "complete": True,
        "voices": [
            {
                "id": "21m00Tcm",
                "name": "Rachel",
                "language": "en-US",
                "description": "female, calm",
                "in_use": False,
            }
        ],
    }


def test_a_sentence_in_the_voices_language() -> None:
    assert sample("de-AT").startswith("Guten Tag")
    assert sample("") == sample("en") == sample("tlh")
