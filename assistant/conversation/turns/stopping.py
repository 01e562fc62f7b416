"""A stop word that was spotted, before anybody has transcribed it: is it all that was said?"""

from __future__ import annotations

from assistant.conversation.interjections import agrees
from assistant.conversation.turns.phases import Utterance

MORE = 0.3
"""Seconds of voice behind the word's end from which on more was said than that: a word's end is heard that exactly."""


def only_stop(utterance: Utterance) -> bool:
    """As far as is known by now."""
    stopped, quiet, text = utterance.stopped, utterance.quiet_since, utterance.text
    if stopped is None or quiet is None or quiet > stopped.end + MORE:
        return False
    language = None if utterance.transcript is None else utterance.transcript.language
    return agrees(text or "", stopped.phrase, language)
