"""Written text -> what a voice should read: Markdown, HTML, links, emoji and citation marks are taken out.

What a listener gets: the words of headings, list items, links, emphasis and inline code; the name of the site in place
of a bare address; the text that stands for an image. Blocks of code are not read at all (``sentences.py`` leaves them
out before this is called), and nothing is said in their place, since any words put there would be in the wrong
language for some reply.
"""

from __future__ import annotations

import html
import re

__all__ = ["spoken"]

_PLAIN = re.compile(r"[\w ,.?!'’;:¿¡]*")
"""Most pieces have nothing to clean."""

_IMAGE_OR_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\([^()]*\)[^()\s]*)*(?:\s+[\"'][^\"']*[\"'])?\)")
_REFERENCE = re.compile(r"\[(?!\^)([^\[\]]*[^\W\d_][^\[\]]*)\]\[[^\[\]]*\]")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]*\]:?|\[\d+(?:\s*[,–-]\s*\d+)*\]|【[^】]*】")
_TASK_BOX = re.compile(r"^\s*\[[ xX]\]\s+")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]+)>")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--.*?-->")
_ADDRESS = re.compile(r"(?:https?://|ftp://|mailto:|www\.)[^\s<>\"”»）)\]。！？｡，；：、।]+")
_EMPHASIS = re.compile(r"\*{2,}|~~|`+|__+")
_TIMES = re.compile(r"(?<=\d)\s*\*\s*(?=\d)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_PICTURES = "\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u2122\u00ae\u00a9"
# A zero-width joiner belongs to an emoji only beside one: Indic and Persian spelling need it.
_EMOJI = re.compile(
    f"[{_PICTURES}][{_PICTURES}\u200d\ufe0f\u20e3\U000e0020-\U000e007f]*|[\ufe0f\u20e3\u200b\u2060\ufeff]+"
)
_ARROW = re.compile(r"\s*[\u2190-\u21ff\u27f0-\u27ff]\s*")
_SPACE_BEFORE_STOP = re.compile(r"\s+(?=[,.;:!?…]+(?:\s|$))")
_SPACES = re.compile(r"\s+")
_OPENING_SCRAPS = re.compile(r"^(?:[\s,;:!?…)\]}”»。！？、，]|\.(?!\d)|[-–—+=|>*_~]+(?=\s)|[\"'’](?=\s|$))+")
_CLOSING_DASH = re.compile(r"\s*(?:[–—]|\s-)\s*$")


def spoken(text: str) -> str:
    """Clean one piece of text for a voice. Returns ``""`` when nothing in it can be said."""
    if not _PLAIN.fullmatch(text) or "_" in text:
        text = _without_markup(text)
    text = _SPACES.sub(" ", text).strip()
    text = _OPENING_SCRAPS.sub("", text)
    return text if any(map(str.isalnum, text)) else ""


def _without_markup(text: str) -> str:
    text = _TASK_BOX.sub("", text)
    if "[" in text or "【" in text:
        text = _IMAGE_OR_LINK.sub(r"\1", text)
        text = _REFERENCE.sub(r"\1", text)
        text = _FOOTNOTE.sub("", text)
    if "<" in text:
        text = _AUTOLINK.sub(r"\1", text)
        text = _TAG.sub(" ", text)
    if "&" in text:
        text = html.unescape(text)
    if "/" in text or "www." in text or "mailto:" in text:
        text = _ADDRESS.sub(_site, text)
    text = _ESCAPE.sub(r"\1", text)
    text = _TIMES.sub(" × ", text)  # a voice says "times", in its own language
    text = _EMPHASIS.sub("", text).replace("*", "")
    text = text.replace("_", " ").replace("|", ", ") if "_" in text or "|" in text else text
    text = _EMOJI.sub("", text)
    text = _ARROW.sub(", ", text)
    text = _CLOSING_DASH.sub(",", text)
    return _SPACE_BEFORE_STOP.sub("", text)


def _site(match: re.Match[str]) -> str:
    """``https://www.example.com/a?b=c.`` -> ``example.com.``: what a listener can use, and the sentence's stop."""
    address = match.group()
    bare = address.rstrip(".,;:!?'*_")
    stop = address[len(bare) :].strip("*_'")
    host = bare.removeprefix("mailto:").split("://", 1)[-1].split("/", 1)[0].split("?", 1)[0].split("#", 1)[0]
    return host.removeprefix("www.") + stop
