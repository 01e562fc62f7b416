"""Providers of known words and known delays, for tests, the demo and the bench.

They are real providers with a name: what they say and when stands in their options. A transcriber's delays count from
its own script's last speech sample (on the audio clock), never from the call, so that a loop which asks late gains or
loses nothing by it.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import msgspec
import numpy as np

from assistant.conversation.events import Transcript
from assistant.ports import (
    CAPTURE_RATE,
    ChatAbilities,
    Delta,
    Frame,
    Message,
    ParleyError,
    ProviderError,
    Samples,
    SpeechChunk,
    SpokenWord,
    SynthesizerAbilities,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
    TranscriberAbilities,
)
from providers._card import Card, Cards
from providers._options import Timeouts, read
from providers.registry import Options

# --- faults that a script may ask for -------------------------------------------------------------------------------


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ``call``-th call (from 1; 0: every call) of a provider fails."""

    call: int
    kind: str
    """"refused" at once, "hang" for ever, "slow" by ``seconds``, or "cut" after ``after`` deltas or chunks."""
    after: int = 0
    seconds: float = 0.0


class _Faults:
    """Counts calls and says what is wrong with each."""

    def __init__(self, faults: Sequence[Fault], provider: str) -> None:
        self._faults = faults
        self._provider = provider
        self._calls = 0

    async def begin(self) -> float:
        """Fail or hang as scripted; returns after how many deltas this call is cut (inf: never)."""
        self._calls += 1
        for fault in self._faults:
            if fault.call in (0, self._calls):
                if fault.kind == "hang":
                    await anyio.sleep_forever()
                if fault.kind == "refused":
                    raise ProviderError("refused the call, as scripted", provider=self._provider)
                if fault.kind == "slow":
                    await anyio.sleep(fault.seconds)
                    return math.inf
                return fault.after
        return math.inf

    def cut(self) -> ProviderError:
        return ProviderError("broke off, as scripted", provider=self._provider)


# --- hearing --------------------------------------------------------------------------------------------------------


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the user says."""

    start: float
    """Audio-clock second of its first sample."""
    end: float
    """Audio-clock second of its last sample."""
    text: str
    """"": a sound without words."""
    understood: bool = True
    """False: words that the recogniser does not know; ``text`` is then not told."""
    misheard: str = ""
    """What the partials say instead of ``text``."""


class TranscriberOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lines: tuple[Line, ...] = ()
    file: str = ""
    """A JSON file with the lines, instead of ``lines``."""
    final_after: float = 0.1
    """Seconds from a line's last sample to its final."""
    partials_behind: float | None = None
    """Seconds that partials lag behind the speech; None: no partials."""
    batch: bool = False
    """Like Whisper: a final only when asked for one, ``final_after`` seconds after the asking."""
    faults: tuple[Fault, ...] = ()
    name: str = "scripted"
    load: float = 0.0
    """Seconds that loading takes."""
    model: str = ""
    language: str = "auto"
    timeouts: Timeouts = Timeouts()


@asynccontextmanager
async def transcriber(options: Options) -> AsyncIterator[ScriptedTranscriber]:
    chosen = read(TranscriberOptions, options, "scripted stt")
    lines = _lines_in(Path(chosen.file)) if chosen.file else chosen.lines
    await anyio.sleep(chosen.load)
    yield ScriptedTranscriber(chosen, lines)


def _lines_in(path: Path) -> tuple[Line, ...]:
    try:
        return msgspec.convert(json.loads(path.read_text("utf-8")), tuple[Line, ...])
    except (OSError, ValueError) as error:
        raise ParleyError(f"scripted stt: cannot read the script {str(path)!r} ({error})") from error


def _hearing(options: TranscriberOptions) -> TranscriberAbilities:
    return TranscriberAbilities(partials=options.partials_behind is not None)


class ScriptedTranscriber:
    """Knows what will be said, and tells it on time for the sound it was given."""

    def __init__(self, options: TranscriberOptions, lines: Sequence[Line]) -> None:
        self.name = options.name
        self.abilities = _hearing(options)
        self.options = options
        self.lines = sorted(lines, key=lambda line: line.start)
        self.faults = _Faults(options.faults, options.name)

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[_ScriptedStream]:
        yield _ScriptedStream(self)


