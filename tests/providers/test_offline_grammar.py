"""The grammar for recognisers: all that it lets through, the skills understand."""

from __future__ import annotations

import random
import re
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.offline import grammar, matcher
from providers.offline.model import SKILLS
from providers.offline.skill import Request, Skill

NOON = datetime(2026, 11, 20, 12, 30)


def skill_for(text: str) -> str | None:
    for form in matcher.forms(text):
        request = Request(text, form, ("a joke",), "Hello.", NOON, 0)
        for skill in SKILLS:
            if skill.answer(request) is not None:
                return skill.name
    return None


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.name)
@settings(deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_sentence_of_a_skills_grammar_is_answered_by_that_skill(skill: Skill, seed: int) -> None:
    text = grammar.sentence(grammar.asked([skill]), random.Random(seed), {grammar.rule_name(skill): skill.grammar})
    assert skill_for(text) == skill.name, text


def test_every_rule_is_defined_once_and_used() -> None:
    text = grammar.jsgf(SKILLS)
    defined = re.findall(r"^(?:public )?<(\w+)> =", text, re.MULTILINE)
    used = set(re.findall(r"<(\w+)>", "".join(line.partition("=")[2] for line in text.splitlines())))
    assert len(defined) == len(set(defined))
    assert set(defined) - {"parley"} == used


def test_the_document_is_jsgf() -> None:
    lines = grammar.jsgf(SKILLS).splitlines()
    assert lines[:2] == ["#JSGF V1.0;", "grammar parley;"]
    assert all(line.endswith(";") and line.count("(") == line.count(")") for line in lines)


def test_the_vocabulary_is_what_may_be_said() -> None:
    words = grammar.vocabulary(grammar.jsgf(SKILLS))
    assert {"what", "o'clock", "ninety", "fahrenheit", "parley"} <= words
    assert not any(set(word) & set("<>()[]|=;") for word in words)


def test_a_bracket_too_many_is_told() -> None:
    with pytest.raises(ValueError, match="bracket"):
        grammar.sentence("what (time | day)) is it", random.Random(0))
