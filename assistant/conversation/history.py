"""The conversation so far, as the model is shown it: an interrupted answer keeps exactly the words that were heard."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from assistant.conversation.words import spans

__all__ = [
    "Entry",
    "History",
    "Instruction",
    "Message",
    "Part",
    "Spoken",
    "SpokenWord",
    "Text",
    "ToolCall",
    "ToolResult",
    "heard_text",
    "unheard_from",
    "words_of",
]

_PAUSE = re.compile(r"[,.;:!?…—–،，。！？；：、।]| -\s")

WORD_WEIGHT = 2.0
PAUSE_WEIGHT = 5.0
STOP_WEIGHT = 2.0
"""Where a synthesizer gives no word times, a word's time is taken to be its letters plus WORD_WEIGHT, the pause after
a comma PAUSE_WEIGHT, and the last word's lengthening STOP_WEIGHT. Fitted to espeak-ng's word times (18 sentences, 149
words: 0.056 s a letter, 0.02 s a word, 0.28 s a comma, 0.12 s the end), with the weight of a word raised from 0.4 for
voices of an even pace a word."""
WEIGHT_SECONDS = 0.05
"""Seconds per unit of weight at an ordinary pace, for a piece whose sound is not complete yet."""


@dataclass(frozen=True, slots=True)
class Text:
    """A part of a message."""

    text: str


@dataclass(frozen=True, slots=True)
class Instruction(Text):
    """The program's own words to the model, in the user's place: nobody said them."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a function called. In a message of role "assistant", behind what it said before."""

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Complete and parsed."""
    opaque: tuple[str, Any] | None = None
    """(provider, what its API wants back unchanged beside the call: signatures, thoughts). Other providers skip it."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a called function gave back. In a message of role "user", right behind the call's."""

    id: str
    """The call's."""
    name: str
    """The function's."""
    content: str
    """As text; JSON for anything but a string."""
    failed: bool = False
    """``content`` says what went wrong."""


Part = Text | ToolCall | ToolResult
"""What a message is made of."""


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """Its words; calls and their results have none."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def said(self) -> bool:
        """A person or the assistant said it; False for the program's own instructions and for tools' results."""
        return self.role != "system" and not any(isinstance(part, Instruction | ToolResult) for part in self.parts)


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """When a word of a text begins in the sound made of it."""

    start: float
    """Seconds from the first sample of the sound made of that text."""
    offset: int
    """Index of the word's first character in that text."""
    length: int
    """Characters."""


# --- what was heard ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spoken:
    """One piece of a reply as it was handed to the loudspeaker."""

    text: str
    start: float
    """Seconds at which it begins in the reply's own sound (pauses do not count)."""
    duration: float
    """Seconds of its sound so far."""
    words: tuple[SpokenWord, ...] = ()
    """As far as the synthesizer gives them; times and offsets count from the beginning of this piece."""
    complete: bool = True
    """False while the synthesizer is still making sound of it: then more of the text is still to come."""


def words_of(piece: Spoken) -> list[tuple[str, float, float]]:
    """The words of a piece with the seconds in the reply's own sound at which each begins and ends.

    Times are the synthesizer's where it gave them; between those, in proportion to the characters. A word comes with
    its punctuation; a pause after it does not belong to it.
    """
    return [(piece.text[a:b], piece.start + start, piece.start + end) for (a, b), (start, end) in _timed(piece)]


def heard_text(pieces: Sequence[Spoken], heard: float) -> str:
    """The words of a reply that were heard when ``heard`` seconds of its own sound had left the loudspeaker.

    A word counts as heard when at least half of it was. Punctuation goes with the word it touches.
    """
    text = ""
    for piece in pieces:
        kept, rest = _divided(piece, heard)
        if kept:
            text += (" " if text and not (_wide(text[-1]) and _wide(kept[0])) else "") + kept
        if rest:
            break
    return text


