"""Has the user finished? Silence and what the text so far says -> how long to wait.

A policy is a plain function in ``POLICIES``; how a text reads is judged in ``reading.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from assistant.conversation.reading import Reads, judge

__all__ = ["POLICIES", "EndpointRules", "Policy", "reads_complete", "wait"]

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


@dataclass(frozen=True)
class EndpointRules:
    policy: str = "text"
    """A name in POLICIES."""
    silence: float = 0.2
    """Seconds after the last voiced sample: for ``fixed`` exactly the wait, for the others the least."""
    max_silence: float = 2.5
    """Seconds: the most that a policy other than ``fixed`` may wait."""


Policy = Callable[[EndpointRules, "str | None", bool, bool, "str | None"], float]
"""(rules, text, final, end_of_turn, language) -> seconds, before they are held between the least and the most."""


def wait(
    rules: EndpointRules,
    text: str | None,
    *,
    final: bool,
    end_of_turn: bool,
    language: str | None = None,
    understood: bool = True,
) -> float:
    """Seconds of silence after the last voiced sample after which the user has finished.

    ``text``: the newest transcript of the utterance, None while there is none; ``final``: it is not a partial;
    ``end_of_turn``: the transcriber itself says that the user has finished; ``language``: BCP 47 code where known;
    ``understood``: False for speech of which the transcriber made nothing. Raises KeyError for an unknown policy.
    """
    seconds = POLICIES[rules.policy](rules, text, final, end_of_turn, language)
    if rules.policy == "fixed":
        return seconds
    if not understood:
        seconds = max(seconds, PUZZLED)
    return max(rules.silence, min(seconds, rules.max_silence))


def reads_complete(text: str | None, language: str | None = None) -> bool:
    """Does the text read as something that can be answered? Drafts are begun on it."""
    return bool(text) and judge(text or "", language) is Reads.COMPLETE


def _fixed(
    rules: EndpointRules, text: str | None, final: bool, end_of_turn: bool, language: str | None = None
) -> float:
    return rules.silence


def _text(rules: EndpointRules, text: str | None, final: bool, end_of_turn: bool, language: str | None = None) -> float:
    if end_of_turn:
        return rules.silence
    if not text or not text.strip():
        return UNKNOWN
    reads = judge(text, language)
    if reads is Reads.OPEN:
        return rules.silence + OPEN * (rules.max_silence - rules.silence)
    if reads is Reads.COMPLETE and not final:
        return rules.silence + 0.1  # a partial may lag behind the voice
    return {
        Reads.COMPLETE: rules.silence,
        Reads.PROBABLY: PROBABLY,
        Reads.UNKNOWN: UNKNOWN,
        Reads.NUMBER: NUMBER,
    }[reads]


POLICIES: dict[str, Policy] = {"fixed": _fixed, "text": _text}
"""Name in the config's ``turn.endpointing`` -> policy. Others register by adding themselves."""
