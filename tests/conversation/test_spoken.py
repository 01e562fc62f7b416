"""What a voice is given to read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.conversation.spoken import spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Plain words, nothing else.", "Plain words, nothing else."),
        ("**Bold**, *italic*, ***both***, __under__ and _score_.", "Bold, italic, both, under and score."),
        ("~~old~~ new", "old new"),
        ("Call `run()` first.", "Call run() first."),
        ("See [the docs](https://docs.io/a_(b)?c=d) here.", "See the docs here."),
        ("See [the docs][1] here.", "See the docs here."),
        ("![a red fox](fox.png) jumps", "a red fox jumps"),
        ("<https://www.example.com/a>", "example.com"),
        ("Go to https://www.example.com/a/b?c=d#e.", "Go to example.com."),
        ("Try www.example.org/x, then rest.", "Try example.org, then rest."),
        ("As shown.[1] And[^note] there [2, 3].", "As shown. And there."),
        ("Salt &amp; pepper &lt;3&gt; &#39;now&#39;", "Salt & pepper <3> 'now'"),
        ("a<br>b <b>c</b> <!-- d -->", "a b c"),
        ("snake_case here", "snake case here"),
        ("2 * 3 is 6", "2 × 3 is 6"),
        ("1 < 2", "1 < 2"),
        ("Great 🎉 job 👩‍💻!", "Great job!"),
        ("Number 1️⃣", "Number 1"),
        ("क्‍ष है", "क्‍ष है"),
        ("A → B", "A, B"),
        ("[x] done", "done"),
        ("It costs \\$5 \\* 2", "It costs $5 × 2"),
        ("so —", "so,"),
        ("  many   spaces\n here ", "many spaces here"),
        ('" Then he left.', "Then he left."),
        (") and more", "and more"),
        (".. maybe", "maybe"),
        (".5 is half", ".5 is half"),
        ("-5 degrees", "-5 degrees"),
        ('"Quoted" words', '"Quoted" words'),
        ("¿Qué?", "¿Qué?"),
        ("🎉", ""),
        ("***", ""),
        ("...", ""),
        ("", ""),
    ],
)
def test_cleaning(written: str, said: str) -> None:
    assert spoken(written) == said


@given(st.text(alphabet=st.sampled_from(list("ab1 .,*_`[](){}<>&;|~#!\\\"'-—:/w\n🎉你।"))))
def test_what_is_said_is_clean_and_stays_so(text: str) -> None:
    said = spoken(text)
    assert said == said.strip()
    assert "**" not in said and "`" not in said and "🎉" not in said and "\n" not in said
    assert not said or any(map(str.isalnum, said))
