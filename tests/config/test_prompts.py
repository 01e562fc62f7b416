from __future__ import annotations

from pathlib import Path

import pytest

from assistant.ports import ParleyError
from assistant.prompts import load_prompt, prompt_names

SPOKEN = "read aloud"


def test_the_prompts_that_come_with_parley() -> None:
    assert {"default", "brief", "tutor"} <= set(prompt_names())
    for name in prompt_names():
        assert SPOKEN in load_prompt(name), f"{name} does not say that the answer is spoken"


def test_a_prompt_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.md").write_text("\ufeff\nBe a pirate.\n\n", encoding="utf-8")
    assert load_prompt(str(tmp_path / "mine.md")) == "Be a pirate."
    monkeypatch.chdir(tmp_path)
    assert load_prompt("mine.md") == "Be a pirate."


@pytest.mark.parametrize("name", ["defualt", "", "..", "../prompts/nope"])
def test_a_missing_prompt_names_those_there_are(name: str) -> None:
    with pytest.raises(ParleyError, match="brief, default, tutor"):
        load_prompt(name)


def test_a_file_that_is_no_prompt(tmp_path: Path) -> None:
    (tmp_path / "empty.md").write_text(" \n")
    (tmp_path / "latin.md").write_bytes(b"caf\xe9")
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "large.md").write_text("x" * 300_000)
    for name, why in {"empty": "is empty", "latin": "UTF-8", "folder": "cannot read", "large": "larger"}.items():
        with pytest.raises(ParleyError, match=why):
            load_prompt(str(tmp_path / f"{name}.md"))
