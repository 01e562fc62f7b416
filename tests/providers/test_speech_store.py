"""Sound on disk: it comes back as it was, within bounds, whatever other processes, crashes and full disks do."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assistant.ports import SpokenWord
from providers._speech_store import STALE, Recording, SpeechStore, packed, unpacked
from tests.conftest import ROOT

WORDS = (SpokenWord(0.0, 0, 5), SpokenWord(0.25, 6, 3))


def recording(seconds: float = 1.0, *, seed: int = 0) -> Recording:
    noise = np.random.default_rng(seed).integers(-32768, 32767, round(24_000 * seconds))
    return Recording(24_000, noise.astype(np.float32) / np.float32(32768), WORDS)


def same(one: Recording | None, other: Recording) -> bool:
    return one is not None and np.array_equal(one.samples, other.samples) and one.words == other.words


@pytest.mark.parametrize("scale", [1.0, 0.37, 2.5])
def test_sound_comes_back_as_it_was(scale: float) -> None:
    made = replace(recording(), samples=recording().samples * np.float32(scale))
    data = packed(made)
    assert same(unpacked(data), made)
    assert (len(data) < 50_000) == (scale == 1.0), "16 bit where nothing is lost by it"


def test_a_damaged_file_is_none() -> None:
    data = packed(recording(0.01))
    for index in range(0, len(data), 7):
        assert unpacked(data[:index]) is None
        assert unpacked(data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]) is None


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    store = SpeechStore(tmp_path / "speech", 10_000_000)
    assert store.put("a", recording())
    assert (tmp_path / "speech").stat().st_mode & 0o777 == 0o700
    assert next((tmp_path / "speech").iterdir()).stat().st_mode & 0o777 == 0o600


# --- bounds -----------------------------------------------------------------------------------------------------------


def total(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_what_was_not_used_for_longest_goes(tmp_path: Path) -> None:
    store = SpeechStore(tmp_path, 1_000_000)
    for index in range(60):
        assert store.put(f"{index:02}", recording(seed=index))
        os.utime(store._path(f"{index:02}"), (index, index))
        assert total(tmp_path) <= 1_000_000
        if index == 10:
            for _ in range(2):
                assert store.get("03") is not None
    assert store.has("03"), "used, and so kept"
    assert not store.has("04")
    assert all(store.has(f"{index:02}") for index in range(50, 60))
    assert not store.put("large", recording(10.0)), "one alone may not have it all"


def test_another_process_s_files_count(tmp_path: Path) -> None:
    one, other = SpeechStore(tmp_path, 1_000_000), SpeechStore(tmp_path, 1_000_000)
    for index in range(60):
        (one if index % 2 else other).put(str(index), recording(seed=index))
    assert total(tmp_path) <= 2 * 1_000_000
    SpeechStore(tmp_path, 1_000_000).put("next", recording())
    assert total(tmp_path) <= 1_000_000


def test_what_a_killed_process_left_unfinished_is_removed_in_time(tmp_path: Path) -> None:
    old, fresh = tmp_path / "a.1.0.part", tmp_path / "b.2.0.part"
    for path in (old, fresh):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - STALE - 1,) * 2)
    SpeechStore(tmp_path, 1_000_000).put("c", recording())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.2.0.part", "c.speech"]


# --- other processes, crashes, full disks -----------------------------------------------------------------------------

PRELUDE = """
import logging, resource, sys, time
import numpy as np
from pathlib import Path
from assistant.ports import SpokenWord
from providers._speech_store import Recording, SpeechStore

def recording(key, seconds=1.0):
    noise = np.random.default_rng(key).integers(-32768, 32767, round(24_000 * seconds)).astype(np.float32)
    return Recording(24_000, noise / np.float32(32768), (SpokenWord(0.1 * key, key, 1),))

def right(key, found):
    return found.words == recording(key).words and np.array_equal(found.samples, recording(key).samples)