class _ScriptedStream:
    def __init__(self, owner: ScriptedTranscriber) -> None:
        self._owner = owner
        self._options = owner.options
        self._since: float | None = None
        self._until = 0.0
        """End of the sound pushed so far."""
        self._pushed_at = 0.0
        self._asked = 0
        """Finals owed to `finish`."""
        self._asked_at = 0.0
        self._finals = 0
        """Lines whose final has been told."""
        self._news = anyio.Event()
        self._wanted = 0.0
        """Sound that the next transcript needs; pushes before it wake nobody."""

    def push(self, frame: Frame) -> None:
        if self._since is None:
            self._since = frame.at
        self._until = frame.end
        if frame.end >= self._wanted:
            self._pushed_at = anyio.current_time()
            self._news.set()

    def finish(self) -> None:
        self._asked += 1
        self._asked_at = self._until
        self._pushed_at = anyio.current_time()
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        cut = await self._owner.faults.begin()
        told = 0
        shown = ""
        while True:
            due, transcript = self._next(shown)
            if transcript is None:
                self._wanted = due
                await self._news.wait()
                self._news = anyio.Event()
                continue
            delay = due - (self._until + anyio.current_time() - self._pushed_at)
            if delay > 0:
                with anyio.move_on_after(delay):
                    await self._news.wait()
                    self._news = anyio.Event()
                    continue
            if told >= cut:
                raise self._owner.faults.cut()
            told += 1
            shown = transcript.text
            if transcript.final:
                self._asked = 0
                self._finals = len(self._heard())
            yield transcript

    def _heard(self) -> list[Line]:
        """Lines of the script whose sound is all here."""
        since = math.inf if self._since is None else self._since
        return [line for line in self._owner.lines if line.start >= since - 0.001 and line.end <= self._until]

    def _next(self, shown: str) -> tuple[float, Transcript | None]:
        """The next transcript and when it is due; without one, the sound at which to look again."""
        options, heard = self._options, self._heard()
        text = " ".join(line.text for line in heard if line.understood)
        begun = [line.start for line in self._owner.lines if line.start < self._until < line.end]
        until = min([self._until, *begun])  # of a line that is still being said nothing is in the text
        unknown = not text and not all(line.understood for line in heard)
        final = Transcript(text, True, until, provider=self._owner.name, unintelligible=unknown)
        if self._asked and (options.batch or len(heard) == self._finals):
            after = options.final_after if options.batch or not heard else 0.0
            return self._asked_at + after, final
        if not options.batch and len(heard) > self._finals:
            due = heard[-1].end + options.final_after
            return self._next_partial(heard[:-1], heard[-1], due, shown) or (due, final)
        coming = next((line for line in self._owner.lines if line.end > self._until), None)
        if coming is None or self._since is None or coming.start < self._since:
            return (coming.end if coming is not None else math.inf), None
        return self._next_partial(heard, coming, coming.end, shown) or (coming.end, None)

    def _next_partial(
        self, before: Sequence[Line], line: Line, end: float, shown: str
    ) -> tuple[float, Transcript | None] | None:
        """The next partial of ``line``, or when it comes; None: there is none before ``end``."""
        behind = self._options.partials_behind
        if behind is None:
            return None
        words = (line.misheard or line.text).split()
        spoken = [each.text for each in before]
        for index in range(1, len(words) + 1):
            until = line.start + (line.end - line.start) * index / len(words)
            at = until + behind
            partial = " ".join([*spoken, *words[:index]])
            if len(partial) > len(shown) and at < end:
                # With the sound at hand it is due at its moment; without, the sound is awaited.
                known = line.end <= self._until or at <= self._until
                return at, Transcript(partial, False, until, provider=self._owner.name) if known else None
        return None


# --- thinking -------------------------------------------------------------------------------------------------------


class ChatOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    replies: tuple[str, ...] = ("Sure.",)
    """Said in turn (by the number of user messages so far); "|" separates tokens, else words are tokens.

    ``<name key=value key='some words'>`` calls a tool, values being JSON where they can be. What stands behind it is
    said when its result has come, with ``{name}`` for the result; calls side by side are made together:
    ``"Let me see. <weather city=Paris> It is {weather} there."``
    """
    ttft: float = 0.0
    """Seconds to the first token."""
    gap: float = 0.0
    """Seconds between tokens."""
    faults: tuple[Fault, ...] = ()
    name: str = "scripted"
    model: str = ""
    max_tokens: int = 0
    timeouts: Timeouts = Timeouts()


@asynccontextmanager
async def chat_model(options: Options) -> AsyncIterator[ScriptedChat]:
    yield ScriptedChat(read(ChatOptions, options, "scripted llm"))


class ScriptedChat:
    abilities = ChatAbilities(tools=True)

    def __init__(self, options: ChatOptions) -> None:
        self.name = options.name
        self._options = options
        self._faults = _Faults(options.faults, options.name)
        self._scripts = [acts(reply) for reply in options.replies]

    async def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        started = anyio.current_time()
        cut = await self._faults.begin()
        deltas = self._deltas(messages, can_call=bool(tools))
        for index, delta in enumerate(deltas):
            # An absolute schedule, so that no drift adds up.
            await anyio.sleep_until(started + self._options.ttft + index * self._options.gap)
            if index >= cut:
                raise self._faults.cut()
            yield delta
        if cut == len(deltas):
            raise self._faults.cut()

    def _deltas(self, messages: Sequence[Message], *, can_call: bool) -> list[Delta]:
        """What comes next of the script: that of the newest question, from the results that have come for it on."""
        users, results = 0, list[ToolResult]()
        done = 0
        for message in messages:
            found = [part for part in message.parts if isinstance(part, ToolResult)]
            if message.role == "user" and not found:
                users += 1
            if message.role == "user" and message.said:
                results, done = [], 0
            results += found
            done += bool(found)
        script = self._scripts[(users - 1) % len(self._scripts)]
        coming = script[min(done, len(script) - 1) :]
        # Without tools nothing is called, and it all is said at once.
        now = coming[:1] if can_call else [Act(" ".join(act.text for act in coming if act.text))]
        deltas: list[Delta] = []
        for act in now:
            text = act.text
            for result in results:
                text = text.replace(f"{{{result.name}}}", result.content)
            deltas += [TextDelta(token) for token in tokens(text) if token]
            deltas += [
                ToolCall(f"call_{users}_{done}_{number}", name, arguments)
                for number, (name, arguments) in enumerate(act.calls)
            ]
        return deltas


