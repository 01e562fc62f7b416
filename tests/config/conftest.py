"""Loading a config that a test wrote, away from the machine's own files and keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from assistant.config import Loaded, load, secrets

Load = Callable[..., Loaded]


@pytest.fixture(autouse=True)
def no_secrets_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test's keys were must not be scrubbed from the next one's text."""
    monkeypatch.setattr(secrets, "_known", set())
    monkeypatch.setattr(secrets, "_pattern", None)


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    """``loaded(text)``: load ``text`` as parley.toml; ``user=``: the user's file; ``only=``: the file of --config."""

    def loaded(
        text: str | None = None,
        *,
        user: str | None = None,
        only: str | None = None,
        profile: str | None = None,
        environ: Mapping[str, str] | None = None,
        flags: Mapping[str, Any] | None = None,
    ) -> Loaded:
        for name, content in (("parley.toml", text), ("user.toml", user), ("only.toml", only)):
            if content is not None:
                (tmp_path / name).write_text(content, encoding="utf-8")
        return load(
            config_file=tmp_path / "only.toml" if only is not None else None,
            profile=profile,
            environ=environ or {},
            flags=flags or {},
            cwd=tmp_path,
            user_file=tmp_path / "user.toml",
        )

    return loaded
