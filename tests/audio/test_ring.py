"""A queue between two threads: nothing is lost unnoticed, doubled or torn."""

from __future__ import annotations

import threading

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.audio.ring import Ring


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 40), st.lists(st.integers(0, 50), max_size=60))
def test_what_is_read_is_what_was_written_and_what_found_no_room_is_counted(capacity: int, steps: list[int]) -> None:
    """A step is a write of so many samples, or (0) a read."""
    ring = Ring(capacity)
    queue: list[float] = []
    lost, value = 0, 0.0
    for count in steps:
        if count == 0:
            read = ring.read()
            assert read.dtype == np.float32 and read.tolist() == queue
            queue.clear()
        else:
            samples = np.arange(value, value + count, dtype=np.float32)
            value += count
            fits = count <= capacity - len(queue)
            assert ring.write(samples) is fits
            if fits:
                queue += samples.tolist()
            else:
                lost += count
        assert (len(ring), ring.room, ring.lost) == (len(queue), capacity - len(queue), lost)


def test_a_strided_column_of_a_device_is_taken() -> None:
    ring = Ring(10)
    ring.write(np.arange(12, dtype=np.float32).reshape(6, 2)[:, 0])
    assert ring.read().tolist() == [0, 2, 4, 6, 8, 10]


def test_two_threads_never_see_half_a_block() -> None:
    ring, over = Ring(1000), threading.Event()
    total = 0

    def write() -> None:
        nonlocal total
        value = 0
        while not over.is_set():
            if ring.write(np.arange(value, value + 7, dtype=np.float32)):
                value = (value + 7) % 7_000_000
                total += 7

    thread = threading.Thread(target=write)
    thread.start()
    expected, read = 0, 0
    try:
        for _ in range(3000):
            got = ring.read()
            assert np.array_equal(got, (np.arange(expected, expected + len(got)) % 7_000_000).astype(np.float32))
            expected = (expected + len(got)) % 7_000_000
            read += len(got)
    finally:
        over.set()
        thread.join()
    assert read + len(ring) == total > 0
