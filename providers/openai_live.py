"""OpenAI's live recognition, over the Realtime API: transcripts come while the user speaks, a final when it is told.

`providers.openai` opens it for the models that are listed here. The address names no model: one that does opens a
conversation, which takes no transcription session.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

from assistant.ports import ParleyError, TranscriberAbilities
from providers import _remote
from providers._language import primaries
from providers._lines import Lines
from providers._live import Heard, LiveTranscriber
from providers._openai_realtime import PCM, RATE, WHO, failure, server
from providers._options import read
from providers._ws import Message, Socket
from providers.registry import Options

MODELS = ("gpt-live-transcribe", "gpt-realtime-whisper")
"""Those that are served over the Realtime API alone. The second takes one language, and neither names nor a prompt."""
ABILITIES = TranscriberAbilities(partials=True, generative=True)
CHUNK = 0.064
SHORTEST = 0.1
"""Seconds of sound that can be committed; the API calls a buffer with less empty."""
_EMPTY = "input_audio_buffer_commit_empty"


class HearingOptions(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = MODELS[0]
    language: str = "auto"
    languages: tuple[str, ...] = ()
    """What may be spoken, as BCP 47 codes. Empty: ``language``, or any."""
    prompt: str = ""
    keywords: tuple[str, ...] = ()
    """Names and terms to listen for."""
    delay: Literal["", "minimal", "low", "medium", "high", "xhigh"] = ""
    """How long the model waits before it writes: later is more accurate. Empty: as OpenAI has it. OpenAI documents it
    for gpt-realtime-whisper."""
    noise_reduction: Literal["", "near_field", "far_field"] = ""
    """Empty: none."""


def session(chosen: HearingOptions) -> Mapping[str, Any]:
    """Raises ParleyError for what the model does not take."""
    languages = primaries(chosen.languages, chosen.language)
    transcription: dict[str, Any] = {"model": chosen.model}
    if chosen.model == "gpt-realtime-whisper":
        for name in ("keywords", "prompt"):
            if getattr(chosen, name):
                raise ParleyError(f"{WHO}: {chosen.model} takes no {name}; gpt-live-transcribe does")
        transcription |= {"language": languages[0]} if len(languages) == 1 else {}
    else:
        transcription |= {"languages": languages} if languages else {}
        transcription |= {"keywords": list(chosen.keywords)} if chosen.keywords else {}
        transcription |= {"prompt": chosen.prompt} if chosen.prompt else {}
    transcription |= {"delay": chosen.delay} if chosen.delay else {}
    heard: dict[str, Any] = {"format": PCM, "transcription": transcription, "turn_detection": None}
    heard |= {"noise_reduction": {"type": chosen.noise_reduction}} if chosen.noise_reduction else {}
    return {"type": "session.update", "session": {"type": "transcription", "audio": {"input": heard}}}


@asynccontextmanager
async def transcriber(options: Options) -> AsyncIterator[LiveTranscriber]:
    """Open live recognition. Raises ProviderUnavailable (no key), ParleyError (bad option)."""
    chosen = read(HearingOptions, options, WHO)
    first = session(chosen)
    async with Lines(server(chosen, {"intent": "transcription"})).open() as lines:
        yield LiveTranscriber(
            lines, dialect(first, lines.server.secrets), abilities=ABILITIES, rate=RATE, chunk=CHUNK, takes_back=False
        )


def dialect(first: Message, secrets: tuple[str, ...]) -> Callable[[Socket], Dialect]:
    return lambda _: Dialect(first, secrets)


class Dialect:
    """One utterance: an item for each stretch between two pauses. Items may be completed in any order."""

    def __init__(self, first: Message, secrets: tuple[str, ...]) -> None:
        self._first = first
        self._secrets = secrets
        self._items: dict[str, str] = {}
        """Their texts, in the order in which they were spoken."""
        self._until: dict[str, float] = {}
        """Seconds of sound at the end of each that was committed."""
        self._complete: set[str] = set()
        self._commits: list[float] = []
        """The same for those that have no name yet."""
        self._language: str | None = None
        self._sent = 0.0
        """Seconds of sound."""
        self._committed = 0.0

    def hello(self) -> Sequence[Message]:
        return (self._first,)

    def sound(self, pcm: bytes) -> Message:
        self._sent += len(pcm) / 2 / RATE
        return {"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()}

    def finish(self) -> Sequence[Message] | Heard:
        if self._sent - self._committed >= SHORTEST:
            self._committed = self._sent
            self._commits.append(self._sent)
            return ({"type": "input_audio_buffer.commit"},)
        # Too little to be committed. What is still to come answers this too; else what there is does.
        return () if self._commits or self._waiting() else self._final()

    def read(self, message: Any) -> Iterable[Heard]:
        if not isinstance(message, dict):
            return
        item = str(message.get("item_id") or "")
        match message.get("type"):
            case "input_audio_buffer.committed":
                self._items.setdefault(item, "")
                self._until[item] = self._commits.pop(0) if self._commits else self._committed
                yield from self._settled(item)
            case "conversation.item.input_audio_transcription.delta" if item not in self._complete:
                self._items[item] = self._items.get(item, "") + str(message.get("delta") or "")
                yield Heard(self._text(self._items), language=self._language)
            case "conversation.item.input_audio_transcription.completed":
                self._items[item] = str(message.get("transcript") or "")
                self._language = _language(message) or self._language
                self._complete.add(item)
                yield from self._settled(item)
            case "conversation.item.input_audio_transcription.failed":
                raise failure(message, self._secrets)
            case "error":
                if (message.get("error") or {}).get("code") != _EMPTY:
                    raise failure(message, self._secrets)
                del self._commits[:1]
                if not self._commits and not self._waiting():
                    yield self._final()

    def _settled(self, item: str) -> Iterable[Heard]:
        """The final of all that was spoken until the end of the last stretch that is known, once none before it lacks;
        otherwise what is new."""
        if item in self._complete and item in self._until and not self._waiting():
            yield self._final()
        elif item in self._complete:
            yield Heard(self._text(self._items), language=self._language)

    def _waiting(self) -> bool:
        return not self._until.keys() <= self._complete

    def _final(self) -> Heard:
        spoken = [item for item in self._items if item in self._until]
        until = max((self._until[item] for item in spoken), default=None)
        return Heard(self._text(spoken), True, until, (), self._language)

    def _text(self, items: Iterable[str]) -> str:
        return " ".join(text for item in items if (text := self._items[item].strip()))


def _language(message: Mapping[str, Any]) -> str | None:
    """The first that was detected: {"code": "en"}."""
    for found in message.get("languages") or ():
        code = found.get("code") if isinstance(found, dict) else found
        if isinstance(code, str) and code:
            return code
    return None
