"""A virtual sound card for each test."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.devices.card import Card


@pytest.fixture
def card() -> Iterator[Card]:
    if sys.platform != "linux":
        pytest.skip("the virtual sound card needs PulseAudio on Linux")
    card = Card()
    try:
        card.start()
        yield card
    finally:
        card.stop()