folder = Path(sys.argv[1])
"""


def process(code: str, *arguments: object, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", PRELUDE + textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def test_two_processes_share_a_folder_that_is_too_small_for_either(tmp_path: Path) -> None:
    """Both write, read and throw away the same keys: nobody ever reads anything but what was written whole."""
    code = """
        store, found, missed = SpeechStore(folder, 600_000), 0, 0
        for turn in range(150):
            key = int(np.random.default_rng((int(sys.argv[2]), turn)).integers(20))
            kept = store.get(f"{key:02}")
            if kept is None:
                missed += 1
                store.put(f"{key:02}", recording(key))
            else:
                assert right(key, kept), "somebody else's sound"
                found += 1
        print(found, missed)
    """
    both = [process(code, tmp_path, number) for number in (1, 2)]
    found = missed = 0  # of both: how much one is ahead of the other is the machine's affair
    for each in both:
        out, err = each.communicate(timeout=60)
        assert (each.returncode, err) == (0, "")
        counts = [int(count) for count in out.split()]
        found, missed = found + counts[0], missed + counts[1]
    assert found > 20, "they find each other's and their own"
    assert missed > 20, "and throw away"
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".speech"]
    assert all(unpacked(path.read_bytes()) is not None for path in tmp_path.iterdir())


def test_a_process_that_is_killed_while_it_writes_leaves_nothing_that_is_read(tmp_path: Path) -> None:
    """At any moment, and once for certain when half of the file is on the disk."""
    code = """
        import os, signal
        import providers._speech_store as module

        class Halfway:
            def __init__(self, file):
                self.file = file
            def __enter__(self):
                return self
            def __exit__(self, *_):
                self.file.close()
            def write(self, data):
                self.file.write(data[: len(data) // 2])
                self.file.flush()
                os.kill(os.getpid(), signal.SIGKILL)

        store, data = SpeechStore(folder, 10**9), module.packed(recording(1, 100.0))
        store._write(store._path("1"), data)
        print("writing", flush=True)
        if len(sys.argv) > 2:
            module.open = lambda *arguments: Halfway(open(*arguments))
        while True:
            store._write(store._path("1"), data)
    """
    for attempt in range(4):
        writer = process(code, tmp_path, *(["halfway"] if attempt == 3 else []))
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        if attempt < 3:
            time.sleep(0.05 + 0.0137 * attempt)
            writer.send_signal(signal.SIGKILL)
        writer.communicate(timeout=10)
        assert writer.returncode == -signal.SIGKILL
        kept = SpeechStore(tmp_path, 10**9).get("1")
        assert kept is not None
        assert len(kept.samples) == 100 * 24_000
    halves = [path for path in tmp_path.iterdir() if path.suffix == ".part"]
    assert min(path.stat().st_size for path in halves) < 3_000_000


FULL = """
    logging.basicConfig(format="%(message)s")
    if len(sys.argv) > 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    store = SpeechStore(folder, 10**8)
    assert store.put("small", recording(0, 0.1))
    for key in range(1, 6):
        print(store.put(str(key), recording(key, 4.0)))
    assert store.get("small") is not None
    print(sorted(path.name for path in folder.iterdir()))
"""


def full_disks(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A limit on the size of a file, and a small disk where one can be mounted."""
    yield "File too large", process(FULL, folder / "limited", "limited")
    unshare = ["unshare", "--mount", "--map-root-user"]
    if shutil.which("unshare") and subprocess.run([*unshare, "true"], capture_output=True).returncode == 0:
        mounted = folder / "mounted"
        mounted.mkdir()
        mount = f'mount -t tmpfs -o size=160k none "{mounted}" && exec "$@"'
        yield "No space left on device", process(FULL, mounted, prefix=(*unshare, "sh", "-c", mount, "sh"))


def test_a_full_disk_costs_the_cache_and_one_warning(tmp_path: Path) -> None:
    for error, running in full_disks(tmp_path):
        out, err = running.communicate(timeout=60)
        assert running.returncode == 0, err
        assert out.splitlines() == ["False"] * 5 + ["['small.speech']"], "and nothing half written stays"
        [warning] = err.splitlines()
        assert error in warning
        assert "speech cannot be kept in" in warning
