"""The scripts that set Parley up: what they decide about the environment, and that they run from anywhere.

The decisions are functions of scripts/_env.sh, sourced here in a small checkout with a real (empty) environment. That
they really install is shown by whoever runs these tests: scripts/test had to make the environment first.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the scripts are for bash")


def bash(checkout: Path, commands: str, *, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs commands as a script would that has sourced this checkout's _env.sh."""
    return subprocess.run(
        ["bash", "-c", f'set -euo pipefail; . "$1"; {commands}', "script", str(checkout / "scripts" / "_env.sh")],
        capture_output=True, text=True, check=check, timeout=60, env={**os.environ, **environment},
    )  # fmt: skip


def state(checkout: Path, extras: str) -> str:
    return bash(checkout, f"env_state {extras}").stdout.strip()


def stamp(checkout: Path, extras: str) -> None:
    bash(checkout, f'write_stamp "$(fingerprint)" {extras}')


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that the set-up reads, and no environment yet."""
    folder = tmp_path / "a checkout"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "_env.sh", folder / "scripts")
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def finished(checkout: Path) -> Path:
    """The same with an environment whose set-up for `talk` has come to its end."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(checkout / ".venv")], check=True)
    stamp(checkout, "all")
    return checkout


def test_a_fresh_checkout_has_no_environment(checkout: Path) -> None:
    assert state(checkout, "all") == "missing"


def test_nothing_is_done_when_nothing_has_changed(finished: Path) -> None:
    assert state(finished, "all") == "ready"


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_an_edited_file_asks_for_an_update(finished: Path, name: str) -> None:
    with (finished / name).open("a") as file:
        file.write("\n# edited\n")
    assert state(finished, "all") == "stale"


def test_more_extras_ask_for_an_update_and_fewer_do_not(finished: Path) -> None:
    assert state(finished, "all,dev") == "stale"
    stamp(finished, "all,dev")
    assert state(finished, "all") == "ready"
    assert state(finished, "all,dev") == "ready"


def test_an_update_keeps_the_extras_that_were_there(checkout: Path) -> None:
    assert bash(checkout, "merge_extras all,dev all").stdout == "all,dev\n"
    assert bash(checkout, "merge_extras '' all").stdout == "all\n"
    assert bash(checkout, "merge_extras dev all,dev").stdout == "all,dev\n"


def test_an_interrupted_set_up_is_made_anew(finished: Path) -> None:
    (finished / ".venv" / ".parley").write_text("building\n")
    assert state(finished, "all") == "broken"


def test_a_moved_checkout_is_made_anew(finished: Path) -> None:
    """The programs in an environment begin with the absolute path of its Python."""
    moved = finished.rename(finished.parent / "elsewhere")
    assert state(moved, "all") == "broken"


def test_an_environment_whose_python_is_gone_is_made_anew(finished: Path) -> None:
    for link in (finished / ".venv" / "bin").glob("python*"):
        link.unlink()
    assert state(finished, "all") == "broken"


def test_an_environment_made_for_another_python_is_made_anew(finished: Path) -> None:
    file = finished / ".venv" / ".parley"
    file.write_text(re.sub(r"python 3\.\d+", "python 3.10", file.read_text()))
    assert state(finished, "all") == "broken"


def test_somebodys_own_environment_is_completed_not_thrown_away(finished: Path) -> None:
    (finished / ".venv" / ".parley").unlink()
    assert state(finished, "all") == "stale"


def test_a_folder_that_is_no_environment_is_never_removed(checkout: Path) -> None:
    precious = checkout / ".venv" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("years of work")
    done = bash(checkout, "set_up all talk", check=False)
    assert done.returncode == 1
    assert "is no Python environment; move it away" in done.stderr
    assert precious.read_text() == "years of work"


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_a_python_that_exists_but_does_not_run_is_passed_over(checkout: Path, tmp_path: Path) -> None:
    """As pyenv's do for versions that are installed and not chosen; and one in a later folder may run."""
    program(tmp_path / "shims", "python3.13", "echo 'command not found' >&2; exit 127")
    program(tmp_path / "shims", "python3", "exit 127")
    program(tmp_path / "real", "python3", f'exec "{sys.executable}" "$@"')
    path = f"{tmp_path / 'shims'}:{tmp_path / 'real'}"
    found = bash(checkout, f"PATH={path!r}; PARLEY_PYTHON='python3.13 python3' find_python").stdout.strip()
    assert found == str(tmp_path / "real" / "python3")


def test_a_python_that_parley_does_not_support_is_passed_over(checkout: Path, tmp_path: Path) -> None:
    program(tmp_path / "old", "python3", "exit 1  # what the version check says on 3.10 and on 3.14")
    done = bash(checkout, f"PATH='{tmp_path / 'old'}'; PARLEY_PYTHON=python3 find_python", check=False)
    assert (done.returncode, done.stdout) == (1, "")


