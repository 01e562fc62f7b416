"""The Protocols at which the edges meet: sound devices, models, voices, watchers.

A provider is opened by an async context manager (its factory), loads and warms up before it is yielded, and is then
used by any number of replies, one after another. Every generator here may be cancelled at any await and must then
release its connection within 100 ms. Providers raise `ProviderError` (or a subclass) for anything that is the
provider's fault and nothing else; the text of an error never holds a key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from assistant.conversation.events import Transcript
from assistant.conversation.history import Message, Part, SpokenWord, Text, ToolCall, ToolResult
from assistant.errors import FailedMidway, ParleyError, ProviderError, ProviderUnavailable

__all__ = [
    "Adjustable",
    "CAPTURE_RATE",
    "ChatAbilities",
    "ChatModel",
    "Delta",
    "Duplex",
    "Embedding",
    "FRAME",
    "FailedMidway",
    "Frame",
    "KeyphraseSpotter",
    "KeyphraseStream",
    "Message",
    "Notice",
    "Observer",
    "ParleyError",
    "Part",
    "ProviderError",
    "ProviderUnavailable",
    "Samples",
    "SideEffect",
    "SpeakerId",
    "SpeechChunk",
    "SpokenWord",
    "Spotted",
    "Stage",
    "StreamingSynthesizer",
    "Synthesizer",
    "SynthesizerAbilities",
    "Text",
    "TextDelta",
    "Tool",
    "ToolCall",
    "ToolResult",
    "Transcriber",
    "TranscriberAbilities",
    "TranscriberStream",
    "Transcript",
    "TurnDetector",
    "Usage",
    "VoiceActivity",
    "abilities_of",
]

Samples = NDArray[np.float32]
"""Mono sound, float32 in [-1, 1], shape (n,)."""

Embedding = NDArray[np.float32]
"""A voice as numbers, shape (n,), of length 1: the closer two point, the likelier they are one voice."""

CAPTURE_RATE = 16_000
"""Hz. All captured sound; the audio clock is capture samples / CAPTURE_RATE."""
FRAME = 512
"""Samples in a capture frame (32 ms), the window that Silero VAD takes."""

Stage = Literal["stt", "llm", "tts"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call used, in the units that its vendor bills; zero is not billed, or not told."""

    input_tokens: int = 0
    """Those read from a cache not counted."""
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    """Thoughts count."""
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    seconds: float = 0.0
    """Of sound."""
    characters: int = 0


# --- hearing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Frame:
    """Captured sound."""

    samples: Samples
    """FRAME samples at CAPTURE_RATE."""
    start: int
    """Capture index of the first sample."""
    speech: float | None = None
    """Probability of speech in it, 0 to 1, by the voice activity detector; None: it was not asked."""

    @property
    def at(self) -> float:
        """Audio-clock second of the first sample."""
        return self.start / CAPTURE_RATE

    @property
    def end(self) -> float:
        """Audio-clock second just after the last sample."""
        return (self.start + len(self.samples)) / CAPTURE_RATE


class VoiceActivity(Protocol):
    """Speech probability of one frame at a time. Under 0.5 ms a call, so it runs in the loop itself."""

    name: str

    def probability(self, samples: Samples) -> float:
        """Take the next FRAME samples at CAPTURE_RATE and return the probability of speech in them, 0 to 1."""
        ...

    def reset(self) -> None:
        """Forget the stream so far."""
        ...


@dataclass(frozen=True, slots=True)
class TranscriberAbilities:
    partials: bool = False
    word_times: bool = False
    end_of_turn: bool = False
    """Transcripts may carry ``end_of_turn``."""
    languages: tuple[str, ...] = ()
    """BCP 47 codes; empty: not known, or any."""
    generative: bool = False
    """It writes what is likely, and for noise too: nothing of it is believed before `providers._guard` has looked."""


class TranscriberStream(Protocol):
    """One utterance. Push its frames, iterate its transcripts."""

    def push(self, frame: Frame) -> None:
        """Take the next frame. Never waits."""
        ...

    def finish(self) -> None:
        """The user has paused: make a final of all frames pushed so far, soon. May be called again after more frames;
        each call must lead to one more final transcript (of the whole utterance), or to a ProviderError."""
        ...

    def __aiter__(self) -> AsyncIterator[Transcript]:
        """Transcripts of the whole utterance so far, in order. A final may come unasked. Raises ProviderError."""
        ...


