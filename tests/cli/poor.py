"""A poor environment: no keys, packages that are not there, packages of somebody else's that are broken."""

from __future__ import annotations

import os
from pathlib import Path

_HIDING = """
import sys
from importlib.abc import MetaPathFinder


class Hidden(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Hidden())
"""


def without_keys() -> dict[str, str]:
    """An environment in which no vendor's key is set."""
    return {name: "" for name in os.environ if name.endswith(("_KEY", "_TOKEN"))}


def hiding(folder: Path, *packages: str) -> dict[str, str]:
    """An environment in which Python does not find these packages, and no key is set."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(_HIDING.format(hidden=set(packages)), "utf-8")
    return without_keys() | {"PYTHONPATH": str(folder)}


def install(folder: Path, package: str, source: str, entry_points: str) -> dict[str, str]:
    """Install a package with one module, ``PACKAGE.providers``, as if from an index; the environment that finds it."""
    home, metadata = folder / package, folder / f"{package}-1.0.dist-info"
    home.mkdir(parents=True)
    metadata.mkdir()
    (home / "__init__.py").touch()
    (home / "providers.py").write_text(source, "utf-8")
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", "utf-8")
    (metadata / "entry_points.txt").write_text(entry_points, "utf-8")
    return without_keys() | {"PYTHONPATH": str(folder)}
