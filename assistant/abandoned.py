"""Other people's blocking code in a thread that nobody has to wait for."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import anyio
import anyio.from_thread
import anyio.lowlevel

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Run ``work`` in a thread of its own; returns its result or raises what it raised.

    Cancelling leaves the thread to itself, and the program may end before it: unlike a worker of a pool it is a
    daemon, since what never ends must not keep the program from ending.
    """
    done = anyio.Event()
    token = anyio.lowlevel.current_token()
    context = contextvars.copy_context()
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(context.run(work))
        except BaseException as error:  # to be raised where it is waited for
            errors.append(error)
        with suppress(Exception):  # the loop may have ended meanwhile, and with it whoever waited
            anyio.from_thread.run_sync(done.set, token=token)

    threading.Thread(target=run, name="tool", daemon=True).start()
    await done.wait()
    if errors:
        raise errors[0]
    return results[0]
