"""One emission -> a Notice to every observer, in one order for all of them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from assistant.ports import Notice, Observer

log = logging.getLogger("parley")


class Hub:
    """Hands every event to every observer. One that raises is dropped with one warning: it cannot change the flow.

    ``now`` gives audio-clock seconds; ``Notice.t`` never decreases even where ``now`` does. An observer may itself emit
    (a recorder's warning, say): that notice follows the one being handed out, for everybody.
    """

    def __init__(self, observers: Iterable[Observer], now: Callable[[], float]) -> None:
        self._observers = list(observers)
        self._now = now
        self._t = 0.0
        self._waiting: deque[Notice] = deque()
        self._busy = False

    def emit(
        self, event: str, turn: int | None = None, at: float | None = None, data: Mapping[str, Any] | None = None
    ) -> None:
        """``at`` in audio-clock seconds; None: the moment of emission."""
        self._t = max(self._t, self._now())
        self._waiting.append(Notice(self._t, event, turn, self._t if at is None else at, {} if data is None else data))
        if self._busy:
            return
        self._busy = True
        try:
            while self._waiting:
                self._hand_out(self._waiting.popleft())
        finally:
            self._busy = False

    def _hand_out(self, notice: Notice) -> None:
        for observer in tuple(self._observers):
            try:
                observer.notice(notice)
            except Exception as error:  # whatever it is: a watcher's fault must not end a conversation
                self._observers.remove(observer)
                log.warning(
                    "%s failed on %s and watches no longer (%s: %s)",
                    type(observer).__name__, notice.event, type(error).__name__, error,
                    exc_info=log.isEnabledFor(logging.DEBUG),
                )  # fmt: skip