class Transcriber(Protocol):
    name: str
    abilities: TranscriberAbilities

    def stream(self) -> AbstractAsyncContextManager[TranscriberStream]:
        """Open one utterance's transcription. Leaving the context cancels what is under way."""
        ...


class TurnDetector(Protocol):
    """Has the user finished, by the sound alone? Asked in a silence, of which it may need more than it was given."""

    name: str

    async def probability(self, samples: Samples) -> float:
        """The probability that the user has finished, 0 to 1. Raises ProviderError.

        ``samples``: mono float32 at CAPTURE_RATE, shape (n,), the utterance so far or its newest seconds, with the
        silence up to now at its end. The sound is copied before the first await. Never keeps the loop from going on.
        """
        ...


class SpeakerId(Protocol):
    """Whose voice is it? Sound -> numbers, which `assistant.conversation.likeness` compares."""

    name: str
    model: str
    """Which numbers: those of two models are never compared."""
    chance: float
    """Cosine of a second of speech and an enrolled voice at which it is as likely theirs as somebody else's."""
    spread: float
    """Change of the cosine that multiplies the odds by e."""

    async def embedding(self, samples: Samples) -> Embedding:
        """The voice in ``samples``: speech only, mono float32 at CAPTURE_RATE, shape (n,), at least 0.1 s of it.

        Raises ProviderError. The sound is copied before the first await. Never keeps the loop from going on.
        """
        ...


@dataclass(frozen=True, slots=True)
class Spotted:
    """A phrase was said, and nothing besides."""

    phrase: str
    start: float
    """Audio-clock second of its beginning."""
    end: float
    """Audio-clock second of its end, which may lie a little before or behind the last sample of the voice."""


class KeyphraseStream(Protocol):
    """One stretch of sound, from a little before a voice on. Push its frames, iterate what is spotted in it."""

    def push(self, frame: Frame) -> None:
        """Take the next frame. Never waits."""
        ...

    def __aiter__(self) -> AsyncIterator[Spotted]:
        """What was said, as soon as it was. Raises ProviderError."""
        ...


class KeyphraseSpotter(Protocol):
    """Hears a few short phrases and nothing else, at once, and without a transcriber."""

    name: str
    phrases: tuple[str, ...]

    def stream(self) -> AbstractAsyncContextManager[KeyphraseStream]:
        """Listen to one stretch; a new one takes the place of any before. Raises ProviderError."""
        ...


