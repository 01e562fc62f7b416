"""Is a sound device still there, and what to do if not? Pure decisions; every time is an argument, in seconds."""

from __future__ import annotations

from enum import Enum

SILENT = 0.5
"""Seconds without a callback after which a device is dead, whatever it says: a suspended one says nothing."""
SETTLING = 0.7
"""Seconds that a device just opened may take to its first callback: so short that a named one which opens and says
nothing is replaced by the default within 2 s. Doubled with every attempt, to SETTLING_MOST: a headset on Bluetooth may
take long, and to reopen it every second would never let it finish."""
SETTLING_MOST = 4.0
UNHEARD = 1.0
"""Seconds without a device that works after which that is told: a device that comes back sooner was never away."""
RETRY = 0.25
"""Seconds to the second attempt to open; doubled with every attempt, to RETRY_MOST."""
RETRY_MOST = 0.75
RESCAN = 0.7
"""Seconds between two scans for devices: one takes a tenth of a second of computing."""
RESCAN_BUSY = 10.0
"""The same while the other direction works and is in use: a scan interrupts it."""


class Do(Enum):
    """What is to be done now."""

    NOTHING = "nothing"
    REOPEN = "reopen"
    """Close what there is of it and open it again, by its name."""
    RESCAN = "rescan"
    """Have PortAudio look for devices anew (which closes everything), then open it."""


class Watchdog:
    """Watches one direction of sound."""

    def __init__(self, now: float) -> None:
        """A device was opened at ``now``."""
        self._alive_at = now
        self._heard_from = False
        """There was a callback since it was opened."""
        self._lost_at: float | None = None
        self._try_at = now
        self._attempts = 0
        self._settling = False
        """It was opened again and has not called back yet."""
        self._rescanned_at = -RESCAN_BUSY

    @property
    def attempts(self) -> int:
        """To open it again, since it last called back."""
        return self._attempts

    @property
    def lost(self) -> bool:
        """There is no device that works."""
        return self._lost_at is not None

    def lost_for(self, now: float) -> float:
        """Seconds since when no device works."""
        return 0.0 if self._lost_at is None else now - self._lost_at

    def called_back(self, now: float) -> None:
        """The device's callback has run."""
        self._alive_at = now
        self._heard_from = True
        self._lost_at = None
        self._attempts = 0

    def ended(self, now: float) -> None:
        """The device said that it is gone, or could not be opened."""
        if self._lost_at is None or self._settling:
            self._lost_at = now
            self._try_at = now
        self._settling = False
        self._alive_at = -SETTLING_MOST
        self._heard_from = False

    def tried(self, now: float, *, opened: bool, rescanned: bool) -> None:
        """It was opened again, or could not be."""
        wait = min(RETRY * 2**self._attempts, RETRY_MOST)
        if opened:
            self._heard_from = False
            self._alive_at = now
            wait = min(SETTLING * 2**self._attempts, SETTLING_MOST)
        self._settling = opened
        if rescanned:
            self._rescanned_at = now
        self._attempts += 1
        self._try_at = now + wait

    def decide(self, now: float, *, other_busy: bool) -> Do:
        """``other_busy``: the other direction works and must not be interrupted lightly."""
        if self._lost_at is None:
            patience = SILENT if self._heard_from else SETTLING
            if now - self._alive_at <= patience:
                return Do.NOTHING
            self._lost_at = self._try_at = now
        if now < self._try_at:
            return Do.NOTHING
        # The first attempt goes without a scan: a server that was restarted, or another default, needs none.
        spacing = RESCAN_BUSY if other_busy else RESCAN
        if self._attempts and now - self._rescanned_at >= spacing:
            return Do.RESCAN
        return Do.REOPEN
