"""A language model's text deltas -> pieces that a voice can speak, the first one as early as it can be said well.

The text is read character by character by a small machine, so the pieces do not depend on how the text was cut into
deltas, with one exception that pays for itself on every sentence: a stop that is certainly a sentence's end ("...right
now.") and is the last thing in its delta ends the piece at once, without waiting for the next token. When the same
delta goes on after the stop ("...", ".com", '."'), what follows is looked at first. All other stops (abbreviations,
numbers, initials, stops inside quotes and brackets, ellipses, addresses) wait until the next characters have decided.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from assistant.conversation.spoken import spoken
from assistant.conversation.wordlist import listed

__all__ = ["Sentences"]

FIRST_CHARACTERS = 25
FIRST_WORDS = 5
"""The first piece may be a clause that has at least this many characters and words."""
FIRST_WIDE = 12
"""The same for scripts without spaces, in characters."""
LONGEST = 220
"""Characters of written text after which a sentence is cut at a clause, or else between words."""
SHORTEST_CUT = 60
"""No such cut leaves a piece shorter than this."""
UNBREAKABLE = 1000
"""A run of characters without any place to cut (a data URI) is cut here."""
UNCLOSED = 300
"""A bracket or backtick not closed after so many characters was no markup."""

_SPECIAL = re.compile('[.?!。！？｡।॥؟۔…,;:，；：—\n"“”„«»「」『』()\\[\\]`~]')
_STOPS = frozenset(".?!。！？｡।॥؟۔…")
_WIDE_STOPS = frozenset("。！？｡")
_OTHER_STOPS = frozenset("।॥؟۔")
_CLAUSE = frozenset(",;:")
_WIDE_CLAUSE = frozenset("，；：")
_CLOSING = frozenset("\"'”’“)]»」』）】*_")
_QUOTES = {"“": "”", "„": "“", "«": "»", "「": "」", "『": "』"}
_MARKS = "*_~\"'“”‘’„‚«»()[]`"

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_DOTTED = re.compile(r"[^\W\d_](?:\.[^\W\d_])*")
_SCHEMES = ("http", "https", "ftp", "mailto", "file", "tel")

_NEVER = listed(
    "dr mr mrs ms mme mlle prof rev hon gen col sgt capt lt cmdr gov sen rep st mt ft vs cf e.g i.e eg ie viz al www "
    "z.b d.h u.a s.o o.ä bzw ca evtl ggf inkl nr bspw hr fr sr sra ud p.ej"
)
"""After these a stop never ends a sentence."""
_MAYBE = listed(
    "etc inc ltd co corp bros jr no nos fig figs vol approx dept est min max sq tel ext ave blvd rd jan feb mar apr "
    "jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun ph usw mio mrd tsd str eq sec ch pp "
    "ed eds"
)
"""After these it may: when something other than a small letter or a digit follows."""
_STARTERS = listed(
    "the a an it its this that these those he she they we you i there here then now and but so or yet if when while "
    "after before because since as in on at for from with what who where why how which do does did is are was were can "
    "could will would should let please also however still just maybe perhaps my your his her our their one some most "
    "many all no not yes"
)
"""After an initial or an abbreviation with inner stops only these words, capitalised, begin a new sentence."""
_ORDINAL_LEADS = listed("am der den dem die das des vom zum zur im bis ab seit und")
"""German: "am 3. Mai", "der 2. Weltkrieg": here a small number's stop makes it an ordinal."""

_NAME_LEADS = listed(
    "visit website site domain file folder script module package named called open run edit install import at node "
    "vue asp"
)
"""A word after one of these may be the beginning of a file's or a site's name ("open main.py")."""

_RULE = re.compile(r"([-*_=])(?:\s*\1)*\s*")
_NUMBER_MARK = re.compile(r"\d{1,3}[.)]?")
_BULLETS = frozenset("-*+•‣◦▪–")
_CELL_RULE = re.compile(r":?-+:?")


class _Wait(Enum):
    """What decides about a stop or a comma that has been read."""

    SPACE = auto()  # a space ends the piece, anything else does not
    ANYTHING = auto()  # whatever comes, unless it closes a quote
    CAPITAL = auto()  # the next character that is no space: a small letter or a digit goes on with the sentence
    STARTER = auto()  # the next word
    CLAUSE = auto()  # as SPACE, for a clause


class _Line(Enum):
    TEXT = auto()
    ITEM = auto()  # a heading or a list item: it ends with its line
    TABLE = auto()


@dataclass(slots=True)
class _Pending:
    wait: _Wait
    end: int
    """Where the piece would end, in the buffer."""