def unheard_from(piece: Spoken, heard: float) -> str:
    """The rest of a piece from the first word not heard at ``heard`` (as for ``heard_text``); ``""`` if none."""
    return _divided(piece, heard)[1]


def _divided(piece: Spoken, heard: float) -> tuple[str, str]:
    """A piece's text up to the last heard word and from the first unheard one; marks between them are in neither."""
    until = 0
    if not piece.complete or heard < piece.start + piece.duration:
        for (start, end), (begins, ends) in _timed(piece):
            if heard - piece.start < (begins + ends) / 2:
                return piece.text[:until].strip(), piece.text[start:].strip()
            until = end
    return piece.text.strip(), ""


def _timed(piece: Spoken) -> list[tuple[tuple[int, int], tuple[float, float]]]:
    """For each word its span in the text and its seconds from the beginning of the piece."""
    places = spans(piece.text)
    if not places:
        return []
    sounding, whole = _weights(piece.text, places)
    duration = piece.duration if piece.complete else max(piece.duration, sum(whole) * WEIGHT_SECONDS)
    anchors = _anchors(piece, places, whole, duration)
    timed: list[tuple[tuple[int, int], tuple[float, float]]] = []
    for (first, begins), (last, ends) in zip(anchors, anchors[1:], strict=False):
        rate = (ends - begins) / (sum(whole[first:last]) or 1.0)
        for index in range(first, last):
            timed.append((places[index], (begins, begins + rate * sounding[index])))
            begins += rate * whole[index]
    return timed


def _weights(text: str, places: Sequence[tuple[int, int]]) -> tuple[list[float], list[float]]:
    """How long each word lasts in relation to the others: itself, and with the pause after it."""
    sounding: list[float] = []
    whole: list[float] = []
    for index, (start, end) in enumerate(places):
        weight = sum(map(str.isalnum, text[start:end])) + WORD_WEIGHT
        last = index == len(places) - 1
        pause = 0.0
        if _PAUSE.search(text[end - 1 : None if last else places[index + 1][0]]):
            weight, pause = (weight + STOP_WEIGHT, 0.0) if last else (weight, PAUSE_WEIGHT)
        sounding.append(weight)
        whole.append(weight + pause)
    return sounding, whole


def _anchors(
    piece: Spoken, places: Sequence[tuple[int, int]], whole: Sequence[float], duration: float
) -> list[tuple[int, float]]:
    """(index of a word, second at which it begins), rising, from the first word to one past the last."""
    anchors: list[tuple[int, float]] = []
    given = sorted(piece.words, key=lambda word: word.offset)
    at = 0
    for index, (start, end) in enumerate(places):
        while at < len(given) and given[at].offset < start:
            at += 1
        if at < len(given) and given[at].offset < end:
            begins = min(max(given[at].start, 0.0), duration)
            if not anchors or begins >= anchors[-1][1]:
                anchors.append((index, begins))
    timed = bool(anchors)
    if not anchors or anchors[0][0] > 0:
        anchors.insert(0, (0, 0.0))
    (first, origin), (last, begins) = anchors[0], anchors[-1]
    if timed and not piece.complete and last + 1 < len(places):
        # A word whose time is not known has no sound yet: it comes with its chunk at the latest.
        pace = (begins - origin) / sum(whole[first:last]) if begins > origin else WEIGHT_SECONDS
        begins = max(piece.duration, begins + pace * whole[last])
        anchors.append((last + 1, begins))
        duration = max(duration, begins + pace * sum(whole[last + 1 :]))
    anchors.append((len(places), duration))
    return anchors


def _wide(character: str) -> bool:
    return character > "\u2e7f"


# --- the history ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was said."""

    role: Literal["user", "assistant"]
    turn: int | None
    """None for an announcement, which answers nobody."""
    text: str
    interrupted: bool = False
    """The text is what was heard of a longer answer."""
    steps: tuple[Message, ...] = ()
    """The calls that were made for it and what they gave, by turns as a model wants them."""