def test_without_any_python_one_sentence_says_what_to_install(checkout: Path) -> None:
    done = bash(checkout, "find_python() { return 1; }; set_up all talk", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Parley: Python 3.11, 3.12 or 3.13 is needed and none was found; install one with ")
    assert done.stderr.count("\n") == 1
    assert not (checkout / ".venv").exists()


def test_ctrl_c_while_the_environment_is_made_says_nothing_of_pythons(checkout: Path, tmp_path: Path) -> None:
    """A program of its own as `scripts/talk` is, whose whole group a terminal sends the signal to."""
    script = (
        'set -euo pipefail; . "$1"; ensure_system() { :; }; system_settled() { true; }; '
        "install_cpu_torch() { echo too late >&2; exit 3; }; ensure_env all talk"
    )
    process = subprocess.Popen(
        ["bash", "-c", script, "script", str(checkout / "scripts" / "_env.sh")],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        first = process.stderr.readline()
        while process.poll() is None and not (checkout / ".venv" / "pyvenv.cfg").exists():
            time.sleep(0.01)  # its Python runs now
        os.killpg(process.pid, signal.SIGINT)
        told = process.stderr.read()
        code = process.wait(timeout=60)
    finally:
        process.kill()
        process.stderr.close()
    assert first.startswith("Parley: making the environment with Python")
    assert (code, told) == (130, "")
    assert state(checkout, "all") == "broken"


def test_no_network_is_said_in_one_sentence_and_leaves_no_ruin(finished: Path) -> None:
    """pip itself is run, and finds nobody at the address of the index."""
    subprocess.run([sys.executable, "-m", "venv", str(finished / ".venv")], check=True)
    before = (finished / ".venv" / ".parley").read_text()
    done = bash(
        finished, "install_cpu_torch() { :; }; set_up all,dev test", check=False,
        PIP_CONFIG_FILE=os.devnull, PIP_FIND_LINKS="", PIP_EXTRA_INDEX_URL="", PIP_INDEX_URL="http://127.0.0.1:9/",
        PIP_NO_CACHE_DIR="1", PIP_RETRIES="0",
    )  # fmt: skip
    assert done.returncode == 1
    assert "the package index cannot be reached. Check the network" in done.stderr
    assert (finished / ".venv" / ".parley").read_text() == before
    assert state(finished, "all") == "ready"


def test_torch_is_not_asked_for_again_when_it_is_there(checkout: Path) -> None:
    done = bash(checkout, f'venv_python="{sys.executable}"; torch_installed && echo yes')
    assert done.stdout == "yes\n"


@pytest.mark.parametrize("manager", ["apt", "dnf", "pacman", "brew"])
def test_every_package_manager_has_its_command(checkout: Path, manager: str) -> None:
    hint = bash(checkout, f'install_hint {manager} "$(system_packages {manager} venv 3.12)"').stdout
    assert manager in hint
    assert "python" in hint


def test_the_constraints_are_names_and_versions_and_cover_everything() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[a-z0-9.-]+==[0-9][0-9a-z.]*(; python_version [<>=]+ '3\.\d+')?", line) for line in lines)
    assert lines == sorted(lines, key=lambda line: line.split("==")[0])
    assert "torch==2.13.0" in lines
    pinned = {line.split("==")[0]: line.split("==")[1].split(";")[0] for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    wanted += [line for extra in project["project"]["optional-dependencies"].values() for line in extra]
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        if name != project["project"]["name"]:
            assert requirement.specifier.contains(pinned[name]), requirement


def test_the_scripts_run_from_anywhere_through_links_and_do_not_install_again(tmp_path: Path) -> None:
    if state(ROOT, "all,dev") != "ready":
        pytest.skip("this environment was not made by scripts/test")
    made = (ROOT / ".venv" / ".parley").stat().st_mtime_ns
    (tmp_path / "near").symlink_to(ROOT / "scripts" / "test")
    (tmp_path / "far").symlink_to("near")
    done = subprocess.run(
        [str(tmp_path / "far"), "--version"], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 0
    assert (done.stdout + done.stderr).startswith("pytest ")
    assert (ROOT / ".venv" / ".parley").stat().st_mtime_ns == made


def test_a_path_may_be_written_from_where_the_user_stands() -> None:
    if state(ROOT, "all,dev") != "ready":
        pytest.skip("this environment was not made by scripts/test")
    arguments = ["--collect-only", "-q", "./test_scripts.py::test_a_fresh_checkout_has_no_environment"]
    done = subprocess.run(
        [str(ROOT / "scripts" / "test"), *arguments], cwd=Path(__file__).parent, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 test collected" in done.stdout
