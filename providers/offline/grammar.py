"""What may be said, for recognisers that listen only for that: the skills' own rules joined into one JSGF grammar.

JSGF: W3C note "JSpeech Grammar Format", 2000. Here ``(a | b)``, ``[a]`` and ``<rule>`` are used, no weights or tags.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping

from providers.offline.skill import Skill

# fmt: off
RULES: Mapping[str, str] = {
    "digit": "one | two | three | four | five | six | seven | eight | nine",
    "teen": "ten | eleven | twelve | thirteen | fourteen | fifteen | sixteen | seventeen | eighteen | nineteen",
    "tens": "twenty | thirty | forty | fifty | sixty | seventy | eighty | ninety",
    "number": "zero | <digit> | <teen> | <tens> [<digit>] | (a | one) hundred",
    "count": "<digit> | <teen> | <tens> [<digit>]",
    "duration": (
        "<count> (seconds | minutes | hours) | (one | a) (second | minute) | (one | an) hour | half an hour"
        " | an hour and a half | (one | an) hour and <count> minutes"
    ),
    "thing": "pasta | egg | tea | coffee | pizza | rice | bread | oven | laundry | kitchen",
    "hour": "<digit> | ten | eleven | twelve",
    "clock": (
        "<hour> [o'clock] | <hour> (fifteen | thirty | forty five) | (half | quarter) past <hour> | quarter to <hour>"
        " | (five | ten | twenty) (past | to) <hour> | noon | midnight"
    ),
    "day": "in the (morning | afternoon | evening) | tomorrow [morning | evening] | tonight",
    "weekday": "monday | tuesday | wednesday | thursday | friday | saturday | sunday",
    "length": "inches | feet | yards | miles | millimeters | centimeters | meters | kilometers",
    "weight": "ounces | pounds | grams | kilograms",
    "volume": "cups | pints | gallons | milliliters | liters",
    "speed": "miles per hour | kilometers per hour",
}
"""Shared by the skills."""
# fmt: on

LEAD = "please | okay | [hey] parley"
TAIL = "please | parley"
"""What may come before and after every request."""

_TOKEN = re.compile(r"<[\w ]+>|[()\[\]|]|[^\s()\[\]|<>]+")


def rule_name(skill: Skill) -> str:
    return "skill_" + skill.name.replace(" ", "_")


def jsgf(skills: Iterable[Skill], name: str = "parley") -> str:
    """The grammar of all ``skills`` as one JSGF document; its public rule has the grammar's name."""
    told = [skill for skill in skills if skill.grammar]
    lines = ["#JSGF V1.0;", f"grammar {name};"]
    lines.append(f"public <{name}> = {asked(told)};")
    lines += [f"<{rule_name(skill)}> = {skill.grammar};" for skill in told]
    lines += [f"<{rule}> = {text};" for rule, text in RULES.items()]
    return "\n".join(lines) + "\n"


def asked(skills: Iterable[Skill]) -> str:
    """The right-hand side of the public rule: any skill's sentences, politely or by name."""
    one = " | ".join(f"<{rule_name(skill)}>" for skill in skills)
    return f"[{LEAD}] ({one}) [{TAIL}]"


def vocabulary(text: str) -> frozenset[str]:
    """The words of a JSGF document."""
    bodies = " ".join(line.partition("=")[2].rstrip(";") for line in text.splitlines())
    return frozenset(token for token in _TOKEN.findall(bodies) if token[0] not in "<()[]|")


def sentence(text: str, chance: random.Random, rules: Mapping[str, str] = RULES) -> str:
    """One of the sentences that a rule's right-hand side ``text`` allows, drawn with ``chance``. ``rules``: those it
    may name besides the shared ones."""
    tokens = _TOKEN.findall(text)
    words, at = _alternatives(tokens, 0, chance, {**RULES, **rules})
    if at != len(tokens):
        raise ValueError(f"a bracket is closed that was not opened: {text}")
    return " ".join(words)


def _alternatives(tokens: list[str], at: int, chance: random.Random, rules: Mapping[str, str]) -> tuple[list[str], int]:
    """One of ``a | b | c``, up to the bracket that ends them."""
    options: list[list[str]] = [[]]
    while at < len(tokens) and tokens[at] not in ")]":
        token = tokens[at]
        at += 1
        if token == "|":
            options.append([])
        elif token in "([":
            words, at = _alternatives(tokens, at, chance, rules)
            at += 1
            if token == "(" or chance.random() < 0.5:
                options[-1] += words
        elif token.startswith("<"):
            options[-1] += sentence(rules[token[1:-1]], chance, rules).split()
        else:
            options[-1].append(token)
    return chance.choice(options), at
