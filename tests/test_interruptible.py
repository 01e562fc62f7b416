"""A command's event loop: its exit code, what it raises, and the signals that end it."""

from __future__ import annotations

import os
import signal

import anyio
import anyio.lowlevel
import pytest

from assistant import interruptible, signals
from assistant.ports import ParleyError


def test_the_exit_code_is_the_works() -> None:
    async def work() -> int:
        await anyio.lowlevel.checkpoint()
        return 7

    assert interruptible.run(work) == 7


@pytest.mark.parametrize("number", signals.SIGNALS)
def test_a_signal_cancels_the_work_which_may_clean_up(number: signal.Signals) -> None:
    closed = []

    async def work() -> int:
        try:
            os.kill(os.getpid(), number)
            await anyio.sleep(30)
        finally:
            closed.append(True)
        return 0

    before = signal.getsignal(number)
    assert interruptible.run(work) == 130
    assert closed == [True]
    assert signal.getsignal(number) is before


def test_a_mistake_of_the_users_comes_through() -> None:
    async def work() -> int:
        raise ParleyError("no")

    with pytest.raises(BaseExceptionGroup) as caught:
        interruptible.run(work)
    assert caught.group_contains(ParleyError, match="no")


def test_a_reader_that_has_gone_is_no_error() -> None:
    async def work() -> int:
        async with anyio.create_task_group():
            raise BrokenPipeError

    assert interruptible.run(work) == 1
