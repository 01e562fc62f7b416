"""Speech that has been made before, from disk: heard at once, and for nothing.

What is kept is each complete synthesis of a text with its word times; one that was interrupted leaves nothing. Around
a voice that a server makes `assistant.assemble` puts it by itself (``[tts] cache = true``); by name it goes around any:

    [providers.kept]
    provider = "cache"
    options = { of = "espeak-ng", limit_mb = 50 }

Around a wrapper (a chain, a route, a hedge) it goes around each voice in it, never around the whole: what a stand-in
has said is not kept as the first choice's.

The key is a hash of the text, the voice's name, settings and version, so nothing that is kept can be found under
another voice; keys and passwords are not among the settings. What will surely be said (apologies, and the words with
which answers like to begin) is made ahead, while nobody speaks.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import msgspec
import platformdirs

from assistant.ports import Synthesizer, SynthesizerAbilities
from providers import registry
from providers._cached_voice import CachedVoice
from providers._card import Card, Cards
from providers._speech_store import SpeechStore
from providers._tasks import owned_tasks
from providers._wrapping import Leaf, Wrapper, Wraps, wrapper
from providers.registry import Options

NAME = "cache"
log = logging.getLogger("parley")

WRAPS: Wraps = {"tts": ("of",)}
CARDS: Cards = {"tts": Card(SynthesizerAbilities(), note="keeps on disk what `of` has said")}

LIMIT_MB = 200
"""Some three thousand sentences."""

_NOT_SOUND = ("timeouts",)
_SECRET = re.compile(r"key|token|secret|passw|auth|credential|cookie", re.IGNORECASE)
"""In the name of an option: it changes nothing of the sound, and is none of a file's business, hashed or not."""
_USER = re.compile(r"(?<=://)[^/@\s]*@")


class CacheOptions(Wrapper, frozen=True, forbid_unknown_fields=True, kw_only=True):
    of: str = ""
    limit_mb: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = LIMIT_MB
    """What the folder may hold; what was not used for longest goes."""
    folder: str = ""
    """Empty: "parley/speech" in the platform's folder for caches."""


@asynccontextmanager
async def synthesizer(options: Options) -> AsyncIterator[Synthesizer]:
    """Open what is wrapped, with a cache around each voice in it. Raises what opening that raises."""
    settings, inner = wrapper(CacheOptions, options, NAME, WRAPS["tts"])
    cache = Cache(settings.limit_mb, settings.folder, inner.phrases)
    async with inner.open(settings.of, cache.around) as voice:
        yield voice


class Cache:
    """One folder and what is kept in it. One for each session."""

    def __init__(self, limit_mb: int = LIMIT_MB, folder: str = "", phrases: Sequence[str] = ()) -> None:
        """``phrases`` are made ahead in each voice."""
        place = Path(folder).expanduser() if folder else platformdirs.user_cache_path("parley") / "speech"
        self.store = SpeechStore(place, limit_mb * 1_000_000)
        self.phrases = phrases

    def where_it_pays(self, opened: AbstractAsyncContextManager[Any], leaf: Leaf) -> AbstractAsyncContextManager[Any]:
        """An `Around`: with this cache, if what the voice says is worth keeping; else as it is."""
        return self.around(opened, leaf) if pays(leaf) else opened

    @asynccontextmanager
    async def around(self, opened: AbstractAsyncContextManager[Any], leaf: Leaf) -> AsyncIterator[Any]:
        """An `Around`: what ``opened`` yields, with this cache."""
        async with opened as voice:
            if not _is_settled(leaf):
                log.warning("%s takes whichever model its server has: name one to have its speech kept", leaf.name)
                yield voice
                return
            async with owned_tasks() as tasks:
                cached = CachedVoice(voice, self.store, identity(leaf), tasks)
                if self.phrases:
                    tasks.start_soon(cached.make_ahead, self.phrases)
                yield cached


def pays(leaf: Leaf) -> bool:
    """Is it worth keeping what this voice says? Where a server makes it: that takes longer than reading a file, and
    mostly costs. A voice in this process begins within milliseconds; one that says nothing of itself is left alone."""
    card = registry.card("tts", leaf.name)
    remote = card is not None and bool(card.address or card.server)
    return (remote or bool(leaf.options.get("base_url"))) and _is_settled(leaf)


def identity(leaf: Leaf) -> Mapping[str, Any]:
    """All that the sound of a voice depends on, but for its rate, its speed and the text. No secrets."""
    card = registry.card("tts", leaf.name)
    local = card is not None and not (card.address or card.server or leaf.options.get("base_url"))
    return {
        "name": leaf.name,
        "model": leaf.options.get("model") or (card.model if card is not None else ""),
        "settings": _harmless(leaf.options),
        "from": registry.version("tts", leaf.name),
        "engine": _version_of(card.package) if card is not None and card.package and local else "",
    }


def _harmless(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options without secrets, and without those that change no sound."""
    kept = {key: value for key, value in options.items() if key not in _NOT_SOUND and not _SECRET.search(key)}
    for key, value in kept.items():
        if isinstance(value, Mapping):
            kept[key] = _harmless(value)
        elif isinstance(value, str):
            kept[key] = _USER.sub("", value)
    return kept


def _is_settled(leaf: Leaf) -> bool:
    """Is it known before it speaks who will?"""
    if leaf.options.get("model"):
        return True
    card = registry.card("tts", leaf.name)
    return card is None or bool(card.model) or not card.server


def _version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
