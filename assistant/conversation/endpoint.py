"""Has the user finished? Silence, what the text says and how the voice sounded -> how long to wait.

A policy is a plain function in ``POLICIES`` over `Evidence`; how a text reads is judged in ``reading.py``, the one that
weighs everything is in ``adaptive.py``.
"""

from __future__ import annotations

from collections.abc import Callable

from assistant.conversation.adaptive import adaptive
from assistant.conversation.evidence import EndpointRules, Evidence
from assistant.conversation.pauses import Habit
from assistant.conversation.reading import Reads, judge

__all__ = ["LISTENS", "POLICIES", "EndpointRules", "Evidence", "Policy", "decide", "reads_complete", "wait"]

UNKNOWN = 0.6
"""Seconds to wait when no text is known, or nothing in it says whether it is complete."""
PUZZLED = 1.0
"""At least, while there were words and the recogniser did not understand them: half a request is none to it."""
PROBABLY = 0.4
"""For text that is most likely complete: it has the form of a sentence, but nothing marks its end."""
NUMBER = 1.2
"""While a number or a spelling is read out: people pause between the groups."""
OPEN = 0.7
"""An unfinished sentence waits for this part of the way from the least to the most silence."""


Policy = Callable[[EndpointRules, Evidence], float]
"""(rules, evidence) -> seconds, before they are held between the least and the most."""


def wait(
    rules: EndpointRules,
    text: str | None,
    *,
    final: bool,
    end_of_turn: bool,
    language: str | None = None,
    understood: bool = True,
    complete: tuple[float, ...] = (),
    pauses: tuple[float, ...] = (),
    voice: float | None = None,
    habit: Habit | None = None,
) -> float:
    """Seconds of silence after the last voiced sample after which the user has finished.

    The arguments are those of `Evidence`. Raises KeyError for an unknown policy.
    """
    evidence = Evidence(text, final, end_of_turn, language, understood, complete, pauses, voice, habit or Habit())
    return decide(rules, evidence)


def decide(rules: EndpointRules, evidence: Evidence) -> float:
    """The same, of evidence that has been put together already."""
    seconds = POLICIES[rules.policy](rules, evidence)
    if rules.policy == "fixed":
        return seconds
    if not evidence.understood:
        seconds = max(seconds, PUZZLED)
    return max(rules.silence, min(seconds, rules.max_silence))


def reads_complete(text: str | None, language: str | None = None) -> bool:
    """Does the text read as something that can be answered? Drafts are begun on it."""
    return bool(text) and judge(text or "", language) is Reads.COMPLETE


def _fixed(rules: EndpointRules, evidence: Evidence) -> float:
    return rules.silence


def _text(rules: EndpointRules, evidence: Evidence) -> float:
    if evidence.end_of_turn:
        return rules.silence
    reads = evidence.reads
    if reads is None:
        return UNKNOWN + rules.patience
    if reads is Reads.OPEN:
        return rules.silence + OPEN * (rules.max_silence - rules.silence)
    if reads is Reads.COMPLETE and not evidence.final:
        return rules.silence + 0.1 + rules.patience  # a partial may lag behind the voice
    waits = {
        Reads.COMPLETE: rules.silence,
        Reads.PROBABLY: PROBABLY,
        Reads.UNKNOWN: UNKNOWN,
        Reads.NUMBER: NUMBER,
    }
    return waits[reads] + rules.patience


def _smart_turn(rules: EndpointRules, evidence: Evidence) -> float:
    """The detector alone, and the words while there is none."""
    if evidence.end_of_turn:
        return rules.silence
    if not evidence.complete:
        return _text(rules, evidence)
    return rules.scored if evidence.complete[-1] >= rules.enough else rules.doubted


POLICIES: dict[str, Policy] = {"fixed": _fixed, "text": _text, "smart-turn": _smart_turn, "adaptive": adaptive}
"""Name in the config's ``turn.endpointing`` -> policy. Others register by adding themselves."""

LISTENS: frozenset[str] = frozenset({"smart-turn", "adaptive"})
"""Those of them that a detector's score is of use to."""
