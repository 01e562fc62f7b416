"""What was said -> plain words, and a small grammar of what may be said.

A grammar is a few templates: ``[x]`` may be left out, ``(x|y)`` is one of them (so is ``[x|y]``), ``{name}`` stands for
one or more words of any kind. A request matches when one template covers all of it: "stop the music" is not "stop".
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_CONTRACTIONS = {
    "'m": " am", "'re": " are", "'ve": " have", "'ll": " will", "'d": " would", "n't": " not",
}  # fmt: skip
_IRREGULAR = {
    "can't": "can not", "cannot": "can not", "won't": "will not", "shan't": "shall not", "let's": "let us",
    "gonna": "going to", "wanna": "want to", "gotta": "got to", "gimme": "give me", "lemme": "let me",
    "ok": "okay", "dont": "do not", "whats": "what is", "thats": "that is",
}  # fmt: skip
_IS = {"what's", "it's", "that's", "who's", "how's", "where's", "when's", "there's", "here's", "he's", "she's"}
"""Only after these words is ``'s`` surely "is"; elsewhere it is a possessive."""

_LEAD = re.compile(
    r"^ (?:please|um|uh|er|ah|hmm|well|so|okay|alright|right|oh|and|but|then|now|just|hey|hi|hello|listen|parley|yes|no"
    r"|thanks|thank you|sorry|excuse me|good (?:morning|afternoon|evening)|(?:can|could|would|will) you"
    r"|i (?:want|would like) you to|be so kind as to|tell me|let me know|do you (?:happen to )?know"
    r"|(?:(?:have you|do you have) )?any idea|i (?:want|need|would like) to know)(?= )"
)
_TAIL = re.compile(
    r"(?<=\w) (?:please|(?:right |just )?now|at the moment|for me|then|thanks|thank you|parley|(?:will|would) you)$"
)

_MOST_STRIPPED = 5


def words(text: str) -> str:
    """Lower case, without accents, punctuation and contractions; words and numbers ("3.5") are one space apart."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("\u2019", "'"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    found = re.findall(r"\d+(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)*", re.sub(r"(?<=\d),(?=\d{3}\b)", "", plain))
    return " ".join(_expanded(word) for word in found)


@lru_cache(maxsize=512)  # a reply reads all earlier requests again
def forms(text: str) -> tuple[str, ...]:
    """`words`, then ever less of what is only said to be polite or to gain time, as long as something is left."""
    found = _stripped(" " + words(text), _LEAD)
    found = [shorter for form in found for shorter in _stripped(form, _TAIL)]
    return tuple(dict.fromkeys(form.strip() for form in sorted(found, key=len, reverse=True)))


def _stripped(form: str, end: re.Pattern[str]) -> list[str]:
    """``form``, and what is left when one end after another is taken off it."""
    found = [form]
    while len(found) < _MOST_STRIPPED and (match := end.search(form)):
        form = form[: match.start()] + form[match.end() :]
        found.append(form)
    return found


def request(text: str) -> str:
    """The last of `forms`: what is asked, and nothing else."""
    return forms(text)[-1]


def _expanded(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("'s"):
        return word[:-2] + (" is" if word in _IS else "")
    for ending, full in _CONTRACTIONS.items():
        if word.endswith(ending):
            return word.removesuffix(ending) + full
    return word.replace("'", "")


class Grammar:
    """A few templates (see the module's text), matched against one of `forms`."""

    def __init__(self, *templates: str) -> None:
        self.templates = templates
        self._patterns = [re.compile(_pattern(template)) for template in templates]

    def match(self, said: str) -> dict[str, str] | None:
        """The words each ``{name}`` stands for, None where no template covers all of ``said``."""
        for pattern in self._patterns:
            if found := pattern.fullmatch(" " + said):
                return {name: value.strip() for name, value in found.groupdict().items() if value}
        return None


def _pattern(template: str) -> str:
    # Every word brings the space before it, so a part that is left out leaves none behind.
    def token(match: re.Match[str]) -> str:
        part = match[0]
        if part.startswith("{"):
            return rf"(?P<{part[1:-1]}>(?: \S+)+?)"
        return {"[": "(?:", "]": ")?", "(": "(?:", ")": ")", "|": "|"}.get(part) or " " + re.escape(part)

    return re.sub(r"\{\w+\}|[\[\]()|]|[^\s\[\]()|{}]+|\s+", lambda m: "" if m[0].isspace() else token(m), template)
