"""Faults that a script may ask for."""

from __future__ import annotations

import math
from collections.abc import Sequence

import anyio
import msgspec

from assistant.ports import ProviderError


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ``call``-th call (from 1; 0: every call) of a provider fails."""

    call: int
    kind: str
    """"refused" at once, "hang" for ever, "slow" by ``seconds``, or "cut" after ``after`` deltas or chunks."""
    after: int = 0
    seconds: float = 0.0


class Faults:
    """Counts calls and says what is wrong with each."""

    def __init__(self, faults: Sequence[Fault], provider: str) -> None:
        self._faults = faults
        self._provider = provider
        self._calls = 0

    async def begin(self) -> float:
        """Fail or hang as scripted; returns after how many deltas this call is cut (inf: never)."""
        self._calls += 1
        for fault in self._faults:
            if fault.call in (0, self._calls):
                if fault.kind == "hang":
                    await anyio.sleep_forever()
                if fault.kind == "refused":
                    raise ProviderError("refused the call, as scripted", provider=self._provider)
                if fault.kind == "slow":
                    await anyio.sleep(fault.seconds)
                    return math.inf
                return fault.after
        return math.inf

    def cut(self) -> ProviderError:
        return ProviderError("broke off, as scripted", provider=self._provider)
