"""NVIDIA's libraries: which are needed, and what is said of those that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers import _cuda
from providers._cuda import LIBRARIES, Library, lacking

CUBLAS, CUDNN = LIBRARIES


def program(folder: Path, *libraries: Library) -> list[Path]:
    path = folder / "libctranslate2.so"
    path.write_bytes(b"\x7fELF" + b"\0".join(library.mark for library in libraries) + b"\0")
    return [path]


def test_what_a_program_does_not_look_up_is_not_missed(tmp_path: Path) -> None:
    assert lacking(program(tmp_path, CUBLAS), lambda library: library is CUBLAS) == ""


def test_what_it_looks_up_in_vain_is_named_with_the_command_that_installs_it(tmp_path: Path) -> None:
    clause = lacking(program(tmp_path, CUBLAS, CUDNN), lambda library: False)
    assert "libcublas.so.12 and libcudnn.so.9 cannot be found" in clause
    assert "pip install nvidia-cublas-cu12 'nvidia-cudnn-cu12==9.*'" in clause
    assert "\n" not in clause


def test_a_program_without_files_misses_nothing() -> None:
    assert lacking([], lambda library: False) == ""


def test_the_wheel_that_is_installed_looks_up_cublas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cuda, "_load", lambda library: False)
    assert "libcublas.so.12" in _cuda.missing()
