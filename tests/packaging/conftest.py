"""The wheel, and an empty environment in which it is installed.

The packages that Parley needs are lent to that environment by a path file, so that nothing is downloaded; Parley's own
packages can only come from the wheel, which the tests check.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.packaging.empty import run


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution and the wheel that was made from it."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    return out


@pytest.fixture(scope="module")
def away(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing in it but ``venv``, where the wheel is installed."""
    folder = tmp_path_factory.mktemp("away")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    install = ("-m", "pip", "--python", folder / "venv", "install", "--no-deps", "--no-index")
    run(sys.executable, *install, *built.glob("*.whl"), cwd=folder)
    # Only the folder is lent: path files inside it, such as the checkout's own, are not read from there.
    scheme = {"base": str(folder / "venv"), "platbase": str(folder / "venv")}
    packages = Path(sysconfig.get_path("purelib", "venv", scheme))
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder
