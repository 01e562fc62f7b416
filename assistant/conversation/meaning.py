"""Do two transcripts of the same speech mean the same, so that a reply to one answers the other?

Only what recognisers write differently is levelled: case, punctuation, fillers, articles, contractions, numbers, and a
few spellings. Any other word that changes (a name, a verb, its tense, a negation, a number) makes a difference, since a
needless new reply costs little and an answer to what was not said costs much.
"""

from __future__ import annotations

import re
import unicodedata

from assistant.conversation.numbers import digits
from assistant.conversation.wordlist import in_order, listed

__all__ = ["plain_words", "same_meaning"]

_WORDS = re.compile(r"\d+(?:\.\d+)+|[^\W_]+(?:'[^\W_]+)*'?")
_ASIDE = r"(?:you know|i mean|like|well|so|actually|basically)"
_SET_OFF = re.compile(rf"(?:^|(?<=[,.;:?!]))\s*{_ASIDE}\s*,|,\s*(?:you know|i mean)(?=\s*[.?!]*\s*$)")
"""Words that are fillers only where commas set them off."""

_DIGIT = re.compile(r"\d")
_DOTTED = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_MINUS = re.compile(r"(?<![\w.])[-−](?=\d)")
_CLOCK = re.compile(r"(?<!\d)(\d{1,2})[:.](\d\d)(?=\s*[ap]m\b)|(?<!\d)(\d{1,2}):(\d\d)(?!\d)")
_MONEY = re.compile(r"([$£€])\s?(\d+(?:\.\d+)?)((?:\s(?:hundred|thousand|million|billion|trillion))*)")
_UNIT_BESIDE = re.compile(r"(?<=\d)(?=(?:am|pm|km|kg|cm|mm|mb|gb|tb|mph|kmh|lbs?|oz|ft|hrs?|mins?|secs?|ml|%)\b)")
_SYMBOLS = {
    "%": " percent ",
    "&": " and ",
    "+": " plus ",
    "=": " equals ",
    "°": " degrees ",
    "×": " times ",
    "@": " at ",
}
_COINS = {"$": "dollars", "£": "pounds", "€": "euros"}

_FILLERS = listed("um umm uh uhh uhm ehm em er erm err hm hmm hmmm mm mmm ah ahh oh eh")
_ARTICLES = frozenset(("a", "an", "the"))
_COUNTED = frozenset(("few", "little", "lot", "while", "bit"))
""""A few" is not "few"."""
_REPEATABLE = listed("i and to my we it he she in of what is can you that do")
"""Said twice in a row, these are a stammer."""

_EXPANSIONS: dict[str, tuple[str, ...]] = {
    word: tuple(expansion.split())
    for word, expansion in {
        "won't": "will not", "wont": "will not", "can't": "can not", "cant": "can not", "cannot": "can not",
        "shan't": "shall not", "ain't": "is not", "let's": "let us", "lets": "let us",
        "gonna": "going to", "wanna": "want to", "gotta": "got to", "gimme": "give me", "lemme": "let me",
        "kinda": "kind of", "sorta": "sort of", "outta": "out of", "lotta": "lot of", "dunno": "do not know",
        "cuz": "because", "cos": "because", "coz": "because", "'em": "them", "y'all": "you all",
        "gotcha": "got you", "whatcha": "what are you", "c'mon": "come on", "ma'am": "madam",
        "im": "i am", "ive": "i have", "youre": "you are", "youve": "you have", "theyre": "they are",
        "theyve": "they have", "weve": "we have", "hes": "he is", "shes": "she is", "its": "it is", "thats": "that is",
        "theres": "there is", "heres": "here is", "whats": "what is", "wheres": "where is", "whos": "who is",
        "hows": "how is", "whens": "when is", "itll": "it will", "youll": "you will", "theyll": "they will",
        "yeah": "yes", "yep": "yes", "yup": "yes", "mhm": "yes", "mmhmm": "yes", "nope": "no", "nah": "no",
        "ok": "okay", "thanks": "thank you", "alright": "all right", "till": "until", "goodbye": "good bye",
        "email": "e mail", "wifi": "wi fi", "website": "web site", "online": "on line", "cause": "because",
        "everyone": "every one", "anyone": "any one", "someone": "some one", "anymore": "any more",
        "dr": "doctor", "mr": "mister", "mrs": "missus", "st": "saint", "vs": "versus", "etc": "et cetera",
        "km": "kilometers", "kg": "kilograms", "cm": "centimeters", "mm": "millimeters", "mph": "miles per hour",
        "lb": "pounds", "lbs": "pounds", "hr": "hour", "hrs": "hours", "min": "minute", "mins": "minutes",
        "sec": "second", "secs": "seconds", "gb": "gigabytes", "mb": "megabytes", "kilometres": "kilometers",
        "kilometre": "kilometer", "metres": "meters", "metre": "meter", "centre": "center", "theatre": "theater",
        "colour": "color", "colours": "colors", "favourite": "favorite", "favourites": "favorites", "grey": "gray",
        "tv": "television", "telly": "television",
    }.items()
} | {
    stem + "nt": (stem, "not")
    for stem in in_order("do does did is was are have has had could would should must need might")
}  # fmt: skip
_ENDINGS = {"'m": "am", "'re": "are", "'ve": "have", "'ll": "will", "'d": "would", "'s": "is"}
"""Both "he would" and "he had" may hide in "he'd": the commoner one is taken, for both sides alike."""