@dataclass(frozen=True)
class Act:
    """Of a scripted reply: what is said and then called in one answer of the model's."""

    text: str
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Names and arguments."""


_CALL = re.compile(r"""\s*<([A-Za-z_][\w-]*)((?:\s+\w+=(?:'[^']*'|[^\s>]+))*)\s*>""")


def acts(reply: str) -> list[Act]:
    """A scripted reply with calls in it -> its acts, of which only the last may call nothing."""
    found: list[Act] = []
    at = 0
    for match in _CALL.finditer(reply):
        text, at = reply[at : match.start()], match.end()
        text = text.lstrip() if found else text
        pairs = (word.partition("=") for word in shlex.split(match[2]))
        call = (match[1], {key: _value(value) for key, _, value in pairs})
        before = found.pop() if found and not text.strip() else Act(text)
        found.append(Act(before.text, (*before.calls, call)))
    rest = reply[at:]
    return [*found, Act(rest.lstrip() if found else rest)]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def tokens(reply: str) -> list[str]:
    """``"Yes.| I| can."`` -> its tokens; a reply without bars is cut before every word."""
    if "|" in reply:
        return reply.split("|")
    first, *rest = reply.split(" ")
    return [first, *(f" {word}" for word in rest)]


# --- speaking -------------------------------------------------------------------------------------------------------


class VoiceOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    delay: float = 0.0
    """Seconds from the text to the first sound."""
    chunk: float = 0.2
    """Seconds of sound in a chunk."""
    every: float = 0.02
    """Seconds between chunks."""
    word: float = 0.1
    """Seconds of sound a word."""
    breath: float = 0.0
    """Seconds of silence before the first word of each text."""
    word_times: bool = True
    streams_text: bool = False
    faults: tuple[Fault, ...] = ()
    name: str = "scripted"
    model: str = ""
    voice: str = ""
    speed: float = 1.0
    timeouts: Timeouts = Timeouts()


@asynccontextmanager
async def synthesizer(options: Options) -> AsyncIterator[ScriptedVoice]:
    yield ScriptedVoice(read(VoiceOptions, options, "scripted tts"))


def _speaking(options: VoiceOptions) -> SynthesizerAbilities:
    return SynthesizerAbilities(word_times=options.word_times, streams_text=options.streams_text)


class ScriptedVoice:
    """A tone, one stretch a word, never silent: wherever it is heard it can be measured."""

    rate = 24_000

    def __init__(self, options: VoiceOptions) -> None:
        self.name = options.name
        self.abilities = _speaking(options)
        self._options = options
        self._faults = _Faults(options.faults, options.name)

    async def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        options = self._options
        started = anyio.current_time()
        cut = await self._faults.begin()
        words = [replace(word, start=word.start + options.breath) for word in self._words(text, 0, 0)]
        sound = tone(len(words) * options.word, self.rate)
        if options.breath:
            sound = np.concatenate([np.zeros(round(options.breath * self.rate), np.float32), sound])
        step = max(1, int(options.chunk * self.rate))
        for index, offset in enumerate(range(0, len(sound), step)):
            await anyio.sleep_until(started + options.delay + index * options.every)
            if index >= cut:
                raise self._faults.cut()
            start, end = offset / self.rate, (offset + step) / self.rate
            now = tuple(word for word in words if start <= word.start < end) if options.word_times else ()
            yield SpeechChunk(sound[offset : offset + step], now)

    async def stream(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
        """Speaks each word ``delay`` seconds after it came."""
        options = self._options
        cut = await self._faults.begin()
        said, told = "", 0
        async for more in text:
            arrived = anyio.current_time()
            words = self._words(more, len(said), told)
            said += more
            await anyio.sleep_until(arrived + options.delay if told == 0 else arrived)
            if told >= cut:
                raise self._faults.cut()
            told += len(words)
            yield SpeechChunk(tone(len(words) * options.word, self.rate), tuple(words) if options.word_times else ())

    def _words(self, text: str, offset: int, before: int) -> list[SpokenWord]:
        """``offset`` characters and ``before`` words came before this text."""
        found: list[SpokenWord] = []
        at = 0
        for word in text.split():
            at = text.index(word, at)
            found.append(SpokenWord((before + len(found)) * self._options.word, offset + at, len(word)))
            at += len(word)
        return found


_TONES: dict[tuple[float, int], Samples] = {}


def tone(seconds: float, rate: int) -> Samples:
    """440 Hz with a 5 Hz swell, about -15 dBFS; made once for each length."""
    key = (round(seconds, 4), rate)
    if key not in _TONES:
        t = np.arange(round(seconds * rate), dtype=np.float32) / rate
        swell = 0.65 + 0.35 * np.sin(2 * np.pi * 5 * t)
        _TONES[key] = (0.27 * swell * np.sin(2 * np.pi * 440 * t + 0.5)).astype(np.float32)
    return _TONES[key]


# --- voice activity -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def voice_activity(options: Options) -> AsyncIterator[LoudnessActivity]:
    yield LoudnessActivity()


class LoudnessActivity:
    """Anything louder than -45 dBFS is speech. For microphones that hold nothing but rendered speech and silence."""

    name = "scripted"

    def probability(self, samples: Samples) -> float:
        power = float(np.dot(samples, samples)) / max(1, len(samples))
        return 0.98 if power > _SPEECH_POWER else 0.02

    def reset(self) -> None:
        """There is nothing to forget."""


_SPEECH_POWER = 10 ** (-45 / 10)


_NOTE = "for tests and timing: knows its part, and what it can do stands in its options"
CARDS: Cards = {
    "stt": Card(_hearing(TranscriberOptions()), rates=(CAPTURE_RATE,), note=_NOTE),
    "llm": Card(ScriptedChat.abilities, note=_NOTE),
    "tts": Card(_speaking(VoiceOptions()), rates=(ScriptedVoice.rate,), note=_NOTE),
}
