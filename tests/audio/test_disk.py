from __future__ import annotations

import threading

from assistant.audio.disk import DiskThread


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "parley-disk"]


def test_jobs_run_in_order_and_all_before_close_returns() -> None:
    disk, done = DiskThread(), []
    for number in range(100):
        disk.submit(lambda number=number: done.append(number))
    assert disk.close(lambda: done.append("last"))
    assert done == [*range(100), "last"]


def test_all_share_one_thread_which_ends_with_the_last() -> None:
    one, other = DiskThread(), DiskThread()
    assert len(threads()) == 1
    one.close()
    assert len(threads()) == 1
    ran = threading.Event()
    other.submit(ran.set)
    other.close()
    assert ran.is_set()
    assert not threads()


def test_an_error_is_told_once_and_to_its_owner_and_the_next_job_is_tried() -> None:
    disk, neighbour, done = DiskThread(), DiskThread(), []

    def fail() -> None:
        raise OSError(28, "No space left on device")

    for job in (fail, fail, lambda: done.append(1)):
        disk.submit(job)
    disk.close()
    error = disk.take_error()
    assert error is not None and error.errno == 28
    assert disk.take_error() is None
    assert neighbour.take_error() is None
    assert done == [1]
    neighbour.close()


def test_a_disk_that_hangs_refuses_what_it_cannot_take_and_holds_nobody_up() -> None:
    disk, hang, done = DiskThread(limit=3), threading.Event(), []
    disk.submit(lambda: bool(hang.wait()))
    for number in range(10):
        disk.submit(lambda number=number: done.append(number))
    assert not disk.close(timeout=0.05)
    assert str(disk.take_error()).endswith("the disk does not keep up")
    hang.set()
    for thread in threading.enumerate():
        if thread.name == "parley-disk":
            thread.join()
    assert len(done) <= 3
