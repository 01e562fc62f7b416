"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

# Before any provider is opened, which freezes the heap: Hypothesis looks there for trio when it is first imported.
import hypothesis  # noqa: F401
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def anyio_backend() -> str:
    """Protocol and device tests run on what production runs on; virtual-time tests override this."""
    return "asyncio"


@pytest.fixture(scope="session")
def speech() -> Path:
    """The folder of real recordings that lies beside a checkout; tests that need it are skipped without it."""
    folder = ROOT.parent / "shared" / "speech"
    if not folder.is_dir():
        pytest.skip("the shared recordings are not here")
    return folder
