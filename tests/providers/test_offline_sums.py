"""Sums as they are said and written, and how the results are said."""

from __future__ import annotations

import math
from datetime import datetime
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assistant.ports import Message, Text
from providers.offline import arithmetic, numbers, speech
from providers.offline.model import answer


def said(text: str) -> str:
    return " ".join(answer([Message("user", (Text(text),))], datetime(2026, 11, 20)).sentences)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("What is seven times eight?", "7 times 8 is 56."),
        ("What is two plus two?", "2 plus 2 is 4."),
        ("what's three point five minus point five", "3.5 minus 0.5 is 3."),
        ("What is 3.14 times 2?", "3.14 times 2 is 6.28."),
        ("two plus three times four", "2 plus 3 times 4 is 14."),
        ("twenty-five minus forty", "25 minus 40 is minus 15."),
        ("minus four times minus five", "Minus 4 times minus 5 is 20."),
        ("a hundred divided by seven", "100 divided by 7 is about 14.286."),
        ("twelve over five", "12 divided by 5 is 2.4."),
        ("fifteen percent of eighty", "15 percent of 80 is 12."),
        ("a hundred plus ten percent", "100 plus 10 percent is 110."),
        ("two thirds of nine", "2 thirds of 9 is 6."),
        ("half of seven", "Half of 7 is 3.5."),
        ("two and a half plus one and a half", "2.5 plus 1.5 is 4."),
        ("nine squared plus two cubed", "9 squared plus 2 cubed is 89."),
        ("two to the power of ten", "2 to the power of 10 is 1024."),
        ("the square root of a hundred and forty-four", "The square root of 144 is 12."),
        ("What is the square root of two?", "The square root of 2 is about 1.414."),
        ("seventeen modulo five", "17 mod 5 is 2."),
        ("1,000,000 + 2,500", "1,000,000 plus 2500 is 1,002,500."),
        ("6 × 7", "6 times 7 is 42."),
        ("9 ÷ 3 =", "9 divided by 3 is 3."),
        ("(2 + 3) * 4", "That is 20."),
        ("0.1 + 0.2", "0.1 plus 0.2 is 0.3."),
        ("add five and seven", "5 plus 7 is 12."),
        ("Add one, two, and three.", "That is 6."),
        ("add one hundred and two hundred", "100 plus 200 is 300."),
        ("subtract three from ten", "10 minus 3 is 7."),
        ("take two away from eleven", "11 minus 2 is 9."),
        ("the difference between ten and four", "10 minus 4 is 6."),
        ("the product of six and seven", "6 times 7 is 42."),
        ("split ninety by four", "90 divided by 4 is 22.5."),
        ("two and two", "2 and 2 is 4."),
    ],
)
def test_a_sum_is_repeated_as_it_was_understood_with_its_result(text: str, spoken: str) -> None:
    assert said(text) == spoken


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ten divided by zero", "Nothing can be divided by zero."),
        ("five modulo zero", "Nothing can be divided by zero."),
        ("zero to the power of minus one", "Nothing can be divided by zero."),
        ("the square root of minus one", "A negative number has no real square root."),
        ("two to the power of a million", "That is too big a number for me."),
        ("9 ^ 9 ^ 9 ^ 9", "That is too big a number for me."),
        ("five hundred factorial", "That is too big a number for me."),
        ("two to the power of point three", "I only do whole powers."),
    ],
)
def test_a_sum_without_a_result_says_why(text: str, reason: str) -> None:
    assert said(text) == reason


@pytest.mark.parametrize(
    "text",
    [
        "seven", "1 2 3", "two plus", "times", "what is what", "((((1+1", "3 + + ", "is five more than three", "a half",
        "--", "9" * 5000 + " plus 1", "1" + " plus 1" * 40, "__import__('os').getcwd() + 1", "1 if 1 else 2",
    ],
)  # fmt: skip
def test_what_is_no_sum_is_left_to_others(text: str) -> None:
    assert "cannot help" in said(text)