# --- thinking ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call, as the model is told of it."""

    name: str
    """Letters, digits, _ and -, at most 64."""
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of type "object"."""
    pure: bool = False
    """It changes nothing outside itself, so that a draft may call it."""


@dataclass(frozen=True, slots=True)
class SideEffect:
    """Something to do besides the words. Any model may yield it, and the session carries it out.

    It is done when the reply is first heard, or at once if it comes later; never for a draft or a reply that nobody
    heard. So an answer needs words too, and whoever yields the effect before them does not lose it to an interruption.
    What cannot be done is told in a `warning`. Names and their arguments:

    - ``goodbye``: the session ends when the reply has been heard to its end.
    - ``timer`` {``seconds``, ``label``, ``say``}: ``say`` is announced after so many seconds.
    - ``alarm`` {``at``, ``label``, ``say``}: the same at a moment, a datetime or its ISO form.
    - ``cancel`` {``id``}: of a timer or an alarm that is set; one that has rung meanwhile is none.
    - ``volume`` {``by_db``} or {``to``}: louder or quieter by dB, or a share of the normal amplitude, 0 to 1.
    - ``speed`` {``by``} or {``to``}: factors, of the present or the configured speed of an `Adjustable` voice.

    ``label`` (the user's name for it) and ``say`` may be left out.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


Delta = TextDelta | ToolCall | SideEffect | Usage


@dataclass(frozen=True, slots=True)
class ChatAbilities:
    tools: bool = False
    """``reply`` takes ``tools`` and messages that hold `ToolCall` and `ToolResult`."""
    usage: bool = False
    """Yields `Usage` once a call, at its end."""


class ChatModel(Protocol):
    name: str
    abilities: ChatAbilities
    """May be left out by a model that has none."""

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        """Stream the assistant's next message. The first message may have role "system". Raises ProviderError.

        After its `ToolCall`s the stream ends; whoever asked runs them and asks again with the calls and their
        `ToolResult`s as two more messages. A model without the ability is never given ``tools``: it need not take them.
        """
        ...


def abilities_of(model: ChatModel) -> ChatAbilities:
    """What it says of itself; nothing, where it says nothing."""
    return getattr(model, "abilities", None) or ChatAbilities()


# --- speaking ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A piece of synthesised sound, in order."""

    samples: Samples
    """At the synthesizer's ``rate``; may be empty when only words are told."""
    words: tuple[SpokenWord, ...] = ()
    """Words whose times became known with this chunk, in order; at the latest with the chunk in which they sound."""
    usage: Usage | None = None
    """What the call has used, where the vendor tells and bills something else than characters; several add up."""
    said: str | None = None
    """All the words of the call's sound, from a voice that has not said those it was given; once, and last."""


@dataclass(frozen=True, slots=True)
class SynthesizerAbilities:
    word_times: bool = False
    streams_text: bool = False
    """Has ``stream``: takes text as it is being written."""
    adjusts_speed: bool = False
    """Has ``set_speed``."""
    languages: tuple[str, ...] = ()
    """BCP 47 codes; empty: not known, or any."""


class Synthesizer(Protocol):
    name: str
    rate: int
    """Hz of the samples in its chunks."""
    abilities: SynthesizerAbilities

    def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Make sound of one complete piece of text. Raises ProviderError."""
        ...


@runtime_checkable
class StreamingSynthesizer(Protocol):
    """A synthesizer whose abilities say ``streams_text``."""

    def stream(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
        """Make sound of text that is still being written; word offsets count over all of it."""
        ...


@runtime_checkable
class Adjustable(Protocol):
    """A synthesizer whose abilities say ``adjusts_speed``."""

    def set_speed(self, factor: float) -> None:
        """Speak what is asked for from now on at ``factor`` (0.5 to 2) times the configured speed. Never waits."""
        ...


# --- devices ----------------------------------------------------------------------------------------------------------


class Duplex(Protocol):
    """Microphone and loudspeaker, on one clock.

    Playback positions count samples at ``playback_rate`` ever accepted by ``play`` and not dropped. None of the
    methods waits, except iterating ``frames``.
    """

    playback_rate: int

    @property
    def underruns(self) -> int:
        """Times the loudspeaker ran dry inside a reply."""
        ...

    @property
    def overflows(self) -> int:
        """Times captured sound was lost."""
        ...

    def now(self) -> float:
        """Audio-clock seconds."""
        ...

    def frames(self) -> AsyncIterator[Frame]:
        """Captured frames, in real time, without end (a file that is over is silent)."""
        ...

    @property
    def input_over(self) -> bool:
        """The microphone file is over. Always False for a device."""
        ...

    def play(self, samples: Samples, *, first: bool) -> int:
        """Queue sound at ``playback_rate``; ``first`` marks the beginning of a reply (a gap before it is no underrun).
        Returns the playback position of its first sample."""
        ...

    def pause(self) -> None:
        """Hold playback from the first sample not yet handed to the device."""
        ...

    def resume(self) -> None:
        """Go on at that very sample, faded in."""
        ...

    def duck(self, gain: float) -> None:
        """Play what follows at ``gain`` times its amplitude, which is faded to; 1.0 ends it, and so does `drop`."""
        ...

    def drop(self) -> int:
        """Forget everything not yet handed to the device (save a fade of 5 ms). Returns the position then reached."""
        ...

    def heard(self) -> int:
        """Playback position that has left the loudspeaker by now."""
        ...

    def time_of(self, position: int) -> float | None:
        """Audio-clock second at which the sample at ``position`` left or will leave the loudspeaker, if known."""
        ...

    def tap(self, sink: Callable[[Samples], None], *, early: bool = False) -> None:
        """From t = 0 on, hand ``sink`` what left the loudspeaker: stretch after stretch at ``playback_rate`` on the
        microphone's clock, zeros where it was silent. Call before ``frames`` is iterated. ``sink`` must not wait.

        ``early``: all of it some hundredths of a second before it sounds, as far as the device is told so early. An
        echo canceller copes with any delay of the echo and with no echo that comes before its sound, which is what a
        device makes of it that plays a little sooner than it says.
        """
        ...


# --- watching ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Notice:
    """One JSON event of the command line's contract (see docs/events.md)."""

    t: float
    """Audio-clock seconds when it was emitted; never decreases."""
    event: str
    """Its name; ``"_"`` for a provider's result, which only recordings and the ledger see."""
    turn: int | None
    at: float
    """Audio-clock seconds of the moment described."""
    data: Mapping[str, Any] = field(default_factory=dict)


class Observer(Protocol):
    """Watches; cannot change the flow. Must return at once and never raise."""

    def notice(self, notice: Notice) -> None: ...
