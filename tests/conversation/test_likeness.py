"""How alike two voices are, and what is concluded from it."""

from __future__ import annotations

import math

import pytest

from assistant.conversation.likeness import OTHER, THEIRS, cosine, joined, likeness, whose


def test_the_cosine_is_that_of_the_angle() -> None:
    assert cosine((1.0, 0.0), (2.0, 0.0)) == 1.0
    assert cosine((1.0, 0.0), (0.0, 3.0)) == 0.0
    assert cosine((1.0, 0.0), (-1.0, 0.0)) == -1.0
    assert cosine((1.0, 0.0), (1.0, 1.0)) == pytest.approx(math.sqrt(0.5))


def test_nothing_is_like_no_voice_at_all() -> None:
    assert cosine((0.0, 0.0), (1.0, 0.0)) == 0.0


def test_voices_of_two_models_are_not_compared() -> None:
    with pytest.raises(ValueError):
        cosine((1.0, 0.0), (1.0, 0.0, 0.0))


def test_pieces_are_joined_to_a_voice_of_length_one() -> None:
    assert joined([(1.0, 0.0), (0.0, 1.0)]) == pytest.approx((math.sqrt(0.5), math.sqrt(0.5)))
    assert joined([(1.0, 0.0), (-1.0, 0.0)]) == (0.0, 0.0)


def test_the_likeness_is_even_at_chance_and_e_to_one_a_spread_away() -> None:
    assert likeness(0.7, chance=0.7, spread=0.02) == 0.5
    assert likeness(0.72, chance=0.7, spread=0.02) == pytest.approx(math.e / (1 + math.e))
    assert likeness(-1.0, chance=0.7, spread=0.001) == 0.0, "and does not overflow"


@pytest.mark.parametrize(
    ("sure", "told"),
    [(1.0, "theirs"), (THEIRS, "theirs"), (0.49, None), (0.11, None), (OTHER, "other"), (0.0, "other")],
)
def test_only_what_is_plain_is_concluded(sure: float, told: str | None) -> None:
    assert whose(sure) == told


@pytest.mark.parametrize(("sure", "told"), [(0.9, "theirs"), (0.89, None), (0.0002, None), (0.0001, "other")])
def test_of_less_than_a_second_only_what_is_plainer_is_concluded(sure: float, told: str | None) -> None:
    assert whose(sure, enough=False) == told
