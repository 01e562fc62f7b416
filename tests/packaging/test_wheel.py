"""The wheel, built from the source distribution as a release is, in an empty environment away from the checkout."""

from __future__ import annotations

import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path

from tests.conftest import ROOT
from tests.packaging.empty import programs, python, run

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def shipped(package: str) -> set[str]:
    """What git knows of a package (or what lies there, when this is no clone), as names from the checkout."""
    known = subprocess.run(["git", "ls-files", "-z", "--", package], cwd=ROOT, capture_output=True, text=True)
    names = known.stdout.split("\0") if known.returncode == 0 and known.stdout else ()
    found = {name for name in names if name and (ROOT / name).is_file()}
    return found or {str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py")}


def test_the_wheel_has_every_file_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    strays = {name for name in names if not name.startswith(("assistant/", "providers/", "parley_voice-"))}
    assert not strays
    assert not {name for name in names if "__pycache__" in name or "/tests/" in name}
    assert shipped("assistant") <= names
    assert shipped("providers") <= names
    assert {name.replace("prompts/", "assistant/prompts/", 1) for name in shipped("prompts")} <= names
    assert {"assistant/py.typed", "providers/py.typed"} <= names
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_source_distribution_has_no_tests_and_no_stray_files(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    allowed = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "PKG-INFO", ".gitignore"}
    assert {name for name in names if not name.startswith(("assistant/", "providers/", "prompts/"))} <= allowed
    assert "LICENSE" in names


def test_the_packages_come_from_the_wheel(away: Path) -> None:
    files = python(away, "import assistant, providers; print(assistant.__file__); print(providers.__file__)")
    assert [Path(file).resolve().is_relative_to(away.resolve()) for file in files] == [True, True]


def test_the_command_runs_outside_the_checkout(away: Path) -> None:
    said = run(programs(away) / "parley", "--help", cwd=away)
    assert "talk" in said
    assert "demo" in said


def test_the_prompts_are_found(away: Path) -> None:
    found = python(
        away,
        "from importlib.resources import files\n"
        "for file in (files('assistant') / 'prompts').iterdir():\n"
        "    assert file.read_text(encoding='utf-8').strip(), file\n"
        "    print(file.name)",
    )
    assert set(found) == {file.name for file in (ROOT / "prompts").iterdir() if not file.name.startswith(".")}
    assert "default.md" in found


def test_the_packages_are_typed(away: Path) -> None:
    found = python(
        away,
        "from importlib.resources import files\n"
        "for name in ('assistant', 'providers'):\n"
        "    print((files(name) / 'py.typed').is_file())",
    )
    assert found == ["True", "True"]


def test_every_built_in_provider_is_registered_and_loads(away: Path) -> None:
    """Loads, that is: its module is in the wheel. What a vendor's package brings is imported when a provider opens."""
    found = python(
        away,
        "from importlib.metadata import distribution\n"
        "for entry in distribution('parley-voice').entry_points:\n"
        "    assert callable(entry.load()), entry\n"
        "    print(entry.group, entry.name)",
    )
    expected = {f"{group} {name}" for group, entries in PROJECT["entry-points"].items() for name in entries}
    assert set(found) == expected | {"console_scripts parley"}
