"""One thread, one job: nothing overlaps, nothing that was asked for is lost, nobody is kept waiting."""

from __future__ import annotations

import subprocess
import sys
import threading

import anyio
import anyio.to_thread
import pytest

from providers._worker import Dropped, Worker

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Gate:
    """A job that runs until it is let go, and tells what ran when."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()

    def job(self) -> str:
        self.begun.set()
        assert self.go.wait(10)
        return "done"


async def begun(gate: Gate) -> None:
    assert await anyio.to_thread.run_sync(gate.begun.wait, 10)


async def test_runs_in_its_own_thread_and_returns_the_value() -> None:
    worker = Worker("test")
    assert await worker.run(divmod, 17, 5) == (3, 2)
    assert await worker.run(threading.current_thread) is not threading.current_thread()
    await worker.aclose()


async def test_an_error_is_the_callers() -> None:
    worker = Worker("test")
    with pytest.raises(ZeroDivisionError):
        await worker.run(divmod, 1, 0)
    assert await worker.run(int, "7") == 7
    await worker.aclose()


async def test_a_cancelled_caller_returns_at_once_and_the_next_job_waits_for_the_running_one() -> None:
    worker, gate, ran = Worker("test"), Gate(), []
    with anyio.move_on_after(0.05) as scope:
        await worker.run(gate.job)
    assert scope.cancelled_caught
    assert worker.busy

    async with anyio.create_task_group() as group:

        async def second() -> None:
            ran.append(await worker.run(lambda: gate.go.is_set()))

        group.start_soon(second)
        await anyio.sleep(0.05)
        assert ran == []
        gate.go.set()
    assert ran == [True], "the second job began before the first had ended"
    await worker.aclose()


async def test_a_job_can_see_that_nobody_waits_for_it() -> None:
    worker, seen = Worker("test"), threading.Event()

    def patient() -> None:
        while not worker.abandoned:
            pass
        seen.set()

    with anyio.move_on_after(0.02):
        await worker.run(patient)
    assert await worker.run(seen.is_set)
    await worker.aclose()


async def test_a_queued_job_whose_caller_has_gone_is_skipped() -> None:
    worker, gate, ran = Worker("test"), Gate(), []
    first = worker.submit(gate.job)
    with anyio.move_on_after(0.02):
        await worker.run(ran.append, "skipped")
    gate.go.set()
    assert await first.result() == "done"
    await worker.run(ran.append, "wanted")
    assert ran == ["wanted"]
    await worker.aclose()


async def test_an_optional_job_gives_way_to_a_submitted_one_and_to_a_newer_one() -> None:
    worker, gate = Worker("test"), Gate()
    first = worker.submit(gate.job)
    await begun(gate)
    old, new = worker.offer(int, "1"), worker.offer(int, "2")
    with pytest.raises(Dropped):
        await old.result()
    final = worker.submit(int, "3")
    with pytest.raises(Dropped):
        await new.result()
    late = worker.offer(int, "4")
    with pytest.raises(Dropped):
        await late.result()
    gate.go.set()
    assert (await first.result(), await final.result()) == ("done", 3)
    assert await worker.offer(int, "5").result() == 5
    await worker.aclose()


async def test_no_thread_is_left_after_close() -> None:
    before = set(threading.enumerate())
    worker = Worker("test")
    await worker.run(int)
    assert set(threading.enumerate()) != before
    await worker.aclose()
    assert set(threading.enumerate()) == before
    with pytest.raises(RuntimeError, match="closed"):
        await worker.run(int)


async def test_closing_does_not_wait_for_a_long_job_and_drops_what_is_queued() -> None:
    worker, gate = Worker("test"), Gate()
    worker.submit(gate.job)
    await begun(gate)
    queued = worker.submit(int)
    await worker.aclose()
    assert not gate.go.is_set()
    with pytest.raises(Dropped):
        await queued.result()
    gate.go.set()


def test_the_process_ends_cleanly_while_a_job_runs() -> None:
    """Also one that computes in native code, which would abort the process when it came back too late."""
    program = """
import anyio, sys
from providers._worker import Worker
from providers.whisper import SHIPPED
async def main():
    from faster_whisper import WhisperModel
    import numpy
    model = WhisperModel(str(SHIPPED["parley-rough"]), device="cpu", compute_type="int8")
    sound = numpy.random.default_rng(1).normal(size=16000 * 20).astype("float32") / 10
    worker = Worker("decode")
    def decode():
        while not worker.abandoned:
            list(model.transcribe(sound, language="en", beam_size=5)[0])
    worker.submit(decode)
    await anyio.sleep(0.2)
anyio.run(main)
sys.exit(7)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (7, "")
