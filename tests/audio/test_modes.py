"""Which way of holding a conversation follows from which measurements."""

from __future__ import annotations

import pytest

from assistant.audio.modes import MODES, Choice, EchoPath, Measured, Mode, SelfHeard, choose, safer

LOUD, QUIET, NONE = EchoPath(True, 0.06, 6.0), EchoPath(True, 0.06, 32.0), EchoPath(False)
FAR = EchoPath(True, 0.06, 55.0)


def heard(interruptions: int = 0, pauses: int = 0) -> SelfHeard:
    return SelfHeard(12.0, interruptions, pauses)


OFTEN = heard(15, 1)


@pytest.mark.parametrize(
    ("measured", "mode", "cancel"),
    [
        (Measured(NONE, heard(), heard()), "headphones", False),
        (Measured(FAR, heard(), heard()), "headphones", False),
        (Measured(NONE, heard()), "headphones", False),
        (Measured(LOUD, OFTEN, heard()), "full", True),
        (Measured(QUIET, heard(), heard()), "full", True),
        (Measured(LOUD, OFTEN, heard(0, 1)), "duck", True),
        (Measured(LOUD, OFTEN, SelfHeard(600.0, 0, 5)), "full", True),
        (Measured(LOUD, OFTEN, SelfHeard(600.0, 0, 6)), "duck", True),
        (Measured(LOUD, OFTEN, heard(1, 2)), "duck", True),
        (Measured(LOUD, OFTEN, heard(2)), "half", True),
        (Measured(LOUD, OFTEN), "half", False),
        (Measured(LOUD, heard()), "half", False),
        (Measured(QUIET, heard(1)), "half", False),
        (Measured(QUIET, heard()), "full", False),
        (Measured(NONE, OFTEN, heard(3)), "full", True),
    ],
)
def test_the_choice(measured: Measured, mode: Mode, cancel: bool) -> None:
    choice = choose(measured)
    assert (choice.mode, choice.cancel) == (mode, cancel)
    assert choice.why and not choice.why.endswith(".")


def test_rates_are_a_minute() -> None:
    assert (heard(1, 2).interruptions_a_minute, heard(1, 2).pauses_a_minute) == (5.0, 10.0)
    assert SelfHeard(0.0, 0, 0).interruptions_a_minute == 0.0


@pytest.mark.parametrize(
    ("mode", "cancel", "path", "erle", "to"),
    [
        ("full", False, LOUD, None, "half"),
        ("headphones", False, LOUD, None, "half"),
        ("full", False, QUIET, None, None),
        ("full", False, NONE, None, None),
        ("full", True, LOUD, 30.0, None),
        ("full", True, LOUD, None, None),
        ("full", True, LOUD, 7.0, "duck"),
        ("full", True, LOUD, 2.0, "half"),
        ("duck", True, LOUD, 2.0, "half"),
        ("half", True, LOUD, 7.0, None),
        ("half", False, LOUD, None, None),
        ("duck", True, LOUD, 40.0, None),
    ],
)
def test_in_a_conversation_it_only_becomes_safer(
    mode: Mode, cancel: bool, path: EchoPath, erle: float | None, to: Mode | None
) -> None:
    choice = safer(mode, cancel, path, erle)
    assert (None if choice is None else choice.mode) == to
    if isinstance(choice, Choice):
        assert MODES.index(choice.mode) > MODES.index(mode) and choice.cancel is cancel
