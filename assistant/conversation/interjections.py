"""Words said over the assistant: a stop word, a sign of listening, or something that wants an answer?

Short lists by language. Of a language that is not here everything wants an answer: to stop too often is the smaller
harm.
"""

from __future__ import annotations

import re
from typing import Literal

from assistant.conversation.wordlist import listed

__all__ = ["Said", "agrees", "holds_stop", "meant", "stop_words"]

Said = Literal["stop", "backchannel", "open", "floor"]
"""open: it may be the beginning of one of the first two, and is neither yet."""

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")

_STOP: dict[str, frozenset[str]] = {
    "en": frozenset(
        (
            "stop", "stop it", "stop that", "stop talking", "stop speaking", "stop please", "please stop", "stop stop",
            "ok stop", "okay stop", "shut up", "be quiet", "quiet", "quiet please", "silence", "enough",
            "that's enough", "that is enough", "thats enough", "hush",
        )
    ),
    "de": frozenset(
        ("stop", "stopp", "halt", "hör auf", "sei still", "ruhe", "ruhe bitte", "genug", "das reicht", "schluss")
    ),
    "es": frozenset(("para", "para ya", "basta", "ya basta", "silencio", "cállate", "detente", "alto", "stop")),
    "fr": frozenset(("stop", "arrête", "arrêtez", "tais-toi", "silence", "ça suffit", "assez", "chut")),
    "it": frozenset(("stop", "basta", "fermati", "ferma", "zitto", "zitta", "silenzio")),
    "pt": frozenset(("para", "pare", "chega", "basta", "silêncio", "cala-te", "stop")),
    "nl": frozenset(("stop", "hou op", "stil", "genoeg", "wees stil")),
}  # fmt: skip
"""All of what was said, or it is no stop word: "stop the timer" is not."""

_HMS = listed(
    "mm mmm mmmm mhm mhmm mmhm mm-hm mm-hmm mmhmm hm hmm hmmm hm-hm uh-huh uhuh uhhuh aha "
    "ah ahh oh ohh m huh ha hum ok okay"
)
"""The same in most languages."""
_LISTENING: dict[str, frozenset[str]] = {
    "en": _HMS
    | listed(
        "right yeah yea yep yup yes sure alright true exactly wow cool nice great good indeed uh really interesting"
    ),
    "de": _HMS | listed("ja jaja genau stimmt klar gut schön aha achso ach so richtig eben na"),
    "es": _HMS | listed("sí si ya claro vale bueno bien exacto ajá vaya"),
    "fr": _HMS | listed("oui ouais d'accord bien bon exactement voilà ah"),
    "it": _HMS | listed("sì si certo già bene esatto giusto ecco va"),
    "pt": _HMS | listed("sim pois claro certo bem tá exato é"),
    "nl": _HMS | listed("ja jaja precies juist goed oké klopt"),
}
_PHRASES: dict[str, frozenset[str]] = {
    "en": frozenset(
        ("i see", "of course", "all right", "uh huh", "got it", "go on", "makes sense", "i know", "oh i see")
    ),
    "de": frozenset(("ach so", "alles klar", "na gut", "ich verstehe")),
    "es": frozenset(("ya veo", "de acuerdo", "está bien")),
    "fr": frozenset(("je vois", "bien sûr", "tout à fait", "c'est ça")),
    "it": frozenset(("ho capito", "va bene", "d'accordo")),
    "pt": frozenset(("pois é", "está bem", "estou a ver", "entendi")),
    "nl": frozenset(("ik snap het", "oké dan")),
}
_MOST = 3
"""Words that a sign of listening has at most: "yeah yeah yeah"."""


def stop_words(language: str) -> tuple[str, ...]:
    """Those of a language (a BCP 47 code) as they are spelled, in order; none where it has no list."""
    known = _STOP.get(language[:2].casefold(), frozenset())
    careless = {phrase.replace("'", "") for phrase in known if "'" in phrase}
    return tuple(sorted(known - careless))


def agrees(text: str, phrase: str, language: str | None = None) -> bool:
    """Words ``text`` may be a stop word ``phrase`` that was spotted in the same sound. One short word is easily
    misheard, so they are believed where they are more, or a sign of listening."""
    said = meant(text, language) if text else "stop"
    return said in ("stop", "open") or (said == "floor" and 0 < len(_words(text)) <= len(_words(phrase)))


def holds_stop(text: str, language: str = "en") -> bool:
    """A stop word is somewhere in ``text``, whatever else is."""
    said = f" {' '.join(_words(text))} "
    return any(f" {phrase} " in said for phrase in _STOP.get(language[:2].casefold(), ()))


def meant(text: str, language: str | None = None) -> Said:
    """What ``text``, all of what was said so far, is. ``language``: a BCP 47 code; None: English is tried."""
    key = "en" if language is None else language[:2].casefold()
    words = _words(text)
    if not words:
        return "floor"  # figures, or a script without words: somebody said something
    said = " ".join(words)
    if said in _STOP.get(key, frozenset()):
        return "stop"
    hums = _LISTENING.get(key, _HMS)
    if said in _PHRASES.get(key, frozenset()) or (len(words) <= _MOST and all(word in hums for word in words)):
        return "floor" if "?" in text else "backchannel"
    known = (*_STOP.get(key, ()), *_PHRASES.get(key, ()))
    return "open" if any(phrase.startswith(said + " ") for phrase in known) else "floor"


def _words(text: str) -> list[str]:
    return [word.replace("’", "'") for word in _WORD.findall(text.casefold())]