class Sentences:
    """Collects deltas; gives out pieces, cleaned and ready for a voice, in order.

    A piece is a sentence; a heading, list item or table row; the first one may be a clause. No piece is empty, none has
    outer spaces. Joined by spaces they are what is said.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._first = True
        self._restart()

    def _restart(self) -> None:
        self._buffer = ""
        self._head: str | None = ""  # a line's beginning that is not understood yet; None inside a line
        self._line = _Line.TEXT
        self._fence = ""
        self._ticks = 0  # backticks or tildes in a row
        self._limit = LONGEST
        self._forget_inline()

    def _forget_inline(self) -> None:
        self._pending: _Pending | None = None
        self._closer = ""  # what ends the link or inline code that we are in
        self._opened = 0  # where that began, in the buffer
        self._quote = ""
        self._depth = 0

    # --- the outside --------------------------------------------------------------------------------------------------

    def push(self, delta: str) -> list[str]:
        """Take the next delta; return the pieces that are complete with it, often none."""
        at, end = 0, len(delta)
        while at < end:
            if self._fence:
                at = self._skip_code(delta, at)
            elif self._head is not None:
                self._begin(delta[at], alone=at + 1 == end)
                at += 1
            elif self._pending is None and (plain := self._plain(delta, at)) > at:
                self._append(delta[at:plain])
                self._ticks = 0
                at = plain
            else:
                self._take(delta[at], alone=at + 1 == end)
                at += 1
        pieces, self._pieces = self._pieces, []
        return pieces

    def flush(self) -> list[str]:
        """The text is over: return what is left. After this the object is as new."""
        if self._head:
            head, self._head = self._head, None
            self._text(head, alone=True)
        if self._line is _Line.TABLE:
            self._row()
        self._say(self._buffer)
        pieces, self._pieces = self._pieces, []
        self._first = True
        self._restart()
        return pieces

    # --- lines --------------------------------------------------------------------------------------------------------

    def _begin(self, character: str, *, alone: bool) -> None:
        """A character at the beginning of a line: gather until it is clear what kind of line this is."""
        if character == "\n":
            self._end_of_head()
            return
        head = ((self._head or "") + character).lstrip()
        self._head = head
        if not head:
            return
        body = head[:-1]
        if character.isspace() and (body in _BULLETS or (body and not body.strip("#") and len(body) <= 6)):
            self._item("")
        elif character.isspace() and body[-1] in ".)" and _NUMBER_MARK.fullmatch(body):
            self._item(body + " ")
        elif head == ">":
            self._head = ""
        elif head == "|":
            if self._line is not _Line.TABLE:
                self._break()
            self._line, self._head = _Line.TABLE, None
        elif not (head in _BULLETS or not head.strip("#") or _NUMBER_MARK.fullmatch(head) or _RULE.fullmatch(head)):
            self._head = None
            self._text(head, alone=alone)

    def _end_of_head(self) -> None:
        """A line ended before it was clear what it is: it is blank, a rule, or text as short as "12"."""
        head = self._head or ""
        self._head = ""
        if not head.strip() or (_RULE.fullmatch(head) and len(head) > 1):
            self._break()
        elif head.strip("#").strip():
            self._head = None
            self._text(head, alone=False)
            self._take("\n", alone=False)

    def _item(self, mark: str) -> None:
        self._break()
        self._line, self._head, self._buffer = _Line.ITEM, None, mark

    def _text(self, head: str, *, alone: bool) -> None:
        """A line of running text begins with ``head``: it goes on with the line before it, if that is still open."""
        if self._line is not _Line.TEXT:
            self._break()
        self._line = _Line.TEXT
        if self._buffer:
            self._take(" ", alone=False)
        for index, character in enumerate(head, 1):
            if self._fence:
                break
            self._take(character, alone=alone and index == len(head))

    def _end_line(self) -> None:
        self._closer = ""
        self._ticks = 0
        if self._line is _Line.ITEM:
            self._break()
            self._line = _Line.TEXT
        elif self._line is _Line.TABLE:
            self._row()
        self._head = ""

    def _break(self) -> None:
        """What has been gathered ends here, whatever it ends with; a voice needs to see a stop."""
        if self._line is _Line.TABLE:
            self._row()
            self._line = _Line.TEXT
        self._say(self._buffer, stop=True)
        self._buffer = ""
        self._limit = LONGEST
        self._forget_inline()

    def _row(self) -> None:
        cells = [cell.strip() for cell in self._buffer.strip().strip("|").split("|")]
        self._buffer = ""
        if not all(_CELL_RULE.fullmatch(cell) for cell in cells if cell):
            self._say(", ".join(filter(None, map(spoken, cells))), stop=True)

    def _skip_code(self, delta: str, at: int) -> int:
        """Inside a block of code: find its end. Code is not read aloud."""
        while at < len(delta):
            self._ticks = self._ticks + 1 if delta[at] == self._fence else 0
            at += 1
            if self._ticks == 3:
                self._fence, self._head, self._line = "", None, _Line.TEXT
                break
        return at

    # --- running text -------------------------------------------------------------------------------------------------

    def _plain(self, delta: str, at: int) -> int:
        """Up to where there is nothing to decide."""
        special = _SPECIAL.search(delta, at)
        plain = special.start() if special else len(delta)
        return min(plain, at + max(1, self._limit + 1 - len(self._buffer))) if plain > at else at

    def _append(self, text: str) -> None:
        self._buffer += text if self._buffer else text.lstrip()
        if len(self._buffer) > self._limit and self._line is not _Line.TABLE:
            self._shorten()

    def _take(self, character: str, *, alone: bool) -> None:
        """One character of running text. ``alone``: nothing follows it in its delta."""
        if self._pending is not None and self._settled(character):
            return
        if character == "\n":
            self._end_line()
            return
        if self._line is _Line.TABLE:
            self._append(character)
            return
        if self._fenced(character):
            return
        self._append(character)
        if self._inline(character):
            return
        guarded = bool(self._quote) or self._depth > 0
        if character == ".":
            self._full_stop(guarded, alone)
        elif character in "?!":
            self._stop(_Wait.CAPITAL if guarded or self._in_address() else _Wait.SPACE, alone)
        elif character in _WIDE_STOPS or character in _OTHER_STOPS:
            self._stop(_Wait.CAPITAL if guarded else _Wait.ANYTHING, alone)
        elif character == "…":
            self._stop(_Wait.CAPITAL, alone)
        elif self._first and not guarded:
            self._clause(character, alone)

    def _fenced(self, character: str) -> bool:
        """Three backticks or tildes open a block of code, wherever they stand."""
        if character not in "`~":
            self._ticks = 0
            return False
        same = self._ticks == 0 or self._buffer.endswith(character)
        self._ticks = self._ticks + 1 if same else 1
        if self._ticks != 3:
            return False
        self._buffer = self._buffer[:-2]
        self._break()
        self._fence = character
        return True

    def _inline(self, character: str) -> bool:
        """Follow links, inline code, quotes and brackets. True inside a link or code, where nothing ends a piece."""
        if self._closer:
            if character == self._closer:
                self._closer = ""
            return True
        if character == "`" or character == "[":
            self._closer, self._opened = ("`" if character == "`" else "]"), len(self._buffer) - 1
            return True
        if character == "(":
            if self._buffer[-2:-1] == "]":
                self._closer = ")"
                return True
            self._depth += 1
        elif character == ")":
            self._depth = max(0, self._depth - 1)
        elif self._quote:
            if character == self._quote:
                self._quote = ""
        elif character == '"':
            self._quote = "" if self._buffer[-2:-1].isdigit() else '"'  # 5" is a length
        else:
            self._quote = _QUOTES.get(character, "")
        return False

    def _token(self) -> str:
        """The last word before the character just read, as written."""
        before = self._buffer[:-1]
        return before[max(before.rfind(" "), before.rfind("\t")) + 1 :]

    def _in_address(self) -> bool:
        token = self._token()
        return "://" in token or "www." in token or "@" in token

    def _full_stop(self, guarded: bool, alone: bool) -> None:
        token = self._token()
        core = token.strip(_MARKS)
        name = core.casefold()
        if name in _NEVER:
            return
        if len(core) > 1 and _WORD.fullmatch(core):
            self._stop(_Wait.CAPITAL if guarded or name in _MAYBE else _Wait.SPACE, alone and not self._is_name(token))
        elif _DOTTED.fullmatch(core):
            self._stop(_Wait.STARTER, alone)
        elif not self._is_ordinal(token):
            self._stop(_Wait.CAPITAL, alone)

    def _is_name(self, token: str) -> bool:
        """May this word go on after the stop, as in "example.com"?"""
        before = self._buffer[: -len(token) - 1].rsplit(None, 1)
        return token.casefold() in _NAME_LEADS or (bool(before) and before[-1].casefold() in _NAME_LEADS)

    def _is_ordinal(self, token: str) -> bool:
        if not (token.isdecimal() and len(token) < 3):
            return False
        before = self._buffer[: -len(token) - 1].split()
        return bool(before) and before[-1].casefold() in _ORDINAL_LEADS

    def _stop(self, wait: _Wait, alone: bool) -> None:
        """A stop has been read. If it is certain and its delta ends with it, it ends the piece now."""
        if alone and wait in (_Wait.SPACE, _Wait.ANYTHING):
            self._cut(len(self._buffer))
        else:
            self._pending = _Pending(wait, len(self._buffer))

    def _clause(self, character: str, alone: bool) -> None:
        """Before anything has been said, a clause that reads well alone may be the first piece."""
        buffer = self._buffer
        if character in _WIDE_CLAUSE:
            if len(buffer) > FIRST_WIDE:
                self._cut(len(buffer))
        elif character == "—":
            if self._is_long_enough(buffer):
                self._cut(len(buffer))
        elif character in _CLAUSE and buffer[-2:-1].isalpha() and self._is_long_enough(buffer):
            token = self._token()
            if character == ";" and "&" in token:
                return
            if alone and not token.casefold().endswith(_SCHEMES):
                self._cut(len(buffer))
            else:
                self._pending = _Pending(_Wait.CLAUSE, len(buffer))

    @staticmethod
    def _is_long_enough(buffer: str) -> bool:
        return len(buffer) > FIRST_CHARACTERS and len(buffer.split()) >= FIRST_WORDS

    def _settled(self, character: str) -> bool:
        """Decide about the pending stop, now that ``character`` follows. True when the character is used up by that."""
        pending = self._pending
        assert pending is not None
        tail = self._buffer[pending.end :]
        if not tail:
            return self._settled_beside(pending, character)
        if character.isspace():
            if tail.isspace():
                return character != "\n"
        elif tail.isspace():
            if pending.wait is not _Wait.STARTER:
                small = character.islower() or character.isdigit()
                self._pending = None
                if not small:
                    self._cut(pending.end)
                return False
            if character.isalpha():
                self._append(character)
                return True
        elif character.isalpha():
            self._append(character)
            return True
        word = tail.strip()
        self._pending = None
        if word[:1].isupper() and word.casefold() in _STARTERS:
            self._cut(pending.end)
        return False

    def _settled_beside(self, pending: _Pending, character: str) -> bool:
        """``character`` stands directly beside the stop."""
        if character.isspace():
            if pending.wait in (_Wait.SPACE, _Wait.ANYTHING, _Wait.CLAUSE):
                self._cut(pending.end)
            elif character != "\n":
                self._append(character)
            return character != "\n"
        if pending.wait is not _Wait.CLAUSE and character in _STOPS:
            if character in ".…":
                pending.wait = _Wait.CAPITAL  # an ellipsis may stand inside a sentence
        elif pending.wait is _Wait.CLAUSE or character not in _CLOSING:
            self._pending = None
            if pending.wait is _Wait.ANYTHING or (pending.wait is _Wait.SPACE and character in "[【`~"):
                self._cut(pending.end)
            return False
        self._pending = None  # while the text grows by it
        self._append(character)
        self._inline(character)
        self._pending = _Pending(pending.wait, len(self._buffer))
        return True

    # --- giving out ---------------------------------------------------------------------------------------------------

    def _cut(self, end: int) -> None:
        """The piece ends at ``end`` in the buffer; what follows begins the next one."""
        rest = self._buffer[end:].lstrip()
        gone = len(self._buffer) - len(rest)
        self._say(self._buffer[:end])
        self._buffer = rest
        self._opened -= gone
        self._limit = LONGEST
        pending = self._pending
        if pending is not None:
            pending.end -= gone
        if pending is not None and pending.end <= 0:
            self._pending = None

    def _shorten(self) -> None:
        """The sentence is too long for one piece: cut it at a clause, else between words, never inside a link."""
        if self._closer and len(self._buffer) - self._opened > UNCLOSED:
            self._closer = ""
        zone = self._buffer[: self._opened] if self._closer else self._buffer
        clause = max(
            zone.rfind(mark) + len(mark) - 1 for mark in (", ", "; ", ": ", " – ", "— ", "，", "；", "：", "、")
        )
        end = max(clause, zone.rfind("—")) + 1
        if end < SHORTEST_CUT:
            end = zone.rfind(" ")
        if end < SHORTEST_CUT and not self._closer:
            unbreakable = len(zone) >= UNBREAKABLE or (zone and zone[-1] > "\u2e7f")
            end = len(zone) if unbreakable else 0
        if end >= SHORTEST_CUT:
            self._cut(end)
        else:
            self._limit = len(self._buffer) + 40

    def _say(self, written: str, *, stop: bool = False) -> None:
        text = spoken(written)
        if not text:
            return
        if stop and text[-1].isalnum():
            text += "。" if text[-1] > "\u2e7f" else "."
        self._pieces.append(text)
        self._first = False