@dataclass(frozen=True, slots=True)
class History:
    """Everything said so far. A value: each change makes a new one."""

    system: str = ""
    entries: tuple[Entry, ...] = ()

    def with_user(self, turn: int, text: str) -> History:
        """The user said ``text``. A turn has one user entry: said again, it replaces the one before."""
        if any(entry.role == "user" and entry.turn == turn for entry in self.entries):
            return self.with_corrected_user(turn, text)
        return self._with(Entry("user", turn, text))

    def with_corrected_user(self, turn: int, text: str) -> History:
        """The user's words of ``turn`` were understood better. Without such an entry nothing changes."""
        return replace(
            self,
            entries=tuple(
                replace(entry, text=text) if entry.role == "user" and entry.turn == turn else entry
                for entry in self.entries
            ),
        )

    def with_assistant(
        self, turn: int | None, text: str, interrupted: bool = False, steps: Sequence[Message] = ()
    ) -> History:
        """The assistant was heard to say ``text`` (nothing is kept of an empty one). ``turn`` None: an announcement.

        ``steps``: the tool calls of this answer and their results, which later answers may build on. What was said
        between them is in ``text``; thoughts that belong to them are of no use to a later turn.
        """
        kept = tuple(bare for step in steps if (bare := _bare(step)).parts)
        return self._with(Entry("assistant", turn, text, interrupted, kept)) if text.strip() or kept else self

    def without_turn(self, turn: int) -> History:
        """As if the turn had not been."""
        return replace(self, entries=tuple(entry for entry in self.entries if entry.turn != turn))

    def messages(self, limit: int | None = None) -> tuple[Message, ...]:
        """What a model is shown: the system prompt if there is one, then user and assistant by turns.

        ``limit``: only the newest so many exchanges (a user's message and what was answered to it). Several entries of
        one role in a row are one message, since providers refuse two; tool calls and their results stand before what
        was said of them. What was trimmed never leaves an answer without
        its question at the beginning; a greeting said before the user spoke is kept as long as nothing is trimmed.
        An interrupted answer is simply the words that were heard: a mark in it would be imitated, or read aloud.
        """
        merged: list[tuple[Literal["user", "assistant"], list[Entry]]] = []
        for entry in self.entries:
            if not (entry.text.strip() or entry.steps):
                continue
            if merged and merged[-1][0] == entry.role:
                merged[-1][1].append(entry)
            else:
                merged.append((entry.role, [entry]))
        if limit is not None:
            questions = [index for index, (role, _) in enumerate(merged) if role == "user"]
            if len(questions) > limit:
                merged = merged[questions[-limit] :] if limit > 0 else []
        said = [message for role, entries in merged for message in _messages(role, entries)]
        return tuple([Message("system", (Text(self.system),)), *said] if self.system.strip() else said)

    def _with(self, entry: Entry) -> History:
        return replace(self, entries=(*self.entries, entry))


def _bare(step: Message) -> Message:
    """The calls, without what is their provider's own, or the results."""
    calls = (replace(part, opaque=None) if isinstance(part, ToolCall) else part for part in step.parts)
    return replace(step, parts=tuple(part for part in calls if not isinstance(part, Text)))


def _messages(role: Literal["user", "assistant"], entries: Sequence[Entry]) -> list[Message]:
    steps = [step for entry in entries for step in entry.steps]
    spoken = [entry for entry in entries if entry.text.strip()]
    return [*steps, *([Message(role, (Text(_together(spoken)),))] if spoken else [])]


def _together(entries: Sequence[Entry]) -> str:
    """Parts of one turn are one text; separate turns are separate lines."""
    text = entries[0].text
    for before, entry in zip(entries, entries[1:], strict=False):
        text += (" " if before.turn == entry.turn and entry.turn is not None else "\n") + entry.text
    return text
