"""What must hold of every conversation, whatever failed in it: judged from its events, its history and its sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assistant.ports import Notice
from tests.faults.conversing import LOUD, Outcome

NO_VOICE = "no voice works"
FADE = 0.03
"""Seconds after an interruption in which the sound may still fade."""


@dataclass(frozen=True)
class Voice:
    """What is known of the sound that was made."""

    word: float
    """Seconds a word, all alike."""
    word_times: bool = True


def broken_rules(outcome: Outcome, voice: Voice | None = None) -> list[str]:
    """A sentence for each rule that does not hold. ``voice`` None: how much sound there is says nothing."""
    return [
        *_in_order(outcome.notices),
        *_every_turn_ends(outcome),
        *_history_is_what_was_heard(outcome),
        *_silent_after_interruptions(outcome),
        *([] if voice is None else _as_much_sound_as_words(outcome, voice)),
    ]


def _in_order(notices: Sequence[Notice]) -> list[str]:
    found = []
    times = [notice.t for notice in notices]
    if times != sorted(times):
        found.append("t goes back")
    state = "Listening"
    for notice in notices:
        if notice.event == "state":
            if notice.data["from"] != state:
                found.append(f"at {notice.t:.3f} a state is left that was not entered")
            state = str(notice.data["to"])
    if state not in ("Listening", "Idle"):
        found.append(f"it ends in {state}")
    if [notice.event for notice in notices][-1:] != ["session.ended"]:
        found.append("session.ended is not the last event")
    return found


def how_it_ended(outcome: Outcome, turn: int) -> str | None:
    """What became of a turn: the first of these that fits, None when nothing did."""
    events = {notice.event for notice in outcome.notices if notice.turn == turn}
    kinds = outcome.data("reply.started", "kind", turn)
    warned = any(NO_VOICE in message for message in outcome.data("warning", "message", turn))
    if "user.ignored" in events:
        return "ignored"
    if "user.superseded" in events:
        return "superseded"
    if "reply.audible" in events:
        return "apologised for" if "apology" in kinds else "answered"
    if "reply.interrupted" in events:
        return "interrupted"
    return "without a voice" if warned else None


def _every_turn_ends(outcome: Outcome) -> list[str]:
    found = []
    for turn in turns_of(outcome):
        if how_it_ended(outcome, turn) is None:
            found.append(f"nothing became of turn {turn}")
        ends = len(outcome.all("turn.metrics", turn))
        if ends != 1:
            found.append(f"turn {turn} ends {ends} times")
    return found


def turns_of(outcome: Outcome) -> list[int]:
    return sorted({notice.turn for notice in outcome.all("user.speech_started") if notice.turn is not None})


def _history_is_what_was_heard(outcome: Outcome) -> list[str]:
    """A word is told when it begins and is in the history when half of it was heard: one a reply may be between."""
    found = []
    for turn in sorted({notice.turn for notice in outcome.notices}, key=lambda turn: turn or 0):
        kept = " ".join(e.text for e in outcome.entries if e.role == "assistant" and e.turn == turn).split()
        told = [str(n.data["word"]) for n in outcome.notices if n.event == "reply.word" and n.turn == turn]
        replies = sum(n.event == "reply.audible" and n.turn == turn for n in outcome.notices)
        rest = iter(told)
        if not all(word in rest for word in kept) or len(told) - len(kept) > replies:
            found.append(f"turn {turn}: the history has {kept} and told was {told}")
    asked = [entry.turn for entry in outcome.entries if entry.role == "user"]
    if len(asked) != len(set(asked)):
        found.append("a turn has two questions in the history")
    return found


def _silent_after_interruptions(outcome: Outcome) -> list[str]:
    found = []
    audible = [notice.at for notice in outcome.all("reply.audible")]
    for notice in outcome.all("reply.interrupted"):
        until = min((at for at in audible if at >= notice.t), default=len(outcome.sound) / outcome.rate)
        first, last = round((notice.t + FADE) * outcome.rate), round((until - 0.01) * outcome.rate)
        if last > first and np.max(np.abs(outcome.sound[first:last]), initial=0.0) > LOUD:
            found.append(f"sound after the interruption at {notice.t:.3f}")
    return found


def _as_much_sound_as_words(outcome: Outcome, voice: Voice) -> list[str]:
    words = sum(len(entry.text.split()) for entry in outcome.entries if entry.role == "assistant")
    window = round(0.005 * outcome.rate)
    whole = outcome.sound[: len(outcome.sound) // window * window].reshape(-1, window)
    heard = float(np.count_nonzero(np.max(np.abs(whole), axis=1) > LOUD)) * window / outcome.rate
    interrupted = len(outcome.all("reply.interrupted"))
    broke = sum(notice.data["stage"] == "tts" for notice in outcome.all("provider.failed"))
    replies = len(outcome.all("reply.audible"))
    allowed = (0.5 if voice.word_times else 1.5) * interrupted + (1.0 if voice.word_times else 2.0) * broke
    if abs(heard - words * voice.word) > (allowed + 0.05) * voice.word + 0.03 * (replies + interrupted):
        return [f"{heard:.2f} s of sound for {words} words of {voice.word} s in the history"]
    return []