@pytest.mark.parametrize(
    ("value", "spoken"),
    [
        (Fraction(0), "0"), (Fraction(9999), "9999"), (Fraction(10000), "10,000"), (Fraction(-7), "minus 7"),
        (Fraction(1, 8), "0.125"), (Fraction(1, 3), "about 0.333"), (Fraction(1, 700), "about 0.00143"),
        (Fraction(-200, 3), "about minus 66.667"), (Fraction(5, 2), "2.5"),
        (Fraction(10**15 - 1), "999,999,999,999,999"),
        (Fraction(10**15), "10 to the power of 15"), (Fraction(2**100), "about 1.27 times 10 to the power of 30"),
        (Fraction(5 * 10**20), "5 times 10 to the power of 20"), (Fraction(1, 10**9), "10 to the power of minus 9"),
        (Fraction(9_999_999 * 10**12), "about 10 to the power of 19"),
        (Fraction(1, 3 * 10**8), "about 3.33 times 10 to the power of minus 9"),
    ],
)  # fmt: skip
def test_how_a_number_is_said(value: Fraction, spoken: str) -> None:
    assert speech.number(value) == spoken


@pytest.mark.parametrize(
    ("n", "spoken"),
    [
        (2026, "twenty twenty-six"), (1905, "nineteen oh five"), (2000, "two thousand"), (2001, "two thousand and one"),
        (1900, "nineteen hundred"), (2010, "twenty ten"), (1066, "ten sixty-six"),
    ],
)  # fmt: skip
def test_how_a_year_is_said(n: int, spoken: str) -> None:
    assert speech.year(n) == spoken


@pytest.mark.parametrize(
    ("n", "spoken"),
    [
        (1, "first"),
        (2, "second"),
        (3, "third"),
        (12, "twelfth"),
        (20, "twentieth"),
        (21, "twenty-first"),
        (30, "thirtieth"),
    ],
)
def test_how_a_day_is_counted(n: int, spoken: str) -> None:
    assert speech.ordinal(n) == spoken


def in_words(n: int) -> str:
    """An independent way to say a number, with "and" where it is said in British English."""
    if n < 100:
        return speech.cardinal(n).replace("-", " ")
    for name, size in (
        ("trillion", 10**12),
        ("billion", 10**9),
        ("million", 10**6),
        ("thousand", 1000),
        ("hundred", 100),
    ):
        if n >= size:
            head, rest = divmod(n, size)
            joint = " and " if 0 < rest < 100 else " "
            return f"{in_words(head)} {name}{joint + in_words(rest) if rest else ''}"
    raise AssertionError(n)


@given(st.integers(0, 10**15 - 1))
def test_a_number_in_words_is_read_back(n: int) -> None:
    assert numbers.read(in_words(n).split()) == [n]
    assert numbers.read(in_words(n).replace(" and ", " ").split()) == [n]


@given(st.integers(0, 999), st.text("0123456789", min_size=1, max_size=6))
def test_a_decimal_in_words_is_read_back(whole: int, digits: str) -> None:
    spoken = f"{in_words(whole)} point {' '.join(speech.cardinal(int(digit)) for digit in digits)}"
    assert numbers.read(spoken.split()) == [Fraction(f"{whole}.{digits}")]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("+-*/"), st.integers(0, 99)), min_size=1, max_size=6), st.integers(0, 99))
def test_sums_come_out_as_python_reckons_them(rest: list[tuple[str, int]], first: int) -> None:
    spoken = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}
    text = in_words(first) + "".join(f" {spoken[sign]} {in_words(n)}" for sign, n in rest)
    written = f"Fraction({first})" + "".join(f"{sign}Fraction({n})" for sign, n in rest)
    try:
        expected = eval(written, {"Fraction": Fraction})  # the other way to reckon it
    except ZeroDivisionError:
        assert said(text) == "Nothing can be divided by zero."
        return
    assert said(text).endswith(f"is {speech.number(expected)}.")


@given(st.fractions(min_value=Fraction(1, 10**30), max_value=10**30))
def test_a_number_is_never_said_wrong_by_more_than_its_last_figure(value: Fraction) -> None:
    spoken = speech.number(value)
    exact = not spoken.startswith("about")
    text = spoken.removeprefix("about ").replace(",", "").replace("minus ", "-")
    factor, _, power = text.rpartition("10 to the power of ")
    reckoned = (
        Fraction(factor.removesuffix(" times ") or 1) * Fraction(10) ** int(power)
        if "power" in text
        else Fraction(text)
    )
    assume(reckoned > 0)
    assert reckoned == value if exact else math.isclose(reckoned, value, rel_tol=0.006)


def test_the_skill_says_what_it_can_do() -> None:
    assert arithmetic.SKILL.can == "do sums"