def same_meaning(a: str, b: str) -> bool:
    """True when ``a`` and ``b`` ask for the same answer. Symmetric and reflexive. English; other languages compare by
    their words, without case and punctuation."""
    if a == b:
        return True
    first, second = _levelled(a), _levelled(b)
    if _key(first) == _key(second):
        return True
    barer, other = _without_asides(first), _without_asides(second)
    return (barer != first or other != second) and _key(barer) == _key(other)


def plain_words(text: str) -> list[str]:
    """The words of ``text`` that carry its meaning, in order, as `same_meaning` compares them."""
    return _key(_levelled(text))


def _levelled(text: str) -> str:
    """The text in one case, with symbols and written numbers made plain; punctuation is still there."""
    text = text.casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.replace("’", "'").replace("‘", "'"))
        text = "".join(_spaced(character) for character in text)
    if "-" in text or "−" in text:
        text = text.replace("uh-huh", "yes").replace("mm-hmm", "yes").replace("mm-hm", "yes").replace("uh-uh", "no")
        text = _MINUS.sub(" minus ", text)
    if "." in text:
        text = _DOTTED.sub(lambda match: match.group().replace(".", "") + " ", text)
    if _DIGIT.search(text):
        text = _THOUSANDS.sub("", text)
        text = _CLOCK.sub(_clock, text)
        text = _MONEY.sub(_money, text)
        text = _UNIT_BESIDE.sub(" ", text)
        text = text.replace("#", " number ")
    for symbol, word in _SYMBOLS.items():
        if symbol in text:
            text = text.replace(symbol, word)
    return text


def _spaced(character: str) -> str:
    """Chinese and Japanese have no spaces: there every character is a word."""
    if "\u3040" <= character <= "\u30ff" or "\u3400" <= character <= "\u9fff":
        return f" {character} "
    return character


def _clock(match: re.Match[str]) -> str:
    hour, minute = match.group(1) or match.group(3), match.group(2) or match.group(4)
    if minute == "00":
        return f"{int(hour)} o'clock"
    return f"{int(hour)} oh {minute[1]}" if minute[0] == "0" else f"{int(hour)} {minute}"


def _money(match: re.Match[str]) -> str:
    amount = match.group(2).removesuffix(".00")
    coin = _COINS[match.group(1)]
    return f"{amount}{match.group(3)} {coin if amount != '1' or match.group(3) else coin[:-1]}"


def _without_asides(text: str) -> str:
    return _SET_OFF.sub(" ", _SET_OFF.sub(" ", text))


def _key(text: str) -> list[str]:
    """The words that carry the meaning, in order."""
    words: list[str] = []
    for word in _split(text):
        if word in _EXPANSIONS:
            words += _EXPANSIONS[word]
        elif "'" in word:
            words += _expanded(word)
        else:
            words.append(word)
    return _joined(_plain(digits(_with_ones(words))))


def _split(text: str) -> list[str]:
    if text.isascii():
        return _WORDS.findall(text)
    # \w knows no combining marks, and in the scripts of India these are the vowels.
    if any(unicodedata.category(character)[0] == "M" for character in text):
        return "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in text).split()
    return _WORDS.findall(text)


def _expanded(word: str) -> tuple[str, ...]:
    if word == "o'clock":
        return (word,)
    if word.endswith("n't") and len(word) > 3:
        return word[:-3], "not"
    stem, mark, ending = word.rpartition("'")
    if stem and mark + ending in _ENDINGS:
        return stem, _ENDINGS[mark + ending]
    return (word.replace("'", ""),)


def _with_ones(words: list[str]) -> list[str]:
    """ "A hundred" is "one hundred"."""
    if "a" not in words:
        return words
    followers = [*words[1:], ""]
    large = ("hundred", "thousand", "million", "billion")
    return ["one" if word == "a" and after in large else word for word, after in zip(words, followers, strict=False)]


def _plain(words: list[str]) -> list[str]:
    """Without fillers, articles and stammers."""
    kept: list[str] = []
    last = len(words) - 1
    for at, word in enumerate(words):
        if word in _FILLERS:
            continue
        if word in _ARTICLES and at < last and words[at + 1] not in _COUNTED:
            continue
        if word == "o'clock" and kept and kept[-1][0].isdigit():
            continue
        if kept and kept[-1] == word and word in _REPEATABLE:
            continue
        kept.append(word)
    return kept


def _joined(words: list[str]) -> list[str]:
    """ "Percent" is also written in two words."""
    found: list[str] = []
    for word in words:
        if word == "cent" and found and found[-1] == "per":
            found[-1] = "percent"
        else:
            found.append(word)
    return found
