"""What the user calls a language, and what vendors are told."""

from __future__ import annotations

import pytest

from providers._language import primaries, primary, tag, tags


@pytest.mark.parametrize(
    ("code", "written", "language"),
    [
        ("en", "en", "en"),
        ("pt-BR", "pt-BR", "pt"),
        ("pt_BR", "pt-BR", "pt"),
        ("EN-us", "EN-us", "en"),
        ("zh-Hant-TW", "zh-Hant-TW", "zh"),
        ("auto", None, None),
        ("", None, None),
    ],
)
def test_a_code_or_a_locale(code: str, written: str | None, language: str | None) -> None:
    assert (tag(code), primary(code)) == (written, language)


@pytest.mark.parametrize(
    ("languages", "language", "found"),
    [
        ((), "auto", []),
        ((), "de_AT", ["de-AT"]),
        (("en-GB", "fr"), "auto", ["en-GB", "fr"]),
        (("en-GB", "fr"), "de", ["en-GB", "fr"]),
    ],
)
def test_several_languages_count_before_the_one(languages: tuple[str, ...], language: str, found: list[str]) -> None:
    assert tags(languages, language) == found
    assert primaries(languages, language) == [code.partition("-")[0] for code in found]
