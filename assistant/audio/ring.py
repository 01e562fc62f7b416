"""A bounded queue of samples between two threads, neither of which ever waits."""

from __future__ import annotations

import numpy as np

from assistant.ports import Samples


class Ring:
    """Samples from one writing thread to one reading thread, in memory that was claimed beforehand.

    Each side owns one counter and only reads the other's, which is enough where a store of an attribute is atomic
    (it is, under the interpreter's lock). The counters never wrap.
    """

    def __init__(self, capacity: int) -> None:
        """``capacity`` in samples."""
        self._memory = np.zeros(capacity, np.float32)
        self._written = 0
        self._read = 0
        self.lost = 0
        """Samples that found no room. The writer's to count, anybody's to read."""

    def __len__(self) -> int:
        """Samples that wait to be read."""
        return self._written - self._read

    @property
    def room(self) -> int:
        """Samples that may be written now."""
        return len(self._memory) - len(self)

    def write(self, samples: Samples) -> bool:
        """Copy ``samples`` (n,) in, all of them or, where there is no room, none."""
        count = len(samples)
        if count > self.room:
            self.lost += count
            return False
        start = self._written % len(self._memory)
        head = min(count, len(self._memory) - start)
        self._memory[start : start + head] = samples[:head]
        self._memory[: count - head] = samples[head:]
        self._written += count  # only now may the reader look
        return True

    def read(self) -> Samples:
        """All that waits, as an array of its own."""
        count = len(self)
        start = self._read % len(self._memory)
        head = min(count, len(self._memory) - start)
        out = np.empty(count, np.float32)
        out[:head] = self._memory[start : start + head]
        out[head:] = self._memory[: count - head]
        self._read += count
        return out
