"""A reply that goes on with another model or voice, word by word, on virtual time: nothing twice, nothing lost.

Which word is cut at which delta is the scripts' choice here, so every place where an answer can break is tried.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
import trio.testing

from tests.faults.conversing import Call, Outcome, hold, tone_at

HEARD = "tell me"
BEGUN = "One is first. Two is second, and three is third. Four is"
REST = "Five is fifth. Six is last."
DELTAS = len(BEGUN.split())
WORD = 0.25
"""Seconds that the scripted voices give to every word: a natural pace."""


def converse(folder: Path, llm: dict[str, Any], tts: dict[str, Any], **providers: dict[str, Any]) -> Outcome:
    """One utterance; ``providers``: named scripted instances that the chains name."""
    lines = [{"start": 0.4, "end": 1.0, "text": HEARD}]
    tables: dict[str, Any] = {"stt": {"provider": "scripted", "options": {"lines": lines}}, "llm": llm, "tts": tts}
    for name, options in providers.items():
        kind = {"offline": "offline"}.get(name, "scripted")
        tables[f"providers.{name}"] = {"provider": kind, "options": options}
    clock = trio.testing.MockClock(autojump_threshold=0)
    call = Call(folder, tables, tone_at([(0.4, 1.0)], 1.3))
    return anyio.run(hold, call, backend="trio", backend_options={"clock": clock})


def words(outcome: Outcome) -> list[str]:
    return [str(word) for word in outcome.data("reply.word", "word")]


@pytest.mark.parametrize("streams_text", [False, True], ids=["piece by piece", "word by word"])
@pytest.mark.parametrize("cut", range(1, DELTAS))
def test_wherever_a_model_breaks_off_the_words_fit_together(cut: int, streams_text: bool, tmp_path: Path) -> None:
    begun = {"replies": [BEGUN], "gap": 0.02, "faults": [{"call": 1, "kind": "cut", "after": cut}]}
    outcome = converse(
        tmp_path,
        {"provider": "first", "fallback": ["second"]},
        {"provider": "scripted", "options": {"streams_text": streams_text}},
        first=begun,
        second={"replies": [REST]},
    )
    story = outcome.story()
    (said,) = outcome.data("reply.finished", "text")
    assert said.endswith(REST), story
    kept = said.removesuffix(REST).strip()
    assert BEGUN.startswith(kept), "the beginning of the first answer, and nothing twice"
    assert said == f"{kept} {REST}".strip(), "with a blank between them"
    if streams_text and cut > 1:
        assert len(kept.split()) >= cut - 1, "all the words that were handed over"
    assert " ".join(outcome.data("reply.sentence", "text")) == said, story
    assert " ".join(words(outcome)) == said, story
    assert outcome.history[1:] == [("user", HEARD), ("assistant", said)]


@pytest.mark.parametrize("streams_text", [False, True], ids=["piece by piece", "word by word"])
@pytest.mark.parametrize("cut", range(5))
def test_the_next_voice_says_every_word_that_the_first_had_no_sound_for(
    cut: int, streams_text: bool, tmp_path: Path
) -> None:
    whole = f"{BEGUN} over."
    fault = {"call": 1, "kind": "cut", "after": cut}
    outcome = converse(
        tmp_path,
        {"provider": "scripted", "options": {"replies": [whole], "gap": 0.05}},
        {"provider": "first", "fallback": ["second"]},
        first={"streams_text": streams_text, "word": WORD, "chunk": WORD, "faults": [fault]},
        second={"streams_text": streams_text, "word": WORD, "chunk": WORD},
    )
    story = outcome.story()
    assert outcome.data("provider.failed", "next") in (["second"], []), story
    assert outcome.data("reply.finished", "text") == [whole], story
    assert " ".join(words(outcome)) == whole, story
    heard = sum(end - start for start, end in outcome.sounds())
    assert heard == pytest.approx(WORD * len(whole.split()), abs=0.02)


def test_a_model_and_a_voice_that_both_break_off(tmp_path: Path) -> None:
    outcome = converse(
        tmp_path,
        {"provider": "first", "fallback": ["second"]},
        {"provider": "voice", "fallback": ["other"]},
        first={"replies": [BEGUN], "gap": 0.02, "faults": [{"call": 1, "kind": "cut", "after": 9}]},
        second={"replies": [REST]},
        voice={"faults": [{"call": 2, "kind": "cut", "after": 1}]},
        other={},
    )
    assert sorted(outcome.data("provider.failed", "stage")) == ["llm", "tts"], outcome.story()
    (said,) = outcome.data("reply.finished", "text")
    assert said in (f"One is first. {REST}", f"One is first. Two is second, {REST}")
    assert " ".join(words(outcome)) == said


def test_two_models_that_only_ever_break_off_end_in_an_apology(tmp_path: Path) -> None:
    always = {"replies": [BEGUN], "faults": [{"call": 0, "kind": "cut", "after": 2}]}
    outcome = converse(
        tmp_path,
        {"provider": "first", "fallback": ["second"]},
        {"provider": "scripted"},
        first=always,
        second=always,
    )
    assert outcome.reason == "input_over", outcome.story()
    assert outcome.data("reply.started", "kind")[-1] == "apology", outcome.story()
    assert len(outcome.all("provider.failed")) <= 4


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("what is two plus two", "One is first. 2 plus 2 is 4."),
        ("why is the sky blue", "One is first. Sorry, I cannot finish that."),
    ],
)
def test_the_offline_assistant_takes_over_in_the_middle(asked: str, said: str, tmp_path: Path) -> None:
    lines = [{"start": 0.4, "end": 1.0, "text": asked}]
    tables: dict[str, Any] = {
        "stt": {"provider": "scripted", "options": {"lines": lines}},
        "llm": {"provider": "first", "fallback": ["offline"]},
        "tts": {"provider": "scripted"},
        "providers.first": {
            "provider": "scripted",
            "options": {"replies": [BEGUN], "faults": [{"call": 1, "kind": "cut", "after": 5}]},
        },
    }
    clock = trio.testing.MockClock(autojump_threshold=0)
    call = Call(tmp_path, tables, tone_at([(0.4, 1.0)], 1.3))
    outcome = anyio.run(hold, call, backend="trio", backend_options={"clock": clock})
    assert outcome.data("reply.finished", "text") == [said], outcome.story()
